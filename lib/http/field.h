/* lib/http/field.h -- what a header field may consist of (RFC 9110, sections 5.5 and 5.6.2). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* `n` bytes are a token: a method, or the name of a field. Not empty. */
bool lp_http_is_token(const char *s, size_t n);

/* `n` bytes have no control character but the tab. May be empty. */
bool lp_http_is_field_value(const char *s, size_t n);
