/*
 * What was found out a moment ago. A fixed array; an entry stands in one of the NEIGHBOURS places
 * that its digest names, so that no lookup is long and nobody can make the cache grow.
 *
 * Threads: one lock, held for a few comparisons.
 */
#include "autoscaler/auth/review_cache.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"

#define NEIGHBOURS 8

/* `until_ms` 0: free. */
struct entry {
    unsigned char digest[REVIEW_DIGEST];
    int64_t until_ms;
    void *value;
};

struct review_cache {
    pthread_mutex_t lock;
    unsigned capacity;
    int64_t ttl_ms;
    void (*ref)(void *);
    void (*unref)(void *);
    struct entry entries[];
};

void review_cache_digest(const struct lp_buf *question, unsigned char ret_digest[REVIEW_DIGEST])
{
    EVP_Digest(question->ptr, question->len, ret_digest, NULL, EVP_sha256(), NULL);
}

struct review_cache *review_cache_new(unsigned capacity, int64_t ttl_ms, void (*ref)(void *),
                                      void (*unref)(void *))
{
    struct review_cache *c = lp_alloc(sizeof *c + capacity * sizeof(struct entry));
    pthread_mutex_init(&c->lock, NULL);
    c->capacity = capacity;
    c->ttl_ms = ttl_ms;
    c->ref = ref;
    c->unref = unref;
    return c;
}

static void entry_clear(struct review_cache *c, struct entry *e)
{
    if (e->until_ms != 0 && e->value && c->unref)
        c->unref(e->value);
    e->until_ms = 0;
}

void review_cache_free(struct review_cache *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->capacity; i++)
        entry_clear(c, &c->entries[i]);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static struct entry *neighbour(struct review_cache *c, const unsigned char *digest, unsigned i)
{
    uint32_t start;
    memcpy(&start, digest, sizeof start);
    return &c->entries[(start + i) % c->capacity];
}

static bool is_entry(const struct entry *e, const unsigned char *digest)
{
    return e->until_ms != 0 && memcmp(e->digest, digest, REVIEW_DIGEST) == 0;
}

bool review_cache_get(struct review_cache *c, const unsigned char digest[REVIEW_DIGEST],
                      int64_t now_ms, void **ret_value)
{
    bool found = false;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < NEIGHBOURS && !found; i++) {
        struct entry *e = neighbour(c, digest, i);
        if (!is_entry(e, digest) || e->until_ms <= now_ms)
            continue;
        if (e->value && c->ref)
            c->ref(e->value);
        *ret_value = e->value;
        found = true;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

void review_cache_put(struct review_cache *c, const unsigned char digest[REVIEW_DIGEST],
                      void *value, int64_t now_ms)
{
    pthread_mutex_lock(&c->lock);
    struct entry *place = neighbour(c, digest, 0);
    for (unsigned i = 0; i < NEIGHBOURS; i++) {
        struct entry *e = neighbour(c, digest, i);
        if (is_entry(e, digest)) {
            place = e;
            break;
        }
        if (e->until_ms < place->until_ms)
            place = e;
    }
    entry_clear(c, place);
    if (value && c->ref)
        c->ref(value);
    memcpy(place->digest, digest, REVIEW_DIGEST);
    place->value = value;
    place->until_ms = now_ms + c->ttl_ms;
    pthread_mutex_unlock(&c->lock);
}
