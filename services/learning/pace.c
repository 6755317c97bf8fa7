/* services/learning/pace.c -- a token bucket per learner. Which set of the table is chosen by a
 * keyed hash, so that nobody can aim at another's. */
#include "services/learning/pace.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/ways.h"
#include "service/pseudonym.h"

#define SETS 4096
#define MINUTE_MS 60000.0

struct bucket {
    struct lp_way learner; /* at_ms: when `left` was right */
    double left;
};

struct pace {
    pthread_mutex_t lock;
    double per_minute;
    struct bucket sets[SETS][LP_WAYS];
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
    /* the last bit is always set */
    struct bucket *b = lp_way_of(p->sets[(learner >> 1) % SETS], sizeof *b, learner);
    if (b->learner.key != learner)
        *b = (struct bucket){ { learner, now_ms }, p->per_minute };
    return b;
}

bool pace_take(struct pace *p, const char *learner, int64_t now_ms, int64_t *ret_wait_ms)
{
    char hashed[LP_PSEUDONYM];
    lp_service_pseudonym(learner, hashed);
    pthread_mutex_lock(&p->lock);
    struct bucket *b = find_locked(p, lp_hash(hashed) | 1, now_ms);
    double grown = b->left + (double)(now_ms - b->learner.at_ms) * p->per_minute / MINUTE_MS;
    b->left = grown < p->per_minute ? grown : p->per_minute;
    b->learner.at_ms = now_ms;
    bool may = b->left >= 1;
    if (may)
        b->left -= 1;
    else
        *ret_wait_ms = (int64_t)((1 - b->left) * MINUTE_MS / p->per_minute) + 1;
    pthread_mutex_unlock(&p->lock);
    return may;
}
