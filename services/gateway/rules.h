/* services/gateway/rules.h -- what one route lets pass, and how long its upstream may take. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "http/message/fields.h"

#define RULES_LIST_MAX 16
#define RULES_CONNECT_MS 2000 /* where nothing is said */

/* Zero but for the times: everything passes. */
struct rules {
    char *methods[RULES_LIST_MAX]; /* as they are written: case counts (RFC 9110, 9.1) */
    char *types[RULES_LIST_MAX];   /* "application/json" or "audio/" and a star */
    size_t n_methods, n_types;     /* 0: any */
    char *allow;                   /* "Allow: GET, OPTIONS\r\n"; NULL: any method */
    int64_t connect_ms;            /* for one address to take a connection */
    int64_t first_byte_ms;         /* without a sign of life before the answer's head */
    int64_t idle_ms;               /* the same behind it */
    int64_t total_ms;              /* from the call to the last byte; 0: no limit */
};

/* Every time that is not said is `timeout_ms`, but connect and total. */
void rules_init(struct rules *r, int64_t timeout_ms);
void rules_done(struct rules *r);

/*
 * Reads `text` (`len` bytes) into rules that were initialised: "methods=GET POST;types=text/plain;
 * connect=500;firstByte=5000;idle=5000;total=60000", lists at most once, times in ms, 10..3600000.
 * LP_E_INVALID names the part, its value and what is allowed; what was read until then is in the
 * rules all the same.
 */
LP_MUST_USE int rules_read(struct rules *io_rules, const char *text, size_t len,
                           struct lp_error *err);

bool rules_allow_method(const struct rules *r, const char *method, size_t len);
/* Of a request with a body; `type` NULL: it has no Content-Type. Parameters and case do not count
 * (RFC 9110, 8.3.1). */
bool rules_allow_type(const struct rules *r, const struct lp_field *type);
