/* services/gateway/limiter.c -- rows of four clients, a lock for each 1/64 of them. */
#include "services/gateway/limiter.h"

#include <math.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/alloc.h"

#define BUCKETS 16384 /* a power of two */
#define WAYS 4
#define LOCKS 64

struct entry {
    uint64_t client; /* 0: free */
    int64_t at;      /* when `left` was right */
    double left;
};

struct limiter {
    double rate; /* a second */
    int64_t burst;
    uint64_t key[2];
    pthread_mutex_t locks[LOCKS];
    struct entry entries[BUCKETS][WAYS];
};

static uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* SipHash-2-4 (Aumasson, Bernstein 2012). */
static uint64_t siphash(const uint64_t key[2], const unsigned char *p, size_t len)
{
    uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                      key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
    uint64_t last = (uint64_t)len << 56;
    size_t whole = len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t m = 0;
        for (size_t j = 0; j < 8; j++)
            m |= (uint64_t)p[i + j] << (8 * j);
        v[3] ^= m;
        sip_round(v);
        sip_round(v);
        v[0] ^= m;
    }
    for (size_t j = 0; j < (len & 7); j++)
        last |= (uint64_t)p[whole + j] << (8 * j);
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct limiter *limiter_new(double rate, int64_t burst)
{
    struct limiter *l = lp_alloc(sizeof *l);

    l->rate = rate;
    l->burst = burst;
    if (getrandom(l->key, sizeof l->key, 0) != (ssize_t)sizeof l->key)
        abort(); /* no system without it */
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

/* The client's entry, or the one of its row that was asked for longest ago. */
static struct entry *entry_locked(struct entry *ways, uint64_t client)
{
    struct entry *oldest = &ways[0];

    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].client == client)
            return &ways[i];
        if (ways[i].at < oldest->at)
            oldest = &ways[i];
    }
    return oldest;
}

/* What is left after this request; below 0: it is not taken, and by how much it falls short. */
static double take_locked(const struct limiter *l, struct entry *e, uint64_t client, int64_t now)
{
    double full = (double)l->burst;

    if (e->client != client)
        *e = (struct entry){ .client = client, .at = now, .left = full };
    if (now > e->at) {
        e->left += (double)(now - e->at) / 1000 * l->rate;
        e->left = e->left < full ? e->left : full;
        e->at = now;
    }
    if (e->left < 1)
        return e->left - 1;
    e->left -= 1;
    return e->left;
}

bool limiter_take(struct limiter *l, unsigned route, const void *client, size_t len, int64_t now,
                  struct limiter_state *ret_state)
{
    const uint64_t key[2] = { l->key[0] ^ route, l->key[1] };
    uint64_t hash = siphash(key, client, len) | 1;
    size_t bucket = (hash >> 1) & (BUCKETS - 1);
    pthread_mutex_t *lock = &l->locks[bucket % LOCKS];

    pthread_mutex_lock(lock);
    double left = take_locked(l, entry_locked(l->entries[bucket], hash), hash, now);
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
