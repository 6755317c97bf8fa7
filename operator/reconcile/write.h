/* operator/reconcile/write.h -- the requests that put one child in its place. */
#pragma once

#include "operator/state/context.h"

/* What came of it. */
struct written {
    json_t *object;  /* as the API server has it; NULL: not written */
    char *conflict;  /* who controls it instead, for the status; NULL: nobody */
    bool is_waiting; /* for the end of one of the same name */
    bool was_kept;   /* a claim from before this platform, with what is in it */
};
void written_done(struct written *w);

/*
 * Creates `child` where `observed` (what we own of it, see cache/owned.h) is NULL, and never takes
 * over what is not ours (platform/ownership.h); else applies its intent by force. `hpa` is that of
 * a Deployment as observed, or NULL. Touches nothing of the reconcile but through `client`.
 */
LP_MUST_USE int write_child(struct lp_kube_client *client, const struct platform *p,
                            const struct child *child, const json_t *observed, const json_t *hpa,
                            struct written *ret, struct lp_error *err);
