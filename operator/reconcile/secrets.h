/* operator/reconcile/secrets.h -- database passwords, token keys and the keys of calls between
 * services: made once, with the right to create only. What exists is never read or changed. */
#pragma once

#include "operator/state/context.h"

/* Of the databases, as they are, by name and uid; borrowed. NULL: not there. */
struct claims {
    const json_t *of[N_DATABASES];
    bool made[N_DATABASES]; /* in this reconcile */
};

/*
 * Makes the Secrets that do not exist yet; those of a database once its claim is there, which owns
 * it. One that pods already had is not made now but noted (ctx->lost_secrets), and `platform` asks
 * for new pods: the mark is on them before the Secret is there, so that a death in between loses
 * nothing.
 */
void secrets_ensure(struct reconcile_context *ctx, struct platform *platform,
                    const struct claims *claims);

/* After the children were applied: makes what was noted. */
void secrets_make_lost(struct reconcile_context *ctx, const struct claims *claims);
