/* operator/state/create.c -- see the header. Threads: the client's. */
#include "operator/state/create.h"

#include "json/json.h"
#include "platform/plan.h"

int create_only(struct lp_kube_client *client, const struct lp_kube_kind *kind,
                const json_t *intent, json_t **ret_object, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = MANAGER, .force = true };
    json_auto_t *first = json_copy((json_t *)intent);
    json_auto_t *metadata = json_copy(json_object_get(first, "metadata"));

    json_object_set_new(metadata, "resourceVersion", json_string("1"));
    json_object_set(first, "metadata", metadata);
    return lp_kube_apply(client, kind, first, &options, ret_object, err);
}
