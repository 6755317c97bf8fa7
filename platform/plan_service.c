/* platform/plan_service.c -- the Services and NetworkPolicies of services and databases. Pure. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"

static const int database_ports[N_ENGINES] = { [ENGINE_POSTGRES] = 5432, [ENGINE_MONGODB] = 27017 };

json_t *plan_service(const struct platform *p, enum service_id id)
{
    const struct service_kind kind = plan_kind(p, id);
    const struct service_spec *s = &p->spec.services[id];
    json_t *o = plan_object(p, &lp_kube_services, kind.name);
    json_t *port = lp_json_make("{s:s, s:i, s:s, s:s}", "name", "http", "port", kind.port,
                                "targetPort", "http", "protocol", "TCP");

    if (s->expose.node_port > 0)
        json_object_set_new(port, "nodePort", json_integer(s->expose.node_port));
    json_object_set_new(o, "spec",
                        lp_json_make("{s:s, s:s*, s:o, s:[o]}", "type", s->expose.type,
                                     "externalTrafficPolicy", s->expose.traffic_policy, "selector",
                                     plan_selector(p, kind.name), "ports", port));
    return o;
}

/* Headless: the one pod is reached directly, and its name is stable. */
json_t *plan_database_service(const struct platform *p, enum database_id id)
{
    const char *suffix = database_kinds[id].name;
    json_t *o = plan_object(p, &lp_kube_services, suffix);

    json_object_set_new(o, "spec",
                        lp_json_make("{s:s, s:s, s:o, s:[{s:s, s:i, s:s, s:s}]}", "type",
                                     "ClusterIP", "clusterIP", "None", "selector",
                                     plan_selector(p, suffix), "ports", "name", "db", "port",
                                     database_ports[database_kinds[id].engine], "targetPort", "db",
                                     "protocol", "TCP"));
    return o;
}

static json_t *from_pods(const struct platform *p, const char *suffix)
{
    return lp_json_make("{s:{s:o}}", "podSelector", "matchLabels", plan_selector(p, suffix));
}

/* Takes over `from`; NULL: from everywhere. */
static json_t *ingress(json_t *from, const char *port)
{
    return lp_json_make("{s:o*, s:[{s:s, s:s}]}", "from", from, "ports", "port", port, "protocol",
                        "TCP");
}

/* Takes over `rules`. */
static json_t *policy(const struct platform *p, const char *suffix, json_t *rules)
{
    json_t *o = plan_object(p, &lp_kube_network_policies, suffix);
    json_object_set_new(o, "spec",
                        lp_json_make("{s:{s:o}, s:[s], s:o}", "podSelector", "matchLabels",
                                     plan_selector(p, suffix), "policyTypes", "Ingress", "ingress",
                                     rules));
    return o;
}

/* Which services call which, as bits: the gateway passes learners on, AI feedback keeps results in
 * progress, progress tells learning of scores, auth takes a deleted account's records away, and all
 * ask auth for its public keys. */
#define CALLER(id) (1U << (id))
static const unsigned caller_bits[N_OWN_SERVICES] = {
    [SERVICE_AUTH] = CALLER(SERVICE_GATEWAY) | CALLER(SERVICE_AI_FEEDBACK) |
                     CALLER(SERVICE_PROGRESS) | CALLER(SERVICE_LEARNING),
    [SERVICE_AI_FEEDBACK] = CALLER(SERVICE_GATEWAY) | CALLER(SERVICE_AUTH),
    [SERVICE_PROGRESS] =
        CALLER(SERVICE_GATEWAY) | CALLER(SERVICE_AI_FEEDBACK) | CALLER(SERVICE_AUTH),
    [SERVICE_LEARNING] = CALLER(SERVICE_GATEWAY) | CALLER(SERVICE_AUTH) | CALLER(SERVICE_PROGRESS),
};

/* An extra service is called by the gateway, and asks auth for its public keys. */
static bool may_call(unsigned caller, enum service_id id)
{
    if (id >= N_OWN_SERVICES)
        return caller == SERVICE_GATEWAY;
    if (caller >= N_OWN_SERVICES)
        return id == SERVICE_AUTH;
    return (caller_bits[id] & CALLER(caller)) != 0;
}

/* Who may call a service; NULL: everybody. */
static json_t *callers(const struct platform *p, enum service_id id)
{
    json_t *from = id == SERVICE_GATEWAY ? NULL : json_array();

    for (unsigned i = 0; i < spec_n_services(&p->spec) && from; i++)
        if (spec_has_service(&p->spec, i) && may_call(i, id))
            json_array_append_new(from, from_pods(p, plan_kind(p, i).name));
    return from;
}

json_t *plan_network_policy(const struct platform *p, enum service_id id)
{
    /* Scrapers are in other namespaces: the operator, a Prometheus. */
    json_t *scrapers = lp_json_make("[{s:{}}]", "namespaceSelector");
    json_t *rules = json_array(), *from = callers(p, id);

    if (!from || json_array_size(from) > 0) /* an empty list would admit everybody */
        json_array_append_new(rules, ingress(json_incref(from), "http"));
    json_decref(from);
    if (plan_has_metrics(p, id))
        json_array_append_new(rules, ingress(json_incref(scrapers), "metrics"));
    json_decref(scrapers);
    return policy(p, plan_kind(p, id).name, rules);
}

json_t *plan_database_policy(const struct platform *p, enum database_id id)
{
    json_t *from = json_array();

    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        if (plan_uses_database(p, i, id))
            json_array_append_new(from, from_pods(p, service_kinds[i].name));
    return policy(p, database_kinds[id].name, lp_json_make("[o]", ingress(from, "db")));
}
