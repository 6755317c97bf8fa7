/* lib/base/utf8.h -- text of others that must be valid UTF-8 (RFC 3629) before it goes into JSON.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the valid sequence at the start of the `n` bytes of `text`, 1 to 4; 0 where there is
 * none: an overlong form, a surrogate, something over U+10FFFF, or a part of a character. */
size_t lp_utf8_sequence(const char *text, size_t n);

/* Puts '?' for every byte of `text` that belongs to no valid sequence, such as the rest of a
 * character that was cut. */
void lp_utf8_repair(char *text);
void lp_utf8_repairn(char *text, size_t n);
