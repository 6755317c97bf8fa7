/* lib/json/make.c -- JSON by a format: as json_pack, but no value makes it fail. No state. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"

/* `at` is read, `whole` is for the log. Values are taken from `args` in their order. */
struct maker {
    const char *at, *whole;
    va_list args;
};

static _Noreturn void bad_format(const struct maker *m)
{
    lp_log_error("a format of lp_json_make is wrong", "format", m->whole, "at", m->at);
    abort(); /* the format is a literal: a defect that the first call shows */
}

/* The next character that counts; it is not taken. A '?' (may be NULL) holds for every value. */
static char peek(struct maker *m)
{
    m->at += strspn(m->at, " ,:?");
    return *m->at;
}

static json_t *or_null(json_t *v)
{
    return v ? v : json_null();
}

/* "s", "s%" with a length in bytes (size_t), "s+" with more strings to put behind it. */
static json_t *make_string(struct maker *m)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(SIZE_MAX / 2);
    const char *text = va_arg(m->args, const char *);

    if (*m->at == '%') {
        m->at++;
        lp_buf_add(&b, text, va_arg(m->args, size_t));
    } else if (*m->at != '+') {
        return or_null(lp_json_text(text));
    } else {
        lp_buf_str(&b, text ? text : "");
    }
    for (; *m->at == '+'; m->at++) {
        text = va_arg(m->args, const char *);
        lp_buf_str(&b, text ? text : "");
    }
    return lp_json_textn(b.ptr, b.len);
}

static json_t *make_value(struct maker *m);

static json_t *make_object(struct maker *m)
{
    json_t *o = json_object();

    while (peek(m) == 's') {
        m->at++;
        const char *key = va_arg(m->args, const char *);
        peek(m);
        json_t *v = make_value(m);
        bool optional = *m->at == '*';
        m->at += optional;
        if (optional && json_is_null(v))
            json_decref(v);
        else
            json_object_set_new(o, key, v);
    }
    if (*m->at++ != '}')
        bad_format(m);
    return o;
}

static json_t *make_array(struct maker *m)
{
    json_t *a = json_array();

    while (peek(m) != ']' && *m->at) {
        json_t *v = make_value(m);
        bool optional = *m->at == '*';
        m->at += optional;
        if (optional && json_is_null(v))
            json_decref(v);
        else
            json_array_append_new(a, v);
    }
    if (*m->at++ != ']')
        bad_format(m);
    return a;
}

static json_t *make_value(struct maker *m)
{
    switch (*m->at++) {
    case '{':
        return make_object(m);
    case '[':
        return make_array(m);
    case 's':
        return make_string(m);
    case 'o':
        return or_null(va_arg(m->args, json_t *));
    case 'O':
        return or_null(json_incref(va_arg(m->args, json_t *)));
    case 'i':
        return json_integer(va_arg(m->args, int));
    case 'I':
        return json_integer(va_arg(m->args, json_int_t));
    case 'f':
        return or_null(json_real(va_arg(m->args, double))); /* NaN and infinity have no JSON */
    case 'b':
        return json_boolean(va_arg(m->args, int));
    case 'n':
        return json_null();
    default:
        bad_format(m);
    }
}

json_t *lp_json_make(const char *fmt, ...)
{
    struct maker m = { .at = fmt, .whole = fmt };

    va_start(m.args, fmt);
    peek(&m);
    json_t *v = make_value(&m);
    if (peek(&m))
        bad_format(&m);
    va_end(m.args);
    return v;
}
