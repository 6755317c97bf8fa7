/* autoscaler/api.h -- a request to the metrics API, from its first check to its answer. */
#pragma once

#include <stdbool.h>

#include "autoscaler/auth.h"
#include "autoscaler/samples.h"

/* All borrowed. */
struct api {
    struct auth *auth;
    struct samples *samples;
    bool (*ready)(void *user, char why[128]); /* of /readyz; any thread */
    void *ready_user;
};

/* An lp_http_handler; `user` is a struct api. */
void api_handle(struct lp_http_exchange *x, void *user);

/* What lp_http_server_options calls `refusal`: a Status, as a literal. */
const char *api_refusal(int status, const char *why, void *user);
