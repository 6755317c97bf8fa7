/* lib/base/base64.h -- base64 with padding (RFC 4648, section 4), as Kubernetes carries bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the bytes that `n` characters at `text` stand for; blanks and line ends between them
 * count for nothing. False where `out` has no room and for what is no base64: other characters,
 * wrong padding, unused bits that are not 0. `out` is undefined then. */
bool lp_base64_decode(const char *text, size_t n, struct lp_buf *out);

/* What `text` stands for as a string of the caller's; NULL for what is no base64 or holds a NUL. */
char *lp_base64_text(const char *text);

/* Appends `n` bytes as base64 with padding, on one line. */
void lp_base64_encode(const void *bytes, size_t n, struct lp_buf *out);

/* base64 of a text without its NUL; the caller's. */
char *lp_base64_of(const char *text);
