/* platform/plan_parts.h -- the pieces of plan.c, one file per kind of child. All pure; results are
 * the caller's. */
#pragma once

#include <jansson.h>

#include "platform/plan.h"

/* Of our services' pods: the keys by which tokens are made (auth) or known (the others). */
#define PLAN_KEYS_DIR "/etc/learning-platform/keys"
#define PLAN_PRIVACY_DIR "/etc/learning-platform/privacy" /* of auth's: the master keys */

enum database_engine { ENGINE_POSTGRES, ENGINE_MONGODB, N_ENGINES };
/* What is fixed about a database. Where it is in the spec says platform_database(). */
struct database_kind {
    const char *name; /* suffix, label, Secret: 11 bytes at most, as a StatefulSet has 52 */
    enum database_engine engine;
    enum service_id user;        /* the service whose it is */
    const char *variable;        /* of its pods: where it is */
    const char *role, *database; /* of an embedded one */
    /* Bits (1 << id) of the services that are given it too, where `user` is there. */
    unsigned guests;
    bool plain_role; /* `role` of an embedded one is no superuser */
};
extern const struct database_kind database_kinds[N_DATABASES];

/* What is fixed about the service `id` of this platform. */
static inline struct service_kind plan_kind(const struct platform *p, unsigned id)
{
    return spec_service(&p->spec, id);
}

/* Whether the gateway leads learners to the service. */
static inline bool plan_is_routed(const struct platform *p, unsigned id)
{
    return id != SERVICE_GATEWAY && plan_kind(p, id).asker == SERVICE_GATEWAY;
}

/* Whether its pods have PLAN_KEYS_DIR: ours that learners reach. */
static inline bool plan_has_keys(const struct platform *p, unsigned id)
{
    return id == SERVICE_GATEWAY || (id < N_OWN_SERVICES && plan_is_routed(p, id));
}

/* Whether pods of `service` are given that database, embedded or external. */
bool plan_uses_database(const struct platform *p, unsigned service, enum database_id id);

/* "<platform>-<suffix>", the caller's. */
char *plan_name(const struct platform *p, const char *suffix);

/* apiVersion, kind, name, namespace, labels and the owner; `suffix` is the label
 * app.kubernetes.io/name too. */
json_t *plan_object(const struct platform *p, const struct lp_kube_kind *kind, const char *suffix);

/* What Services, Deployments and policies select pods by. */
json_t *plan_selector(const struct platform *p, const char *suffix);
json_t *plan_labels(const struct platform *p, const char *suffix);

/* {k: [..]} helpers: NULL where there is nothing, so that "o*" leaves it out. */
json_t *plan_copy_or_null(const json_t *o);

/* Whether pods of the service answer /metrics on port 9090: ours do, an extra one where it says so.
 */
bool plan_has_metrics(const struct platform *p, enum service_id id);

json_t *plan_service_account(const struct platform *p, const char *suffix);
json_t *plan_config_map(const struct platform *p, enum service_id id);
json_t *plan_pod_env(const struct platform *p, enum service_id id);
json_t *plan_service(const struct platform *p, enum service_id id);
json_t *plan_pdb(const struct platform *p, enum service_id id);
json_t *plan_network_policy(const struct platform *p, enum service_id id);
json_t *plan_hpa(const struct platform *p, enum service_id id);
/* Of the gateway, as spec.services.gateway.expose.ingress says. */
json_t *plan_ingress(const struct platform *p);
/* The same of spec.services.gateway.expose.httpRoute. */
json_t *plan_http_route(const struct platform *p);
/* As spec.monitoring says. */
json_t *plan_pod_monitor(const struct platform *p);
json_t *plan_prometheus_rule(const struct platform *p);
json_t *plan_dashboard(const struct platform *p); /* a ConfigMap that Grafana's sidecar reads */

/* `config` is the ConfigMap of the service. spec.replicas is in it where they are ours. */
json_t *plan_deployment(const struct platform *p, enum service_id id, const json_t *config);

json_t *plan_database_service(const struct platform *p, enum database_id id);
json_t *plan_database_policy(const struct platform *p, enum database_id id);
json_t *plan_stateful_set(const struct platform *p, enum database_id id);
/* The volume of a database: what is ours of the claim, and the spec that it is made with. */
char *plan_claim_name(const struct platform *p, enum database_id id);
json_t *plan_claim(const struct platform *p, enum database_id id);
json_t *plan_claim_spec(const struct platform *p, enum database_id id);

/* {"requests": .., "limits": ..} of a container. */
json_t *plan_resources(const struct resources_spec *r);

/* The restricted profile of a pod and of a container. */
json_t *plan_pod_security(int64_t uid);
json_t *plan_container_security(void);
/* An HTTP probe of the port "metrics", and one of the port "http": a GET of `path`, or a connection
 * where that is NULL. */
json_t *plan_http_probe(const char *path, int period_s, int timeout_s, int failures);
json_t *plan_traffic_probe(const char *path, int period_s, int timeout_s, int failures);
