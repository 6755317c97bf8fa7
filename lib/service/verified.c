/* lib/service/verified.c -- a table with one place per hash, under one lock that is held for a
 * comparison and a copy. */
#include "service/verified.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/siphash.h"

/* Of 1,000 learners who ask in any order 89 % are found, of those who ask in turn 78 %; of 256
 * places 25 % and 2 %. Claims of nine
 * members, as auth's tokens have, take 1.7 kB: 7 MB where all places are taken. */
#define PLACES 4096

struct place {
    uint64_t hash[2]; /* of the token's text, under the table's key */
    json_t *claims;   /* NULL: free */
};

struct lp_verified {
    pthread_mutex_t lock;
    uint64_t clears;
    struct lp_siphash_key key; /* not changed once it is made */
    struct place places[PLACES];
};

struct lp_verified *lp_verified_new(void)
{
    struct lp_verified *v = lp_alloc(sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
    lp_siphash_key_make(&v->key);
    return v;
}

static void clear_locked(struct lp_verified *v)
{
    for (size_t i = 0; i < PLACES; i++) {
        json_decref(v->places[i].claims);
        v->places[i].claims = NULL;
    }
    v->clears++;
}

void lp_verified_free(struct lp_verified *v)
{
    if (!v)
        return;
    clear_locked(v); /* nobody else has it any more */
    pthread_mutex_destroy(&v->lock);
    free(v);
}

void lp_verified_clear(struct lp_verified *v)
{
    pthread_mutex_lock(&v->lock);
    clear_locked(v);
    pthread_mutex_unlock(&v->lock);
}

uint64_t lp_verified_clears(struct lp_verified *v)
{
    pthread_mutex_lock(&v->lock);
    uint64_t clears = v->clears;
    pthread_mutex_unlock(&v->lock);
    return clears;
}

static bool is_over(const json_t *claims, int64_t now_s)
{
    const json_t *exp = json_object_get(claims, "exp");
    return exp && json_number_value(exp) <= (double)now_s;
}

json_t *lp_verified_find(struct lp_verified *v, const char *token, size_t len, int64_t now_s)
{
    uint64_t hash[2];
    json_t *claims = NULL;

    lp_siphash_128(&v->key, token, len, hash);
    struct place *p = &v->places[hash[0] % PLACES];
    pthread_mutex_lock(&v->lock);
    if (p->claims && memcmp(p->hash, hash, sizeof hash) == 0 && !is_over(p->claims, now_s))
        claims = json_deep_copy(p->claims);
    pthread_mutex_unlock(&v->lock);
    return claims;
}

void lp_verified_add(struct lp_verified *v, const char *token, size_t len, const json_t *claims,
                     uint64_t clears)
{
    uint64_t hash[2];
    json_t *kept = json_deep_copy(claims);

    lp_siphash_128(&v->key, token, len, hash);
    struct place *p = &v->places[hash[0] % PLACES];
    pthread_mutex_lock(&v->lock);
    if (v->clears == clears) {
        json_t *other = p->claims;
        p->claims = kept;
        kept = other;
        memcpy(p->hash, hash, sizeof hash);
    }
    pthread_mutex_unlock(&v->lock);
    json_decref(kept);
}
