/*
 * Register and login. Both need a password hash, so both first take a place at the hash pool:
 * beyond it they are answered 503 before they cost anything. Between the queries no connection is
 * held.
 */
#include "services/auth/accounts/account.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/auth/auth.h"
#include "services/auth/database/store.h"
#include "services/auth/http/body.h"
#include "services/auth/http/reply.h"
#include "services/auth/sessions/session.h"
#include "services/auth/http/validate.h"
#include "services/auth/passwords/hashpool.h"

#define REGISTERED "User registered successfully. Please check your email for verification."

static bool client_gone(const void *exchange)
{
    return lp_http_client_gone(exchange);
}

static struct hashpool_patience patience_of(const struct lp_service_request *r)
{
    return (struct hashpool_patience){ r->deadline_ms, client_gone, r->x };
}

static void register_user(struct lp_service_request *r, const struct validate_account *account)
{
    struct auth *auth = r->user;
    struct hashpool_patience patience = patience_of(r);
    struct lp_error err;
    store_auto_user struct store_user taken = { 0 };
    char hash[PASSWORD_HASH_MAX], id[STORE_UUID];

    int found = store_find_by_email(auth->db, account->email, &taken, &err);
    if (found == 0) {
        reply_error(r, 409, "User already exists with this email");
        return;
    }
    int done = found == LP_E_NOT_FOUND ? 0 : found;
    if (done == 0)
        done = hashpool_hash(auth->hashes, account->password, &patience, hash, &err);
    if (done == 0)
        done = store_create_user(auth->db, account->email, hash, account->name, id, &err);
    if (done == LP_E_EXISTS) /* by another request, while this one hashed */
        reply_error(r, 409, "User already exists with this email");
    else if (done < 0)
        reply_failure(r, "register", &err);
    else
        reply_json(r, 201, lp_json_make("{s:s, s:s}", "message", REGISTERED, "userId", id));
}

static void renew_hash(struct lp_service_request *r, const struct store_user *user,
                       const char *newer)
{
    struct auth *auth = r->user;
    struct lp_error err;
    if (newer[0] && store_replace_password(auth->db, user->id, user->password, newer, &err) < 0)
        lp_log_warn("password hash not renewed", "error", err.msg);
}

static void greet(struct lp_service_request *r, const struct store_user *user)
{
    struct auth *auth = r->user;
    struct lp_error err;
    lp_auto_free char *access = NULL;
    lp_auto_free char *refresh = NULL;

    int done = session_start(auth, user, &access, &refresh, &err);
    if (done == LP_E_NOT_FOUND) { /* deleted a moment ago */
        reply_error(r, 400, "Invalid login credentials");
    } else if (done < 0) {
        reply_failure(r, "login", &err);
    } else {
        json_t *shown = lp_json_make("{s:s, s:s, s:s}", "id", user->id, "email", user->email,
                                     "name", user->name);
        reply_json(r, 200,
                   lp_json_make("{s:s, s:s, s:s, s:o}", "message", "Login successful", "token",
                                access, "refreshToken", refresh, "user", shown));
    }
}

static void login_user(struct lp_service_request *r, const struct validate_account *account)
{
    struct auth *auth = r->user;
    struct hashpool_patience patience = patience_of(r);
    struct lp_error err;
    store_auto_user struct store_user user = { 0 };
    char newer[PASSWORD_HASH_MAX];
    bool matches = false;

    int done = store_find_by_email(auth->db, account->email, &user, &err);
    if (done == 0 || done == LP_E_NOT_FOUND)
        done = hashpool_verify(auth->hashes, user.password, account->password, &patience, &matches,
                               newer, &err);
    if (done < 0) {
        reply_failure(r, "login", &err);
    } else if (!matches) {
        reply_error(r, 400, "Invalid login credentials");
    } else {
        renew_hash(r, &user, newer);
        greet(r, &user);
    }
}

static void with_body(struct lp_service_request *r,
                      json_t *(*validate)(const json_t *, struct validate_account *),
                      void (*go_on)(struct lp_service_request *, const struct validate_account *))
{
    struct auth *auth = r->user;
    struct validate_account account;
    struct lp_error err;
    json_auto_t *body = NULL;
    json_t *details = NULL;

    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
    } else if ((details = validate(body, &account))) {
        reply_invalid(r, details);
    } else if (hashpool_admit(auth->hashes, &err) < 0) {
        reply_busy(r);
    } else {
        go_on(r, &account);
        hashpool_leave(auth->hashes);
    }
}

void account_register(struct lp_service_request *r, void *worker)
{
    (void)worker;
    with_body(r, validate_register, register_user);
}

void account_login(struct lp_service_request *r, void *worker)
{
    (void)worker;
    with_body(r, validate_login, login_user);
}
