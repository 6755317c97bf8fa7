/*
 * Each slot has a connection, the issuer's document and its keys, and belongs to one thread at a
 * time; only who has which slot is shared. An issuer that was away a moment ago is not asked again
 * by everybody: that would hold a worker each for the time that a connection takes to fail.
 */
#include "services/auth/oidc/issuer.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/url.h"
#include "json/json.h"
#include "service/jwt.h"
#include "services/auth/oidc/calls.h"
#include "services/auth/oidc/claims.h"

#define SLOTS 8
#define LOGIN_MS 8000       /* all calls of one login */
#define WAIT_MS 2000        /* for a slot */
#define AWAY_MS 2000        /* not asked again after a failure */
#define KEPT_MS 3600000     /* document and keys; older ones are used while the issuer is away */
#define KEYS_AGAIN_MS 10000 /* at most so often for a key that we do not know */
#define URL_MAX 8192

struct slot {
    struct lp_http_client *client;
    json_t *document;         /* NULL: not fetched yet */
    struct lp_jwt_keys *keys; /* the same */
    int64_t document_ms, keys_ms;
    bool busy;
};

struct issuer {
    const struct oidc_settings *settings;
    char *redirect_url;
    pthread_mutex_t lock; /* guards what follows, of slots only `busy` */
    pthread_cond_t free;
    unsigned n_slots, n_waiting;
    int64_t away_until_ms;
    struct slot slots[SLOTS];
};

int issuer_new(const struct oidc_settings *settings, const char *redirect_url, unsigned workers,
               struct issuer **ret_issuer, struct lp_error *err)
{
    struct issuer *i = lp_alloc(sizeof *i);
    i->settings = settings;
    i->redirect_url = lp_strdup(redirect_url);
    i->n_slots = workers < 8 ? 1 : workers / 4 > SLOTS ? SLOTS : workers / 4;
    pthread_mutex_init(&i->lock, NULL);
    pthread_cond_init(&i->free, NULL);
    int r = 0;
    for (unsigned n = 0; r == 0 && n < i->n_slots; n++)
        r = calls_client(settings, &i->slots[n].client, err);
    if (r < 0)
        issuer_free(i);
    else
        *ret_issuer = i;
    return r;
}

void issuer_free(struct issuer *i)
{
    if (!i)
        return;
    for (unsigned n = 0; n < i->n_slots; n++) {
        lp_http_client_free(i->slots[n].client);
        json_decref(i->slots[n].document);
        lp_jwt_keys_free(i->slots[n].keys);
    }
    pthread_cond_destroy(&i->free);
    pthread_mutex_destroy(&i->lock);
    free(i->redirect_url);
    free(i);
}

/* ---- slots ---- */

static struct slot *idle_slot_locked(struct issuer *i)
{
    for (unsigned n = 0; n < i->n_slots; n++)
        if (!i->slots[n].busy)
            return &i->slots[n];
    return NULL;
}

static struct slot *await_slot_locked(struct issuer *i)
{
    const struct timespec until = lp_clock_deadline(WAIT_MS);
    struct slot *s = idle_slot_locked(i);
    if (s || i->n_waiting >= i->n_slots)
        return s;
    i->n_waiting++;
    for (bool late = false; !s && !late; s = idle_slot_locked(i))
        late = pthread_cond_clockwait(&i->free, &i->lock, CLOCK_MONOTONIC, &until) != 0;
    i->n_waiting--;
    return s;
}

static int take_slot(struct issuer *i, struct slot **ret_slot, struct lp_error *err)
{
    pthread_mutex_lock(&i->lock);
    bool away = lp_clock_ms() < i->away_until_ms;
    struct slot *s = away ? NULL : await_slot_locked(i);
    if (s)
        s->busy = true;
    pthread_mutex_unlock(&i->lock);
    if (!s)
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            away ? "issuer: it was away a moment ago"
                                 : "issuer: too many logins at once");
    *ret_slot = s;
    return 0;
}

