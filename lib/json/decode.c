/* lib/json/decode.c -- walks a field table. No state, any thread. */
#include "json/decode.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const char *type_name(enum lp_json_type type)
{
    static const char *const names[] = { "a string",  "an integer", "true or false",
                                         "an object", "a list",     "a value" };
    return names[type];
}

static bool has_type(const json_t *v, enum lp_json_type type)
{
    switch (type) {
    case LP_JSON_STRING:
        return json_is_string(v);
    case LP_JSON_INT:
        return json_is_integer(v);
    case LP_JSON_BOOL:
        return json_is_boolean(v);
    case LP_JSON_OBJECT:
        return json_is_object(v);
    case LP_JSON_ARRAY:
        return json_is_array(v);
    case LP_JSON_ANY:
        return true;
    }
    return false;
}

/* What min and max measure. */
static int64_t measure(const json_t *v)
{
    if (json_is_integer(v))
        return json_integer_value(v);
    return (int64_t)(json_is_string(v) ? json_string_length(v) : json_array_size(v));
}

/* Between a path and a name; nothing where the path is empty. */
static const char *dot(const char *path)
{
    return *path ? "." : "";
}

static int check_one_of(const struct lp_json_field *f, const json_t *v, const char *path,
                        struct lp_error *err)
{
    char allowed[256] = "";
    size_t used = 0;

    for (const char *const *s = f->one_of; *s; s++) {
        if (strcmp(*s, json_string_value(v)) == 0)
            return 0;
        int n = snprintf(allowed + used, sizeof allowed - used, "%s%s", used ? ", " : "", *s);
        used = n < 0 || used + (size_t)n >= sizeof allowed ? sizeof allowed - 1 : used + (size_t)n;
    }
    return lp_error_set(err, LP_E_INVALID, "%s%s%s: must be one of %s, is \"%.64s\"", path,
                        dot(path), f->key, allowed, json_string_value(v));
}

static int check_limits(const struct lp_json_field *f, const json_t *v, const char *path,
                        struct lp_error *err)
{
    int64_t n = measure(v);
    const char *unit = json_is_integer(v) ? "" : json_is_string(v) ? " bytes" : " items";

    if ((f->min == 0 && f->max == 0) || (n >= f->min && n <= f->max))
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s%s%s: must be %" PRId64 "..%" PRId64 "%s, is %" PRId64, path, dot(path),
                        f->key, f->min, f->max, unit, n);
}

static int store(const struct lp_json_field *f, json_t *v, bool strict, const char *path, char *out,
                 struct lp_error *err)
{
    void *at = out + f->offset;

    if (f->type == LP_JSON_OBJECT && f->fields) {
        lp_auto_free char *below = lp_sprintf("%.256s%s%s", path, dot(path), f->key);
        return lp_json_decode(v, f->fields, strict, below, at, err);
    }
    if (f->type == LP_JSON_STRING)
        *(const char **)at = json_string_value(v);
    else if (f->type == LP_JSON_INT)
        *(int64_t *)at = json_integer_value(v);
    else if (f->type == LP_JSON_BOOL)
        *(bool *)at = json_is_true(v);
    else
        *(json_t **)at = v;
    return 0;
}

static int decode_field(const json_t *object, const struct lp_json_field *f, bool strict,
                        const char *path, void *out, struct lp_error *err)
{
    json_t *v = json_object_get(object, f->key);

    if (!v || json_is_null(v))
        return f->required
                   ? lp_error_set(err, LP_E_INVALID, "%s%s%s: is required", path, dot(path), f->key)
                   : 0;
    if (!has_type(v, f->type))
        return lp_error_set(err, LP_E_INVALID, "%s%s%s: must be %s", path, dot(path), f->key,
                            type_name(f->type));
    if (f->one_of && f->type == LP_JSON_STRING) {
        int r = check_one_of(f, v, path, err);
        if (r < 0)
            return r;
    }
    int r = check_limits(f, v, path, err);
    return r < 0 ? r : store(f, v, strict, path, out, err);
}

static int refuse_unknown(const json_t *object, const struct lp_json_field *fields,
                          const char *path, struct lp_error *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        const struct lp_json_field *f = fields;
        while (f->key && strcmp(f->key, key) != 0)
            f++;
        if (!f->key)
            return lp_error_set(err, LP_E_INVALID, "%s%s%.64s: unknown field", path, dot(path),
                                key);
    }
    return 0;
}

int lp_json_decode(const json_t *object, const struct lp_json_field *fields, bool strict,
                   const char *path, void *out, struct lp_error *err)
{
    if (!json_is_object(object))
        return lp_error_set(err, LP_E_INVALID, "%s: must be an object", path);
    if (strict) {
        int r = refuse_unknown(object, fields, path, err);
        if (r < 0)
            return r;
    }
    for (const struct lp_json_field *f = fields; f->key; f++) {
        int r = decode_field(object, f, strict, path, out, err);
        if (r < 0)
            return r;
    }
    return 0;
}
