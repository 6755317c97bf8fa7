/* platform/plan.h -- what one LearningPlatform shall consist of: pure functions from its spec to
 * the children's intents. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/client.h"
#include "platform/annotations.h"
#include "platform/spec.h"

/* In the order in which they are applied. */
enum child_kind {
    CHILD_CLAIM,
    CHILD_SERVICE_ACCOUNT,
    CHILD_CONFIG_MAP,
    CHILD_NETWORK_POLICY,
    CHILD_SERVICE,
    CHILD_STATEFUL_SET,
    CHILD_DEPLOYMENT,
    CHILD_HPA,
    CHILD_PDB,
    CHILD_INGRESS,     /* of the gateway, where the spec asks for one */
    CHILD_HTTP_ROUTE,  /* the same; a cluster without Gateway API has no such kind */
    CHILD_POD_MONITOR, /* of the platform, as spec.monitoring says; of the Prometheus Operator */
    CHILD_PROMETHEUS_RULE,
    N_CHILD_KINDS
};
extern const struct lp_kube_kind *const child_kinds[N_CHILD_KINDS];
/* Whether a cluster may lack the kind, or we the right to it: it is looked for where asked for. */
#define child_kind_is_optional(kind) ((kind) >= CHILD_HTTP_ROUTE)

/* Where images come from where the spec does not say; of the operator's configuration. */
struct plan_images {
    const char *registry; /* "" for none */
    const char *tag, *pull_policy;
    const char *postgres, *mongo;
    bool mongodb_auth; /* false: the MongoDB of the image knows no users */
    /* No metrics API leads to us: HPAs go by cpu and memory, and somebody else owns minReplicas. */
    bool no_metrics_api, no_adapter; /* the second: only where no_metrics_api are pods scraped */
};

/* What is fixed about an embedded database from the day its volume is made, and what was given to
 * its pods last (pins.h). All zero: nothing of it is there. */
struct database_state {
    const char *image; /* NULL: the operator's own */
    const char *users; /* "true", "false": whether it knows users; NULL: as the operator's image */
    bool exists;       /* its StatefulSet, of which what cannot be changed is: */
    const char *pod_policy;  /* as we said it; NULL: not */
    const json_t *storage;   /* of its template of a claim, or NULL */
    const char *secret;      /* which making of its Secret its pods have; NULL: the first */
    const char *user_secret; /* the same of the pods of its service */
    bool leaving;            /* the spec has it External, and its service is not Ready there yet */
};

/* One LearningPlatform. Borrowed parts live as long as the object that it was decoded from. */
struct platform {
    const char *ns, *name, *uid;
    int64_t generation;
    struct platform_spec spec;
    const struct plan_images *images;
    struct database_state databases[N_DATABASES];
    int64_t floors[SPEC_MAX_SERVICES]; /* what schedules ask for now, of pods; 0: nothing */
    struct {
        bool up, down;
    } pauses[SPEC_MAX_SERVICES]; /* of scaling, in force now */
    const char *keys; /* which making of services' own Secrets pods have; NULL: the first */
};

/* minReplicas of the HPA: the spec's (1 for 0), lifted to the floor, not over maxReplicas. */
int64_t platform_min_replicas(const struct platform *p, enum service_id id);

/* Whether minReplicas of the service's HPA is not the plan's, but FLOOR_MANAGER's. */
bool platform_has_lift(const struct platform *p, enum service_id id);

/* Whether the service goes to 0 pods when nobody asks: its spec allows it, and its pods tell. */
bool platform_may_sleep(const struct platform *p, enum service_id id);

/* True where a Deployment has no pods because nobody asked anything of the service, which may
 * sleep: ANNOTATION_ZERO says since when. NULL: there is none. */
bool platform_is_asleep(const struct platform *p, enum service_id id, const json_t *deployment);

/* Whether every pod of the gateway holds requests for the service: its ConfigMap names the route,
 * and no pod of a time before that is left of its Deployment. Either may be NULL: there is none. */
bool platform_gateway_holds(const json_t *config_map, const json_t *deployment,
                            const char *service);

/* Of the spec. */
const struct database_spec *platform_database(const struct platform *p, enum database_id id);
/* Whether the spec has the service whose database it is, and has that embedded. */
bool platform_embeds(const struct platform *p, enum database_id id);

/* Seven of each service, five of each database, an Ingress, an HTTPRoute, three of monitoring. */
#define PLAN_MAX_CHILDREN (7 * SPEC_MAX_SERVICES + 5 * N_DATABASES + 5)

/* `intent` is what we own of the child, with the hash of it as annotation; the plan's. */
struct child {
    enum child_kind kind;
    char *name;
    json_t *intent;
    json_t *first_spec; /* of a claim: its spec, which is ours to say only when it is made */
    int service;        /* its id (spec.h), or -1: of a database, or of the platform */
    int database;       /* which, where it is of one; else -1 */
    bool paused;        /* to be observed, not to be written */
    bool leaving;       /* and to go when nobody needs it any more (struct database_state) */
    bool stamped;       /* `intent` has its hash */
    /* Of a Deployment whose replicas are not ours (handover.h): what it begins with; else -1. */
    int64_t initial_replicas;
};

struct plan {
    struct child children[PLAN_MAX_CHILDREN];
    unsigned n;
};

void plan_init(struct plan *plan, const struct platform *p);
/* The two parts of plan_init: which children there are, without their intents, and the intent of
 * one with its hash, which it has before anything of it is compared or applied. */
void plan_list(struct plan *plan, const struct platform *p);
void plan_child(struct child *child, const struct platform *p);
/* The first part of plan_child: without the hash. */
void plan_intent(struct child *child, const struct platform *p);
/* Makes the intents of all that has pods anew, as platform->databases or ->keys changed. */
void plan_pods_again(struct plan *plan, const struct platform *p);
/* plan_init without the hashes. */
void plan_make(struct plan *plan, const struct platform *p);
void plan_done(struct plan *plan);
#define plan_auto __attribute__((cleanup(plan_done)))

/* True where children with this label app.kubernetes.io/name are to be left alone. */
bool plan_is_paused(const struct platform *p, const char *service_name);

/* What a child that is not there is made of: its intent and its first spec. The caller's. */
json_t *plan_creation(const struct child *child);

#define LABEL_NAME "app.kubernetes.io/name"
#define LABEL_PART_OF "app.kubernetes.io/part-of"
#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LABEL_COMPONENT "app.kubernetes.io/component"
#define MANAGER "lp-operator"
/* Suffix of the ConfigMap that mode Plan writes; no service or database has it. */
#define PLAN_SUFFIX "plan"
#define PLAN_MONITORING "monitoring" /* the same, of what spec.monitoring asks for */
