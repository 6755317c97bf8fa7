/* lib/service/verified.c -- a table with one place per hash, under one lock that is held for a
 * comparison only. */
#include "service/verified.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

#define PLACES 256

struct place {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    json_t *claims; /* NULL: free */
};

struct lp_verified {
    pthread_mutex_t lock;
    uint64_t clears;
    struct place places[PLACES];
};

struct lp_verified *lp_verified_new(void)
{
    struct lp_verified *v = lp_alloc(sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
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
    unsigned char digest[SHA256_DIGEST_LENGTH];
    json_t *claims = NULL;

    SHA256((const unsigned char *)token, len, digest);
    struct place *p = &v->places[digest[0] % PLACES];
    pthread_mutex_lock(&v->lock);
    if (p->claims && memcmp(p->digest, digest, sizeof digest) == 0)
        claims = json_incref(p->claims);
    pthread_mutex_unlock(&v->lock);
    if (claims && is_over(claims, now_s)) {
        json_decref(claims);
        return NULL;
    }
    return claims;
}

void lp_verified_add(struct lp_verified *v, const char *token, size_t len, json_t *claims,
                     uint64_t clears)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    json_t *other = NULL;

    SHA256((const unsigned char *)token, len, digest);
    struct place *p = &v->places[digest[0] % PLACES];
    pthread_mutex_lock(&v->lock);
    if (v->clears == clears) {
        other = p->claims;
        p->claims = json_incref(claims);
        memcpy(p->digest, digest, sizeof digest);
    }
    pthread_mutex_unlock(&v->lock);
    json_decref(other);
}
