/*
 * lib/service/identity.c -- a person is known by an access token of the issuer, a service by a
 * token under a key of its own. A person's keys are tried first; a service's token is HS256 by a
 * key that is none of them.
 */
#include "service/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "json/number.h"
#include "service/jwt.h"
#include "service/keys.h"

#define KEY_WAIT_MS 1000
#define CALL_S 30     /* how long a token that we make is good */
#define CALL_MAX_S 60 /* and one that we take, at most */
#define MAX_USER_ID ((size_t)256)
#define CALLERS 3

const char *const lp_identity_accesses[] = { "Owner", "Any", NULL };

struct caller_key {
    const char *name;
    struct lp_jwt_keys *keys; /* NULL: it does not call us */
};

struct lp_identities {
    bool any;
    const char *service;
    const struct lp_identity_grant *grants;
    struct lp_keys *keys; /* NULL under Any */
    struct caller_key callers[CALLERS];
};

/* ---- start and end ---- */

static int add_caller(struct caller_key *c, const char *name, const char *variable, const char *key,
                      struct lp_error *err)
{
    c->name = name;
    if (!key || *key == '\0' || lp_jwt_keys_new_caller(key, &c->keys, err) == 0)
        return 0;
    return lp_error_wrap(err, "configuration: %s is wrong", variable);
}

static bool is_any(const struct lp_identity_config *c)
{
    return strcasecmp(c->access, "Any") == 0;
}

int lp_identity_check(const struct lp_identity_config *c, struct lp_error *err)
{
    if (is_any(c) || *c->jwks_url || *c->secrets || *c->keys_dir)
        return 0;
    return lp_error_set(
        err, LP_E_INVALID,
        "configuration: ACCESS is Owner, and none of AUTH_JWKS_URL, "
        "AUTH_JWT_SECRET and AUTH_JWT_KEYS_DIR is set: nobody's token could be checked. Set one of "
        "them, or ACCESS=Any to let everybody reach all data");
}

static int fill(struct lp_identities *i, const struct lp_identity_config *c, struct lp_error *err)
{
    const struct lp_keys_options o = { .secrets = c->secrets,
                                       .secrets_dir = c->keys_dir,
                                       .jwks_url = c->jwks_url };

    if (i->any)
        return 0;
    int r = lp_identity_check(c, err);
    if (r == 0)
        r = add_caller(&i->callers[0], "ai-feedback", "CALLER_KEY_AI_FEEDBACK",
                       c->caller_ai_feedback, err);
    if (r == 0)
        r = add_caller(&i->callers[1], "auth", "CALLER_KEY_AUTH", c->caller_auth, err);
    if (r == 0)
        r = add_caller(&i->callers[2], "progress", "CALLER_KEY_PROGRESS", c->caller_progress, err);
    if (r < 0)
        return r;
    r = lp_keys_new(&o, &i->keys, err);
    return r < 0 ? lp_error_wrap(err, "configuration: AUTH_JWT_SECRET or AUTH_JWKS_URL") : 0;
}

int lp_identities_new(const struct lp_identity_config *config, const char *service,
                      const struct lp_identity_grant *grants, struct lp_identities **ret_identities,
                      struct lp_error *err)
{
    struct lp_identities *i = lp_alloc(sizeof *i);

    i->any = is_any(config);
    i->service = service;
    i->grants = grants;
    int r = fill(i, config, err);
    if (r < 0) {
        lp_identities_free(i);
        return r;
    }
    *ret_identities = i;
    return 0;
}

void lp_identities_free(struct lp_identities *i)
{
    if (!i)
        return;
    lp_keys_free(i->keys);
    for (size_t c = 0; c < CALLERS; c++)
        lp_jwt_keys_free(i->callers[c].keys);
    free(i);
}

bool lp_identities_ready(struct lp_identities *i, char why[128])
{
    return !i->keys || lp_keys_ready(i->keys, why);
}

void lp_identity_done(struct lp_identity *i)
{
    free(i->user_id);
    free(i->role);
    *i = (struct lp_identity){ 0 };
}

/* ---- the token ---- */

struct authorization {
    const char *value;
    unsigned n;
};

static bool count_value(const char *value, void *user)
{
    struct authorization *a = user;
    a->value = value;
    return ++a->n < 2;
}

static int unauthorized(struct lp_service_request *r, const char *challenge, const char *message,
                        struct lp_error *err)
{
    lp_http_reply_header(r->x, "WWW-Authenticate", challenge);
    lp_error_set(err, LP_E_DENIED, "%s", message);
    err->http_status = 401;
    return err->code;
}

/* RFC 6750, 2.1; the scheme in any case (RFC 9110, 11.1). Two headers are nobody's. */
static int bearer(struct lp_service_request *r, const char **ret_token, size_t *ret_len,
                  struct lp_error *err)
{
    struct authorization a = { 0 };

    lp_http_headers(r->x, "Authorization", count_value, &a);
    if (a.n != 1 || strncasecmp(a.value, "Bearer ", 7) != 0)
        return unauthorized(r, "Bearer", "Authorization token missing or invalid", err);
    const char *token = a.value + 7;
    token += strspn(token, " ");
    *ret_len = strcspn(token, " ");
    *ret_token = token;
    if (*ret_len == 0)
        return unauthorized(r, "Bearer", "Authorization token missing or invalid", err);
    return 0;
}

/* ---- persons ---- */

static char *user_id_of(const json_t *claims)
{
    const json_t *id = json_object_get(claims, "userId");
    char text[LP_NUMBER_TEXT];

    if (!id)
        id = json_object_get(claims, "sub");
    if (json_is_number(id)) {
        lp_json_number_text(id, text);
        return lp_strdup(text);
    }
    if (!json_is_string(id) || json_string_length(id) == 0 ||
        json_string_length(id) > MAX_USER_ID || strlen(json_string_value(id)) == 0)
        return NULL;
    return lp_strdup(json_string_value(id));
}

