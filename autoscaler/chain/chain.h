/* autoscaler/chain/chain.h -- METRICS_API=Chain: we stand in for the adapter that the APIServices
 * of custom.metrics.k8s.io led to, and ask it for what we do not know. */
#pragma once

#include <stdbool.h>

#include "autoscaler/chain/chain_proxy.h"
#include "autoscaler/registration/registration.h"
#include "base/error.h"
#include "base/stop.h"
#include "kube/config.h"

struct chain; /* opaque: hides a lock and threads */

/* All borrowed until chain_free. */
struct chain_options {
    const struct registration *registration;
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    const char *account;    /* ServiceAccount in our namespace whose token the other adapter gets */
    const char *connect_to; /* "host:port" in place of its DNS name; NULL: the name */
    int64_t look_ms;        /* so long chain_looked() waits for the first look; 0: 30 s */
};

LP_MUST_USE int chain_start(const struct chain_options *options, struct chain **ret_chain,
                            struct lp_error *err);

/* Answers the requests that we have no answer to; lives as long as the chain. */
struct chain_proxy *chain_proxy(struct chain *c);

/* Whether it is known who was there before us; where that cannot be read for 30 s, true all the
 * same: then what we have no answer to is answered 503. Any thread. */
bool chain_looked(struct chain *c);

/* We are ready to serve with a certificate of this bundle: the APIServices are led to us, and are
 * kept so. ret_conflict: "" or why one is not, in a sentence. Any thread. */
void chain_publish(struct chain *c, const char *ca_bundle,
                   char ret_conflict[REGISTRATION_CONFLICT]);

/* After the stop was requested: nothing is written any more, what waits is answered, the threads
 * end. */
void chain_close(struct chain *c);
void chain_free(struct chain *c); /* after _close, and the last request. NULL is fine */
