/* services/auth/http/reply.h -- the answers of lp-auth in one shape. Each of these ends the
 * request. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "service/service.h"

/* Takes over `body`. Nothing that this service says may be cached. */
void reply_json(struct lp_service_request *r, int status, json_t *body);

/* {"error":"…"} */
void reply_error(struct lp_service_request *r, int status, const char *message);

/* {"error":"Validation failed","details":[…]}; takes over `details`. */
void reply_invalid(struct lp_service_request *r, json_t *details);

/*
 * For what went wrong on our side: 503 with Retry-After where another try may help, else 500.
 * Logged once, with the name of what was done; the client learns nothing of the cause.
 */
void reply_failure(struct lp_service_request *r, const char *what, const struct lp_error *err);

/* 503 with Retry-After; not logged, as overload is seen in the metrics. */
void reply_busy(struct lp_service_request *r);
