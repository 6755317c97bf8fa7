/* cli/three_way.c -- see three_way.h. */
#include "cli/three_way.h"

#include <string.h>

#include "base/limits.h"
#include "json/json.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static const char *last_applied(const json_t *live)
{
    return lp_json_str(live, "metadata", "annotations", LAST_APPLIED, NULL);
}

bool three_way_by_server(const json_t *live)
{
    const json_t *entry;
    size_t i;

    if (last_applied(live))
        return false;
    json_array_foreach(lp_json_at(live, "metadata", "managedFields", NULL), i, entry)
    {
        const char *manager = lp_json_str(entry, "manager", NULL);
        const char *operation = lp_json_str(entry, "operation", NULL);
        if (manager && operation && strcmp(manager, "kubectl") == 0 &&
            strcmp(operation, "Apply") == 0)
            return true;
    }
    return false;
}

/* The part of the patch for one object; empty where there is nothing to send. */
static json_t *patch_object(const json_t *last, const json_t *live, const json_t *wanted)
{
    json_t *patch = json_object(), *value;
    const char *key;

    json_object_foreach((json_t *)wanted, key, value)
    {
        const json_t *now = json_object_get(live, key);
        if (json_is_object(value) && json_is_object(now)) {
            json_auto_t *part = patch_object(json_object_get(last, key), now, value);
            if (json_object_size(part) > 0)
                json_object_set(patch, key, part);
        } else if (!json_equal(value, now)) {
            json_object_set(patch, key, value);
        }
    }
    json_object_foreach((json_t *)last, key, value)
    {
        if (!json_object_get(wanted, key) && json_object_get(live, key))
            json_object_set_new(patch, key, json_null());
    }
    return patch;
}

int three_way_patch(const json_t *live, const json_t *wanted, json_t **ret_patch,
                    struct lp_error *err)
{
    const char *text = last_applied(live);
    json_auto_t *last = NULL;

    int r = text ? lp_json_parse(text, strlen(text), LP_LIMIT_KUBE_OBJECT,
                                 "metadata.annotations[" LAST_APPLIED "]", &last, err)
                 : 0;
    if (r == 0)
        *ret_patch = patch_object(last, live, wanted);
    return r;
}
