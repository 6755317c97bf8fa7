/* operator/reconcile/http_route.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/http_route.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "platform/ownership.h"
#include "platform/plan_parts.h"

#define CONDITION "RouteAccepted"
#define LISTED_MS 250  /* until the first list of the kind is there */
#define AGAIN_MS 10000 /* for a kind that the cluster does not have; no watch tells of it */

static int find(const struct plan *plan)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_HTTP_ROUTE)
            return (int)i;
    return -1;
}

static void set(struct notices *n, const char *status, const char *reason)
{
    n->route_status = status;
    n->route_reason = reason;
}

/* What keeps the kind from being watched, as `code` and `why` of cache_watch_optional say. */
static void tell_of_absence(int code, const struct lp_error *why, struct notices *n)
{
    if (code == LP_E_NOT_FOUND) {
        set(n, "False", "DefinitionMissing");
        lp_buf_str(&n->route,
                   "the cluster has no HTTPRoute (CustomResourceDefinition "
                   "httproutes.gateway.networking.k8s.io, version v1): install Gateway API with a "
                   "controller, or take expose.httpRoute out of the spec; looked at again every "
                   "10 s");
    } else if (code == LP_E_DENIED) {
        set(n, "False", "NotAllowed");
        lp_buf_printf(&n->route,
                      "the operator may not watch httproutes.gateway.networking.k8s.io (%.300s): "
                      "apply the rights of its version (config/rbac); looked at again every 10 s",
                      why->msg);
    } else {
        set(n, "Unknown", "NotListed");
        lp_buf_printf(&n->route, "HTTPRoutes are not known yet: %.300s", why->msg);
    }
}

int http_route_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                       struct notices *notices)
{
    int i = find(plan);
    struct lp_error why;

    if (i < 0 && !lp_kube_condition(status, CONDITION))
        return 0;
    if (i < 0)
        ctx->state->pruned_generation = 0; /* it was not, or may not be, there to be seen */
    int r = cache_watch_optional(ctx->r->cache, CHILD_HTTP_ROUTE, ctx->r->client, ctx->platform->ns,
                                 &why);
    if (r == 0 || (r == LP_E_NOT_FOUND && i < 0))
        return 0; /* without the kind none is left to be deleted */
    if (i >= 0)
        plan->children[i].paused = true;
    tell_of_absence(r, &why, notices);
    context_again(ctx, r == LP_E_TIMEOUT ? LISTED_MS : AGAIN_MS);
    return r;
}

/* ---- what the Gateways say ---- */

static const char *text(const json_t *parent, const char *field, const char *otherwise)
{
    const char *value = lp_json_str(parent, "parentRef", field, NULL);
    return value ? value : otherwise;
}

/* False: this Gateway takes the route. */
static bool is_refused(const json_t *parent, const char *ns, struct notices *n)
{
    static const struct {
        const char *type, *reason;
    } needed[] = { { "Accepted", "NotAccepted" }, { "ResolvedRefs", "RefsNotResolved" } };

    for (size_t i = 0; i < LP_COUNT(needed); i++) {
        const json_t *c = lp_kube_condition(parent, needed[i].type);
        if (!c || !lp_kube_condition_is(parent, needed[i].type, "False"))
            continue;
        const char *reason = lp_json_str(c, "reason", NULL);
        const char *message = lp_json_str(c, "message", NULL);
        set(n, "False", needed[i].reason);
        lp_buf_printf(&n->route, "Gateway %.63s/%.253s: %s: %.64s: %.500s",
                      text(parent, "namespace", ns), text(parent, "name", "?"), needed[i].type,
                      reason ? reason : "", message ? message : "");
        return true;
    }
    return false;
}

static void tell_of_parents(const json_t *route, const char *ns, struct notices *n)
{
    const json_t *said = lp_json_at(route, "status", "parents", NULL), *parent;
    const json_t *asked = lp_json_at(route, "spec", "parentRefs", NULL);
    size_t taken = 0, i;

    json_array_foreach(said, i, parent)
    {
        if (is_refused(parent, ns, n))
            return;
        taken += lp_kube_condition_is(parent, "Accepted", "True");
    }
    if (taken >= json_array_size(asked)) {
        set(n, "True", "Accepted");
        lp_buf_printf(&n->route, "%zu Gateways take HTTPRoute %s", taken,
                      lp_json_str(route, "metadata", "name", NULL));
        return;
    }
    set(n, "Unknown", "NoAnswer");
    lp_buf_printf(&n->route,
                  "%zu of %zu Gateways have answered for HTTPRoute %s: are those of "
                  "spec.services.gateway.expose.httpRoute.parentRefs there, and has their "
                  "GatewayClass a controller?",
                  taken, json_array_size(asked), lp_json_str(route, "metadata", "name", NULL));
}

/* Until it is gone the condition stays, so that an operator that starts now looks for it too. */
static void tell_of_end(const struct reconcile_context *ctx, struct notices *notices)
{
    const struct platform *p = ctx->platform;
    lp_auto_free char *name = plan_name(p, service_kinds[SERVICE_GATEWAY].name);
    json_auto_t *route = cache_child(ctx->r->cache, CHILD_HTTP_ROUTE, p->ns, name);

    if (!route || !ownership_has(route, p->uid))
        return;
    set(notices, "Unknown", "Leaving");
    lp_buf_printf(&notices->route, "HTTPRoute %s goes, as the spec does not ask for it", name);
}

void http_route_notice(struct reconcile_context *ctx, const struct plan *plan,
                       const struct observed *observed, struct notices *notices)
{
    int i = find(plan);

    if (i < 0) {
        tell_of_end(ctx, notices);
        return;
    }
    if (observed->objects[i]) {
        tell_of_parents(observed->objects[i], ctx->platform->ns, notices);
        return;
    }
    set(notices, "Unknown", "NotThere");
    lp_buf_printf(&notices->route, "HTTPRoute %s is not there yet", plan->children[i].name);
    context_again(ctx, AGAIN_MS);
}
