/*
 * A class logs in when the bell rings, a client sends its login twice: the first request of an
 * account and a password has the hash made, the others wait for its result. A wrong password is
 * never known beforehand, so it always costs the whole hash.
 *
 * Threads: `lock` guards the list of flights and each flight; a flight is freed by the last who
 * leaves it.
 */
#include "services/auth/passwords/checks.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "metrics/metrics.h"

/* One hash under way. `result` is that of hashpool_verify once `landed`. */
struct flight {
    struct flight *next;
    unsigned char mac[VERIFIED_MAC];
    unsigned aboard;
    bool landed, matches;
    int result;
    struct lp_error err;
    pthread_cond_t changed;
};

struct checks {
    struct hashpool *pool;
    struct verified *verified;
    pthread_mutex_t lock;
    struct flight *flights;
    struct lp_metric *shared;
};

struct checks *checks_new(struct hashpool *pool, struct verified *verified)
{
    struct checks *c = lp_alloc(sizeof *c);
    c->pool = pool;
    c->verified = verified;
    pthread_mutex_init(&c->lock, NULL);
    c->shared = lp_metric_single(
        lp_metric_family(LP_METRIC_COUNTER, "lp_auth_hash_shared_total",
                         "Requests that another one's password hash answered", "", NULL, 0));
    return c;
}

void checks_free(struct checks *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* The analyser does not see that leave_locked takes a flight out before it is freed. */
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
static struct flight *find_locked(struct checks *c, const unsigned char mac[VERIFIED_MAC])
{
    struct flight *f = c->flights;

    while (f && memcmp(f->mac, mac, VERIFIED_MAC) != 0)
        f = f->next;
    return f;
}
// NOLINTEND(clang-analyzer-unix.Malloc)

static struct flight *begin_locked(struct checks *c, const unsigned char mac[VERIFIED_MAC])
{
    struct flight *f = lp_alloc(sizeof *f);
    memcpy(f->mac, mac, VERIFIED_MAC);
    pthread_cond_init(&f->changed, NULL);
    f->next = c->flights;
    c->flights = f;
    return f;
}

static void leave_locked(struct flight *f)
{
    if (--f->aboard > 0)
        return;
    pthread_cond_destroy(&f->changed);
    free(f);
}

static void land(struct checks *c, struct flight *f, int result, bool matches,
                 const struct lp_error *err)
{
    pthread_mutex_lock(&c->lock);
    struct flight **at = &c->flights;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    f->landed = true;
    f->result = result;
    f->matches = matches;
    if (result < 0)
        f->err = *err;
    pthread_cond_broadcast(&f->changed);
    leave_locked(f);
    pthread_mutex_unlock(&c->lock);
}

static int fly(struct checks *c, const struct checks_stored *stored, const char *password,
               const struct hashpool_patience *patience, bool *ret_matches,
               char ret_newer[PASSWORD_HASH_MAX], struct lp_error *err)
{
    const char *hash = stored->hash;
    if (!hash || !*hash)
        return hashpool_refuse(c->pool, stored->decoy, password, patience, err);
    int r = hashpool_verify(c->pool, hash, password, patience, ret_matches, ret_newer, err);
    if (r == 0 && *ret_matches)
        verified_add(c->verified, hash, password);
    if (r == 0 && *ret_matches && ret_newer[0])
        verified_add(c->verified, ret_newer, password);
    return r;
}

/* True where the flight's result is no answer to others: it ended for its own request's reasons. */
static bool was_given_up(const struct flight *f)
{
    return f->result == LP_E_TIMEOUT || f->result == LP_E_CANCELED;
}

/* 1: landed without an answer, begin anew. */
static int ride_locked(struct checks *c, struct flight *f, const struct hashpool_patience *patience,
                       bool *ret_matches, struct lp_error *err)
{
    int64_t left = patience->deadline_ms - lp_clock_ms();
    struct timespec deadline = lp_clock_deadline(left > 0 ? left : 0);
    int late = 0;
    while (!f->landed && late == 0)
        late = pthread_cond_clockwait(&f->changed, &c->lock, CLOCK_MONOTONIC, &deadline);
    if (!f->landed)
        return lp_error_set(err, LP_E_TIMEOUT, "no password hash in time");
    if (was_given_up(f))
        return 1;
    *ret_matches = f->matches;
    if (f->result < 0)
        *err = f->err;
    return f->result;
}

/* The result of somebody else's flight: 0 or an error; 1: there is none, *ret_own is begun. */
static int ride_or_begin(struct checks *c, const unsigned char mac[VERIFIED_MAC],
                         const struct hashpool_patience *patience, bool *ret_matches,
                         struct flight **ret_own, struct lp_error *err)
{
    struct flight *f;
    int r = 1;
    pthread_mutex_lock(&c->lock);
    while (r > 0 && (f = find_locked(c, mac))) {
        f->aboard++;
        r = ride_locked(c, f, patience, ret_matches, err);
        leave_locked(f);
    }
    if (r > 0) {
        *ret_own = begin_locked(c, mac);
        (*ret_own)->aboard++;
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

/* With a place of the pool: riders hold a worker as well. */
static int verify_admitted(struct checks *c, const struct checks_stored *stored,
                           const char *password, const struct hashpool_patience *patience,
                           bool *ret_matches, char ret_newer[PASSWORD_HASH_MAX],
                           struct lp_error *err)
{
    const char *hash = stored->hash ? stored->hash : "";
    unsigned char mac[VERIFIED_MAC];
    struct flight *own = NULL;
    verified_mac(c->verified, (const char *[]){ stored->email, hash, password }, 3, mac);
    int r = ride_or_begin(c, mac, patience, ret_matches, &own, err);
    if (r <= 0) {
        lp_metric_add(c->shared, 1);
        return r;
    }
    r = fly(c, stored, password, patience, ret_matches, ret_newer, err);
    land(c, own, r, r == 0 && *ret_matches, err);
    return r;
}

int checks_verify(struct checks *c, const struct checks_stored *stored, const char *password,
                  const struct hashpool_patience *patience, bool *ret_matches,
                  char ret_newer[PASSWORD_HASH_MAX], struct lp_error *err)
{
    const char *hash = stored->hash;
    ret_newer[0] = '\0';
    *ret_matches = false;
    if (hash && *hash && verified_knows(c->verified, hash, password)) {
        *ret_matches = true;
        return 0;
    }
    int r = hashpool_admit(c->pool, err);
    if (r < 0)
        return r;
    r = verify_admitted(c, stored, password, patience, ret_matches, ret_newer, err);
    hashpool_leave(c->pool);
    return r;
}

void checks_remember(struct checks *c, const char *hash, const char *password)
{
    verified_add(c->verified, hash, password);
}
