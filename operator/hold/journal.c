/*
 * operator/hold/journal.c -- a file that is mapped and shared: what is stored in it is the
 * kernel's, and stays when the process dies by whatever signal, without a system call per
 * reconcile. (A node that dies takes its emptyDir along; that is no platform's fault.) A slot's key
 * is written before its flag, so that a death in between notes nothing. Threads: the workers';
 * `alone` keeps a suspect by itself, `lock` guards the list of suspects.
 */
#include "operator/hold/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"

#define KEY_BYTES 320 /* "namespace/name": 63 + 1 + 253 and the NUL */
#define SUSPECTS 128
#define MAGIC "lp-operator 1\n"

struct entry {
    _Atomic uint32_t count; /* of a slot: 1 while its key is under work */
    char key[KEY_BYTES];
};

struct content {
    char magic[16];
    struct entry slots[JOURNAL_WORKERS], suspects[SUSPECTS];
};

struct journal {
    int fd;
    struct content *content;
    unsigned cut_short; /* set before the first thread */
    pthread_mutex_t lock;
    pthread_rwlock_t alone;
};

static struct entry *find_locked(struct journal *j, const char *key)
{
    for (unsigned i = 0; i < SUSPECTS; i++) {
        struct entry *e = &j->content->suspects[i];
        if (e->count > 0 && strcmp(e->key, key) == 0)
            return e;
    }
    return NULL;
}

/* Where all places are taken, another death of it will find one. */
static void suspect(struct journal *j, const char *key)
{
    struct entry *e = find_locked(j, key);

    for (unsigned i = 0; i < SUSPECTS && !e; i++)
        if (j->content->suspects[i].count == 0)
            e = &j->content->suspects[i];
    if (!e)
        return;
    snprintf(e->key, sizeof e->key, "%s", key);
    atomic_fetch_add(&e->count, 1);
}

/* What the process before us was at when it died. */
static void read_slots(struct journal *j)
{
    for (unsigned i = 0; i < JOURNAL_WORKERS; i++) {
        struct entry *slot = &j->content->slots[i];
        if (slot->count > 0 && slot->key[0]) {
            suspect(j, slot->key);
            j->cut_short++;
        }
        atomic_store(&slot->count, 0);
    }
}

static bool is_ours(const struct content *c)
{
    bool ended = true;

    for (unsigned i = 0; i < JOURNAL_WORKERS; i++)
        ended = ended && memchr(c->slots[i].key, '\0', KEY_BYTES);
    for (unsigned i = 0; i < SUSPECTS; i++)
        ended = ended && memchr(c->suspects[i].key, '\0', KEY_BYTES);
    return ended && strncmp(c->magic, MAGIC, sizeof c->magic) == 0;
}

static int map(struct journal *j, const char *path, struct lp_error *err)
{
    j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (j->fd < 0)
        return lp_error_set(err, LP_E_INVALID, "journal: cannot open %s: %s", path,
                            strerror(errno));
    if (flock(j->fd, LOCK_EX | LOCK_NB) < 0)
        return lp_error_set(err, LP_E_INVALID, "journal: %s is another process's", path);
    /* The space is taken now: a full disk would end the process at a store. */
    int failed = ftruncate(j->fd, sizeof *j->content) < 0
                     ? errno
                     : posix_fallocate(j->fd, 0, sizeof *j->content);
    if (failed)
        return lp_error_set(err, LP_E_INVALID, "journal: no room for %s: %s", path,
                            strerror(failed));
    void *at = mmap(NULL, sizeof *j->content, PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
    if (at == MAP_FAILED)
        return lp_error_set(err, LP_E_INVALID, "journal: cannot map %s: %s", path, strerror(errno));
    j->content = at;
    return 0;
}

int journal_open(const char *path, struct journal **ret_journal, struct lp_error *err)
{
    struct journal *j = lp_alloc(sizeof *j);
    pthread_rwlockattr_t fair;

    pthread_mutex_init(&j->lock, NULL);
    pthread_rwlockattr_init(&fair);
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&j->alone, &fair);
    pthread_rwlockattr_destroy(&fair);
    int r = map(j, path, err);
    if (r < 0) {
        journal_close(j);
        return r;
    }
    if (is_ours(j->content)) {
        read_slots(j);
    } else {
        memset(j->content, 0, sizeof *j->content);
        memcpy(j->content->magic, MAGIC, sizeof MAGIC);
    }
    *ret_journal = j;
    return 0;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    if (j->content)
        munmap(j->content, sizeof *j->content);
    if (j->fd >= 0)
        close(j->fd);
    pthread_rwlock_destroy(&j->alone);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

unsigned journal_cut_short(const struct journal *j)
{
    return j ? j->cut_short : 0;
}

unsigned journal_deaths(struct journal *j, const char *key)
{
    if (!j)
        return 0;
    pthread_mutex_lock(&j->lock);
    const struct entry *e = find_locked(j, key);
    unsigned n = e ? e->count : 0;
    pthread_mutex_unlock(&j->lock);
    return n;
}

void journal_begin(struct journal *j, unsigned worker, const char *key)
{
    if (!j)
        return;
    if (journal_deaths(j, key) > 0)
        pthread_rwlock_wrlock(&j->alone);
    else
        pthread_rwlock_rdlock(&j->alone);
    struct entry *slot = &j->content->slots[worker];
    snprintf(slot->key, sizeof slot->key, "%s", key);
    atomic_store(&slot->count, 1);
}

void journal_end(struct journal *j, unsigned worker, const char *key, bool over)
{
    if (!j)
        return;
    atomic_store(&j->content->slots[worker].count, 0);
    if (over) {
        pthread_mutex_lock(&j->lock);
        struct entry *e = find_locked(j, key);
        if (e)
            atomic_store(&e->count, 0);
        pthread_mutex_unlock(&j->lock);
    }
    pthread_rwlock_unlock(&j->alone);
}
