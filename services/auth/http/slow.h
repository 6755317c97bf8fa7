/* services/auth/http/slow.h -- answers that are held back for a while, without a worker. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "service/service.h"

/* Opaque: hides a lock and a thread. */
struct slow;

#define SLOW_MOST 1024 /* answers held at once; one more is 503 */
#define SLOW_LONGEST_MS 5000

LP_MUST_USE int slow_new(struct slow **ret_slow, struct lp_error *err);
/* Every answer must have left (lp_service_run waits for them). */
void slow_free(struct slow *s);

/* reply_json() after `delay_ms` (at most SLOW_LONGEST_MS; 0: at once). Takes over `body`. */
void slow_reply(struct slow *s, struct lp_service_request *r, int64_t delay_ms, int status,
                json_t *body);
