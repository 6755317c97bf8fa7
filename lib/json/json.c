/* lib/json/json.c -- thin helpers over jansson. No state; frozen json_t may be read by any thread.
 */
#include "json/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

void lp_json_init(void)
{
    json_object_seed(0);
}

/* Whole numbers up to 2^53 back to integers, the rest stays: "1e20", "0.5". */
static json_t *whole_again(const json_t *o)
{
    const json_t *value;
    const char *key;
    size_t i;

    if (json_is_object(o)) {
        json_t *object = json_object();
        json_object_foreach((json_t *)o, key, value)
            json_object_set_new_nocheck(object, key, whole_again(value));
        return object;
    }
    if (json_is_array(o)) {
        json_t *array = json_array();
        json_array_foreach(o, i, value) json_array_append_new(array, whole_again(value));
        return array;
    }
    if (json_is_real(o) && fabs(json_real_value(o)) <= 0x1p53 &&
        json_real_value(o) == trunc(json_real_value(o)))
        return json_integer((json_int_t)json_real_value(o));
    return json_incref((json_t *)o);
}

/* An integer that no int64_t holds: the numbers of the document are read as JavaScript reads them,
 * and Kubernetes: as doubles. */
static json_t *parse_as_doubles(const char *bytes, size_t len, json_error_t *ret_why)
{
    json_auto_t *o =
        json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, ret_why);
    return o ? whole_again(o) : NULL;
}

int lp_json_parse(const char *bytes, size_t len, size_t max, const char *what, json_t **ret_json,
                  struct lp_error *err)
{
    json_error_t why;

    if (len > max)
        return lp_error_set(err, LP_E_TOO_LARGE, "%s: %zu bytes, at most %zu allowed", what, len,
                            max);
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* RFC 8259, 8.1: may be ignored */
        bytes += 3;
        len -= 3;
    }
    json_t *o = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);
    if (!o && json_error_code(&why) == json_error_numeric_overflow)
        o = parse_as_doubles(bytes, len, &why);
    if (!o)
        return lp_error_set(err, LP_E_INVALID, "%s: line %d column %d: %s", what, why.line,
                            why.column, why.text);
    *ret_json = o;
    return 0;
}

static json_t *walk(const json_t *o, va_list keys)
{
    const json_t *at = o;
    for (const char *key = va_arg(keys, const char *); key && at; key = va_arg(keys, const char *))
        at = json_object_get(at, key);
    return (json_t *)at;
}

json_t *lp_json_find(const json_t *list, const char *key, const char *value)
{
    json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *text = json_string_value(json_object_get(item, key));
        if (text && strcmp(text, value) == 0)
            return item;
    }
    return NULL;
}

json_t *lp_json_at(const json_t *o, ...)
{
    va_list keys;
    va_start(keys, o);
    json_t *at = walk(o, keys);
    va_end(keys);
    return at;
}

const char *lp_json_str(const json_t *o, ...)
{
    va_list keys;
    va_start(keys, o);
    json_t *at = walk(o, keys);
    va_end(keys);
    return json_string_value(at);
}

int64_t lp_json_int(int64_t fallback, const json_t *o, ...)
{
    va_list keys;
    va_start(keys, o);
    json_t *at = walk(o, keys);
    va_end(keys);
    return json_is_integer(at) ? json_integer_value(at) : fallback;
}

bool lp_json_bool(bool fallback, const json_t *o, ...)
{
    va_list keys;
    va_start(keys, o);
    json_t *at = walk(o, keys);
    va_end(keys);
    return json_is_boolean(at) ? json_is_true(at) : fallback;
}

int lp_json_pack(json_t **ret_json, struct lp_error *err, const char *fmt, ...)
{
    json_error_t why;
    va_list args;

    va_start(args, fmt);
    json_t *o = json_vpack_ex(&why, 0, fmt, args);
    va_end(args);
    if (!o)
        return lp_error_set(err, LP_E_INVALID, "cannot make JSON: %s", why.text);
    *ret_json = o;
    return 0;
}

json_t *lp_json_textn(const char *text, size_t n)
{
    json_t *v = json_stringn(text, n); /* NULL where that is not valid UTF-8 */

    if (v)
        return v;
    lp_auto_free char *copy = lp_alloc(n + 1);
    memcpy(copy, text, n);
    lp_utf8_repairn(copy, n);
    return json_stringn(copy, n);
}

json_t *lp_json_text(const char *text)
{
    return text ? lp_json_textn(text, strlen(text)) : NULL;
}

static int add_to_buf(const char *bytes, size_t n, void *user)
{
    lp_buf_add(user, bytes, n);
    return 0;
}

/* How many digits all reals of `o` need to be read back as they are: 0.97, not 0.96999999999999997.
 */
static unsigned digits_of(const json_t *o, unsigned digits)
{
    const char *key;
    json_t *value;
    size_t i;
    char text[32];

    if (json_is_real(o)) {
        double v = json_real_value(o);
        for (; digits < 17; digits++) {
            snprintf(text, sizeof text, "%.*g", (int)digits, v);
            if (strtod(text, NULL) == v)
                break;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)o, key, value) digits = digits_of(value, digits);
    json_array_foreach(o, i, value) digits = digits_of(value, digits);
    return digits;
}

static void write_text(const json_t *o, size_t flags, struct lp_buf *b)
{
    flags |= JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits_of(o, 15));
    json_dump_callback(o, add_to_buf, b, flags);
}

void lp_json_write(const json_t *o, struct lp_buf *b)
{
    write_text(o, JSON_SORT_KEYS, b);
}

void lp_json_write_unsorted(const json_t *o, struct lp_buf *b)
{
    write_text(o, 0, b);
}

void lp_json_set_str(json_t *o, const char *key, const char *value)
{
    if (value)
        json_object_set_new(o, key, lp_json_text(value));
}

static bool array_contains(const json_t *have, const json_t *want)
{
    size_t n = json_array_size(want);
    if (!json_is_array(have) || json_array_size(have) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!lp_json_contains(json_array_get(have, i), json_array_get(want, i)))
            return false;
    return true;
}

bool lp_json_contains(const json_t *have, const json_t *want)
{
    const char *key;
    json_t *value;

    if (json_is_object(want)) {
        if (!json_is_object(have))
            return false;
        json_object_foreach(
            (json_t *)want, key,
            value) if (!lp_json_contains(json_object_get(have, key), value)) return false;
        return true;
    }
    if (json_is_array(want))
        return array_contains(have, want);
    if (json_is_number(want))
        return json_is_number(have) && json_number_value(have) == json_number_value(want);
    return json_equal(have, want);
}
