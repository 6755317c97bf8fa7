/*
 * services/progress/quota.c -- what each learner has written since the last count. Which set of the
 * table is chosen by a keyed hash, so that nobody can aim at another's. The database is asked
 * without the lock.
 */
#include "services/progress/quota.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/siphash.h"
#include "base/ways.h"

#define SETS 2048
#define RECOUNT 1 /* a time that is over: who was refused is counted at the next write */

struct writer {
    struct lp_way learner;
    int64_t full_ms; /* refused until then; 0: was not full */
    unsigned writes; /* since the last count began */
};

struct quota {
    struct store *store;
    int64_t limit;
    struct lp_siphash_key key;
    pthread_mutex_t lock;
    struct writer sets[SETS][LP_WAYS];
};

struct quota *quota_new(struct store *store, int64_t limit)
{
    struct quota *q = lp_alloc(sizeof *q);

    q->store = store;
    q->limit = limit;
    lp_siphash_key_make(&q->key);
    pthread_mutex_init(&q->lock, NULL);
    return q;
}

void quota_free(struct quota *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static struct writer *find_locked(struct quota *q, uint64_t learner)
{
    /* the last bit is always set */
    struct writer *w = lp_way_of(q->sets[(learner >> 1) % SETS], sizeof *w, learner);

    if (w->learner.key != learner)
        *w = (struct writer){ .learner.key = learner };
    return w;
}

static int full(const struct quota *q, struct lp_error *err)
{
    return lp_error_set(err, LP_E_CONFLICT,
                        "userId: %" PRId64 " activities of this learner are stored, and at most "
                        "%" PRId64 " are kept of one",
                        q->limit, q->limit);
}

enum next { WRITE, COUNT, REFUSE };

/* Those behind the one that counts are the first of the next so many: a count takes seconds where
 * the database is slow. */
static enum next look(struct quota *q, uint64_t learner, int64_t now_ms)
{
    enum next next = WRITE;

    pthread_mutex_lock(&q->lock);
    struct writer *w = find_locked(q, learner);
    w->learner.at_ms = now_ms;
    if (w->full_ms > now_ms)
        next = REFUSE;
    else if (++w->writes >= QUOTA_EVERY || w->full_ms > 0)
        next = COUNT;
    if (next == COUNT)
        w->writes = 0;
    pthread_mutex_unlock(&q->lock);
    return next;
}

static void note(struct quota *q, uint64_t learner, int64_t now_ms, bool is_full)
{
    pthread_mutex_lock(&q->lock);
    struct writer *w = find_locked(q, learner);
    w->learner.at_ms = now_ms;
    w->full_ms = is_full ? now_ms + QUOTA_FULL_MS : 0;
    pthread_mutex_unlock(&q->lock);
}

/* Tried again after as many writes as any other count: else each write of a learner whom the
 * database cannot count in time would have it try. Who was full stays so, but where activities were
 * deleted since. */
static void note_failed(struct quota *q, uint64_t learner, int64_t now_ms)
{
    pthread_mutex_lock(&q->lock);
    struct writer *w = find_locked(q, learner);
    w->learner.at_ms = now_ms;
    w->full_ms = w->full_ms > RECOUNT ? now_ms + QUOTA_FULL_MS : 0;
    pthread_mutex_unlock(&q->lock);
}

void quota_recount(struct quota *q, const char *user_id)
{
    pthread_mutex_lock(&q->lock);
    struct writer *w = find_locked(q, lp_siphash(&q->key, user_id, strlen(user_id)) | 1);
    if (w->full_ms > 0)
        w->full_ms = RECOUNT;
    pthread_mutex_unlock(&q->lock);
}

int quota_check(struct quota *q, const char *user_id, int64_t now_ms, struct lp_error *err)
{
    int64_t stored = 0;

    if (q->limit == 0)
        return 0;
    uint64_t learner = lp_siphash(&q->key, user_id, strlen(user_id)) | 1;
    enum next next = look(q, learner, now_ms);
    if (next != COUNT)
        return next == REFUSE ? full(q, err) : 0;
    int r = store_count(q->store, user_id, q->limit, &stored, err);
    if (r < 0) {
        note_failed(q, learner, now_ms);
        return r;
    }
    note(q, learner, now_ms, stored >= q->limit);
    return stored >= q->limit ? full(q, err) : 0;
}
