/*
 * lib/json/load.c -- a reader for plain JSON: ASCII, integers, no \u escapes, not nested deeply. It
 * says no to everything else, broken texts above all, and jansson reads that from the start: so
 * what is refused, and why, is jansson's decision alone. Pure.
 */
#include "json/load.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

#define MAX_DEPTH 64
#define MAX_DIGITS 18 /* so many fit into 64 bits */

struct reader {
    const char *at, *end;
    int depth;
    struct lp_buf unescaped; /* of the string read last, where it had escapes */
};

static json_t *read_value(struct reader *r);

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

/* Takes `c` and the space before it. */
static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool add_escaped(struct reader *r, char c)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found = c ? strchr(from, c) : NULL;

    if (found)
        lp_buf_add(&r->unescaped, to + (found - from), 1);
    return found != NULL;
}

/* Up to the next byte that is not simply part of a string. */
static const char *end_of_run(const struct reader *r)
{
    const char *p = r->at;

    while (p < r->end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

/* The text between quotes, of which the first has been taken; valid until the next call. */
static bool read_text(struct reader *r, const char **ret_text, size_t *ret_len)
{
    const char *end = end_of_run(r);

    *ret_text = r->at;
    *ret_len = (size_t)(end - r->at);
    if (end < r->end && *end == '"') {
        r->at = end + 1;
        return true;
    }
    lp_buf_reset(&r->unescaped);
    while (end < r->end && *end == '\\' && r->end - end > 1) {
        lp_buf_add(&r->unescaped, r->at, (size_t)(end - r->at));
        if (!add_escaped(r, end[1]))
            return false;
        r->at = end + 2;
        end = end_of_run(r);
    }
    if (end == r->end || *end != '"')
        return false;
    lp_buf_add(&r->unescaped, r->at, (size_t)(end - r->at));
    r->at = end + 1;
    *ret_text = r->unescaped.ptr;
    *ret_len = r->unescaped.len;
    return !r->unescaped.overflowed;
}

static json_t *read_string(struct reader *r)
{
    const char *text;
    size_t len;

    return read_text(r, &text, &len) ? json_stringn_nocheck(text, len) : NULL;
}

/* Integers only; a fraction or an exponent is left to jansson, as -0 is. */
static json_t *read_integer(struct reader *r)
{
    bool negative = *r->at == '-';
    const char *first = r->at + negative, *p = first;
    json_int_t n = 0;

    for (; p < r->end && *p >= '0' && *p <= '9' && p - first < MAX_DIGITS; p++)
        n = 10 * n + (*p - '0');
    bool ends = p < r->end && strchr(",]} \n\t\r", *p) && *p;
    if (!ends || p == first || (*first == '0' && (p - first > 1 || negative)))
        return NULL;
    r->at = p;
    return json_integer(negative ? -n : n);
}

static json_t *read_word(struct reader *r, const char *word, json_t *value)
{
    size_t n = strlen(word);

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
        return NULL;
    r->at += n;
    return value;
}

static bool read_members(struct reader *r, json_t *object)
{
    if (take(r, '}'))
        return true;
    do {
        const char *text;
        size_t len, before = json_object_size(object);
        char key[256];

        if (!take(r, '"') || !read_text(r, &text, &len) || len >= sizeof key)
            return false;
        memcpy(key, text, len); /* the value's own texts overwrite it */
        json_t *value = take(r, ':') ? read_value(r) : NULL;
        if (!value || json_object_setn_new_nocheck(object, key, len, value) < 0 ||
            json_object_size(object) == before)
            return false;
    } while (take(r, ','));
    return take(r, '}');
}

static bool read_items(struct reader *r, json_t *array)
{
    if (take(r, ']'))
        return true;
    do {
        json_t *value = read_value(r);
        if (!value || json_array_append_new(array, value) < 0)
            return false;
    } while (take(r, ','));
    return take(r, ']');
}

/* Takes over `container`, which `fill` fills. */
static json_t *nested(struct reader *r, json_t *container, bool (*fill)(struct reader *, json_t *))
{
    r->at++;
    bool good = ++r->depth <= MAX_DEPTH && fill(r, container);
    r->depth--;
    if (good)
        return container;
    json_decref(container);
    return NULL;
}

static json_t *read_value(struct reader *r)
{
    skip_space(r);
    if (r->at == r->end)
        return NULL;
    switch (*r->at) {
    case '{':
        return nested(r, json_object(), read_members);
    case '[':
        return nested(r, json_array(), read_items);
    case '"':
        r->at++;
        return read_string(r);
    case 't':
        return read_word(r, "true", json_true());
    case 'f':
        return read_word(r, "false", json_false());
    case 'n':
        return read_word(r, "null", json_null());
    default:
        return read_integer(r);
    }
}

json_t *lp_json_load(const char *bytes, size_t len, json_error_t *why)
{
    struct reader r = { .at = bytes, .end = bytes + len, .unescaped = LP_BUF_INIT(len) };

    skip_space(&r);
    json_t *o = r.at < r.end && (*r.at == '{' || *r.at == '[') ? read_value(&r) : NULL;
    skip_space(&r);
    lp_buf_done(&r.unescaped);
    if (o && r.at == r.end)
        return o;
    json_decref(o);
    return json_loadb(bytes, len, JSON_REJECT_DUPLICATES, why);
}
