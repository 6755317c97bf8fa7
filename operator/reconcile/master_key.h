/* operator/reconcile/master_key.h -- why auth does not start with the master key of its platform.
 */
#pragma once

#include <jansson.h>

#include "operator/state/context.h"
#include "platform/plan.h"

/* What a pod of auth said of spec.privacy.masterKeyRef when it ended; NULL: nothing. The caller's.
 * Pure. */
char *master_key_refusal(const json_t *pod);

/*
 * For a platform with spec.privacy.masterKeyRef whose auth is not ready: what one of its pods said
 * (the Secret is not there, has not the key, or another one than the database), for a condition.
 * The Secret itself is never read. The caller's; NULL: nothing.
 */
char *master_key_stuck(struct reconcile_context *ctx, const struct plan *plan,
                       const struct observed *observed);
