/* services/progress/api.c -- which route is answered where, and which service may call it. */
#include "services/progress/api.h"

#include <string.h>

#include "services/progress/handlers.h"
#include "services/progress/openapi.h"

static void health(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply_json(r->x, 200,
                       json_pack("{s:s,s:s}", "status", "ok", "service", "progress-service"));
}

static void openapi(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply(r->x, 200, "application/json; charset=utf-8", openapi_json, strlen(openapi_json));
}

const struct lp_route api_routes[] = {
    { "POST", "/api/progress/activityLog", handle_log, "activityLog", false },
    { "GET", "/api/progress/activityLog/:userId", handle_list, "activityLogs", false },
    { "GET", "/api/progress/recommendation/:userId", handle_recommend, "recommendation", false },
    { "GET", "/api/progress/summary/:userId", handle_summary, "summary", false },
    { "GET", "/api/progress/analytics", handle_analytics, "analytics", false },
    { "GET", "/api/progress/data/:userId", handle_export, "export", false },
    { "DELETE", "/api/progress/data/:userId", handle_erase, "erase", false },
    { "GET", "/openapi.json", openapi, "openapi", true },
    { "GET", "/health", health, "health", true },
    { 0 },
};

const struct lp_identity_grant api_grants[] = {
    { "ai-feedback", "activityLog" },
    { "auth", "export" },
    { "auth", "erase" },
    { 0 },
};
