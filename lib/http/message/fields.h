/* lib/http/message/fields.h -- header fields of a message, as views into the bytes that came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

#define LP_FIELDS_MAX 100

/* Borrowed from the bytes that were read; neither part ends with a NUL. `value` has no white space
 * around it. */
struct lp_field {
    const char *name, *value;
    uint32_t name_len, value_len;
};

struct lp_fields {
    struct lp_field list[LP_FIELDS_MAX];
    size_t n;
};

/* Why a message is refused: the status to answer with (of a response: 502), and one sentence, a
 * literal. */
struct lp_refusal {
    unsigned status;
    const char *why;
};

/*
 * Reads field lines up to and with the empty line that ends them; `n` bytes that end with it.
 * Strict, by RFC 9112, 5: CR LF ends each line, a token and a colon begin it, nothing folds, no
 * control characters. False with *ret_refusal: 400 for a malformed line, 431 for more than
 * LP_FIELDS_MAX.
 */
bool lp_fields_read(const char *bytes, size_t n, struct lp_fields *ret_fields,
                    struct lp_refusal *ret_refusal);

/*
 * Where the head at the front of `bytes` ends: the offset behind its empty line, or 0 where that
 * has not come. *io_seen, 0 at first, is how far the last call looked, so that each byte is looked
 * at once. -1: a line ends with LF alone.
 */
int64_t lp_fields_find_end(const char *bytes, size_t n, size_t *io_seen);

/* True where the field has this name, in any case. Inline: a proxied request asks 180 times, and
 * nearly always the first letter is another one. */
static inline bool lp_field_is(const struct lp_field *f, const char *name)
{
    return (f->name[0] | 0x20) == (name[0] | 0x20) && f->name_len == strlen(name) &&
           strncasecmp(f->name, name, f->name_len) == 0;
}

/* Appends "Name: value" and CR LF. */
void lp_field_write(const struct lp_field *f, struct lp_buf *out);

/* The first field of that name; NULL where absent. */
const struct lp_field *lp_fields_find(const struct lp_fields *fields, const char *name);

/* How many fields have that name. */
size_t lp_fields_count(const struct lp_fields *fields, const char *name);

/* True where any field `name` holds `member` in its comma-separated list (RFC 9110, 5.6.1); any
 * case. */
bool lp_fields_list_has(const struct lp_fields *fields, const char *name, const char *member,
                        size_t member_len);

/* 0 to 10^18 - 1 in decimal digits alone, as Content-Length is; false for anything else. */
bool lp_fields_read_length(const struct lp_field *f, int64_t *ret_length);

/* What Content-Length and Transfer-Encoding say of the body. */
struct lp_framing {
    int64_t length; /* of Content-Length; -1: there is none */
    bool chunked;   /* Transfer-Encoding is `chunked` alone */
};

/*
 * False with *ret_why, a literal, where they leave a doubt (RFC 9112, 6.1 to 6.3): both, more than
 * one field of a kind, a list, a sign, a coding that is not `chunked` alone.
 */
bool lp_fields_framing(const struct lp_fields *fields, struct lp_framing *ret_framing,
                       const char **ret_why);
