/*
 * platform/diff.c -- walks two JSON trees side by side. Lists whose items all have different names
 * are matched by name, since that is how the API server merges them; a changed order is a
 * difference of its own, as it restarts pods too. Pure.
 */
#include "platform/diff.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "platform/plan.h"
#include "platform/redact.h"
#include "platform/intent.h"

#define MAX_PATH 1024

/* One walk. `path` is that of the values under comparison. */
struct walk {
    struct diff *diff;
    struct lp_buf path;
    bool hidden; /* below a variable that holds a credential */
};

void diff_done(struct diff *d)
{
    json_decref(d->fields);
    d->fields = NULL;
}

static bool is_env(const struct walk *w)
{
    const char *dot = strrchr(w->path.ptr, '.');
    return strcmp(dot ? dot + 1 : w->path.ptr, "env") == 0;
}

static json_t *redacted(const struct walk *w, const json_t *value)
{
    json_auto_t *wrapped =
        lp_json_make("{s:o}", is_env(w) ? "env" : "value", json_deep_copy(value));

    redact_object(wrapped);
    return json_incref(json_object_get(wrapped, is_env(w) ? "env" : "value"));
}

/* The value as it is where its text is short, else the beginning of that. */
static json_t *shown(const struct walk *w, const json_t *value)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);

    if (!value)
        return NULL;
    if (w->hidden || (json_is_string(value) && redact_is_credential_text(json_string_value(value))))
        return json_string(REDACTED);
    json_auto_t *copy = redacted(w, value);
    lp_json_write(copy, &text);
    if (text.len <= DIFF_MAX_VALUE)
        return json_incref(copy);
    lp_auto_free char *cut = lp_sprintf("%.*s...", DIFF_MAX_VALUE,
                                        json_is_string(copy) ? json_string_value(copy) : text.ptr);
    return lp_json_text(cut);
}

static void add(struct walk *w, const json_t *before, const json_t *after)
{
    if (json_array_size(w->diff->fields) == DIFF_MAX_FIELDS) {
        w->diff->more++;
        return;
    }
    json_array_append_new(w->diff->fields,
                          lp_json_make("{s:o, s:o*, s:o*}", "path", lp_json_text(w->path.ptr),
                                       "before", shown(w, before), "after", shown(w, after)));
}

static void compare(struct walk *w, const json_t *before, const json_t *after);

/* Compares below "path<open>name<close>". */
static void step(struct walk *w, const char *open, const char *name, const char *close,
                 const json_t *before, const json_t *after)
{
    size_t len = w->path.len;

    lp_buf_printf(&w->path, "%s%s%s", len == 0 && *open == '.' ? "" : open, name, close);
    compare(w, before, after);
    w->path.len = len;
    w->path.overflowed = false;
    if (w->path.cap > 0)
        w->path.ptr[len] = '\0';
}

static void compare_member(struct walk *w, const char *key, const json_t *before,
                           const json_t *after)
{
    if (strpbrk(key, "./"))
        step(w, "[", key, "]", before, after);
    else
        step(w, ".", key, "", before, after);
}

static void compare_objects(struct walk *w, const json_t *before, const json_t *after)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)before, key, value)
        compare_member(w, key, value, json_object_get(after, key));
    json_object_foreach((json_t *)after, key, value) if (!json_object_get(before, key))
        compare_member(w, key, NULL, value);
}

static bool has_names(const json_t *list)
{
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        if (!name || lp_json_find(list, "name", name) != item)
            return false;
    }
    return true;
}

static json_t *names_of(const json_t *list)
{
    json_t *names = json_array();
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item) json_array_append(names, json_object_get(item, "name"));
    return names;
}

static void compare_item(struct walk *w, const char *name, const json_t *before,
                         const json_t *after)
{
    bool was_hidden = w->hidden;

    w->hidden = was_hidden || (is_env(w) && redact_is_credential_name(name) &&
                               !json_object_get(before ? before : after, "valueFrom"));
    step(w, "[", name, "]", before, after);
    w->hidden = was_hidden;
}

static void compare_named(struct walk *w, const json_t *before, const json_t *after)
{
    size_t had = json_array_size(w->diff->fields), i;
    const json_t *item;

    json_array_foreach(before, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        compare_item(w, name, item, lp_json_find(after, "name", name));
    }
    json_array_foreach(after, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        if (!lp_json_find(before, "name", name))
            compare_item(w, name, NULL, item);
    }
    json_auto_t *names = names_of(before), *names_after = names_of(after);
    if (json_array_size(w->diff->fields) == had && !json_equal(names, names_after))
        add(w, names, names_after);
}

static void compare_arrays(struct walk *w, const json_t *before, const json_t *after)
{
    size_t n = json_array_size(before), m = json_array_size(after);

    if (has_names(before) && has_names(after)) {
        compare_named(w, before, after);
        return;
    }
    for (size_t i = 0; i < n || i < m; i++) {
        lp_auto_free char *index = lp_sprintf("%zu", i);
        step(w, "[", index, "]", json_array_get(before, i), json_array_get(after, i));
    }
}

static void compare(struct walk *w, const json_t *before, const json_t *after)
{
    if (before && after && json_equal(before, after))
        return;
    if (json_is_object(before) && json_is_object(after))
        compare_objects(w, before, after);
    else if (json_is_array(before) && json_is_array(after))
        compare_arrays(w, before, after);
    else
        add(w, before, after);
}

/* A copy without what is not ours to compare. */
static json_t *trimmed(const json_t *object)
{
    static const char *const kept_by_server[] = { "managedFields",     "resourceVersion",
                                                  "generation",        "uid",
                                                  "creationTimestamp", "selfLink" };
    json_t *copy = json_copy((json_t *)object);
    json_t *metadata = json_deep_copy(json_object_get(object, "metadata"));

    json_object_del(copy, "status");
    if (!metadata)
        return copy;
    for (size_t i = 0; i < LP_COUNT(kept_by_server); i++)
        json_object_del(metadata, kept_by_server[i]);
    json_object_del(json_object_get(metadata, "annotations"), ANNOTATION_INTENT);
    json_object_set_new(copy, "metadata", metadata);
    return copy;
}

void diff_objects(const json_t *before, const json_t *after, struct diff *ret_diff)
{
    json_auto_t *a = trimmed(before), *b = trimmed(after);
    struct walk w = { .diff = ret_diff, .path = LP_BUF_INIT(MAX_PATH) };

    *ret_diff = (struct diff){ .fields = json_array() };
    compare(&w, a, b);
    lp_buf_done(&w.path);
}

static void side_text(const json_t *value, struct lp_buf *out)
{
    if (value)
        lp_json_write(value, out);
    else
        lp_buf_str(out, "(none)");
}

void diff_field_text(const json_t *field, struct lp_buf *out)
{
    lp_buf_printf(out, "%s: ", lp_json_str(field, "path", NULL));
    side_text(json_object_get(field, "before"), out);
    lp_buf_str(out, " -> ");
    side_text(json_object_get(field, "after"), out);
}
