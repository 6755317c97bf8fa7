/* services/auth/http/body.h -- a request body, JSON or form, as one JSON object. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "service/service.h"

#define BODY_MAX 100000    /* bytes of JSON and forms; pictures are looked at elsewhere */
#define BODY_MAX_FIELDS 64 /* members of a form */

/*
 * `content_type` NULL or "" counts as application/json; an empty body is an empty object. The
 * caller owns *ret_object. Fails with err->http_status: 400 (not JSON, no object, bad form), 415
 * (another type or charset), 413 (over BODY_MAX). The message is meant for the client and holds
 * nothing of the body.
 */
LP_MUST_USE int body_parse(const char *content_type, const char *bytes, size_t len,
                           json_t **ret_object, struct lp_error *err);

/* The same for the body of a request; also 403 (a form of another site, as the browser says). */
LP_MUST_USE int body_of(const struct lp_service_request *r, json_t **ret_object,
                        struct lp_error *err);
