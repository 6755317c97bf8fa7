/* operator/reconcile/http_route.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/http_route.h"

#include "base/alloc.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "platform/plan_parts.h"

void http_route_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                        struct optional_kind *ret_route, struct notices *notices)
{
    *ret_route = (struct optional_kind){ .kind = CHILD_HTTP_ROUTE,
                                         .suffix = service_kinds[SERVICE_GATEWAY].name };
    optional_kind_prepare(ctx, ret_route, lp_kube_condition(status, "RouteAccepted") != NULL,
                          "take expose.httpRoute out of the spec", plan, &notices->route);
}

/* ---- what the Gateways say ---- */

static const char *text(const json_t *parent, const char *field, const char *otherwise)
{
    const char *value = lp_json_str(parent, "parentRef", field, NULL);
    return value ? value : otherwise;
}

/* False: this Gateway takes the route. */
static bool is_refused(const json_t *parent, const char *ns, struct condition_notice *n)
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
        lp_auto_free char *why =
            lp_sprintf("Gateway %.63s/%.253s: %s: %.64s: %.500s", text(parent, "namespace", ns),
                       text(parent, "name", "?"), needed[i].type, reason ? reason : "",
                       message ? message : "");
        notices_say(n, "False", needed[i].reason, why);
        return true;
    }
    return false;
}

static void tell_of_parents(const json_t *route, const char *ns, struct condition_notice *n)
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
    const char *name = lp_json_str(route, "metadata", "name", NULL);
    bool all = taken >= json_array_size(asked);
    lp_auto_free char *why =
        all ? lp_sprintf("%zu Gateways take HTTPRoute %s", taken, name)
            : lp_sprintf("%zu of %zu Gateways have answered for HTTPRoute %s: are those of "
                         "spec.services.gateway.expose.httpRoute.parentRefs there, and has their "
                         "GatewayClass a controller?",
                         taken, json_array_size(asked), name);
    notices_say(n, all ? "True" : "Unknown", all ? "Accepted" : "NoAnswer", why);
}

void http_route_notice(struct reconcile_context *ctx, const struct optional_kind *route,
                       const struct plan *plan, const struct observed *observed,
                       struct notices *notices)
{
    const json_t *object = optional_kind_child(ctx, route, plan, observed, &notices->route);

    if (object)
        tell_of_parents(object, ctx->platform->ns, &notices->route);
}