static int person_of(const json_t *claims, struct lp_identity *ret, struct lp_error *err)
{
    const char *role = lp_json_str(claims, "role", NULL);
    char *id = user_id_of(claims);

    if (!id)
        return lp_error_set(err, LP_E_DENIED, "token names no user");
    ret->user_id = id;
    ret->role = lp_strdup(role ? role : "");
    return 0;
}

/* ---- services ---- */

static bool is_call_of(const struct caller_key *c, const char *service, const char *token,
                       size_t len)
{
    const struct lp_jwt_want want = { .audience = service, .strict = true };
    int64_t now_s = lp_clock_wall_ms() / 1000;
    json_auto_t *claims = NULL;
    struct lp_error err;

    if (!c->keys || lp_jwt_verify(c->keys, token, len, &want, now_s, &claims, &err) < 0)
        return false;
    const char *iss = lp_json_str(claims, "iss", NULL);
    return iss && strcmp(iss, c->name) == 0 &&
           json_number_value(json_object_get(claims, "exp")) <= (double)(now_s + CALL_MAX_S);
}

static const char *caller_of(const struct lp_identities *i, const char *token, size_t len)
{
    for (size_t c = 0; c < CALLERS; c++) {
        if (is_call_of(&i->callers[c], i->service, token, len))
            return i->callers[c].name;
    }
    return NULL;
}

static bool is_granted(const struct lp_identities *i, const char *caller, const char *route)
{
    for (const struct lp_identity_grant *g = i->grants; g && g->caller; g++) {
        if (strcmp(g->caller, caller) == 0 && route && strcmp(g->route, route) == 0)
            return true;
    }
    return false;
}

/* ---- both ---- */

static int not_now(struct lp_service_request *r, struct lp_error *err)
{
    char seconds[16];

    snprintf(seconds, sizeof seconds, "%d", (err->retry_after_ms + 999) / 1000);
    lp_http_reply_header(r->x, "Retry-After", seconds);
    lp_error_set(err, LP_E_UNAVAILABLE, "tokens cannot be checked now");
    err->http_status = 503;
    return err->code;
}

static int service_or_nobody(struct lp_identities *i, struct lp_service_request *r,
                             const char *token, size_t len, struct lp_identity *ret,
                             struct lp_error *err)
{
    const char *caller = caller_of(i, token, len);

    if (!caller)
        return unauthorized(r, "Bearer error=\"invalid_token\"", "Invalid or expired token", err);
    if (!is_granted(i, caller, r->route)) {
        lp_error_set(err, LP_E_DENIED, "%s may not call this", caller);
        err->http_status = 403;
        return err->code;
    }
    ret->caller = caller;
    return 0;
}

int lp_identity_read(struct lp_identities *i, struct lp_service_request *r,
                     struct lp_identity *ret_identity, struct lp_error *err)
{
    struct lp_identity identity = { .anybody = i->any };
    json_auto_t *claims = NULL;
    const char *token = NULL;
    size_t len = 0;

    if (!i->any) {
        int code = bearer(r, &token, &len, err);
        if (code < 0)
            return code;
        code = lp_keys_verify(i->keys, token, len, KEY_WAIT_MS, &claims, err);
        if (code == LP_E_UNAVAILABLE)
            return not_now(r, err);
        if (code == 0)
            code = person_of(claims, &identity, err);
        if (code < 0)
            code = service_or_nobody(i, r, token, len, &identity, err);
        if (code < 0)
            return code;
    }
    *ret_identity = identity;
    return 0;
}

bool lp_identity_may(const struct lp_identity *i, const char *user_id)
{
    if (i->anybody || i->caller)
        return true;
    return i->user_id && (strcmp(i->user_id, user_id) == 0 || strcmp(i->role, "admin") == 0);
}

bool lp_identity_teaches(const struct lp_identity *i)
{
    return i->anybody || (i->user_id && i->role &&
                          (strcmp(i->role, "teacher") == 0 || strcmp(i->role, "admin") == 0));
}

/* ---- calls of other services ---- */

struct lp_caller {
    char *name;
    struct lp_jwt_keys *keys;
};

int lp_caller_new(const char *name, const char *key, struct lp_caller **ret_caller,
                  struct lp_error *err)
{
    struct lp_jwt_keys *keys = NULL;

    if (lp_jwt_keys_new_caller(key, &keys, err) < 0)
        return lp_error_wrap(err, "configuration: SERVICE_TOKEN_KEY is wrong");
    struct lp_caller *c = lp_alloc(sizeof *c);
    c->name = lp_strdup(name);
    c->keys = keys;
    *ret_caller = c;
    return 0;
}

void lp_caller_free(struct lp_caller *c)
{
    if (!c)
        return;
    lp_jwt_keys_free(c->keys);
    free(c->name);
    free(c);
}

int lp_caller_header(const struct lp_caller *c, const char *audience, char **ret_header,
                     struct lp_error *err)
{
    json_int_t now_s = lp_clock_wall_ms() / 1000;
    lp_auto_free char *token = NULL;
    json_auto_t *claims = lp_json_make("{s:s, s:s, s:I, s:I}", "iss", c->name, "aud", audience,
                                       "iat", now_s, "exp", now_s + CALL_S);
    int r = lp_jwt_sign(c->keys, claims, &token, err);

    if (r == 0)
        *ret_header = lp_sprintf("Authorization: Bearer %s", token);
    return r;
}
