/* operator/reconcile/optional_kind.h -- a child whose kind the cluster may lack: the kind is looked
 * for only where a platform asks for the child, and a condition says what became of it. */
#pragma once

#include "operator/state/context.h"
#include "operator/status/notices.h"

/* Of one reconcile; the caller sets `kind` and `suffix`. */
struct optional_kind {
    enum child_kind kind;
    const char *suffix; /* of the child's name, for plan_name */
    int child;          /* in the plan, or -1: not asked for */
    bool watched;       /* the cache knows of that kind */
};

/*
 * Before the children of `plan` are looked at. Where the spec asks for the child, or
 * `asked_before`, the kind is watched from now on. While that cannot be, in each mode, the child is
 * left alone, as one that is paused, `notice` says why, and the platform is looked at again.
 * `otherwise`: what the user can do in place of it, in words.
 */
void optional_kind_prepare(struct reconcile_context *ctx, struct optional_kind *k,
                           bool asked_before, const char *otherwise, struct plan *plan,
                           struct condition_notice *notice);

/* After them: the child that the spec asks for, borrowed. NULL where it is not there, or not known;
 * then `notice` says so, and that one which nobody asks for any more goes. */
const json_t *optional_kind_child(struct reconcile_context *ctx, const struct optional_kind *k,
                                  const struct plan *plan, const struct observed *observed,
                                  struct condition_notice *notice);
