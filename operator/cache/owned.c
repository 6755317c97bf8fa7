/*
 * operator/cache/owned.c -- reads fieldsV1: "f:name" is a member, "k:{...}" the item of a list that
 * has these keys, "v:value" an item of a set, "." the thing itself; a set without children owns the
 * whole value. Pure.
 */
#include "operator/cache/owned.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/owner.h"
#include "kube/store.h"
#include "platform/intent.h"
#include "platform/plan.h"
#include "platform/redact.h"

#define MAX_KEY_BYTES 4096 /* of the keys of one list item */
#define MAX_DIGEST_BYTES (4 << 20)

static bool has_children(const json_t *fields)
{
    return json_object_size(fields) > (json_object_get(fields, ".") ? 1 : 0);
}

/* The fields of `item` among those of its list, or NULL. */
static const json_t *fields_of_item(const json_t *fields, const json_t *item)
{
    const char *name;
    json_t *child;

    json_object_foreach((json_t *)fields, name, child)
    {
        if ((*name != 'k' && *name != 'v') || name[1] != ':' || strlen(name) > MAX_KEY_BYTES)
            continue;
        json_auto_t *key = json_loads(name + 2, JSON_DECODE_ANY, NULL);
        if (key && lp_json_contains(item, key))
            return child;
    }
    return NULL;
}

static json_t *project(const json_t *value, const json_t *fields);

static json_t *project_list(const json_t *list, const json_t *fields)
{
    json_t *ours = json_array(), *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        const json_t *of_item = fields_of_item(fields, item);
        if (of_item)
            json_array_append_new(ours, project(item, of_item));
    }
    return ours;
}

static json_t *project(const json_t *value, const json_t *fields)
{
    const char *name;
    json_t *child;

    if (!has_children(fields))
        return json_incref((json_t *)value);
    if (json_is_array(value))
        return project_list(value, fields);
    json_t *ours = json_object();
    json_object_foreach((json_t *)fields, name, child)
    {
        const json_t *member =
            strncmp(name, "f:", 2) == 0 ? json_object_get(value, name + 2) : NULL;
        if (member)
            json_object_set_new(ours, name + 2, project(member, child));
    }
    return ours;
}

static bool is_ours(const json_t *entry, const char *manager)
{
    const char *name = lp_json_str(entry, "manager", NULL);
    const char *operation = lp_json_str(entry, "operation", NULL);

    return name && operation && strcmp(name, manager) == 0 && strcmp(operation, "Apply") == 0 &&
           !lp_json_str(entry, "subresource", NULL);
}

static const json_t *fields_of(const json_t *object, const char *manager)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(lp_json_at(object, "metadata", "managedFields", NULL), i,
                       entry) if (is_ours(entry, manager)) return json_object_get(entry,
                                                                                  "fieldsV1");
    return NULL;
}

static void owned_copy(json_t *to, const json_t *from, const char *name)
{
    json_t *value = json_object_get(from, name);
    if (value)
        json_object_set(to, name, value);
}

/* The member `name` of `o` as an object of its own, made where it is not there. */
static json_t *member(json_t *o, const char *name)
{
    json_t *value = json_object_get(o, name);

    if (!json_is_object(value)) {
        value = json_object();
        json_object_set_new(o, name, value);
    }
    return value;
}

static void owned_copy_of_spec(json_t *ours, const json_t *object, const char *name)
{
    json_t *value = lp_json_at(object, "spec", name, NULL);

    if (value && json_object_get(ours, "spec") != json_object_get(object, "spec"))
        json_object_set(member(ours, "spec"), name, value);
}

/* One that operator/floor.c wrote. `ours` may share its annotations with an intent. */
static void copy_annotation(json_t *ours, const json_t *object, const char *name)
{
    json_t *value = lp_json_at(object, "metadata", "annotations", name, NULL);

    if (!value)
        return;
    json_t *annotations = json_copy(lp_json_at(ours, "metadata", "annotations", NULL));
    if (!annotations)
        annotations = json_object();
    json_object_set(annotations, name, value);
    json_object_set_new(member(ours, "metadata"), "annotations", annotations);
}

/* What FLOOR_MANAGER wrote. */
static void copy_lift(json_t *ours, const json_t *object)
{
    owned_copy_of_spec(ours, object, "minReplicas");
    copy_annotation(ours, object, ANNOTATION_LIFTED);
}

/* Puts what everybody reads to what is ours. */
static json_t *with_common(json_t *ours, const json_t *object)
{
    static const char *const kept[] = { "name",       "namespace",       "uid",
                                        "generation", "resourceVersion", "deletionTimestamp" };

    owned_copy(ours, object, "apiVersion");
    owned_copy(ours, object, "kind");
    owned_copy(ours, object, "status");
    for (size_t i = 0; i < LP_COUNT(kept); i++)
        owned_copy(member(ours, "metadata"), json_object_get(object, "metadata"), kept[i]);
    owned_copy_of_spec(ours, object, "replicas");
    if (lp_json_str(ours, "metadata", "annotations", ANNOTATION_FLOOR, NULL))
        copy_lift(ours, object);
    copy_annotation(ours, object, ANNOTATION_ZERO);
    return ours;
}

