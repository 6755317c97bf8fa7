/* lib/json/cut.h -- takes a part that nobody reads out of a text before it is parsed: parsing costs
 * by the number of values. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/*
 * Takes the member at `path` (keys without escapes, the last one followed by NULL) out of the JSON
 * object in `text`. Returns the text of its value as a string, the caller's; NULL where there is no
 * such member, or where the text is not whole: then it stays as it is. What was cut is not checked.
 */
json_t *lp_json_cut(struct lp_buf *text, const char *const path[]);
