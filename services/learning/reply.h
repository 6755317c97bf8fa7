/* services/learning/reply.h -- who asks, and what is answered where something is wrong:
 * {"message"}. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "service/identity.h"
#include "service/service.h"
#include "services/learning/pace.h"

void reply_message(struct lp_service_request *r, int status, const char *message);
/* 200 with JSON text, which is taken. */
void reply_text(struct lp_service_request *r, struct lp_buf *json);

/* What a store function returned: 400, 404, 409, 413 with its message; else logged, and 503 with
 * Retry-After where a later try may do, or 500. */
void reply_failed(struct lp_service_request *r, const struct lp_error *err);

/* Who asks; false: 401, 403 or 503 is answered. */
bool reply_who(struct lp_service_request *r, struct lp_identity *ret_who);
/* False: `who` is neither teacher nor admin, 403 is answered. */
bool reply_may_write(struct lp_service_request *r, const struct lp_identity *who);
/* False: `learner` is none (400), or another one's (403). */
bool reply_may(struct lp_service_request *r, const struct lp_identity *who, const char *learner);
/* False: 429 with Retry-After is answered, the learner asks too often. */
bool reply_in_pace(struct lp_service_request *r, struct pace *pace, const char *learner);
/* The body's object, the caller's; NULL: 400 or 415 is answered. */
json_t *reply_body(struct lp_service_request *r);
/* The member `at` as wall milliseconds, now where `text` is NULL; false: 400 is answered. */
bool reply_time(struct lp_service_request *r, const char *text, int64_t *ret_at_ms);
/* The name in the path; NULL: 404 is answered, as nothing has such a name. */
const char *reply_name(struct lp_service_request *r);
