/* services/gateway/limiter.c -- a table of clients, a lock for each 1/64 of its sets. */
#include "services/gateway/limiter.h"

#include <math.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/siphash.h"
#include "base/ways.h"

#define SETS 16384 /* a power of two */
#define LOCKS 64

struct entry {
    struct lp_way client; /* at_ms: when `left` was right */
    double left;
};

struct limiter {
    double rate; /* a second */
    int64_t burst;
    struct lp_siphash_key key; /* not changed once it is made */
    pthread_mutex_t locks[LOCKS];
    struct entry sets[SETS][LP_WAYS];
};

/* Of route and client. */
static uint64_t hash_of(const struct limiter *l, unsigned route, const void *client, size_t len)
{
    const uint64_t both[2] = { route, lp_siphash(&l->key, client, len) };

    return lp_siphash(&l->key, both, sizeof both);
}

struct limiter *limiter_new(double rate, int64_t burst)
{
    struct limiter *l = lp_alloc(sizeof *l);

    l->rate = rate;
    l->burst = burst;
    lp_siphash_key_make(&l->key);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&l->locks[i], NULL);
    return l;
}

void limiter_free(struct limiter *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&l->locks[i]);
    free(l);
}

/* What is left after this request; below 0: it is not taken, and by how much it falls short. */
static double take_locked(const struct limiter *l, struct entry *e, uint64_t client, int64_t now)
{
    double full = (double)l->burst;

    if (e->client.key != client)
        *e = (struct entry){ { client, now }, full };
    if (now > e->client.at_ms) {
        e->left += (double)(now - e->client.at_ms) / 1000 * l->rate;
        e->left = e->left < full ? e->left : full;
        e->client.at_ms = now;
    }
    if (e->left < 1)
        return e->left - 1;
    e->left -= 1;
    return e->left;
}

bool limiter_take(struct limiter *l, unsigned route, const void *client, size_t len, int64_t now,
                  struct limiter_state *ret_state)
{
    uint64_t hash = hash_of(l, route, client, len) | 1;
    size_t set = (hash >> 1) & (SETS - 1);
    pthread_mutex_t *lock = &l->locks[set % LOCKS];

    pthread_mutex_lock(lock);
    double left = take_locked(l, lp_way_of(l->sets[set], sizeof(struct entry), hash), hash, now);
    pthread_mutex_unlock(lock);

    bool taken = left >= 0;
    double have = taken ? left : left + 1;
    *ret_state = (struct limiter_state){
        .limit = l->burst,
        .remaining = (int64_t)have,
        .reset_s = (int64_t)ceil(((double)l->burst - have) / l->rate),
        .window_s = (int64_t)ceil((double)l->burst / l->rate),
        .retry_ms = taken ? 0 : (int64_t)ceil(-left / l->rate * 1000),
    };
    return taken;
}
