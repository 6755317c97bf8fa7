/* lib/http/url.h -- URLs are built here only, so that every part is percent-encoded (RFC 3986). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends "/" and the encoded segment (everything but unreserved characters is encoded). */
void lp_url_segment(struct lp_buf *b, const char *segment);

/* Appends "?key=value" or "&key=value" (looks whether a ? is there), both encoded. NULL value:
 * nothing is added. */
void lp_url_query(struct lp_buf *b, const char *key, const char *value);

/* Decodes `n` bytes of percent-encoding; '+' becomes a space where `plus`. False for a bad escape
 * or a NUL. */
bool lp_url_decode(const char *text, size_t n, bool plus, struct lp_buf *out);
