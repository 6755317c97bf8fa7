/* services/learning/exchange/sheet.h -- items as rows: CSV with a row of names first, and Anki's
 * text files, whose first lines say how they are to be read. Errors as exchange_read. Pure. */
#pragma once

#include "base/buf.h"
#include "services/learning/exchange/collect.h"

LP_MUST_USE int sheet_read_csv(struct collect *c, const char *text, size_t len,
                               const struct exchange_defaults *d, struct lp_error *err);
/* https://docs.ankiweb.net/importing/text-files.html */
LP_MUST_USE int sheet_read_anki(struct collect *c, const char *text, size_t len,
                                const struct exchange_defaults *d, struct lp_error *err);
void sheet_write_csv(const json_t *items, struct lp_buf *ret_text);
void sheet_write_anki(const json_t *items, struct lp_buf *ret_text);

/* What a browser would show of a field of HTML, in place: tags go, <br> and the ends of <div>, <p>
 * and <li> become ends of lines, the usual entities characters. */
void sheet_strip_html(char *text);
