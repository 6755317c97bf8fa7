/*
 * lib/service/secret_keys.c -- the kubelet exchanges the files of a mounted Secret at once, by a
 * link, within about a minute of its change. Looking is a stat() of a file in memory, so whoever
 * verifies may do it.
 */
#include "service/secret_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "service/key_set.h"

#define FILE_NAME "hmac"
#define FILE_MAX 8192

/* What tells one file from another without reading it; all zero: there is none. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    int64_t changed_ns, modified_ns;
};

struct lp_secret_keys {
    char *secrets, *path; /* NULL: none */
    struct lp_key_slot slot;
    pthread_mutex_t lock;
    struct stamp stamp;                         /* of the last read, under lock as all below */
    unsigned char digest[SHA256_DIGEST_LENGTH]; /* of what it gave */
    uint64_t turns;                             /* reads begun */
    uint64_t noted;                             /* the turn of stamp and digest */
};

static void wipe(char *text)
{
    if (text)
        OPENSSL_cleanse(text, strlen(text));
    free(text);
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void stamp_of(const char *path, struct stamp *ret)
{
    struct stat s;

    *ret = (struct stamp){ 0 };
    if (stat(path, &s) < 0)
        return;
    ret->device = s.st_dev;
    ret->inode = s.st_ino;
    ret->size = s.st_size;
    ret->changed_ns = ns_of(s.st_ctim);
    ret->modified_ns = ns_of(s.st_mtim);
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns && a->modified_ns == b->modified_ns;
}

/* The list that counts, the caller's, who wipes it; NULL: none. */
static int read_list(const struct lp_secret_keys *k, char **ret_list, struct lp_error *err)
{
    char *text = NULL;
    int r = k->path ? lp_file_read(k->path, "keys of tokens", &text, err) : LP_E_NOT_FOUND;

    if (r == LP_E_NOT_FOUND) {
        *ret_list = k->secrets ? lp_strdup(k->secrets) : NULL;
        return 0;
    }
    if (r < 0)
        return r;
    size_t n = strlen(text);
    if (n > FILE_MAX) {
        wipe(text);
        return lp_error_set(err, LP_E_TOO_LARGE, "%s: %zu bytes, at most %d are allowed", k->path,
                            n, FILE_MAX);
    }
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        text[--n] = '\0';
    *ret_list = text;
    return 0;
}

static void digest_of(const char *list, unsigned char ret[SHA256_DIGEST_LENGTH])
{
    SHA256((const unsigned char *)(list ? list : ""), list ? strlen(list) : 0, ret);
}

/* Puts the keys of `list` in the place of those of an earlier turn. */
static int use(struct lp_secret_keys *k, const char *list, uint64_t turn, bool *ret_used,
               struct lp_error *err)
{
    struct lp_jwt_keys *keys = NULL;
    int r = lp_jwt_keys_new(list, &keys, err);

    if (r == 0)
        *ret_used = lp_key_slot_put(&k->slot, lp_key_set_new(keys), turn);
    return r;
}

/* False where nobody needs to read. */
static bool begin(struct lp_secret_keys *k, const struct stamp *stamp, bool even_unchanged,
                  uint64_t *ret_turn)
{
    pthread_mutex_lock(&k->lock);
    bool reads = even_unchanged || !same_stamp(stamp, &k->stamp);
    if (reads)
        *ret_turn = ++k->turns;
    pthread_mutex_unlock(&k->lock);
    return reads;
}

static bool differs(struct lp_secret_keys *k, const unsigned char digest[SHA256_DIGEST_LENGTH])
{
    pthread_mutex_lock(&k->lock);
    bool other = memcmp(digest, k->digest, SHA256_DIGEST_LENGTH) != 0;
    pthread_mutex_unlock(&k->lock);
    return other;
}

/* What was read counts as known from now on, so its keys are in use before. True where nobody noted
 * the same content meanwhile. */
static bool note(struct lp_secret_keys *k, const struct stamp *stamp,
                 const unsigned char digest[SHA256_DIGEST_LENGTH], uint64_t turn)
{
    bool news = false;

    pthread_mutex_lock(&k->lock);
    if (turn > k->noted) {
        news = memcmp(digest, k->digest, SHA256_DIGEST_LENGTH) != 0;
        memcpy(k->digest, digest, SHA256_DIGEST_LENGTH);
        k->stamp = *stamp;
        k->noted = turn;
    }
    pthread_mutex_unlock(&k->lock);
    return news;
}

bool lp_secret_keys_look(struct lp_secret_keys *k, bool even_unchanged)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    struct stamp stamp;
    struct lp_error err;
    char *list = NULL;
    bool used = false;
    uint64_t turn;

    if (!k->path)
        return false;
    stamp_of(k->path, &stamp);
    if (!begin(k, &stamp, even_unchanged, &turn))
        return false;
    int r = read_list(k, &list, &err);
    digest_of(r < 0 ? err.msg : list, digest);
    if (r == 0 && differs(k, digest))
        r = use(k, list, turn, &used, &err);
    wipe(list);
    bool news = note(k, &stamp, digest, turn);
    if (r < 0 && news)
        lp_log_error("keys of tokens cannot be used, the former ones stay", "error", err.msg);
    else if (news)
        lp_log_info("keys of tokens were read again", "file", k->path);
    return used;
}

int lp_secret_keys_verify(struct lp_secret_keys *k, const char *token, size_t len,
                          json_t **ret_claims, bool *ret_changed, struct lp_error *err)
{
    uint64_t turn = lp_key_slot_turn(&k->slot);
    int r = lp_key_slot_verify(&k->slot, token, len, ret_claims, err);

    if (r != LP_E_DENIED || !k->path)
        return r;
    *ret_changed = lp_secret_keys_look(k, false);
    if (lp_key_slot_turn(&k->slot) == turn)
        return r; /* nor has another thread read it meanwhile */
    return lp_key_slot_verify(&k->slot, token, len, ret_claims, err);
}

int lp_secret_keys_new(const char *secrets, const char *dir, struct lp_secret_keys **ret_keys,
                       struct lp_error *err)
{
    struct lp_secret_keys *k = lp_alloc(sizeof *k);
    char *list = NULL;
    bool used;

    k->secrets = secrets && *secrets ? lp_strdup(secrets) : NULL;
    k->path = dir && *dir ? lp_sprintf("%s/" FILE_NAME, dir) : NULL;
    pthread_mutex_init(&k->lock, NULL);
    lp_key_slot_init(&k->slot);
    if (k->path)
        stamp_of(k->path, &k->stamp);
    int r = read_list(k, &list, err);
    if (r == 0)
        digest_of(list, k->digest);
    if (r == 0)
        r = use(k, list, ++k->turns, &used, err);
    wipe(list);
    if (r < 0) {
        lp_secret_keys_free(k);
        return r;
    }
    *ret_keys = k;
    return 0;
}

void lp_secret_keys_free(struct lp_secret_keys *k)
{
    if (!k)
        return;
    lp_key_slot_done(&k->slot);
    pthread_mutex_destroy(&k->lock);
    wipe(k->secrets);
    free(k->path);
    free(k);
}
