/* lib/base/utf8.h -- text of others that must be valid UTF-8 (RFC 3629) before it goes into JSON.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the valid sequence at the start of the `n` bytes of `text`, 1 to 4; 0 where there is
 * none: an overlong form, a surrogate, something over U+10FFFF, or a part of a character. */
size_t lp_utf8_sequence(const char *text, size_t n);

/* True where all `n` bytes are valid UTF-8. A NUL is a character like any other. */
bool lp_utf8_is_valid(const char *text, size_t n);

/* How many of the `n` bytes of `text` to keep, at most `max`, so that no valid character is cut
 * apart. Bytes that belong to no valid character count one by one. */
size_t lp_utf8_cut(const char *text, size_t n, size_t max);

/* Puts '?' for every byte of `text` that belongs to no valid sequence, such as the rest of a
 * character that was cut. */
void lp_utf8_repair(char *text);
void lp_utf8_repairn(char *text, size_t n);

/* Copies what fits of the `n` bytes of `text` into the `room` bytes at `to`: at most room - 1 bytes
 * and a NUL, cut between characters, repaired. `room` is at least 1. */
void lp_utf8_copy(char *to, size_t room, const char *text, size_t n);
