/*
 * lib/service/keys.c -- keys that change while they are used. Who verifies takes a reference of the
 * set that is current; the thread `keeper` fetches the issuer's keys and looks at the file of the
 * secrets, and puts another set in the place of the first. One that cannot be fetched or read
 * leaves the last one where it is.
 */
#include "service/keys.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stop.h"
#include "http/client/client.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "service/jwt.h"
#include "service/key_set.h"
#include "service/secret_keys.h"
#include "service/verified.h"
#include "work/backoff.h"

#define MAX_SET ((size_t)64 * 1024)
#define FETCH_MS 3000
#define REFRESH_MS INT64_C(300000)
#define RETRY_MS 5000
#define SLOWEST_RETRIES 12
#define FIRST_MS 10000
#define LOOK_MS 5000       /* at the file of the secrets; tokens that need it look at once */
#define FIRST_RETRY_MS 500 /* until the issuer has answered once: it may start beside us */

struct lp_keys {
    char *url;                              /* NULL: none */
    bool looks;                             /* a file has secrets */
    int64_t refresh_ms, retry_ms, ready_ms; /* ready_ms: lp_clock_ms(); then without keys, too */
    struct lp_secret_keys *secrets;
    struct lp_key_slot issuer;
    uint64_t n_sets;     /* of the issuer; of who starts, then of the keeper */
    atomic_bool fetched; /* the issuer's keys, once */
    struct lp_verified *verified;
    struct lp_metric_family *fetches;
    struct lp_http_client *client; /* of the keeper */
    json_t *jwks;                  /* of the keeper: what the set was made of */
    struct lp_stop *stop;
    int wake; /* eventfd: a fetch is asked for */
    pthread_t keeper;
    bool kept; /* it was started */
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a fetch, or all */
    uint64_t n_ended;     /* fetches; under lock, as all below */
    int64_t began_ms;     /* of the last fetch, lp_clock_ms(); 0: none yet */
    bool asked;           /* a fetch is asked for or under way */
    bool leaving;
};

/* ---- the keeper ---- */

/* Of the issuer; `jwks` NULL: none yet. */
static int put_issuer(struct lp_keys *k, const json_t *jwks, struct lp_error *err)
{
    struct lp_jwt_keys *keys = NULL;
    int r = lp_jwt_keys_new(NULL, &keys, err);

    if (r == 0 && jwks)
        r = lp_jwt_keys_add_jwks(keys, jwks, err);
    if (r < 0) {
        lp_jwt_keys_free(keys);
        return r;
    }
    lp_key_slot_put(&k->issuer, lp_key_set_new(keys), ++k->n_sets);
    if (jwks)
        atomic_store(&k->fetched, true);
    lp_verified_clear(k->verified);
    return 0;
}

static int get(struct lp_keys *k, json_t **ret_jwks, struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response answer = LP_HTTP_RESPONSE_INIT;
    const struct lp_http_request request = {
        .method = "GET",
        .url = k->url,
        .headers = (const char *const[]){ "Accept: application/json", NULL },
    };
    int r = lp_http_do(k->client, &request, &answer, err);
    if (r < 0)
        return r;
    if (answer.status != 200)
        return lp_error_set(err, LP_E_UNAVAILABLE, "status %d", answer.status);
    return lp_json_parse(answer.body.ptr, answer.body.len, MAX_SET, "JWK set", ret_jwks, err);
}

/* Fetches, and changes the set where the issuer's keys are others. */
static int fetch(struct lp_keys *k, struct lp_error *err)
{
    json_auto_t *jwks = NULL;

    int r = get(k, &jwks, err);
    if (r < 0 || (k->jwks && json_equal(k->jwks, jwks)))
        return r;
    r = put_issuer(k, jwks, err);
    if (r < 0)
        return r;
    json_decref(k->jwks);
    k->jwks = lp_take(jwks);
    lp_log_info("the issuer's keys have changed", "url", k->url);
    return 0;
}

/* Under the lock, as the asking is: what is asked for meanwhile would make a fetch after this. */
static void note_begin(struct lp_keys *k)
{
    uint64_t asked;

    pthread_mutex_lock(&k->lock);
    if (read(k->wake, &asked, sizeof asked) < 0)
        asked = 0; /* none was asked for: it is time */
    k->asked = true;
    k->began_ms = lp_clock_ms();
    pthread_mutex_unlock(&k->lock);
}

static void note_end(struct lp_keys *k)
{
    pthread_mutex_lock(&k->lock);
    k->asked = false;
    k->n_ended++;
    pthread_cond_broadcast(&k->ended);
    pthread_mutex_unlock(&k->lock);
}

/* Until it is time, a fetch is asked for, or all ends. */
static void rest(const struct lp_keys *k, int64_t ms)
{
    struct pollfd fds[] = { { .fd = lp_stop_fd(k->stop), .events = POLLIN },
                            { .fd = k->wake, .events = POLLIN } };
    poll(fds, 2, (int)(k->looks && ms > LOOK_MS ? LOOK_MS : ms));
}

