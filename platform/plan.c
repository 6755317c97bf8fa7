/*
 * platform/plan.c -- puts the children of a platform together. Pure: the same spec gives the same
 * bytes, so that the hash of an intent tells whether anything has to be applied.
 */
#include "platform/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/intent.h"
#include "platform/plan_parts.h"

const struct lp_kube_kind *const child_kinds[N_CHILD_KINDS] = {
    [CHILD_CLAIM] = &lp_kube_volume_claims,
    [CHILD_SERVICE_ACCOUNT] = &lp_kube_service_accounts,
    [CHILD_CONFIG_MAP] = &lp_kube_config_maps,
    [CHILD_NETWORK_POLICY] = &lp_kube_network_policies,
    [CHILD_SERVICE] = &lp_kube_services,
    [CHILD_STATEFUL_SET] = &lp_kube_stateful_sets,
    [CHILD_DEPLOYMENT] = &lp_kube_deployments,
    [CHILD_HPA] = &lp_kube_hpas,
    [CHILD_PDB] = &lp_kube_pdbs,
    [CHILD_INGRESS] = &lp_kube_ingresses,
    [CHILD_HTTP_ROUTE] = &lp_kube_http_routes,
    [CHILD_POD_MONITOR] = &lp_kube_pod_monitors,
    [CHILD_PROMETHEUS_RULE] = &lp_kube_prometheus_rules,
};

/* `service` is an id, or -1; else the child is of the database `database`. */
static struct child *add(struct plan *plan, const struct platform *p, enum child_kind kind,
                         int service, enum database_id database)
{
    if (plan->n == PLAN_MAX_CHILDREN)
        abort();
    struct child *c = &plan->children[plan->n++];
    const char *suffix =
        service >= 0 ? plan_kind(p, (unsigned)service).name : database_kinds[database].name;
    *c = (struct child){
        .kind = kind,
        .service = service,
        .database = (int)database,
        .paused = !spec_is_active(&p->spec) || (service >= 0 && p->spec.services[service].paused),
        .initial_replicas = -1,
        .name = kind == CHILD_CLAIM ? plan_claim_name(p, database) : plan_name(p, suffix)
    };
    return c;
}

static void add_service(struct plan *plan, const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    int service = (int)id;

    add(plan, p, CHILD_SERVICE_ACCOUNT, service, 0);
    add(plan, p, CHILD_CONFIG_MAP, service, 0);
    if (p->spec.network_policy.enabled)
        add(plan, p, CHILD_NETWORK_POLICY, service, 0);
    add(plan, p, CHILD_SERVICE, service, 0);
    struct child *c = add(plan, p, CHILD_DEPLOYMENT, service, 0);
    if (s->replicas < 0)
        c->initial_replicas = platform_min_replicas(p, id);
    if (s->autoscaling.enabled)
        add(plan, p, CHILD_HPA, service, 0);
    add(plan, p, CHILD_PDB, service, 0);
    if (s->expose.ingress.host)
        add(plan, p, CHILD_INGRESS, service, 0);
    if (s->expose.http_route.parents)
        add(plan, p, CHILD_HTTP_ROUTE, service, 0);
}

static void add_database(struct plan *plan, const struct platform *p, enum database_id id)
{
    unsigned first = plan->n;

    if (!p->databases[id].leaving)
        add(plan, p, CHILD_CLAIM, -1, id);
    add(plan, p, CHILD_SERVICE_ACCOUNT, -1, id);
    if (p->spec.network_policy.enabled)
        add(plan, p, CHILD_NETWORK_POLICY, -1, id);
    add(plan, p, CHILD_SERVICE, -1, id);
    add(plan, p, CHILD_STATEFUL_SET, -1, id);
    for (unsigned i = first; i < plan->n && p->databases[id].leaving; i++)
        plan->children[i].paused = plan->children[i].leaving = true;
}

/* Of the platform as a whole. */
static void add_monitoring(struct plan *plan, const struct platform *p)
{
    const struct {
        const char *choice, *made;
        enum child_kind kind;
    } asked[] = { { p->spec.monitoring.dashboards, "ConfigMap", CHILD_CONFIG_MAP },
                  { p->spec.monitoring.pod_monitor, "Auto", CHILD_POD_MONITOR },
                  { p->spec.monitoring.rule, "Auto", CHILD_PROMETHEUS_RULE } };

    for (size_t i = 0; i < LP_COUNT(asked); i++) {
        if (!asked[i].choice || strcmp(asked[i].choice, asked[i].made) != 0)
            continue;
        if (plan->n == PLAN_MAX_CHILDREN)
            abort();
        plan->children[plan->n++] = (struct child){ .kind = asked[i].kind,
                                                    .service = -1,
                                                    .database = -1,
                                                    .paused = !spec_is_active(&p->spec),
                                                    .initial_replicas = -1,
                                                    .name = plan_name(p, PLAN_MONITORING) };
    }
}

