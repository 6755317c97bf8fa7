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
    void (*on_lost)(void *user); /* we no longer do; we compete for it again after this returns */
    /* The API server has answered a request for the lease, of which there is one every two seconds;
     * a refusal is an answer, an error of the server's is none. */
    void (*on_answer)(void *user);
    void *user;
};
LP_MUST_USE int lp_lease_start(struct lp_kube_config *config, struct lp_stop *stop,
                               const struct lp_lease_options *options, struct lp_lease **ret_lease,
                               struct lp_error *err);
bool lp_lease_held(const struct lp_lease *l);
/*
 * For lp_kube_client_options.writes_until_ms: lp_clock_ms() up to which writes of the leader may be
 * under way; 0 where we do not lead. It is the renewal deadline, counted from the start of our last
 * write of the lease, so that between our last write and another's first lies at least duration
 * less renewal deadline (5 s). Any thread.
 */
int64_t lp_lease_writes_until_ms(const struct lp_lease *l);
/* After the stop was requested: releases the lease where held (holderIdentity "", 1 s), waits for
 * the thread, frees. */
void lp_lease_join(struct lp_lease *l);
