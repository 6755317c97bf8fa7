/*
 * A mail's link carries a code. Asking for one says the same whether the account exists or not, in
 * the same time: the mail is sent by another thread, and as only an account's is written into the
 * queue, the answer leaves at a fixed time after the request. Any worker thread.
 */
#include "services/auth/accounts/recovery.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/database/store_sessions.h"
#include "services/auth/mail/code.h"
#include "services/auth/accounts/login.h"
#include "services/auth/accounts/page.h"
#include "services/auth/auth.h"
#include "services/auth/http/body.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/slow.h"
#include "services/auth/http/validate_profile.h"
#include "services/auth/mail/courier.h"
#include "services/auth/passwords/checks.h"

#define RESET_SENT "Password reset email sent. Please check your email."
#define VERIFY_SENT "Verification email sent. Please check your email."
#define EXPIRED "The link is invalid or has expired"
#define MISSING "The link has no token"
#define ASKED_MS 100 /* from a request for a mail to its answer; a write takes less */

static bool client_gone(const void *exchange)
{
    return lp_http_client_gone(exchange);
}

static void ask_mail(struct lp_service_request *r, enum store_mail_kind kind, const char *message)
{
    struct auth *auth = r->user;
    struct validate_account account;
    struct lp_error err;
    json_auto_t *body = NULL;
    json_t *details = NULL;
    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
    } else if ((details = validate_email_only(body, &account))) {
        reply_invalid(r, details);
    } else if (store_ask_mail(auth->db, kind, account.email, &err) < 0) {
        reply_failure(r, "mail", &err);
    } else {
        courier_wake(auth->courier);
        slow_reply(auth->slow, r, lp_http_arrived_ms(r->x) + ASKED_MS - lp_clock_ms(), 200,
                   lp_json_make("{s:s}", "message", message));
    }
}

void recovery_request_reset(struct lp_service_request *r, void *worker)
{
    (void)worker;
    ask_mail(r, STORE_MAIL_RESET, RESET_SENT);
}

void recovery_resend(struct lp_service_request *r, void *worker)
{
    (void)worker;
    ask_mail(r, STORE_MAIL_VERIFY, VERIFY_SENT);
}

static void reply_code(struct lp_service_request *r, int status, const char *message,
                       const char *code)
{
    page_reply(r, status, message, lp_json_make("{s:s, s:s}", "error", message, "code", code));
}

/* The sessions that came between the reset's look at them and its end; none begins with the former
 * password after that (store_start_session). */
static void end_what_began_meanwhile(struct auth *auth, const char *id)
{
    struct lp_error err;
    if (store_end_sessions_of(auth->db, id, NULL, &err) < 0)
        lp_log_warn("sessions that began during a reset not ended", "error", err.msg);
}

/* The code is looked at before the hash is paid for, and used up with it. */
static int reset(struct lp_service_request *r, const char *token, const char *password,
                 struct lp_error *err)
{
    struct auth *auth = r->user;
    struct hashpool_patience patience = { r->deadline_ms, client_gone, r->x };
    struct store_owner owner = { .email = "" };
    char code[STORE_CODE_HASH], hash[PASSWORD_HASH_MAX];
    if (!code_hash(token, code))
        return lp_error_set(err, LP_E_DENIED, "not a code");
    int done = store_peek_code(auth->db, STORE_MAIL_RESET, code, err);
    if (done < 0)
        return done;
    done = hashpool_admit(auth->hashes, err);
    if (done < 0)
        return done;
    done = hashpool_hash(auth->hashes, password, &patience, hash, err);
    hashpool_leave(auth->hashes);
    if (done == 0)
        done = store_use_reset(auth->db, code, hash, &owner, err);
    if (done < 0)
        return done;
    end_what_began_meanwhile(auth, owner.id);
    audit_note(r, "password_reset", owner.id, owner.id, NULL);
    if (owner.email[0])
        login_forget_failures(r, owner.email);
    return 0;
}

void recovery_reset(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct lp_error err;
    json_auto_t *body = NULL;
    json_t *details = NULL;
    const char *token = NULL, *password = NULL;
    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
        return;
    }
    if ((details = validate_reset(body, &token, &password))) {
        reply_invalid(r, details);
        return;
    }
    static const char message[] = "Password reset successfully";
    int done = reset(r, token, password, &err);
    if (done == LP_E_DENIED)
        reply_code(r, 400, EXPIRED, "OTP_EXPIRED");
    else if (done < 0)
        reply_failure(r, "password-reset", &err);
    else
        page_reply(r, 200, message, lp_json_make("{s:s}", "message", message));
}

static int verify(struct lp_service_request *r, const char *token, struct lp_error *err)
{
    struct auth *auth = r->user;
    char code[STORE_CODE_HASH], id[STORE_UUID];
    if (!code_hash(token, code))
        return lp_error_set(err, LP_E_DENIED, "not a code");
    int done = store_use_verify(auth->db, code, id, err);
    if (done == 0)
        audit_note(r, "email_verified", id, id, NULL);
    return done;
}

/* `type` says what the token is for; the code itself knows, so it is only checked to be a text. */
void recovery_verify(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct lp_error err;
    json_auto_t *body = NULL;
    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
        return;
    }
    const char *token = lp_json_str(body, "token", NULL);
    if (!token || !*token) {
        reply_code(r, 400, MISSING, "MISSING_TOKENS");
        return;
    }
    static const char message[] = "Email verified successfully";
    int done = verify(r, token, &err);
    if (done == LP_E_DENIED)
        reply_code(r, 400, EXPIRED, "OTP_EXPIRED");
    else if (done < 0)
        reply_failure(r, "verify-email", &err);
    else
        page_reply(r, 200, message, lp_json_make("{s:s}", "message", message));
}

/* The token of a link that could be used now; false: it has answered. */
static bool token_of_link(struct lp_service_request *r, enum store_mail_kind kind,
                          const char **ret_token)
{
    struct auth *auth = r->user;
    struct lp_error err;
    char code[STORE_CODE_HASH];
    const char *token = lp_http_query(r->x, "token"), *error = lp_http_query(r->x, "error_code");
    if (error && strcmp(error, "otp_expired") == 0) {
        reply_code(r, 410, EXPIRED, "OTP_EXPIRED");
        return false;
    }
    if (!token || !*token) {
        reply_code(r, 400, MISSING, "MISSING_TOKENS");
        return false;
    }
    int done = code_hash(token, code) ? store_peek_code(auth->db, kind, code, &err) : LP_E_DENIED;
    if (done == LP_E_DENIED)
        reply_code(r, 410, EXPIRED, "OTP_EXPIRED");
    else if (done < 0)
        reply_failure(r, "link", &err);
    *ret_token = token;
    return done == 0;
}

void recovery_verify_page(struct lp_service_request *r, void *worker)
{
    (void)worker;
    const char *token;
    if (token_of_link(r, STORE_MAIL_VERIFY, &token))
        page_form(r, "Confirm your e-mail address", "../verify-email", token, NULL, "Confirm");
}

void recovery_reset_page(struct lp_service_request *r, void *worker)
{
    (void)worker;
    const char *token;
    if (token_of_link(r, STORE_MAIL_RESET, &token))
        page_form(r, "Choose a new password", "../password-reset", token, "newPassword", "Save");
}
