/*
 * An update makes whoever sends it the owner of the fields that it changes, and takes them from
 * whoever had them. Where these stay ours, the next server-side apply of the other adapter's owner
 * that changes one is a conflict with a manager that is long gone. An update may say itself whose
 * the fields are (Server-Side Apply, "Clearing managedFields" and "Transferring ownership").
 *
 * Threads: none of its own.
 */
#include "autoscaler/registration/managed_fields.h"

#include <stdbool.h>
#include <string.h>

#include "json/json.h"

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    const char *x = lp_json_str(a, key, NULL), *y = lp_json_str(b, key, NULL);
    return strcmp(x ? x : "", y ? y : "") == 0;
}

/* One entry is there for each of these. */
static bool same_manager(const json_t *a, const json_t *b)
{
    return same_text(a, b, "manager") && same_text(a, b, "operation") &&
           same_text(a, b, "apiVersion") && same_text(a, b, "subresource");
}

static bool is_ours(const json_t *entry)
{
    const char *manager = lp_json_str(entry, "manager", NULL);
    return manager && strcmp(manager, FIELD_MANAGER) == 0;
}

json_t *managed_fields_of(const json_t *api_service)
{
    json_t *fields = json_array(), *entry;
    size_t i;
    json_array_foreach(lp_json_at(api_service, "metadata", "managedFields", NULL), i, entry)
    {
        json_t *spec = lp_json_at(entry, "fieldsV1", "f:spec", NULL);
        if (is_ours(entry) || !spec)
            continue;
        json_t *mine = json_copy(entry);
        json_object_del(mine, "time");
        json_object_set_new(mine, "fieldsV1", lp_json_make("{s:O}", "f:spec", spec));
        json_array_append_new(fields, mine);
    }
    return fields;
}

/* Sets of fields are objects in objects. */
static void merge_into(json_t *set, const json_t *more)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)more, key, value)
    {
        json_t *have = json_object_get(set, key);
        if (json_is_object(have) && json_is_object(value))
            merge_into(have, value);
        else if (!have)
            json_object_set_new(set, key, json_deep_copy(value));
    }
}

static void give(json_t *managed, const json_t *entry)
{
    json_t *have;
    size_t i;
    json_array_foreach(managed, i, have)
    {
        json_t *set = json_object_get(have, "fieldsV1");
        if (!same_manager(have, entry) || !json_is_object(set))
            continue;
        merge_into(set, json_object_get(entry, "fieldsV1"));
        return;
    }
    json_array_append_new(managed, json_deep_copy(entry));
}

json_t *managed_fields_back(const json_t *api_service, const json_t *fields)
{
    json_t *managed = json_deep_copy(lp_json_at(api_service, "metadata", "managedFields", NULL));
    const json_t *entry;
    bool any = false;
    size_t i;
    for (size_t n = json_array_size(managed); n-- > 0;)
        if (is_ours(json_array_get(managed, n))) {
            json_array_remove(managed, n);
            any = true;
        }
    if (!any) {
        json_decref(managed);
        return NULL;
    }
    json_array_foreach(fields, i, entry) give(managed, entry);
    if (json_array_size(managed) == 0)
        json_array_append_new(managed, json_object()); /* "none", where an empty list is "as is" */
    return managed;
}
