/*
 * A login at the issuer: the browser is sent there with a ticket in a cookie, and comes back with a
 * code. What it comes back to is what OIDC_REDIRECT_URL says, never what a request says. Any worker
 * thread.
 */
#include "services/auth/oidc/oidc.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "services/auth/auth.h"
#include "services/auth/database/store_admin.h"
#include "services/auth/http/reply.h"
#include "services/auth/oidc/claims.h"
#include "services/auth/oidc/identities.h"
#include "services/auth/oidc/issuer.h"
#include "services/auth/oidc/linking.h"
#include "services/auth/oidc/ticket.h"
#include "services/auth/sessions/session.h"
#include "services/auth/sessions/tokens.h"

#define COOKIE "lp_login"
#define HOST_COOKIE "__Host-" COOKIE /* RFC 6265bis, 4.1.3.2: no other host of the site sets it */
#define CODE_MAX 4096
#define CODE_NAME 40

struct oidc {
    const struct oidc_settings *settings;
    struct issuer *issuer;
    json_t *roles; /* frozen */
    bool secure;   /* the browser comes by https */
};

int oidc_new(const struct oidc_settings *settings, const char *link_base, unsigned workers,
             struct oidc **ret_oidc, struct lp_error *err)
{
    *ret_oidc = NULL;
    if (!settings->issuer[0])
        return 0;
    lp_auto_free char *callback = lp_sprintf("%s/api/users/oidc/callback", link_base);
    const char *back = settings->redirect_url[0] ? settings->redirect_url : callback;
    struct oidc *o = lp_alloc(sizeof *o);
    o->settings = settings;
    o->roles = oidc_settings_roles(settings);
    o->secure = strncmp(back, "https://", 8) == 0;
    int r = issuer_new(settings, back, workers, &o->issuer, err);
    if (r < 0)
        oidc_free(o);
    else
        *ret_oidc = o;
    return r;
}

void oidc_free(struct oidc *o)
{
    if (!o)
        return;
    issuer_free(o->issuer);
    json_decref(o->roles);
    free(o);
}

/* ---- answers ---- */

static void answer(struct lp_service_request *r, int status, const char *message, const char *code)
{
    reply_json(r, status, lp_json_make("{s:s, s:s}", "error", message, "code", code));
}

static const char *cookie_name(const struct oidc *o)
{
    return o->secure ? HOST_COOKIE : COOKIE;
}

/* `value` NULL: the cookie ends. */
static void set_cookie(struct lp_service_request *r, const struct oidc *o, const char *value)
{
    char cookie[TICKET_COOKIE + 128];
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
             cookie_name(o), value ? value : "", value ? TICKET_SECONDS : 0,
             o->secure ? "; Secure" : "");
    lp_http_reply_header(r->x, "Set-Cookie", cookie);
}

/* What went wrong at the issuer or on the way to it; the reason is for the log alone. */
static void answer_failure(struct lp_service_request *r, const struct lp_error *err)
{
    if (err->code == LP_E_DENIED) {
        lp_log_info("login at the issuer refused", "why", err->msg);
        answer(r, 400, "The login at the issuer could not be completed. Begin again.",
               "LOGIN_FAILED");
    } else if (lp_error_is_transient(err->code)) {
        lp_log_warn("the issuer cannot be reached", "error", err->msg);
        lp_http_reply_header(r->x, "Retry-After", "5");
        answer(r, 503, "The issuer is not available at the moment", "ISSUER_UNAVAILABLE");
    } else {
        lp_log_error("the issuer answers otherwise than agreed", "error", err->msg);
        answer(r, 502, "The issuer gave an answer that is not understood", "ISSUER_ERROR");
    }
}

static void answer_refusal(struct lp_service_request *r, enum linking_refusal why)
{
    switch (why) {
    case LINKING_NO_EMAIL:
        answer(r, 403, "The issuer has not verified your e-mail address", "EMAIL_NOT_VERIFIED");
        break;
    case LINKING_OTHER:
        answer(r, 409, "The account of this e-mail address belongs to somebody else of the issuer",
               "ACCOUNT_TAKEN");
        break;
    case LINKING_ADMIN:
        answer(r, 403, "The account of an admin is not linked by its e-mail address",
               "ADMIN_NOT_LINKED");
        break;
    default:
        answer(r, 403, "This account is disabled", "ACCOUNT_DISABLED");
    }
}

