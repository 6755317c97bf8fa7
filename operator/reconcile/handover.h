/*
 * operator/reconcile/handover.h -- replicas of a Deployment pass from us to the HPA without a dip.
 *
 * A field that only we own goes back to its default (1) when our next apply leaves it out
 * (KEP-555). So it gets a second owner first: (1) where there is no Deployment, ours with replicas
 * creates it; (2) an apply of nothing but the live replicas as lp-operator-handover; (3) ours
 * without replicas. A new Deployment that begins with one pod gets the API server's default, which
 * nobody owns: there is nothing to hand over.
 */
#pragma once

#include <stdbool.h>

#include "kube/client.h"
#include "platform/plan.h"

#define HANDOVER_MANAGER "lp-operator-handover"

/* True where the replicas of this Deployment are not ours by the plan, but still may be by what was
 * applied last. */
bool handover_is_due(const struct child *child, const json_t *observed);

/* How many pods a new Deployment begins with: what an HPA that is already there wants, within its
 * limits. */
int64_t handover_first_replicas(const struct child *child, const json_t *hpa);

/* The three steps, beginning with a read of the live object. The last answer is the caller's. */
LP_MUST_USE int handover_apply(struct lp_kube_client *client, const struct child *child,
                               int64_t first_replicas, json_t **ret_object, struct lp_error *err);

/* The same where there is no such Deployment, in one step where it begins with one pod.
 * LP_E_CONFLICT: there is one (platform/ownership.h). */
LP_MUST_USE int handover_create(struct lp_kube_client *client, const struct child *child,
                                int64_t first_replicas, json_t **ret_object, struct lp_error *err);

/*
 * minReplicas of an HPA passes between us and FLOOR_MANAGER in the same way: it is the second owner
 * before our next apply leaves the field out (_lift), and owns nothing any more once we applied it
 * again (_settle). Both do nothing where nothing passes. `observed` has what we own of the HPA, or
 * is the live one.
 */
LP_MUST_USE int handover_lift(struct lp_kube_client *client, const struct child *child,
                              const json_t *observed, struct lp_error *err);
LP_MUST_USE int handover_settle(struct lp_kube_client *client, const struct child *child,
                                const json_t *observed, struct lp_error *err);
