/* The table of routes, and the two answers that need nothing. Handlers run in the service's
 * workers. */
#include "services/auth/api.h"

#include "json/json.h"
#include "services/auth/reply.h"

static void health(struct lp_service_request *r, void *worker)
{
    (void)worker;
    reply_json(r, 200, lp_json_make("{s:s, s:s}", "status", "ok", "service", "auth-service"));
}

static void preflight(struct lp_service_request *r, void *worker)
{
    (void)worker;
    reply_preflight(r);
}

#define AUTH(name) "/api/auth/" name

const struct lp_route api_routes[] = {
    { "POST", AUTH("register"), account_register, "register", false },
    { "POST", AUTH("login"), account_login, "login", false },
    { "POST", AUTH("refresh-token"), session_refresh, "refresh-token", false },
    { "POST", AUTH("logout"), session_logout, "logout", false },
    { "GET", AUTH("me"), session_me, "me", false },
    { "GET", "/health", health, "health", true },
    { "OPTIONS", AUTH("register"), preflight, "preflight", true },
    { "OPTIONS", AUTH("login"), preflight, "preflight", true },
    { "OPTIONS", AUTH("refresh-token"), preflight, "preflight", true },
    { "OPTIONS", AUTH("logout"), preflight, "preflight", true },
    { "OPTIONS", AUTH("me"), preflight, "preflight", true },
    { NULL, NULL, NULL, NULL, false },
};
