/*
 * Registering needs a password hash, so it first takes a place at the hash pool: beyond it it is
 * answered 503 before it costs anything. Between the queries no connection is held.
 */
#include "services/auth/accounts/account.h"

#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/auth.h"
#include "services/auth/database/store.h"
#include "services/auth/http/body.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/validate.h"
#include "services/auth/mail/courier.h"
#include "services/auth/passwords/checks.h"

#define REGISTERED "User registered successfully. Please check your email for verification."

static bool client_gone(const void *exchange)
{
    return lp_http_client_gone(exchange);
}

static void register_user(struct lp_service_request *r, const struct validate_account *account)
{
    struct auth *auth = r->user;
    struct hashpool_patience patience = { r->deadline_ms, client_gone, r->x };
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
    if (done == LP_E_EXISTS) { /* by another request, while this one hashed */
        reply_error(r, 409, "User already exists with this email");
    } else if (done < 0) {
        reply_failure(r, "register", &err);
    } else {
        audit_note(r, "registered", id, id, NULL);
        courier_wake(auth->courier);
        checks_remember(auth->checks, hash, account->password);
        reply_json(r, 201, lp_json_make("{s:s, s:s}", "message", REGISTERED, "userId", id));
    }
}

void account_register(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct validate_account account;
    struct lp_error err;
    json_auto_t *body = NULL;
    json_t *details = NULL;

    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
    } else if ((details = validate_register(body, &account))) {
        reply_invalid(r, details);
    } else if (hashpool_admit(auth->hashes, &err) < 0) {
        reply_busy(r);
    } else {
        register_user(r, &account);
        hashpool_leave(auth->hashes);
    }
}
