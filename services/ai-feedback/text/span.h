/* services/ai-feedback/text/span.h -- what is no prose in a text and must stay as it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes of the span that begins at `s` and stays as it is, 0 where there is none: an address (URL,
 * e-mail, file or domain name), code (in backticks, or with _ = { } < > \ | / in it), @name, #tag,
 * letters mixed with digits, an abbreviation with its full stops ("U.S.", "p.m.", "Inc."), an
 * emoticon, an emoji. `s` stands where a token may begin; `before` bytes lie in front of it.
 */
size_t span_length(const char *s, size_t left, size_t before);

/* Bytes of the mark of a list ("- ", "1. ", "b) ", "• ") that begins the line `s`, its white space
 * included; 0 where there is none. */
size_t span_list_mark(const char *s, size_t left);

/* True where the full stop at text[stop] belongs to an abbreviation; *ret_dotted for one with full
 * stops inside ("p.m."). */
bool span_is_abbreviation(const char *text, size_t stop, bool *ret_dotted);
