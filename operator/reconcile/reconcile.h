/* operator/reconcile/reconcile.h -- one reconcile of one LearningPlatform: spec, observe, plan,
 * apply, status. */
#pragma once

#include "operator/state/context.h"

/*
 * Errors are for retrying with back-off; what only a user can repair is in the status and gives 0.
 * `key` "namespace/name". A platform that is gone is forgotten.
 */
LP_MUST_USE int reconcile(const struct reconciler *r, const char *key,
                          struct reconcile_result *ret_result, struct lp_error *err);

/* Who leads no longer tells nothing of platforms in its metrics. Any thread. */
void reconcile_forget_all(void);

/* This process ends: what it decided about the platform and has not kept yet is written now, with
 * r->client. A platform that is gone, paused, or has nothing, is left alone. */
LP_MUST_USE int reconcile_flush(const struct reconciler *r, const char *key, struct lp_error *err);