/* `result`: of the calls. */
static void give_slot(struct issuer *i, struct slot *s, int result)
{
    pthread_mutex_lock(&i->lock);
    s->busy = false;
    if (result == LP_E_UNAVAILABLE || result == LP_E_TIMEOUT)
        i->away_until_ms = lp_clock_ms() + AWAY_MS;
    pthread_cond_signal(&i->free);
    pthread_mutex_unlock(&i->lock);
}

static struct calls calls_of(const struct issuer *i, const struct slot *s)
{
    return (struct calls){ i->settings, s->client, lp_clock_ms() + LOGIN_MS };
}

/* ---- what the issuer published ---- */

static bool is_old(int64_t fetched_ms)
{
    return lp_clock_ms() - fetched_ms >= KEPT_MS;
}

static int know_document(const struct calls *c, struct slot *s, struct lp_error *err)
{
    json_t *document = NULL;
    if (s->document && !is_old(s->document_ms))
        return 0;
    int r = calls_discover(c, &document, err);
    if (r < 0 && !s->document)
        return r;
    s->document_ms = lp_clock_ms();
    if (r < 0) {
        lp_log_warn("the issuer's document stays as it was", "error", err->msg);
        return 0;
    }
    json_decref(s->document);
    s->document = document;
    return 0;
}

static int fetch_keys(const struct calls *c, struct slot *s, struct lp_error *err)
{
    json_auto_t *set = NULL;
    struct lp_jwt_keys *keys = NULL;
    int r = calls_key_set(c, s->document, &set, err);
    if (r == 0)
        r = lp_jwt_keys_new(NULL, &keys, err);
    if (r == 0)
        r = lp_jwt_keys_add_issuer_jwks(keys, set, err);
    s->keys_ms = lp_clock_ms();
    if (r < 0) {
        lp_jwt_keys_free(keys);
        return r;
    }
    lp_jwt_keys_free(s->keys);
    s->keys = keys;
    return 0;
}

static int know_keys(const struct calls *c, struct slot *s, struct lp_error *err)
{
    if (s->keys && !is_old(s->keys_ms))
        return 0;
    int r = fetch_keys(c, s, err);
    if (r < 0 && s->keys) {
        lp_log_warn("the issuer's keys stay as they were", "error", err->msg);
        return 0;
    }
    return r;
}

/* ---- one login ---- */

int issuer_login_url(struct issuer *i, const struct ticket *ticket, char **ret_url,
                     struct lp_error *err)
{
    struct slot *s = NULL;
    int r = take_slot(i, &s, err);
    if (r < 0)
        return r;
    const struct calls c = calls_of(i, s);
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(URL_MAX);
    r = know_document(&c, s, err);
    if (r == 0)
        lp_buf_str(&url, lp_json_str(s->document, "authorization_endpoint", NULL));
    give_slot(i, s, r);
    if (r < 0)
        return r;
    lp_url_query(&url, "response_type", "code");
    lp_url_query(&url, "client_id", i->settings->client_id);
    lp_url_query(&url, "redirect_uri", i->redirect_url);
    lp_url_query(&url, "scope", i->settings->scopes);
    lp_url_query(&url, "state", ticket->state);
    lp_url_query(&url, "nonce", ticket->nonce);
    lp_url_query(&url, "code_challenge", ticket->challenge);
    lp_url_query(&url, "code_challenge_method", "S256");
    if (url.overflowed)
        return lp_error_set(err, LP_E_INVALID, "the URL of a login would be over %d bytes",
                            URL_MAX);
    *ret_url = lp_buf_take(&url);
    return 0;
}

