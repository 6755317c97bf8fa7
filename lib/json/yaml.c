/* lib/json/yaml.c -- libyaml's events into jansson values, recursion bounded. No state, any thread.
 */
#include "json/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "json/yaml_scalar.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    bool has_event;
    const char *what;
    json_t *anchors; /* of the document: name to value */
    size_t copied;   /* values that aliases brought */
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

static int read_scalar(struct reader *r, json_t **ret, struct lp_error *err)
{
    const yaml_char_t *tag = r->event.data.scalar.tag;
    const char *s = (const char *)r->event.data.scalar.value;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    json_t *v = NULL;

    if (strlen(s) != r->event.data.scalar.length)
        return fail(r, "NUL byte in a scalar", err);
    if (!tag)
        v = plain ? lp_yaml_plain(s) : json_string(s);
    else if (!lp_yaml_tagged((const char *)tag, s, &v))
        return fail(r, "the tag does not fit the value; str, int, float, bool and null are known",
                    err);
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

/* A key as JSON has it: kubectl makes "true" of a plain yes. */
static char *key_text(const struct reader *r)
{
    const char *s = (const char *)r->event.data.scalar.value;
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    json_auto_t *v = plain ? lp_yaml_plain(s) : NULL;

    return strdup(json_is_boolean(v) ? (json_is_true(v) ? "true" : "false") : s);
}

/* What "<<" brings: a mapping, or a list of them, of which the first that has a key wins. */
static int note_merge(struct reader *r, json_t *v, json_t *merged, struct lp_error *err)
{
    json_auto_t *value = v;
    json_t *item;
    size_t i;

    if (json_is_object(value)) {
        json_object_update_missing(merged, value);
        return 0;
    }
    json_array_foreach(value, i, item)
    {
        if (!json_is_object(item))
            return fail(r, "<<: must be a mapping or a list of mappings", err);
        json_object_update_missing(merged, item);
    }
    return json_is_array(value) ? 0 : fail(r, "<<: must be a mapping or a list of mappings", err);
}

static int read_member(struct reader *r, int depth, json_t *map, json_t *merged,
                       struct lp_error *err)
{
    json_t *v = NULL;
    char *key = NULL;

    if (r->event.type != YAML_SCALAR_EVENT)
        return fail(r, "a key must be a scalar", err);
    bool merge = strcmp((const char *)r->event.data.scalar.value, "<<") == 0 &&
                 r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    key = key_text(r);
    int n = !key                        ? fail(r, "out of memory", err)
            : json_object_get(map, key) ? fail(r, "duplicate key", err)
                                        : next(r, err);
    if (n == 0)
        n = read_value(r, depth + 1, &v, err);
    if (n == 0 && merge)
        n = note_merge(r, v, merged, err);
    else if (n == 0 && json_object_set_new(map, key, v) < 0)
        n = fail(r, "key is not valid UTF-8", err);
    free(key);
    return n;
}

static int read_mapping(struct reader *r, int depth, json_t **ret, struct lp_error *err)
{
    json_auto_t *map = json_object(), *merged = json_object();

    for (;;) {
        int n = next(r, err);
        if (n < 0)
            return n;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        n = read_member(r, depth, map, merged, err);
        if (n < 0)
            return n;
    }
    json_object_update_missing(map, merged);
    *ret = json_incref(map);
    return 0;
}

static size_t count_values(const json_t *v, size_t most);

static size_t count_members(json_t *object, size_t most)
{
    size_t n = 0;

    for (void *at = json_object_iter(object); at && n < most;
         at = json_object_iter_next(object, at))
        n += count_values(json_object_iter_value(at), most - n);
    return n;
}

static size_t count_items(const json_t *array, size_t most)
{
    size_t n = 0;

    for (size_t i = 0; i < json_array_size(array) && n < most; i++)
        n += count_values(json_array_get(array, i), most - n);
    return n;
}

/* How many values there are in `v`, itself too; counts no further than `most`. */
static size_t count_values(const json_t *v, size_t most)
{
    return 1 + (json_is_object(v)  ? count_members((json_t *)v, most)
                : json_is_array(v) ? count_items(v, most)
                                   : 0);
}

/* A copy of what the anchor names. An anchor is known once its value is whole, so that none holds
 * itself; the copies are counted, so that aliases of aliases do not grow without bound. */
static int read_alias(struct reader *r, json_t **ret, struct lp_error *err)
{
    const json_t *v = json_object_get(r->anchors, (const char *)r->event.data.alias.anchor);

    if (!v)
        return fail(r, "there is no such anchor before this alias", err);
    r->copied += count_values(v, LP_LIMIT_YAML_COPIES);
    if (r->copied > LP_LIMIT_YAML_COPIES)
        return fail(r, "aliases make too many values: at most 100,000 may be copied", err);
    *ret = json_deep_copy(v);
    return 0;
}

static int read_content(struct reader *r, int depth, json_t **ret, struct lp_error *err)
{
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r, ret, err);
    case YAML_SEQUENCE_START_EVENT:
        return read_sequence(r, depth, ret, err);
    case YAML_MAPPING_START_EVENT:
        return read_mapping(r, depth, ret, err);
    default:
        return read_alias(r, ret, err);
    }
}

static const yaml_char_t *anchor_of(const yaml_event_t *e)
{
    return e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
           : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
           : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
                                                  : NULL;
}

static int read_value(struct reader *r, int depth, json_t **ret, struct lp_error *err)
{
    const char *anchor = (const char *)anchor_of(&r->event);

    if (depth > LP_LIMIT_JSON_DEPTH)
        return fail(r, "nested too deep", err);
    if (!anchor)
        return read_content(r, depth, ret, err);
    char *name = strdup(anchor);
    int n = name ? read_content(r, depth, ret, err) : fail(r, "out of memory", err);
    if (n == 0)
        json_object_set(r->anchors, name, *ret);
    free(name);
    return n;
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
        json_object_clear(r->anchors);
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
    json_auto_t *documents = json_array(), *anchors = json_object();
    struct reader r = { .what = what, .anchors = anchors };

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
