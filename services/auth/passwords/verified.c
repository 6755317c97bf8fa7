/*
 * Who logs in again within minutes pays no second hash. What is kept is worth nothing without the
 * key, and the key lies in the memory of a process that sees the passwords themselves anyway; it
 * never reaches a disk (main.c: no core dumps). A changed password is another stored hash, so it is
 * a miss in every pod at once.
 *
 * A table of sets of four, chosen by the first bytes of the MAC, which nobody can foresee.
 */
#include "services/auth/passwords/verified.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"

#define SETS 1024
#define WAYS 4

struct known {
    unsigned char mac[VERIFIED_MAC];
    int64_t until_ms; /* 0: empty */
};

struct verified {
    unsigned char key[32];
    int64_t ttl_ms;
    pthread_mutex_t lock;
    struct known sets[SETS][WAYS];
    struct lp_metric *hits, *misses;
};

struct verified *verified_new(int64_t ttl_ms)
{
    struct verified *v = lp_alloc(sizeof *v);
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_COUNTER, "lp_auth_verified_passwords_total",
                         "Passwords looked for among those verified lately", "result", NULL, 0);
    v->hits = lp_metric_with(f, "hit");
    v->misses = lp_metric_with(f, "miss");
    v->ttl_ms = ttl_ms;
    pthread_mutex_init(&v->lock, NULL);
    if (getrandom(v->key, sizeof v->key, 0) != (ssize_t)sizeof v->key)
        abort(); /* cannot fail for 32 bytes once the system is up */
    return v;
}

void verified_free(struct verified *v)
{
    if (!v)
        return;
    pthread_mutex_destroy(&v->lock);
    OPENSSL_cleanse(v, sizeof *v);
    free(v);
}

static void hmac(const struct verified *v, const void *bytes, size_t n,
                 unsigned char ret_mac[VERIFIED_MAC])
{
    if (!HMAC(EVP_sha256(), v->key, sizeof v->key, bytes, n, ret_mac, NULL))
        abort(); /* SHA-256 without memory: as lp_alloc() */
}

void verified_mac(const struct verified *v, const char *const *texts, unsigned n,
                  unsigned char ret_mac[VERIFIED_MAC])
{
    unsigned char both[2 * VERIFIED_MAC] = { 0 }; /* of the texts before, of the next one */
    for (unsigned i = 0; i < n; i++) {
        hmac(v, texts[i], strlen(texts[i]), both + VERIFIED_MAC);
        hmac(v, both, sizeof both, both);
    }
    memcpy(ret_mac, both, VERIFIED_MAC);
}

static struct known *set_of(struct verified *v, const unsigned char mac[VERIFIED_MAC])
{
    return v->sets[(mac[0] | mac[1] << 8) % SETS];
}

bool verified_knows(struct verified *v, const char *hash, const char *password)
{
    unsigned char mac[VERIFIED_MAC];
    bool known = false;
    if (v->ttl_ms == 0)
        return false;
    verified_mac(v, (const char *[]){ hash, password }, 2, mac);
    int64_t now = lp_clock_ms();
    pthread_mutex_lock(&v->lock);
    const struct known *set = set_of(v, mac);
    for (unsigned i = 0; i < WAYS; i++)
        known |= set[i].until_ms > now && CRYPTO_memcmp(set[i].mac, mac, sizeof mac) == 0;
    pthread_mutex_unlock(&v->lock);
    lp_metric_add(known ? v->hits : v->misses, 1);
    return known;
}

void verified_add(struct verified *v, const char *hash, const char *password)
{
    unsigned char mac[VERIFIED_MAC];
    if (v->ttl_ms == 0)
        return;
    verified_mac(v, (const char *[]){ hash, password }, 2, mac);
    pthread_mutex_lock(&v->lock);
    struct known *set = set_of(v, mac), *place = set;
    for (unsigned i = 0; i < WAYS; i++) {
        bool same = memcmp(set[i].mac, mac, sizeof mac) == 0;
        if (same || set[i].until_ms < place->until_ms)
            place = &set[i];
        if (same)
            break;
    }
    memcpy(place->mac, mac, sizeof mac);
    place->until_ms = lp_clock_ms() + v->ttl_ms;
    pthread_mutex_unlock(&v->lock);
}