/* What the keeper knows of its fetches. */
struct course {
    struct lp_backoff backoff;
    bool well;       /* the last one was */
    int64_t next_ms; /* when the next one is due, unless one is asked for */
};

static void fetch_now(struct lp_keys *k, struct course *c)
{
    struct lp_error err;

    note_begin(k);
    bool good = fetch(k, &err) == 0;
    note_end(k);
    lp_metric_add(lp_metric_with(k->fetches, good ? "ok" : "failed"), 1);
    if (!good && c->well && !lp_stop_requested(k->stop))
        lp_log_warn("the issuer's keys cannot be fetched; the last ones stay", "url", k->url, "why",
                    err.msg);
    c->well = good;
    if (good)
        lp_backoff_reset(&c->backoff);
    int64_t ms = good ? k->refresh_ms : lp_backoff_next(&c->backoff);
    c->next_ms = lp_clock_ms() + (!good && !k->jwks && ms > FIRST_RETRY_MS ? FIRST_RETRY_MS : ms);
}

static bool is_asked(struct lp_keys *k)
{
    pthread_mutex_lock(&k->lock);
    bool asked = k->asked;
    pthread_mutex_unlock(&k->lock);
    return asked;
}

static void *keys_run(void *user)
{
    struct lp_keys *k = user;
    struct course c = {
        .backoff = { .base_ms = k->retry_ms, .max_ms = k->retry_ms * SLOWEST_RETRIES }, .well = true
    };

    while (!lp_stop_requested(k->stop)) {
        if (k->looks && lp_secret_keys_look(k->secrets, true))
            lp_verified_clear(k->verified);
        if (k->url && (is_asked(k) || lp_clock_ms() >= c.next_ms))
            fetch_now(k, &c);
        int64_t left_ms = k->url ? c.next_ms - lp_clock_ms() : LOOK_MS;
        rest(k, left_ms > 0 ? left_ms : 0);
    }
    return NULL;
}

/* ---- start and end ---- */

static int start_keeper(struct lp_keys *k, struct lp_error *err)
{
    const struct lp_http_client_options o = { .connect_timeout_ms = FETCH_MS,
                                              .total_timeout_ms = FETCH_MS,
                                              .max_response = MAX_SET,
                                              .stop = k->stop };
    int r = k->url ? lp_http_client_new(&o, &k->client, err) : 0;
    if (r < 0)
        return r;
    k->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (k->wake < 0 || pthread_create(&k->keeper, NULL, keys_run, k) != 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "no thread that keeps the keys of tokens");
    k->kept = true;
    return 0;
}

static char *copy_of(const char *text)
{
    return text && *text ? lp_strdup(text) : NULL;
}

static void destroy(struct lp_keys *k)
{
    lp_http_client_free(k->client);
    if (k->wake >= 0)
        close(k->wake);
    json_decref(k->jwks);
    lp_key_slot_done(&k->issuer);
    lp_secret_keys_free(k->secrets);
    lp_verified_free(k->verified);
    lp_stop_free(k->stop);
    pthread_cond_destroy(&k->ended);
    pthread_mutex_destroy(&k->lock);
    free(k->url);
    free(k);
}

int lp_keys_new(const struct lp_keys_options *o, struct lp_keys **ret_keys, struct lp_error *err)
{
    struct lp_keys *k = lp_alloc(sizeof *k);

    k->url = copy_of(o->jwks_url);
    k->looks = o->secrets_dir && *o->secrets_dir;
    k->refresh_ms = o->refresh_ms > 0 ? o->refresh_ms : REFRESH_MS;
    k->retry_ms = o->retry_ms > 0 ? o->retry_ms : RETRY_MS;
    k->ready_ms = lp_clock_ms() + (o->first_ms > 0 ? o->first_ms : FIRST_MS);
    k->wake = -1;
    k->stop = lp_stop_new();
    k->verified = lp_verified_new();
    k->fetches = lp_metric_family(LP_METRIC_COUNTER, "lp_token_key_fetches_total",
                                  "Fetches of the issuer's keys", "result", NULL, 0);
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->ended, NULL);
    lp_key_slot_init(&k->issuer);
    int r = put_issuer(k, NULL, err);
    if (r == 0)
        r = lp_secret_keys_new(o->secrets, o->secrets_dir, &k->secrets, err);
    if (r == 0 && (k->url || k->looks))
        r = start_keeper(k, err);
    if (r < 0) {
        destroy(k);
        return r;
    }
    *ret_keys = k;
    return 0;
}

void lp_keys_free(struct lp_keys *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->leaving = true;
    pthread_cond_broadcast(&k->ended);
    pthread_mutex_unlock(&k->lock);
    lp_stop_request(k->stop);
    if (k->kept)
        pthread_join(k->keeper, NULL);
    destroy(k);
}

