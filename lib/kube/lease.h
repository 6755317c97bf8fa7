/* lib/kube/lease.h -- leader election by a coordination.k8s.io/v1 Lease. */
#pragma once

#include <stdbool.h>

#include "kube/client.h"

/* Duration 15 s, renewal deadline 10 s, retry 2 s, as client-go's leaderelection. Compares by our
 * own monotonic time since the lease last changed, never by the holder's clock. A thread and
 * connection of its own. */
struct lp_lease;
struct lp_lease_options {
    const char *ns, *name, *identity;
    int64_t duration_ms, renew_ms, retry_ms; /* 0: 15,000, 10,000, 2,000 */
    void (*on_started)(void *user);          /* we lead; called in the lease's thread */
    void (*on_lost)(
        void *user); /* we no longer lead though nobody asked us to stop: end the process */
    void *user;
};
LP_MUST_USE int lp_lease_start(struct lp_kube_config *config, struct lp_stop *stop,
                               const struct lp_lease_options *options, struct lp_lease **ret_lease,
                               struct lp_error *err);
bool lp_lease_held(const struct lp_lease *l);
/* After the stop was requested: releases the lease where held (holderIdentity "", 1 s), waits for
 * the thread, frees. */
void lp_lease_join(struct lp_lease *l);
