/* operator/reconcile/apply.h -- makes the API server have what the plan says. */
#pragma once

#include "operator/state/context.h"

/*
 * Before anything that exists is looked at: creates what is not there, so that a child that was
 * deleted is back at once. `missing` as observed now.
 */
void apply_missing(struct reconcile_context *ctx, const struct plan *plan, const bool missing[],
                   struct observed *observed);

/*
 * Applies each child that differs from its intent and puts the answer into `observed`. A child that
 * fails is noted in the context (the first failure), the others go on.
 */
void apply_plan(struct reconcile_context *ctx, const struct plan *plan, struct observed *observed);

/* The generation that our last write of this child gave it; where we do not remember one, that of
 * `observed`. */
int64_t apply_generation(struct reconcile_context *ctx, const struct child *child,
                         const json_t *observed);

/* The first object of the plan of which an admission policy has made something else than was
 * applied, which field, and how many more; the caller's; NULL: there is none. */
char *apply_rewritten(const struct reconcile_context *ctx, const struct plan *plan);

/* Deletes our children that the plan does not have; those of paused services stay. Looks where
 * the generation is another than that of the last look that found none, and PRUNE_AGAIN_MS later.
 */
#define PRUNE_AGAIN_MS 600000
void prune(struct reconcile_context *ctx, const struct plan *plan);