static json_t *of_platform(const struct platform *p, enum child_kind kind)
{
    if (kind == CHILD_CONFIG_MAP)
        return plan_dashboard(p);
    return kind == CHILD_POD_MONITOR ? plan_pod_monitor(p) : plan_prometheus_rule(p);
}

static json_t *of_service(const struct platform *p, enum child_kind kind, enum service_id id)
{
    if (kind == CHILD_SERVICE_ACCOUNT)
        return plan_service_account(p, plan_kind(p, id).name);
    if (kind == CHILD_CONFIG_MAP)
        return plan_config_map(p, id);
    if (kind == CHILD_NETWORK_POLICY)
        return plan_network_policy(p, id);
    if (kind == CHILD_SERVICE)
        return plan_service(p, id);
    if (kind == CHILD_HPA)
        return plan_hpa(p, id);
    if (kind == CHILD_PDB)
        return plan_pdb(p, id);
    if (kind == CHILD_INGRESS)
        return plan_ingress(p);
    if (kind == CHILD_HTTP_ROUTE)
        return plan_http_route(p);
    json_auto_t *config = plan_config_map(p, id);
    return plan_deployment(p, id, config);
}

static json_t *of_database(const struct platform *p, enum child_kind kind, enum database_id id)
{
    if (kind == CHILD_CLAIM)
        return plan_claim(p, id);
    if (kind == CHILD_SERVICE_ACCOUNT)
        return plan_service_account(p, database_kinds[id].name);
    if (kind == CHILD_NETWORK_POLICY)
        return plan_database_policy(p, id);
    return kind == CHILD_SERVICE ? plan_database_service(p, id) : plan_stateful_set(p, id);
}

void plan_intent(struct child *c, const struct platform *p)
{
    if (!c->intent && c->service >= 0)
        c->intent = of_service(p, c->kind, (enum service_id)c->service);
    else if (!c->intent)
        c->intent = c->database < 0 ? of_platform(p, c->kind)
                                    : of_database(p, c->kind, (enum database_id)c->database);
    if (c->kind == CHILD_CLAIM && !c->first_spec)
        c->first_spec = plan_claim_spec(p, (enum database_id)c->database);
}

static int by_kind(const void *a, const void *b)
{
    const struct child *x = a, *y = b;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->name, y->name);
}

void plan_child(struct child *child, const struct platform *p)
{
    plan_intent(child, p);
    if (!child->stamped)
        intent_stamp(child->intent);
    child->stamped = true;
}

void plan_pods_again(struct plan *plan, const struct platform *p)
{
    for (unsigned i = 0; i < plan->n; i++) {
        struct child *c = &plan->children[i];
        if (c->kind != CHILD_STATEFUL_SET && c->kind != CHILD_DEPLOYMENT)
            continue;
        json_decref(c->intent);
        c->intent = NULL;
        c->stamped = false;
        plan_child(c, p);
    }
}

void plan_init(struct plan *plan, const struct platform *p)
{
    plan_list(plan, p);
    for (unsigned i = 0; i < plan->n; i++)
        plan_child(&plan->children[i], p);
}

void plan_make(struct plan *plan, const struct platform *p)
{
    plan_list(plan, p);
    for (unsigned i = 0; i < plan->n; i++)
        plan_intent(&plan->children[i], p);
}

void plan_list(struct plan *plan, const struct platform *p)
{
    plan->n = 0;
    for (unsigned id = 0; id < N_DATABASES; id++)
        if (platform_embeds(p, id) || p->databases[id].leaving)
            add_database(plan, p, (enum database_id)id);
    spec_each_service(&p->spec, id) add_service(plan, p, (enum service_id)id);
    add_monitoring(plan, p);
    qsort(plan->children, plan->n, sizeof plan->children[0], by_kind);
}

void plan_done(struct plan *plan)
{
    for (unsigned i = 0; i < plan->n; i++) {
        json_decref(plan->children[i].intent);
        json_decref(plan->children[i].first_spec);
        free(plan->children[i].name);
    }
    plan->n = 0;
}

json_t *plan_creation(const struct child *child)
{
    json_t *o = json_deep_copy(child->intent);

    if (child->first_spec)
        json_object_set(o, "spec", child->first_spec);
    return o;
}

bool plan_is_paused(const struct platform *p, const char *service_name)
{
    spec_each_service(&p->spec,
                      id) if (p->spec.services[id].paused &&
                              strcmp(plan_kind(p, id).name, service_name) == 0) return true;
    return false;
}
