/* lib/base/utf8.h -- text that must be valid UTF-8 before it goes into JSON. */
#pragma once

/* Puts '?' for every byte of `text` that belongs to no valid sequence (RFC 3629: no overlong form,
 * no surrogate, nothing over U+10FFFF), such as the rest of a character that was cut. */
void lp_utf8_repair(char *text);
