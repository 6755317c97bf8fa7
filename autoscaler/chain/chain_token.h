/* autoscaler/chain/chain_token.h -- a short-lived token of one ServiceAccount (TokenRequest of
 * authentication.k8s.io/v1). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/client.h"

#define CHAIN_TOKEN_S 600 /* the least that the API server gives */

/* One thread. Zero is none. */
struct chain_token {
    char *text; /* NULL: none */
    int64_t renew_wall_ms, end_wall_ms;
};
void chain_token_done(struct chain_token *t);

/*
 * A new one where a third of its life is left, there is none, or it was `refused`. One that cannot
 * be renewed stays until its end. *ret_changed: `text` is another now.
 */
LP_MUST_USE int chain_token_renew(struct chain_token *t, struct lp_kube_client *c, const char *ns,
                                  const char *account, bool refused, int64_t wall_ms,
                                  bool *ret_changed, struct lp_error *err);
