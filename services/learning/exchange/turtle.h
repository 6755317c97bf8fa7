/* services/learning/exchange/turtle.h -- Turtle by serd (Debian, ISC), bounded in its callbacks;
 * and back. Errors as exchange_read. Pure. */
#pragma once

#include "base/buf.h"
#include "services/learning/exchange/collect.h"

LP_MUST_USE int turtle_read(struct collect *c, const char *text, size_t len, struct lp_error *err);
void turtle_write(const json_t *classes, const json_t *items, struct lp_buf *ret_text);