static int verify_with(const struct issuer *i, const struct slot *s, const char *token,
                       json_t **ret_claims, struct lp_error *err)
{
    const struct lp_jwt_want want = { .audience = i->settings->client_id,
                                      .issuer = i->settings->issuer,
                                      .leeway_s = CLAIMS_LEEWAY_S,
                                      .strict = true };
    return lp_jwt_verify(s->keys, token, strlen(token), &want, lp_clock_wall_ms() / 1000,
                         ret_claims, err);
}

/* A key that we do not know may be new. */
static int verify(const struct issuer *i, const struct calls *c, struct slot *s, const char *token,
                  json_t **ret_claims, struct lp_error *err)
{
    int r = know_keys(c, s, err);
    if (r == 0)
        r = verify_with(i, s, token, ret_claims, err);
    if (r == LP_E_NOT_FOUND && lp_clock_ms() - s->keys_ms >= KEYS_AGAIN_MS) {
        r = fetch_keys(c, s, err);
        if (r == 0)
            r = verify_with(i, s, token, ret_claims, err);
    }
    if (r == LP_E_NOT_FOUND || r == LP_E_DENIED)
        return lp_error_set(err, LP_E_DENIED, "ID token: %.200s", err->msg);
    return r;
}

/* A member that is null says no more than one that is not there. */
static void drop_nulls(json_t *claims)
{
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(claims, next, name, value)
    {
        if (json_is_null(value))
            json_object_del(claims, name);
    }
}

/* An address counts together with who says that it is verified, so both are of one answer. */
static void merge(json_t *claims, json_t *userinfo)
{
    if (!json_object_get(claims, "email") || !json_object_get(claims, "email_verified")) {
        json_object_del(claims, "email");
        json_object_del(claims, "email_verified");
    } else {
        json_object_del(userinfo, "email");
        json_object_del(userinfo, "email_verified");
    }
    json_object_update_missing(claims, userinfo);
}

static int complete(const struct issuer *i, const struct calls *c, const struct slot *s,
                    const json_t *tokens, json_t *claims, struct lp_error *err)
{
    json_auto_t *userinfo = NULL;
    const char *access = lp_json_str(tokens, "access_token", NULL);
    drop_nulls(claims);
    if (claims_are_complete(claims, i->settings) || !access ||
        !json_object_get(s->document, "userinfo_endpoint"))
        return 0;
    int r = calls_userinfo(c, s->document, access, &userinfo, err);
    if (r < 0)
        return r;
    const char *sub = lp_json_str(userinfo, "sub", NULL);
    if (!sub || strcmp(sub, lp_json_str(claims, "sub", NULL)) != 0)
        return lp_error_set(err, LP_E_DENIED, "userinfo: sub is not that of the ID token");
    drop_nulls(userinfo);
    merge(claims, userinfo);
    return 0;
}

static int redeem(const struct issuer *i, struct slot *s, const struct ticket *ticket,
                  const char *code, json_t **ret_claims, struct lp_error *err)
{
    const struct calls c = calls_of(i, s);
    json_auto_t *tokens = NULL, *claims = NULL;
    int r = know_document(&c, s, err);
    if (r == 0)
        r = calls_redeem(&c, s->document, code, ticket->verifier, i->redirect_url, &tokens, err);
    if (r == 0)
        r = verify(i, &c, s, lp_json_str(tokens, "id_token", NULL), &claims, err);
    if (r == 0)
        r = claims_check(claims, i->settings->client_id, ticket->nonce, lp_clock_wall_ms() / 1000,
                         err);
    if (r == 0)
        r = complete(i, &c, s, tokens, claims, err);
    if (r == 0)
        *ret_claims = lp_take(claims);
    return r;
}

int issuer_claims(struct issuer *i, const struct ticket *ticket, const char *code,
                  json_t **ret_claims, struct lp_error *err)
{
    struct slot *s = NULL;
    int r = take_slot(i, &s, err);
    if (r < 0)
        return r;
    r = redeem(i, s, ticket, code, ret_claims, err);
    give_slot(i, s, r);
    return r;
}