bool lp_keys_ready(struct lp_keys *k, char why[128])
{
    pthread_mutex_lock(&k->lock);
    bool ready = !k->url || atomic_load(&k->fetched) || lp_clock_ms() >= k->ready_ms;
    pthread_mutex_unlock(&k->lock);
    if (!ready)
        snprintf(why, 128, "the issuer's keys are not there yet");
    return ready;
}

/* ---- verification ---- */

/* Asks for a fetch that begins from now on; false where the last one began less than retry_ms
 * ago. */
static bool ask_locked(struct lp_keys *k)
{
    const uint64_t one = 1;

    if (k->asked)
        return true;
    if (k->began_ms > 0 && lp_clock_ms() - k->began_ms < k->retry_ms)
        return false;
    k->asked = true;
    return write(k->wake, &one, sizeof one) == sizeof one;
}

enum outcome { OUTCOME_FETCHED, OUTCOME_UNDER_WAY, OUTCOME_TOO_SOON };

static uint64_t fetches_ended(struct lp_keys *k)
{
    pthread_mutex_lock(&k->lock);
    uint64_t n = k->n_ended;
    pthread_mutex_unlock(&k->lock);
    return n;
}

/* `before`: fetches_ended() before the keys were tried; one that ended since is what is waited
 * for. */
static enum outcome await_fetch(struct lp_keys *k, uint64_t before, int64_t wait_ms)
{
    struct timespec until = lp_clock_deadline(wait_ms);
    bool late = wait_ms <= 0;

    pthread_mutex_lock(&k->lock);
    if (k->n_ended == before && !ask_locked(k)) {
        pthread_mutex_unlock(&k->lock);
        return OUTCOME_TOO_SOON;
    }
    while (!late && !k->leaving && k->n_ended == before)
        late = pthread_cond_clockwait(&k->ended, &k->lock, CLOCK_MONOTONIC, &until) != 0;
    bool ended = k->n_ended != before;
    pthread_mutex_unlock(&k->lock);
    return ended ? OUTCOME_FETCHED : OUTCOME_UNDER_WAY;
}

/* One try with the issuer's keys that are there. LP_E_NOT_FOUND: by another key; *ret_any: whether
 * there is any. */
static int try_issuer(struct lp_keys *k, const char *token, size_t len, json_t **ret_claims,
                      bool *ret_any, struct lp_error *err)
{
    uint64_t clears = lp_verified_clears(k->verified);

    *ret_any = atomic_load(&k->fetched);
    int r = lp_key_slot_verify(&k->issuer, token, len, ret_claims, err);
    if (r == 0)
        lp_verified_add(k->verified, token, len, *ret_claims, clears);
    return r;
}

/* LP_E_NOT_FOUND: a token that is none of an HMAC key. */
static int try_secrets(struct lp_keys *k, const char *token, size_t len, json_t **ret_claims,
                       struct lp_error *err)
{
    uint64_t clears = lp_verified_clears(k->verified);
    bool changed = false;
    int r = lp_secret_keys_verify(k->secrets, token, len, ret_claims, &changed, err);

    if (changed)
        lp_verified_clear(k->verified);
    if (r == 0)
        lp_verified_add(k->verified, token, len, *ret_claims, clears);
    return r;
}

static int not_now(int64_t retry_after_ms, struct lp_error *err)
{
    lp_error_set(err, LP_E_UNAVAILABLE, "the key of this token is not there yet");
    err->retry_after_ms = (int)retry_after_ms;
    return err->code;
}

int lp_keys_verify(struct lp_keys *k, const char *token, size_t len, int64_t wait_ms,
                   json_t **ret_claims, struct lp_error *err)
{
    bool any = false;
    json_t *known = lp_verified_find(k->verified, token, len, lp_clock_wall_ms() / 1000);

    if (known) {
        *ret_claims = known;
        return 0;
    }
    int r = try_secrets(k, token, len, ret_claims, err);
    if (r != LP_E_NOT_FOUND)
        return r;
    uint64_t before = fetches_ended(k);
    r = try_issuer(k, token, len, ret_claims, &any, err);
    if (r != LP_E_NOT_FOUND)
        return r;
    if (!k->url)
        return lp_error_set(err, LP_E_DENIED, "token alg is EdDSA, of which we have no key");
    enum outcome outcome = await_fetch(k, before, wait_ms);
    if (outcome == OUTCOME_UNDER_WAY)
        return not_now(1000, err);
    if (outcome == OUTCOME_FETCHED)
        r = try_issuer(k, token, len, ret_claims, &any, err);
    if (r != LP_E_NOT_FOUND)
        return r;
    return any ? lp_error_set(err, LP_E_DENIED, "token is signed by no key of the issuer")
               : not_now(k->retry_ms, err);
}