/* ---- begin ---- */

static struct oidc *oidc_of(struct lp_service_request *r)
{
    const struct auth *auth = r->user;
    if (!auth->oidc)
        reply_error(r, 404, "Route not found");
    return auth->oidc;
}

static void ticket_key(const struct lp_service_request *r, unsigned char ret_key[TICKET_KEY])
{
    const struct auth *auth = r->user;
    tokens_derive_key(auth->tokens, "logins at an issuer", ret_key);
}

void oidc_login(struct lp_service_request *r, void *worker)
{
    (void)worker;
    const struct oidc *o = oidc_of(r);
    unsigned char key[TICKET_KEY];
    struct ticket ticket;
    struct lp_error err;
    lp_auto_free char *url = NULL;
    if (!o)
        return;
    ticket_key(r, key);
    int done = ticket_new(key, lp_clock_wall_ms() / 1000, &ticket, &err);
    OPENSSL_cleanse(key, sizeof key);
    if (done == 0)
        done = issuer_login_url(o->issuer, &ticket, &url, &err);
    if (done < 0) {
        answer_failure(r, &err);
        return;
    }
    set_cookie(r, o, ticket.cookie);
    lp_http_reply_header(r->x, "Cache-Control", "no-store");
    lp_http_reply_header(r->x, "Referrer-Policy", "no-referrer");
    lp_http_reply_header(r->x, "Location", url);
    lp_http_reply(r->x, 302, NULL, "", 0);
}

/* ---- end ---- */

/* The value of our cookie, the caller's; NULL where there is none (RFC 6265, 5.4). */
static char *cookie_of(const struct lp_service_request *r, const struct oidc *o)
{
    const char *at = lp_http_header(r->x, "Cookie"), *name = cookie_name(o);
    size_t n = strlen(name);
    for (; at && *at; at += strcspn(at, ";")) {
        at += strspn(at, "; ");
        if (strncmp(at, name, n) == 0 && at[n] == '=')
            return lp_strndup(at + n + 1, strcspn(at + n + 1, "; "));
    }
    return NULL;
}

/* The issuer says why there is no code (RFC 6749, 4.1.2.1). */
static void answer_error(struct lp_service_request *r, const char *error)
{
    if (strcmp(error, "temporarily_unavailable") == 0 || strcmp(error, "server_error") == 0) {
        lp_http_reply_header(r->x, "Retry-After", "5");
        answer(r, 503, "The issuer is not available at the moment", "ISSUER_UNAVAILABLE");
        return;
    }
    if (strcmp(error, "access_denied") != 0) {
        json_auto_t *seen = lp_json_textn(error, strnlen(error, CODE_NAME));
        lp_log_warn("the issuer refused a login", "code", json_string_value(seen));
    }
    answer(r, 403, "The issuer refused the login", "LOGIN_REFUSED");
}

static int ticket_of(struct lp_service_request *r, const struct oidc *o, struct ticket *ret_ticket,
                     struct lp_error *err)
{
    unsigned char key[TICKET_KEY];
    lp_auto_free char *cookie = cookie_of(r, o);
    ticket_key(r, key);
    int done = ticket_read(key, cookie, lp_http_query(r->x, "state"), lp_clock_wall_ms() / 1000,
                           ret_ticket, err);
    OPENSSL_cleanse(key, sizeof key);
    return done;
}

