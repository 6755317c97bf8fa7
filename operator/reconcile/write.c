/* operator/reconcile/write.c -- see the header. Threads: the worker's and the pool's. */
#include "operator/reconcile/write.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "operator/reconcile/handover.h"
#include "operator/state/create.h"
#include "platform/ownership.h"

static const struct lp_kube_apply_options ours = { .field_manager = MANAGER, .force = true };

void written_done(struct written *w)
{
    json_decref(w->object);
    free(w->conflict);
    *w = (struct written){ 0 };
}

/*
 * Somebody changed the key of a list's item (a port's number): apply would add ours beside theirs,
 * and the API server refuses the two together. A merge patch (RFC 7386) puts whole lists in place;
 * applying again then makes the fields ours.
 */
static int replace_and_apply(struct lp_kube_client *client, const char *ns,
                             const struct child *child, json_t **ret_object, struct lp_error *err)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];
    json_auto_t *patch = json_object();

    json_object_set(patch, "spec", json_object_get(child->intent, "spec"));
    int r = lp_kube_merge_patch(client, kind, ns, child->name, NULL, patch, NULL, err);
    return r < 0 ? r : lp_kube_apply(client, kind, child->intent, &ours, ret_object, err);
}

/* One that is there and ours. */
static int change(struct lp_kube_client *client, const char *ns, const struct child *child,
                  const json_t *observed, const json_t *hpa, json_t **ret_object,
                  struct lp_error *err)
{
    if (handover_is_due(child, observed))
        return handover_apply(client, child, handover_first_replicas(child, hpa), ret_object, err);
    int r = handover_lift(client, child, observed, err);
    if (r == 0)
        r = lp_kube_apply(client, child_kinds[child->kind], child->intent, &ours, ret_object, err);
    struct lp_error again;
    if (r == LP_E_INVALID && json_object_get(child->intent, "spec") &&
        replace_and_apply(client, ns, child, ret_object, &again) == 0)
        r = 0;
    return r < 0 ? r : handover_settle(client, child, observed, err);
}

/* A claim is posted: what it is made with is nobody's to apply again (plan.h: first_spec). */
static int create(struct lp_kube_client *client, const struct child *child, const json_t *hpa,
                  json_t **ret_object, struct lp_error *err)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];

    if (child->first_spec) {
        json_auto_t *whole = plan_creation(child);
        int r = lp_kube_create(client, kind, whole, NULL, err);
        return r < 0 ? r : lp_kube_apply(client, kind, child->intent, &ours, ret_object, err);
    }
    if (handover_is_due(child, NULL))
        return handover_create(client, child, handover_first_replicas(child, hpa), ret_object, err);
    return create_only(client, kind, child->intent, ret_object, err);
}

static bool was_kept(const struct platform *p, const struct child *child, const json_t *live)
{
    const char *user = lp_json_str(live, "metadata", "annotations", ANNOTATION_USED_BY, NULL);

    return child->kind == CHILD_CLAIM && user && strcmp(user, p->uid) != 0;
}

/* One that is there, though we did not know of it or know little: its owner decides. */
static int look_and_change(struct lp_kube_client *client, const struct platform *p,
                           const struct child *child, const json_t *hpa, struct written *ret,
                           struct lp_error *err)
{
    json_auto_t *live = NULL;

    int r = lp_kube_get(client, child_kinds[child->kind], p->ns, child->name, &live, err);
    if (r < 0)
        return r;
    enum ownership whose = ownership_of(p, child->kind, live);
    if (whose == OWNERSHIP_FOREIGN)
        ret->conflict = ownership_conflict(p, child->kind, live);
    ret->is_waiting =
        whose == OWNERSHIP_TERMINATING || lp_json_str(live, "metadata", "deletionTimestamp", NULL);
    if (ret->conflict || ret->is_waiting)
        return 0;
    ret->was_kept = was_kept(p, child, live);
    return change(client, p->ns, child, live, hpa, &ret->object, err);
}

int write_child(struct lp_kube_client *client, const struct platform *p, const struct child *child,
                const json_t *observed, const json_t *hpa, struct written *ret,
                struct lp_error *err)
{
    struct lp_error why;

    *ret = (struct written){ 0 };
    if (observed && ownership_of(p, child->kind, observed) == OWNERSHIP_OURS) {
        ret->was_kept = was_kept(p, child, observed);
        return change(client, p->ns, child, observed, hpa, &ret->object, err);
    }
    int r = observed ? LP_E_EXISTS : create(client, child, hpa, &ret->object, &why);
    if (r == LP_E_EXISTS || r == LP_E_CONFLICT)
        return look_and_change(client, p, child, hpa, ret, err);
    if (r < 0)
        *err = why;
    return r;
}
