/* services/learning/exchange/jsonld.h -- JSON-LD 1.1 in the form that we write: one object with
 * "@graph", an array of nodes, or one node; the terms of our context, which "@context" may repeat
 * or leave out, no other; values as they are, {"@id"} or {"@value"}. Errors as exchange_read. Pure.
 */
#pragma once

#include "base/buf.h"
#include "services/learning/exchange/collect.h"

LP_MUST_USE int jsonld_read(struct collect *c, const char *text, size_t len, struct lp_error *err);
void jsonld_write(const json_t *classes, const json_t *items, struct lp_buf *ret_text);
