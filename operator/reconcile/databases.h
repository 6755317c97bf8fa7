/* operator/reconcile/databases.h -- embedded databases outlive what makes their pods: what is fixed
 * about them, when they may go, and what of them stays. */
#pragma once

#include "operator/state/context.h"
#include "operator/status/notices.h"
#include "platform/databases.h"

/* Fills platform->databases and platform->keys from the cache (platform/databases.h), and comes
 * again where a claim is still its StatefulSet's. */
void databases_observe(struct reconcile_context *ctx, struct platform *platform,
                       struct databases_seen *ret);

/* StatefulSets that are left as they are (paused, held back, leaving) and that an operator before
 * this one made take their volumes along: that one field is changed, which restarts nothing. */
void databases_protect(struct reconcile_context *ctx, const struct plan *plan,
                       const struct observed *observed);

/* What is kept, or refused, for the conditions DatabaseKept and DatabasePinned. */
void databases_notice(const struct reconcile_context *ctx, const struct databases_seen *seen,
                      struct notices *notices);

/* A pod of a StatefulSet that its controller does not replace, because it is not Ready and was made
 * from an older template (kubernetes/kubernetes#67250), and the command that helps; the caller's;
 * NULL: there is none. */
char *databases_stuck_pod(struct reconcile_context *ctx, const struct plan *plan,
                          const struct observed *observed);

/* The platform of this name is gone: an Event about each claim that stays, which says how to remove
 * it. */
void databases_tell_kept(const struct reconciler *r, const char *ns, const char *name);
