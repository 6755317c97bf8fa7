/* autoscaler/chain/chain_redirect.h -- METRICS_API=Chain: the APIServices lead to us, and remember
 * where they led before. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/base/group.h"
#include "autoscaler/registration/registration.h"
#include "work/backoff.h"

/*
 * What is known of one APIService. One thread. Its owner may set it back at any time (an upgrade of
 * its chart does): then we come in again after `backoff`, ever later where that goes on.
 */
struct chain_redirect {
    json_t *previous;      /* the spec before ours; NULL: it was not there, or is not ours now */
    bool redirected;       /* to us, when last seen, or since */
    bool set_back;         /* by the last call: it had been set back */
    int64_t not_before_ms; /* set back, and left so until then; 0: not so */
    struct lp_backoff backoff;
};
#define CHAIN_REDIRECT_INIT                                                       \
    {                                                                             \
        .backoff = {.base_ms = 1000, .max_ms = 300000, .reset_after_ms = 900000 } \
    }
void chain_redirect_done(struct chain_redirect *l);

/* Reads who was there before us, or is there still, into `previous` of both, and writes nothing. */
LP_MUST_USE int chain_look(struct lp_kube_client *c, const struct registration *g,
                           struct chain_redirect redirects[METRICS_VERSIONS], struct lp_error *err);

/* All borrowed. */
struct chain_redirect_input {
    const char *ca_bundle;
    const char *terminating; /* why the APIServices are to be given back without a look; NULL: they
                          are not, as far as is known */
    int64_t now_ms;
};

/*
 * Brings both APIServices into place: one of another adapter leads to us from now on, with a record
 * of its spec; where there is none at all ours are made. A version that the other adapter does not
 * register stays away, so that HPAs ask in the one that it has. Where we terminate, they are given
 * back. ret_conflict: "" or why one does not lead to us, in a sentence. *ret_again_ms: when
 * something is due again; INT64_MAX: nothing.
 */
LP_MUST_USE int chain_redirect(struct lp_kube_client *c, const struct registration *g,
                               struct chain_redirect redirects[METRICS_VERSIONS],
                               const struct chain_redirect_input *now,
                               char ret_conflict[REGISTRATION_CONFLICT], int64_t *ret_again_ms,
                               struct lp_error *err);
