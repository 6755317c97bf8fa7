/* cli/dashboard/teaching.h -- what learners did, as a platform's own gateway tells those who teach.
 */
#pragma once

#include <jansson.h>

#include "base/stop.h"
#include "cli/options.h"

#define TEACHING_BODY ((size_t)16 << 10)    /* bytes of a question: over it 400 */
#define TEACHING_ANSWER ((size_t)512 << 10) /* of the gateway's answer */
#define TEACHING_TOKEN 8192
#define TEACHING_DAYS 92

/*
 * Answers a question, {"namespace", "name", "token": of a teacher or admin of that platform,
 * "days": 1 to TEACHING_DAYS, "zone": as "Asia/Jakarta"}, by GET /progress/api/progress/analytics
 * through forward.h: {"analytics": as the service has them (docs/openapi/progress.json)}, or
 * {"missing": a sentence that says why not, "status": of the gateway's answer, 0: there was none}.
 * The token goes nowhere else: it is neither kept nor logged, and in no message. LP_E_INVALID names
 * field and limit. Takes up to 40 s, less at the stop.
 */
LP_MUST_USE int teaching_answer(const char *question, size_t len, const struct cli_options *options,
                                struct lp_stop *stop, json_t **ret_answer, struct lp_error *err);
