/* platform/plan_http_route.c -- the HTTPRoute of the gateway (gateway.networking.k8s.io/v1), for
 * the Gateways that the spec names. TLS ends at their listeners. Pure. */
#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"

/* Of the fields that a parent may have, those that the spec has. */
static json_t *parents(const json_t *wanted)
{
    json_t *list = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach(wanted, i, item) json_array_append_new(
        list, lp_json_make("{s:s, s:s*, s:s*}", "name", lp_json_str(item, "name", NULL),
                           "namespace", lp_json_str(item, "namespace", NULL), "sectionName",
                           lp_json_str(item, "sectionName", NULL)));
    return list;
}

/* Everything goes to the gateway, which knows its routes, methods and times. */
static json_t *rules(const char *service)
{
    return lp_json_make("[{s:[{s:{s:s, s:s}}], s:[{s:s, s:i}]}]", "matches", "path", "type",
                        "PathPrefix", "value", "/", "backendRefs", "name", service, "port",
                        service_kinds[SERVICE_GATEWAY].port);
}

json_t *plan_http_route(const struct platform *p)
{
    const struct service_spec *s = &p->spec.services[SERVICE_GATEWAY];
    const char *suffix = service_kinds[SERVICE_GATEWAY].name;
    lp_auto_free char *service = plan_name(p, suffix);
    json_t *o = plan_object(p, &lp_kube_http_routes, suffix);

    json_object_set_new(o, "spec",
                        lp_json_make("{s:o, s:o*, s:o}", "parentRefs",
                                     parents(s->expose.http_route.parents), "hostnames",
                                     plan_copy_or_null(s->expose.http_route.hostnames), "rules",
                                     rules(service)));
    return o;
}