json_t *owned_project(const json_t *object, const char *manager)
{
    const json_t *fields = fields_of(object, manager);

    return with_common(fields && has_children(fields) ? project(object, fields) : json_object(),
                       object);
}

static void copy_member(json_t *o, const char *name)
{
    json_t *copy = json_copy(json_object_get(o, name));
    if (copy)
        json_object_set_new(o, name, copy);
}

json_t *owned_project_answer(const json_t *answer, const json_t *intent, const char *manager)
{
    if (!lp_json_contains(answer, intent))
        return owned_project(answer, manager);
    json_t *ours = json_copy((json_t *)intent);
    copy_member(ours, "metadata"); /* with_common changes these two */
    copy_member(ours, "spec");
    return with_common(ours, answer);
}

char *owned_controller(const json_t *child)
{
    const json_t *owner = lp_kube_controller(child, lp_kube_platforms.kind);
    const char *name = lp_json_str(owner, "name", NULL);
    const char *ns = lp_json_str(child, "metadata", "namespace", NULL);

    return name && ns ? lp_kube_key(ns, name) : NULL;
}

/* ---- differences ---- */

#define NOTHING "nothing"

void owned_difference_done(struct owned_difference *d)
{
    json_decref(d->path);
    d->path = NULL;
}

static void value_text(const json_t *value, char ret_text[96])
{
    json_auto_t *shown = json_object();
    json_object_set_new(shown, "value", json_deep_copy(value));
    redact_object(shown);
    const json_t *left = json_object_get(shown, "value");
    lp_auto_free char *text = left ? json_dumps(left, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    size_t n = text ? strlen(text) : 0;

    snprintf(ret_text, 96, "%.*s%s", n > 90 ? 90 : (int)n, text ? text : "", n > 90 ? "..." : "");
    if (!text)
        snprintf(ret_text, 96, NOTHING);
    lp_utf8_repair(ret_text);
}

/* Fills what the innermost call knows; the path grows from its end while the calls return. */
static bool found(struct owned_difference *d, const json_t *have, const json_t *want)
{
    d->path = json_array();
    value_text(have, d->seen);
    value_text(want, d->wanted);
    return true;
}

static bool differs(const json_t *have, const json_t *want, struct owned_difference *d);

/* What stands in an environment may be a password, whatever the variable's name is. */
static void hide(struct owned_difference *d)
{
    if (strcmp(d->seen, NOTHING) != 0)
        snprintf(d->seen, sizeof d->seen, "%s", REDACTED);
    if (strcmp(d->wanted, NOTHING) != 0)
        snprintf(d->wanted, sizeof d->wanted, "%s", REDACTED);
}

static bool objects_differ(const json_t *have, const json_t *want, struct owned_difference *d)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)want, key, value)
    {
        if (differs(json_object_get(have, key), value, d)) {
            json_array_insert_new(d->path, 0, json_string(key));
            if (strcmp(key, "env") == 0)
                hide(d);
            return true;
        }
    }
    return false;
}

static bool arrays_differ(const json_t *have, const json_t *want, struct owned_difference *d)
{
    json_t *value;
    size_t i;

    json_array_foreach(want, i, value)
    {
        if (differs(json_array_get(have, i), value, d)) {
            json_t *step = json_is_object(value) ? json_incref(value) : json_integer((json_int_t)i);
            json_array_insert_new(d->path, 0, step);
            return true;
        }
    }
    return json_array_size(have) != json_array_size(want) && found(d, have, want);
}

static bool differs(const json_t *have, const json_t *want, struct owned_difference *d)
{
    if (json_is_object(want) && json_is_object(have))
        return objects_differ(have, want, d);
    if (json_is_array(want) && json_is_array(have))
        return arrays_differ(have, want, d);
    return !lp_json_contains(have, want) && found(d, have, want);
}

static void path_text(const json_t *path, char *ret_text, size_t room)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1024);
    const json_t *step;
    size_t i;

    json_array_foreach(path, i, step)
    {
        const char *name = lp_json_str(step, "name", NULL);
        if (json_is_string(step))
            lp_buf_printf(&text, ".%s", json_string_value(step));
        else if (name)
            lp_buf_printf(&text, "[name=%s]", name);
        else if (json_is_integer(step))
            lp_buf_printf(&text, "[%" JSON_INTEGER_FORMAT "]", json_integer_value(step));
        else
            lp_buf_str(&text, "[]");
    }
    snprintf(ret_text, room, "%s", text.ptr);
    lp_utf8_repair(ret_text);
}

