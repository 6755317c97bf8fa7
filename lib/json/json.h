/* lib/json/json.h -- jansson with limits, paths and error messages. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* Once in main, before the first thread: fixes jansson's hash seed. */
void lp_json_init(void);

/*
 * Parses one document of at most `max` bytes; duplicate keys and trailing bytes are refused. `what`
 * names it in the error ("request body"). The caller owns *ret_json. An integer over 64 bits is
 * read as a double, as JavaScript reads it; the others above 2^53 of that document are then, too.
 * A byte order mark before it is skipped. LP_E_TOO_LARGE, LP_E_INVALID with line and column.
 */
LP_MUST_USE int lp_json_parse(const char *bytes, size_t len, size_t max, const char *what,
                              json_t **ret_json, struct lp_error *err);

/* Walk down object keys; the list ends with NULL. Borrowed results; NULL (or fallback) where a part
 * of the way is missing or has another type. */
__attribute__((sentinel)) json_t *lp_json_at(const json_t *o, ...);
__attribute__((sentinel)) const char *lp_json_str(const json_t *o, ...);
__attribute__((sentinel)) int64_t lp_json_int(int64_t fallback, const json_t *o, ...);
__attribute__((sentinel)) bool lp_json_bool(bool fallback, const json_t *o, ...);

/* The first object in `list` whose member `key` is the string `value`; borrowed; NULL: none. */
json_t *lp_json_find(const json_t *list, const char *key, const char *value);

/* json_pack whose failure is an error with a reason ("o" steals, "O" does not). */
LP_MUST_USE int lp_json_pack(json_t **ret_json, struct lp_error *err, const char *fmt, ...);

/*
 * JSON by a format as json_pack has it, of {} [] s s% s+ i I f b n o O ?; a '*' behind the value of
 * a member or an item leaves that out where it is NULL. Owned by the caller. No value makes it
 * fail: a text is repaired as by lp_json_text(), what JSON has not (NULL, NaN) becomes null. Aborts
 * where the format is wrong.
 */
json_t *lp_json_make(const char *fmt, ...);

/* A string of `text`, with '?' for every byte that is not valid UTF-8: for texts of others, cut or
 * not. NULL for NULL. */
json_t *lp_json_text(const char *text);
json_t *lp_json_textn(const char *text, size_t n);

/* Compact text with the keys sorted, appended to `b`: equal documents give equal bytes. Reals have
 * as few digits, 15 at least, as all of them need to be read back as they are. */
void lp_json_write(const json_t *o, struct lp_buf *b);
/* The same in the order in which the keys were set: for who reads it again. */
void lp_json_write_unsorted(const json_t *o, struct lp_buf *b);

/* Sets a string, repaired as by lp_json_text(), at object `o`; NULL removes nothing and sets
 * nothing. */
void lp_json_set_str(json_t *o, const char *key, const char *value);

/*
 * True where everything in `want` is in `have` with the same value: objects by key (keys that only
 * `have` holds do not count), arrays by length and index, numbers by value. What server-side
 * defaulting adds does not make a difference.
 */
bool lp_json_contains(const json_t *have, const json_t *want);
