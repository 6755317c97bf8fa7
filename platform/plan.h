/* platform/plan.h -- what one LearningPlatform shall consist of: pure functions from its spec to
 * the children's intents. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/client.h"
#include "platform/spec.h"

/* In the order in which they are applied. */
enum child_kind {
    CHILD_SERVICE_ACCOUNT,
    CHILD_CONFIG_MAP,
    CHILD_NETWORK_POLICY,
    CHILD_SERVICE,
    CHILD_STATEFUL_SET,
    CHILD_DEPLOYMENT,
    CHILD_HPA,
    CHILD_PDB,
    N_CHILD_KINDS
};
extern const struct lp_kube_kind *const child_kinds[N_CHILD_KINDS];

/* Where images come from where the spec does not say; of the operator's configuration. */
struct plan_images {
    const char *registry; /* "" for none */
    const char *tag, *pull_policy;
    const char *postgres, *mongo;
    bool mongodb_auth; /* false: the MongoDB of the image knows no users */
    /* No metrics API leads to us: HPAs go by cpu and memory, and somebody else owns minReplicas. */
    bool no_metrics_api;
};

/* One LearningPlatform. Borrowed parts live as long as the object that it was decoded from. */
struct platform {
    const char *ns, *name, *uid;
    int64_t generation;
    struct platform_spec spec;
    const struct plan_images *images;
};

#define PLAN_MAX_CHILDREN 48

/* `intent` is what we own of the child, with the annotation that holds its hash; owned by the plan.
 */
struct child {
    enum child_kind kind;
    char *name;
    json_t *intent;
    int service;  /* enum service_id, or -1: of a database */
    int database; /* which, where it is of one */
    bool paused;  /* to be observed, not to be written */
    bool stamped; /* `intent` has its hash */
    /* Of a Deployment whose replicas are not ours (handover.h): how many it begins with; else -1.
     */
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
/* plan_init without the hashes. */
void plan_make(struct plan *plan, const struct platform *p);
void plan_done(struct plan *plan);
#define plan_auto __attribute__((cleanup(plan_done)))

/* True where children with this label app.kubernetes.io/name are to be left alone. */
bool plan_is_paused(const struct platform *p, const char *service_name);

/* Annotations that we put on children. */
#define ANNOTATION_REPLICAS "learningplatform.io/replicas" /* "operator" or "released" */
/* On an HPA where no_metrics_api: {"minReplicas":1,"queueDepth":"4"}, what its floor is made of. */
#define ANNOTATION_FLOOR "learningplatform.io/floor"
#define ANNOTATION_CONFIG "learningplatform.io/config" /* on pods: hash of their ConfigMap */

#define LABEL_NAME "app.kubernetes.io/name"
#define LABEL_PART_OF "app.kubernetes.io/part-of"
#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define LABEL_COMPONENT "app.kubernetes.io/component"
#define MANAGER "lp-operator"

/* Suffix of the ConfigMap that mode Plan writes; no service or database has it. */
#define PLAN_SUFFIX "plan"
