/*
 * services/progress/document_json.c -- documents as JSON, written as they are read: a list of
 * thousands is no tree in memory. Old ones may hold types that we never write, so every BSON type
 * that JSON has a place for is taken; the rest becomes null. No state.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "base/clock.h"
#include "json/number.h"
#include "services/progress/document.h"

#define MAX_DEPTH 32

#define SHORT 64

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* A short text of ASCII without anything to escape goes out in one piece, with its quotes and what
 * stands before and after them; most keys and texts are such. False: it is another, or long. */
static bool write_short(const char *before, const char *text, size_t n, const char *after,
                        struct lp_buf *out)
{
    char piece[SHORT + 4];
    size_t at = 0, len = 0;

    while (at < n && n <= SHORT && is_plain((unsigned char)text[at]) &&
           (unsigned char)text[at] < 0x80)
        at++;
    if (at < n)
        return false;
    if (*before)
        piece[len++] = *before;
    piece[len++] = '"';
    memcpy(piece + len, text, n);
    len += n;
    piece[len++] = '"';
    if (*after)
        piece[len++] = *after;
    lp_buf_add(out, piece, len);
    return true;
}

/* One byte that RFC 8259, section 7, wants escaped. */
static void write_escaped(unsigned char c, struct lp_buf *out)
{
    static const char short_ones[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    char text[8];

    for (const char *s = short_ones; *s; s += 2) {
        if ((unsigned char)*s == c) {
            lp_buf_char(out, '\\');
            lp_buf_char(out, s[1]);
            return;
        }
    }
    snprintf(text, sizeof text, "\\u%04x", c);
    lp_buf_str(out, text);
}

/* UTF-8. */
static void write_text(const char *text, size_t n, struct lp_buf *out)
{
    size_t from = 0;

    lp_buf_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (is_plain((unsigned char)text[i]))
            continue;
        lp_buf_add(out, text + from, i - from);
        write_escaped((unsigned char)text[i], out);
        from = i + 1;
    }
    lp_buf_add(out, text + from, n - from);
    lp_buf_char(out, '"');
}

/* bson_utf8_validate() takes the overlong C0 80. */
static bool is_utf8(const char *text, size_t n)
{
    for (size_t at = 0, step; at < n; at += step) {
        step = lp_utf8_sequence(text + at, n - at);
        if (step == 0)
            return false;
    }
    return true;
}

/* What is not UTF-8 was written by something that is not us. */
static void write_utf8(const bson_iter_t *i, struct lp_buf *out)
{
    uint32_t n;
    const char *text = bson_iter_utf8(i, &n);

    if (write_short("", text, n, "", out))
        return;
    if (is_utf8(text, n))
        write_text(text, n, out);
    else
        lp_buf_str(out, "null");
}

static void write_whole(int64_t n, struct lp_buf *out)
{
    char text[24], *end = text + sizeof text, *at = end;
    uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (n < 0)
        *--at = '-';
    lp_buf_add(out, at, (size_t)(end - at));
}

static void write_double(double v, struct lp_buf *out)
{
    char text[LP_NUMBER_TEXT];

    if (!isfinite(v)) {
        lp_buf_str(out, "null");
    } else {
        lp_number_text(v, text);
        lp_buf_str(out, text);
    }
}

static void write_date(int64_t ms, struct lp_buf *out)
{
    char text[LP_CLOCK_TEXT];

    lp_clock_format(ms, 3, text);
    write_short("", text, strlen(text), "", out);
}

static void write_value(bson_iter_t *i, int depth, struct lp_buf *out);

/* False: it is no UTF-8, and nothing was written. */
static bool write_key(const char *comma, const char *key, struct lp_buf *out)
{
    size_t n = strlen(key);

    if (write_short(comma, key, n, ":", out))
        return true;
    if (!is_utf8(key, n))
        return false;
    lp_buf_str(out, comma);
    write_text(key, n, out);
    lp_buf_char(out, ':');
    return true;
}

/* The members that `i` is before, of which those without a name in UTF-8 are left out. */
static void write_members(bson_iter_t *i, bool array, int depth, struct lp_buf *out)
{
    const char *comma = "";

    lp_buf_char(out, array ? '[' : '{');
    while (bson_iter_next(i)) {
        if (array)
            lp_buf_str(out, comma);
        else if (!write_key(comma, bson_iter_key(i), out))
            continue;
        comma = ",";
        write_value(i, depth, out);
    }
    lp_buf_char(out, array ? ']' : '}');
}

/* Empty beyond MAX_DEPTH. */
static void write_children(const bson_iter_t *parent, bool array, int depth, struct lp_buf *out)
{
    bson_iter_t i;

    if (depth < MAX_DEPTH && bson_iter_recurse(parent, &i))
        write_members(&i, array, depth + 1, out);
    else
        lp_buf_str(out, array ? "[]" : "{}");
}

static void write_id(const bson_iter_t *i, struct lp_buf *out)
{
    char hex[25];

    bson_oid_to_string(bson_iter_oid(i), hex);
    write_short("", hex, 24, "", out);
}

static void write_value(bson_iter_t *i, int depth, struct lp_buf *out)
{
    switch (bson_iter_type(i)) {
    case BSON_TYPE_DOUBLE:
        write_double(bson_iter_double(i), out);
        break;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        write_whole(bson_iter_as_int64(i), out);
        break;
    case BSON_TYPE_BOOL:
        lp_buf_str(out, bson_iter_bool(i) ? "true" : "false");
        break;
    case BSON_TYPE_UTF8:
        write_utf8(i, out);
        break;
    case BSON_TYPE_OID:
        write_id(i, out);
        break;
    case BSON_TYPE_DATE_TIME:
        write_date(bson_iter_date_time(i), out);
        break;
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY:
        write_children(i, bson_iter_type(i) == BSON_TYPE_ARRAY, depth, out);
        break;
    default:
        lp_buf_str(out, "null");
    }
}

void document_write_json(const bson_t *document, struct lp_buf *out)
{
    bson_iter_t i;

    if (bson_iter_init(&i, document))
        write_members(&i, false, 0, out);
    else
        lp_buf_str(out, "{}");
}