bool owned_differs(const json_t *projection, const json_t *intent,
                   struct owned_difference *ret_difference)
{
    *ret_difference = (struct owned_difference){ .path = NULL };
    if (!differs(projection, intent, ret_difference))
        return false;
    path_text(ret_difference->path, ret_difference->field, sizeof ret_difference->field);
    return true;
}

/* ---- digest ---- */

/* Those that operator/floor.c writes are no difference. `metadata` is a shallow copy. */
static void drop_annotation(json_t *metadata, const char *name)
{
    if (!lp_json_at(metadata, "annotations", name, NULL))
        return;
    json_t *annotations = json_copy(json_object_get(metadata, "annotations"));
    json_object_del(annotations, name);
    json_object_set_new(metadata, "annotations", annotations);
}

/* The part of a projection that an intent may say. The caller's; shares parts with it. */
static json_t *comparable(const json_t *projection, const json_t *intent)
{
    static const char *const state[] = { "uid", "generation", "resourceVersion",
                                         "deletionTimestamp" };
    static const char *const counts[] = { "replicas", "minReplicas" };
    json_t *copy = json_copy((json_t *)projection);
    json_auto_t *metadata = json_copy(json_object_get(projection, "metadata"));
    json_auto_t *spec = json_copy(json_object_get(projection, "spec"));

    for (size_t i = 0; i < LP_COUNT(state); i++)
        json_object_del(metadata, state[i]);
    json_object_del(copy, "status");
    drop_annotation(metadata, ANNOTATION_LIFTED);
    drop_annotation(metadata, ANNOTATION_ZERO);
    json_object_set(copy, "metadata", metadata);
    for (size_t i = 0; spec && i < LP_COUNT(counts); i++)
        if (!lp_json_at(intent, "spec", counts[i], NULL))
            json_object_del(spec, counts[i]);
    if (spec)
        json_object_set(copy, "spec", spec);
    return copy;
}

bool owned_is(const json_t *projection, const json_t *intent)
{
    json_auto_t *ours = comparable(projection, intent);
    json_t *metadata = json_object_get(ours, "metadata");

    drop_annotation(metadata, ANNOTATION_INTENT);
    if (json_object_size(json_object_get(metadata, "annotations")) == 0)
        json_object_del(metadata, "annotations");
    return json_equal(ours, intent);
}

char *owned_digest(const json_t *projection, const json_t *intent)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_DIGEST_BYTES);
    json_auto_t *ours = comparable(projection, intent);

    lp_json_write(ours, &text);
    return lp_sprintf("%016" PRIx64, lp_hash_bytes(LP_HASH_START, text.ptr, text.len));
}

/* ---- the others ---- */

/* The keys of an item that its list knows it by, as far as the intent names them. */
static const json_t *step_into_item(const json_t *fields, const json_t *item)
{
    const char *name, *field;
    json_t *child, *value;

    json_object_foreach((json_t *)fields, name, child)
    {
        json_auto_t *key = strncmp(name, "k:", 2) == 0 && strlen(name) <= MAX_KEY_BYTES
                               ? json_loads(name + 2, 0, NULL)
                               : NULL;
        bool same = key != NULL;
        json_object_foreach(key, field, value)
        {
            const json_t *ours = json_object_get(item, field);
            same = same && (!ours || json_equal(ours, value));
        }
        if (same)
            return child;
    }
    return NULL;
}

static bool owns(const json_t *fields, const json_t *path)
{
    const json_t *step;
    size_t i;

    json_array_foreach(path, i, step)
    {
        if (i > 0 && !has_children(fields))
            return true; /* the whole of it */
        if (json_is_string(step)) {
            lp_auto_free char *name = lp_sprintf("f:%s", json_string_value(step));
            fields = json_object_get(fields, name);
        } else {
            fields = step_into_item(fields, step);
        }
        if (!fields)
            return false;
    }
    return true;
}

void owned_other_manager(const json_t *object, const char *manager, const json_t *path,
                         char ret_name[128])
{
    const char *last = NULL, *last_time = "";
    const json_t *entry;
    size_t i;

    snprintf(ret_name, 128, "somebody");
    json_array_foreach(lp_json_at(object, "metadata", "managedFields", NULL), i, entry)
    {
        const char *name = lp_json_str(entry, "manager", NULL);
        const char *time = lp_json_str(entry, "time", NULL);
        if (!name || strcmp(name, manager) == 0 || lp_json_str(entry, "subresource", NULL))
            continue;
        if (owns(json_object_get(entry, "fieldsV1"), path)) {
            last = name;
            break;
        }
        if (time && strcmp(time, last_time) >= 0) { /* RFC 3339 in UTC: the order of the text */
            last = name;
            last_time = time;
        }
    }
    if (last)
        snprintf(ret_name, 128, "%s", last);
    lp_utf8_repair(ret_name);
}
