/* The table of routes, and the answer that needs nothing. Handlers run in the service's workers. */
#include "services/auth/api.h"

#include <string.h>

#include "json/json.h"
#include "services/auth/accounts/account.h"
#include "services/auth/accounts/admin.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/accounts/login.h"
#include "services/auth/accounts/profile.h"
#include "services/auth/accounts/recovery.h"
#include "services/auth/auth.h"
#include "services/auth/http/cors.h"
#include "services/auth/http/reply.h"
#include "services/auth/learners/learner.h"
#include "services/auth/oidc/oidc.h"
#include "services/auth/openapi.h"
#include "services/auth/sessions/session.h"

static void health(struct lp_service_request *r, void *worker)
{
    (void)worker;
    reply_json(r, 200, lp_json_make("{s:s, s:s}", "status", "ok", "service", "auth-service"));
}

static void openapi(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply(r->x, 200, "application/json; charset=utf-8", openapi_json, strlen(openapi_json));
}

bool api_filter(struct lp_service_request *r)
{
    const struct auth *auth = r->user;
    return cors_filter(r, auth->cors_origin);
}

#define AUTH(name) "/api/auth/" name
#define USERS(name) "/api/users/" name
#define ADMIN(name) "/api/admin/" name

const struct lp_route api_routes[] = {
    { "POST", AUTH("register"), account_register, "register", false },
    { "POST", AUTH("login"), login_route, "login", false },
    { "POST", AUTH("refresh-token"), session_refresh, "refresh-token", false },
    { "POST", AUTH("logout"), session_logout, "logout", false },
    { "POST", AUTH("logout-everywhere"), session_logout_everywhere, "logout-everywhere", false },
    { "GET", AUTH("sessions"), session_list, "sessions", false },
    { "DELETE", AUTH("sessions/:id"), session_end, "session-end", false },
    { "GET", AUTH("me"), session_me, "me", false },
    { "POST", AUTH("password-reset/request"), recovery_request_reset, "reset-request", false },
    { "POST", AUTH("password-reset"), recovery_reset, "password-reset", false },
    { "GET", AUTH("password-reset/callback"), recovery_reset_page, "reset-page", false },
    { "POST", AUTH("verify-email"), recovery_verify, "verify-email", false },
    { "GET", AUTH("verify-email/callback"), recovery_verify_page, "verify-page", false },
    { "POST", AUTH("resend-verification"), recovery_resend, "resend-verification", false },
    { "GET", USERS("profile"), profile_mine, "profile", false },
    { "PUT", USERS("profile"), profile_change, "profile-change", false },
    { "DELETE", USERS("profile"), profile_delete, "profile-delete", false },
    { "POST", USERS("profile/upload-picture"), profile_upload, "upload-picture", false },
    { "GET", USERS("profile/:id"), profile_of, "profile-of", false },
    { "GET", USERS(":id/data"), learner_export, "export", false },
    { "DELETE", USERS(":id/data"), learner_erase, "erase", false },
    { "GET", USERS("erasures/:receipt"), learner_receipt, "receipt", false },
    { "GET", USERS("oidc/login"), oidc_login, "oidc-login", false },
    { "GET", USERS("oidc/callback"), oidc_callback, "oidc-callback", false },
    { "GET", USERS("pictures/:id"), profile_picture, "picture", false },
    { "GET", ADMIN("users"), admin_users, "admin-users", false },
    { "PUT", ADMIN("users/:id/role"), admin_role, "admin-role", false },
    { "PUT", ADMIN("users/:id/disabled"), admin_disabled, "admin-disabled", false },
    { "GET", ADMIN("audit"), audit_route, "audit", false },
    { "GET", "/.well-known/jwks.json", session_jwks, "jwks", true },
    { "GET", "/openapi.json", openapi, "openapi", true },
    { "GET", "/health", health, "health", true },
    { NULL, NULL, NULL, NULL, false },
};