/* The code that the browser brings back; NULL: it has answered. */
static const char *code_of(struct lp_service_request *r, const struct oidc *o,
                           struct ticket *ret_ticket)
{
    struct lp_error err;
    const char *code = lp_http_query(r->x, "code"), *error = lp_http_query(r->x, "error");
    const char *issuer = lp_http_query(r->x, "iss");
    int done = ticket_of(r, o, ret_ticket, &err);
    if (done == LP_E_DENIED)
        answer(r, 400, "This login has expired or was begun elsewhere. Begin again.",
               "STATE_INVALID");
    else if (done < 0)
        reply_failure(r, "oidc-callback", &err);
    else if (issuer && strcmp(issuer, o->settings->issuer) != 0) /* RFC 9207, 2.4 */
        answer(r, 400, "This answer is from another issuer. Begin again.", "STATE_INVALID");
    else if (error)
        answer_error(r, error);
    else if (!code || !*code || strlen(code) > CODE_MAX)
        answer(r, 400, "The issuer's answer has no code. Begin again.", "CODE_MISSING");
    else
        return code;
    return NULL;
}

/* What changed since the account was read (its role) is read again, once. LP_E_DENIED: it was
 * disabled, which `user` then says, or is gone. */
static int begin_session(struct lp_service_request *r, struct store_user *user, char **ret_access,
                         char **ret_refresh, struct lp_error *err)
{
    const struct auth *auth = r->user;
    char id[STORE_UUID];
    int done = session_start(r, user, ret_access, ret_refresh, err);
    if (done != LP_E_CONFLICT)
        return done;
    snprintf(id, sizeof id, "%s", user->id);
    done = store_find_profile(auth->db, id, user, err);
    if (done == LP_E_NOT_FOUND || (done == 0 && user->disabled_at))
        return lp_error_set(err, LP_E_DENIED, "the account was disabled or deleted meanwhile");
    return done < 0 ? done : session_start(r, user, ret_access, ret_refresh, err);
}

static void greet(struct lp_service_request *r, struct store_user *user)
{
    struct lp_error err;
    lp_auto_free char *access = NULL;
    lp_auto_free char *refresh = NULL;
    int done = begin_session(r, user, &access, &refresh, &err);
    if (done == LP_E_DENIED && user->disabled_at) {
        answer_refusal(r, LINKING_DISABLED);
        return;
    }
    if (done == LP_E_DENIED) {
        answer_failure(r, &err);
        return;
    }
    if (done == LP_E_CONFLICT) {
        reply_busy(r);
        return;
    }
    if (done < 0) {
        reply_failure(r, "oidc-callback", &err);
        return;
    }
    json_t *shown =
        lp_json_make("{s:s, s:s, s:s}", "id", user->id, "email", user->email, "name", user->name);
    reply_json(r, 200,
               lp_json_make("{s:s, s:s, s:s, s:o}", "message", "Login successful", "token", access,
                            "refreshToken", refresh, "user", shown));
}

/* The issuer has said who it is. */
static void enter(struct lp_service_request *r, const struct oidc *o, const struct ticket *ticket,
                  const json_t *claims)
{
    const struct auth *auth = r->user;
    struct claims_person person;
    enum linking_refusal why;
    struct lp_error err;
    store_auto_user struct store_user user = { 0 };
    claims_person(claims, o->settings, o->roles, &person);
    int done = identities_use_state(auth->db, ticket->hash, ticket->expires_s, &err);
    if (done == LP_E_DENIED) {
        answer(r, 400, "This login was completed before. Begin again.", "STATE_INVALID");
        return;
    }
    if (done == 0)
        done = linking_account(r, o->settings->issuer, &person, &user, &why, &err);
    if (done == LP_E_DENIED)
        answer_refusal(r, why);
    else if (done < 0)
        reply_failure(r, "oidc-callback", &err);
    else
        greet(r, &user);
}

void oidc_callback(struct lp_service_request *r, void *worker)
{
    (void)worker;
    const struct oidc *o = oidc_of(r);
    struct ticket ticket;
    struct lp_error err;
    json_auto_t *claims = NULL;
    const char *code = o ? code_of(r, o, &ticket) : NULL;
    if (!code)
        return;
    if (issuer_claims(o->issuer, &ticket, code, &claims, &err) < 0) {
        answer_failure(r, &err);
        return;
    }
    set_cookie(r, o, NULL);
    enter(r, o, &ticket, claims);
}
