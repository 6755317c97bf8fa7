/* cli/check/findings.h -- what a look at the cluster found. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"

/* FINDING_UNKNOWN: it could not be looked at, for want of a right. */
enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDING_UNKNOWN, FINDINGS };

/* Appends {check, result, message, remedy}; `remedy` NULL where there is nothing to do. */
__attribute__((format(printf, 5, 6))) void findings_add(json_t *list, enum finding result,
                                                        const char *check, const char *remedy,
                                                        const char *fmt, ...);

/* A request that failed: unknown where a right is missing, which the API server's message names,
 * else a failure. */
void findings_error(json_t *list, const char *check, const char *what, const struct lp_error *err);

size_t findings_count(const json_t *list, enum finding result);

/* A line each, with its remedy below it, and a last line with the counts. */
void findings_text(const json_t *list, struct lp_buf *out);
