/* lib/service/idempotency.h -- the header Idempotency-Key. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define LP_IDEMPOTENCY_KEY_MAX 255

/*
 * The key of a header's value, appended to `ret_key`: plain visible characters, or a quoted string
 * (RFC 8941, 3.3.3: draft-ietf-httpapi-idempotency-key-header), whose quotes and backslashes do not
 * count: "a" and a are the same key. LP_E_INVALID for what is neither, or not 1 to
 * LP_IDEMPOTENCY_KEY_MAX long.
 */
LP_MUST_USE int lp_idempotency_key(const char *value, struct lp_buf *ret_key, struct lp_error *err);
