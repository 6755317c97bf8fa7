/* cli/find.c -- see the header. No state. */
#include "cli/find.h"

#include "kube/kinds.h"

static int find_append(json_t *object, void *user, struct lp_error *err)
{
    (void)err;
    json_array_append(user, object);
    return 0;
}

int find_objects(struct lp_kube_client *client, const struct lp_kube_kind *kind, const char *ns,
                 const char *selector, json_t *list, struct lp_error *err)
{
    const struct lp_kube_list_options options = { .label_selector = selector };
    char version[64];

    return lp_kube_list(client, kind, ns, &options, find_append, list, version, err);
}

int find_platforms(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                   json_t **ret_platforms, struct lp_error *err)
{
    json_auto_t *found = json_array();
    json_t *one = NULL;
    int r;

    if (options->name) {
        r = lp_kube_get(client, &lp_kube_platforms, ns, options->name, &one, err);
        if (r == 0)
            json_array_append_new(found, one);
    } else {
        r = find_objects(client, &lp_kube_platforms, options->all_namespaces ? NULL : ns, NULL,
                         found, err);
    }
    if (r < 0)
        return r;
    *ret_platforms = json_incref(found);
    return 0;
}
