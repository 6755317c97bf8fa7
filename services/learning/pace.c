/* services/learning/pace.c -- a token bucket per learner in rows of four, the oldest of a row gives
 * way. Which row is chosen by a keyed hash, so that nobody can aim at another's. */
#include "services/learning/pace.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "service/pseudonym.h"

#define ROWS 4096
#define WAYS 4
#define MINUTE_MS 60000.0

struct bucket {
    uint64_t learner; /* 0: free */
    int64_t at_ms;    /* when `left` was right */
    double left;
};

struct pace {
    pthread_mutex_t lock;
    double per_minute;
    struct bucket rows[ROWS][WAYS];
};

struct pace *pace_new(int64_t per_minute)
{
    struct pace *p = lp_alloc(sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    p->per_minute = (double)per_minute;
    return p;
}

void pace_free(struct pace *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

static struct bucket *find_locked(struct pace *p, uint64_t learner, int64_t now_ms)
{
    struct bucket *row = p->rows[(learner >> 1) % ROWS]; /* the last bit is always set */
    struct bucket *oldest = row;
    for (int i = 0; i < WAYS; i++) {
        if (row[i].learner == learner)
            return &row[i];
        if (row[i].at_ms < oldest->at_ms)
            oldest = &row[i];
    }
    *oldest = (struct bucket){ .learner = learner, .at_ms = now_ms, .left = p->per_minute };
    return oldest;
}

bool pace_take(struct pace *p, const char *learner, int64_t now_ms, int64_t *ret_wait_ms)
{
    char hashed[LP_PSEUDONYM];
    lp_service_pseudonym(learner, hashed);
    pthread_mutex_lock(&p->lock);
    struct bucket *b = find_locked(p, lp_hash(hashed) | 1, now_ms);
    double grown = b->left + (double)(now_ms - b->at_ms) * p->per_minute / MINUTE_MS;
    b->left = grown < p->per_minute ? grown : p->per_minute;
    b->at_ms = now_ms;
    bool may = b->left >= 1;
    if (may)
        b->left -= 1;
    else
        *ret_wait_ms = (int64_t)((1 - b->left) * MINUTE_MS / p->per_minute) + 1;
    pthread_mutex_unlock(&p->lock);
    return may;
}
