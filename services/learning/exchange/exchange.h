/* services/learning/exchange/exchange.h -- content as text that other programs read and write, and
 * back: Turtle (RDF 1.1), JSON-LD 1.1 in the form that we write, CSV (RFC 4180), Anki's text
 * export. Pure; docs/learning.md says what stands where. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "services/learning/exchange/format.h"

/*
 * LP_E_INVALID, or LP_E_TOO_LARGE over one of the limits above; the message names the line (of
 * JSON-LD the node), the member and what is allowed. CSV and Anki hold no classes. Classes of the
 * document that would be below themselves are refused; whether a class or a related item is there
 * is not looked at.
 */
LP_MUST_USE int exchange_read(enum exchange_format format, const char *text, size_t len,
                              const struct exchange_defaults *defaults, struct exchange *ret,
                              struct lp_error *err);

/* Appends `classes` (left out by CSV and Anki) and `items`. What exchange_read makes of it is the
 * same, but that Anki's tags have '_' for a blank. LP_E_TOO_LARGE where `ret_text` overflows. */
LP_MUST_USE int exchange_write(enum exchange_format format, const json_t *classes,
                               const json_t *items, struct lp_buf *ret_text, struct lp_error *err);
