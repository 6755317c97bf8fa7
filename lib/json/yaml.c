/* lib/json/yaml.c -- libyaml's events into jansson values, recursion bounded. No state, any thread.
 */
#include "json/yaml.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    const char *what;
};

static int fail(const struct reader *r, const char *why, struct lp_error *err)
{
    const yaml_mark_t *m = r->has_event ? &r->event.start_mark : &r->parser.mark;
    return lp_error_set(err, LP_E_INVALID, "%s: line %zu column %zu: %s", r->what, m->line + 1,
                        m->column + 1, why);
}

static int next(struct reader *r, struct lp_error *err)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        r->parser.mark = r->parser.problem_mark;
        return fail(r, r->parser.problem ? r->parser.problem : "cannot be read", err);
    }
    r->has_event = true;
    return 0;
}

/* The core schema: what a plain scalar means. */
static json_t *plain_scalar(const char *s)
{
    char *end;

    if (!*s || strcmp(s, "null") == 0 || strcmp(s, "~") == 0)
        return json_null();
    if (strcmp(s, "true") == 0)
        return json_true();
    if (strcmp(s, "false") == 0)
        return json_false();
    if (!strchr("+-.0123456789", *s))
        return json_string(s);
    errno = 0;
    long long n = strtoll(s, &end, 10);
    if (!*end && errno == 0)
        return json_integer(n);
    double d = strtod(s, &end);
    if (!*end && errno == 0 && strspn(s, "+-.0123456789eE") == strlen(s))
        return json_real(d);
    return json_string(s);
}

static int read_scalar(struct reader *r, json_t **ret, struct lp_error *err)
{
    const char *s = (const char *)r->event.data.scalar.value;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (strlen(s) != r->event.data.scalar.length)
        return fail(r, "NUL byte in a scalar", err);
    if (r->event.data.scalar.tag)
        return fail(r, "tags are not supported", err);
    json_t *v = plain ? plain_scalar(s) : json_string(s);
    if (!v)
        return fail(r, "not valid UTF-8", err);
    *ret = v;
    return 0;
}

static int read_value(struct reader *r, int depth, json_t **ret, struct lp_error *err);

static int read_sequence(struct reader *r, int depth, json_t **ret, struct lp_error *err)
{
    json_auto_t *list = json_array();

    for (;;) {
        json_t *v = NULL;
        int n = next(r, err);
        if (n < 0)
            return n;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        n = read_value(r, depth + 1, &v, err);
        if (n < 0)
            return n;
        json_array_append_new(list, v);
    }
    *ret = json_incref(list);
    return 0;
}

static int read_member(struct reader *r, int depth, json_t *map, struct lp_error *err)
{
    json_t *v = NULL;
    char *key = NULL;

    if (r->event.type != YAML_SCALAR_EVENT)
        return fail(r, "a key must be a scalar", err);
    if (strcmp((const char *)r->event.data.scalar.value, "<<") == 0)
        return fail(r, "merge keys are not supported", err);
    if (json_object_get(map, (const char *)r->event.data.scalar.value))
        return fail(r, "duplicate key", err);
    key = strdup((const char *)r->event.data.scalar.value);
    int n = key ? next(r, err) : fail(r, "out of memory", err);
    if (n == 0)
        n = read_value(r, depth + 1, &v, err);
    if (n == 0 && json_object_set_new(map, key, v) < 0)
        n = fail(r, "key is not valid UTF-8", err);
    free(key);
    return n;
}

static int read_mapping(struct reader *r, int depth, json_t **ret, struct lp_error *err)
{
    json_auto_t *map = json_object();

    for (;;) {
        int n = next(r, err);
        if (n < 0)
            return n;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        n = read_member(r, depth, map, err);
        if (n < 0)
            return n;
    }
    *ret = json_incref(map);
    return 0;
}

static int read_value(struct reader *r, int depth, json_t **ret, struct lp_error *err)
{
    if (depth > LP_LIMIT_JSON_DEPTH)
        return fail(r, "nested too deep", err);
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return r->event.data.scalar.anchor ? fail(r, "anchors are not supported", err)
                                           : read_scalar(r, ret, err);
    case YAML_SEQUENCE_START_EVENT:
        return r->event.data.sequence_start.anchor ? fail(r, "anchors are not supported", err)
                                                   : read_sequence(r, depth, ret, err);
    case YAML_MAPPING_START_EVENT:
        return r->event.data.mapping_start.anchor ? fail(r, "anchors are not supported", err)
                                                  : read_mapping(r, depth, ret, err);
    default:
        return fail(r, "anchors and aliases are not supported", err);
    }
}

static int read_stream(struct reader *r, json_t *documents, struct lp_error *err)
{
    for (;;) {
        json_t *v = NULL;
        int n = next(r, err);
        if (n < 0 || r->event.type == YAML_STREAM_END_EVENT)
            return n;
        if (r->event.type != YAML_DOCUMENT_START_EVENT)
            continue; /* stream start, document end */
        n = next(r, err);
        if (n == 0)
            n = read_value(r, 0, &v, err);
        if (n < 0)
            return n;
        if (json_is_null(v))
            json_decref(v);
        else
            json_array_append_new(documents, v);
    }
}

int lp_yaml_parse(const char *bytes, size_t len, size_t max, const char *what,
                  json_t **ret_documents, struct lp_error *err)
{
    struct reader r = { .what = what };
    json_auto_t *documents = json_array();

    if (len > max)
        return lp_error_set(err, LP_E_TOO_LARGE, "%s: %zu bytes, at most %zu allowed", what, len,
                            max);
    if (!yaml_parser_initialize(&r.parser))
        return lp_error_set(err, LP_E_INTERNAL, "%s: cannot start the YAML parser", what);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, len);
    int n = read_stream(&r, documents, err);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (n == 0)
        *ret_documents = json_incref(documents);
    return n;
}
