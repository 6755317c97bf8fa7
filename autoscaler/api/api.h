/* autoscaler/api/api.h -- a request to the metrics API, from its first check to its answer. */
#pragma once

#include <stdbool.h>

#include "autoscaler/auth/auth.h"
#include "autoscaler/chain/chain_proxy.h"
#include "autoscaler/samples/samples.h"

/* All borrowed. */
struct api {
    struct auth *auth;
    struct samples *samples;
    bool (*ready)(void *user, char why[128]); /* of /readyz; any thread */
    void *ready_user;
    struct chain_proxy *chain; /* asked for what we do not have; NULL: nobody is */
};

/* An lp_http_handler; `user` is a struct api. */
void api_handle(struct lp_http_exchange *x, void *user);

/* What services/<service>/queue_depth is answered with now, in thousandths, without a request;
 * false where it cannot be told. Any thread. */
bool api_queue_depth(struct samples *samples, const char *ns, const char *service,
                     int64_t *ret_milli);

/* What lp_http_server_options calls `refusal`: a Status, as a literal. */
const char *api_refusal(int status, const char *why, void *user);
