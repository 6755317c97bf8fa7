/* lib/base/base64url.h -- base64url without padding (RFC 4648, section 5; RFC 7515, 2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the bytes that `n` characters at `text` stand for. False where `out` has no room for them
 * and for what no encoder makes: other characters, padding, a length of 4k+1, unused bits that are
 * not 0. So each sequence of bytes has one spelling. `out` is undefined then. */
bool lp_base64url_decode(const char *text, size_t n, struct lp_buf *out);

/* Appends the text of `n` bytes; an overflow shows in `out`. */
void lp_base64url_encode(const void *bytes, size_t n, struct lp_buf *out);
