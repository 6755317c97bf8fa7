/* autoscaler/api/api.h -- a request to the metrics API, from its first check to its answer. */
#pragma once

#include <stdbool.h>

#include "autoscaler/auth/auth.h"
#include "autoscaler/base/group.h"
#include "autoscaler/samples/samples.h"

/* All borrowed. */
struct api {
    struct auth *auth;
    struct samples *samples;
    bool (*ready)(void *user, char why[128]); /* of /readyz; any thread */
    void *ready_user;
    /* Takes over the exchange of a request that we have no answer to, and answers it; false:
     * nobody is to be asked. `ours`: what we say of an object that we do not have; NULL: it is no
     * metric of ours. NULL: nobody ever is. */
    bool (*pass_on)(void *user, enum metrics_version v, struct lp_http_exchange *x,
                    const char *ours);
    void *pass_on_user;
};

/* An lp_http_handler; `user` is a struct api. */
void api_handle(struct lp_http_exchange *x, void *user);

/* What lp_http_server_options calls `refusal`: a Status, as a literal. */
const char *api_refusal(int status, const char *why, void *user);
