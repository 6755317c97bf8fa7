/* operator/reconcile/handover.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/handover.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "operator/state/create.h"
#include "platform/intent.h"

#define MAX_TRIES 8

static const struct lp_kube_apply_options ours = { .field_manager = MANAGER, .force = true };

bool handover_is_due(const struct child *child, const json_t *observed)
{
    if (child->initial_replicas < 0)
        return false;
    const char *had = lp_json_str(observed, "metadata", "annotations", ANNOTATION_REPLICAS, NULL);
    return !had || strcmp(had, "released") != 0;
}

int64_t handover_first_replicas(const struct child *child, const json_t *hpa)
{
    int64_t wanted = lp_json_int(0, hpa, "status", "desiredReplicas", NULL);
    int64_t max = lp_json_int(INT64_MAX, hpa, "spec", "maxReplicas", NULL);

    if (wanted > max)
        wanted = max;
    return wanted > child->initial_replicas ? wanted : child->initial_replicas;
}

/* (1): ours, with replicas, and saying so. The caller's. */
static json_t *with_replicas(const struct child *child, int64_t replicas)
{
    json_t *first = json_deep_copy(child->intent);
    json_t *annotations = lp_json_at(first, "metadata", "annotations", NULL);

    json_object_set_new(annotations, ANNOTATION_REPLICAS, json_string("operator"));
    json_object_set_new(annotations, ANNOTATION_INTENT, json_string("to be handed over"));
    json_object_set_new(json_object_get(first, "spec"), "replicas", json_integer(replicas));
    return first;
}

static int create(struct lp_kube_client *client, const struct child *child, int64_t replicas,
                  json_t **ret_object, struct lp_error *err)
{
    json_auto_t *first = with_replicas(child, replicas);
    return create_only(client, child_kinds[child->kind], first, ret_object, err);
}

/* (2): the version makes it fail where somebody writes in between. */
static int hand_over(struct lp_kube_client *client, const struct child *child, const json_t *live,
                     struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = HANDOVER_MANAGER,
                                                          .force = true };
    const json_t *metadata = json_object_get(live, "metadata");

    if (!lp_json_str(metadata, "resourceVersion", NULL))
        return lp_error_set(err, LP_E_UNAVAILABLE,
                            "the API server's answer has no metadata.resourceVersion");
    json_auto_t *replicas = lp_json_make(
        "{s:O, s:O, s:{s:O, s:O, s:O}, s:{s:I}}", "apiVersion",
        json_object_get(child->intent, "apiVersion"), "kind",
        json_object_get(child->intent, "kind"), "metadata", "name",
        json_object_get(metadata, "name"), "namespace", json_object_get(metadata, "namespace"),
        "resourceVersion", json_object_get(metadata, "resourceVersion"), "spec", "replicas",
        (json_int_t)lp_json_int(1, live, "spec", "replicas", NULL));

    return lp_kube_apply(client, child_kinds[child->kind], replicas, &options, NULL, err);
}

/* (1) and (2). The Deployment controller writes at the same time, so a conflict is nothing unusual.
 */
static int release(struct lp_kube_client *client, const struct child *child, int64_t first_replicas,
                   struct lp_error *err)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];
    const char *ns = lp_json_str(child->intent, "metadata", "namespace", NULL);
    int r = LP_E_CONFLICT;

    for (int i = 0; i < MAX_TRIES && r == LP_E_CONFLICT; i++) {
        json_auto_t *live = NULL;
        r = lp_kube_get(client, kind, ns, child->name, &live, err);
        if (r == LP_E_NOT_FOUND)
            r = create(client, child, first_replicas, &live, err);
        if (r == 0)
            r = hand_over(client, child, live, err);
    }
    return r;
}

int handover_create(struct lp_kube_client *client, const struct child *child,
                    int64_t first_replicas, json_t **ret_object, struct lp_error *err)
{
    if (first_replicas == 1) /* the API server's default: it is nobody's from the beginning */
        return create_only(client, child_kinds[child->kind], child->intent, ret_object, err);
    json_auto_t *first = with_replicas(child, first_replicas);
    json_auto_t *live = NULL;
    struct lp_error conflict;
    int r = create_only(client, child_kinds[child->kind], first, &live, err);
    if (r < 0)
        return r;
    r = hand_over(client, child, live, &conflict);
    if (r == LP_E_CONFLICT)
        return handover_apply(client, child, first_replicas, ret_object, err);
    if (r < 0) {
        *err = conflict;
        return r;
    }
    return lp_kube_apply(client, child_kinds[child->kind], child->intent, &ours, ret_object, err);
}

int handover_apply(struct lp_kube_client *client, const struct child *child, int64_t first_replicas,
                   json_t **ret_object, struct lp_error *err)
{
    int r = release(client, child, first_replicas, err);

    if (r < 0)
        return r;
    return lp_kube_apply(client, child_kinds[child->kind], child->intent, &ours, ret_object, err);
}

/* ---- minReplicas ---- */

static bool is_lifted(const json_t *hpa)
{
    return lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL) != NULL;
}

/* `spec` is stolen. The uid makes it fail where the HPA is another one by now. */
static int apply_as_floor(struct lp_kube_client *client, const json_t *hpa, json_t *spec,
                          struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = FLOOR_MANAGER,
                                                          .force = true };
    const json_t *metadata = json_object_get(hpa, "metadata");
    json_auto_t *o =
        lp_json_make("{s:s, s:s, s:{s:O, s:O, s:O}, s:o*}", "apiVersion", "autoscaling/v2", "kind",
                     lp_kube_hpas.kind, "metadata", "name", json_object_get(metadata, "name"),
                     "namespace", json_object_get(metadata, "namespace"), "uid",
                     json_object_get(metadata, "uid"), "spec", spec);

    return lp_kube_apply(client, &lp_kube_hpas, o, &options, NULL, err);
}

int handover_lift(struct lp_kube_client *client, const struct child *child, const json_t *observed,
                  struct lp_error *err)
{
    int64_t min = lp_json_int(0, observed, "spec", "minReplicas", NULL);

    if (child->kind != CHILD_HPA || !is_lifted(child->intent) || is_lifted(observed) || min == 0)
        return 0;
    return apply_as_floor(client, observed, lp_json_make("{s:I}", "minReplicas", (json_int_t)min),
                          err);
}

int handover_settle(struct lp_kube_client *client, const struct child *child,
                    const json_t *observed, struct lp_error *err)
{
    if (child->kind != CHILD_HPA || is_lifted(child->intent) || !is_lifted(observed))
        return 0;
    return apply_as_floor(client, observed, NULL, err);
}
