/* services/learning/api.c -- which route is answered where, and which service may call it. */
#include "services/learning/api.h"

#include <string.h>

#include "services/learning/handlers.h"
#include "services/learning/openapi.h"

static void health(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply_json(r->x, 200,
                       json_pack("{s:s,s:s}", "status", "ok", "service", "learning-service"));
}

static void openapi(struct lp_service_request *r, void *worker)
{
    (void)worker;
    lp_http_reply(r->x, 200, "application/json; charset=utf-8", openapi_json, strlen(openapi_json));
}

const struct lp_route api_routes[] = {
    { "GET", "/api/ontology/classes", handle_classes, "classes", false },
    { "PUT", "/api/ontology/classes/:class", handle_put_class, "putClass", false },
    { "GET", "/api/ontology/classes/:class/instances", handle_instances, "instances", false },
    { "GET", "/api/ontology/items/:id", handle_item, "item", false },
    { "PUT", "/api/ontology/items/:id", handle_put_item, "putItem", false },
    { "DELETE", "/api/ontology/items/:id", handle_delete_item, "deleteItem", false },
    { "GET", "/api/ontology/items/:id/versions", handle_versions, "versions", false },
    { "POST", "/api/ontology/items/:id/undo", handle_undo_item, "undoItem", false },
    { "GET", "/api/ontology/export", handle_export_content, "exportContent", false },
    { "POST", "/api/ontology/import", handle_import, API_IMPORT, false },
    { "GET", "/api/ontology/imports", handle_imports, "imports", false },
    { "POST", "/api/ontology/imports/:id/undo", handle_undo_import, "undoImport", false },
    { "POST", "/api/reasoning/reviews", handle_review, "review", false },
    { "POST", "/api/reasoning/recommend", handle_recommend, "recommend", false },
    { "GET", "/api/reasoning/estimate", handle_estimate, "estimate", false },
    { "DELETE", "/api/reasoning/model", handle_reset_all, "resetAll", false },
    { "DELETE", "/api/reasoning/model/:userId", handle_reset, "reset", false },
    { "GET", "/api/reasoning/data/:userId", handle_export, "export", false },
    { "DELETE", "/api/reasoning/data/:userId", handle_erase, "erase", false },
    { "POST", "/api/learning/events", handle_event, "event", false },
    { "GET", "/openapi.json", openapi, "openapi", true },
    { "GET", "/health", health, "health", true },
    { 0 },
};

const struct lp_identity_grant api_grants[] = {
    { "auth", "export" },
    { "auth", "erase" },
    { "progress", "event" },
    { 0 },
};
