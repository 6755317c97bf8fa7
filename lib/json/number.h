/* lib/json/number.h -- numbers as JavaScript writes them. */
#pragma once

#include <jansson.h>

/* Room for the longest: "-1.2345678901234567e-308" and its NUL. */
#define LP_NUMBER_TEXT 32

/* String(v) of ECMA-262, Number::toString with radix 10: the fewest digits that read back as the
 * same number, "1e+21" from 1e21 on, "1e-7" below 1e-6, "NaN", "Infinity". */
void lp_number_text(double v, char ret_text[LP_NUMBER_TEXT]);

/* String() of a JSON number: an integer is a double first, as there every number is. */
void lp_json_number_text(const json_t *number, char ret_text[LP_NUMBER_TEXT]);
