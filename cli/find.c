/* cli/find.c -- see the header. No state. */
#include "cli/find.h"

#include <string.h>

#include "base/buf.h"
#include "json/json.h"
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

int find_service(const json_t *platforms, const char *service, struct lp_error *err)
{
    lp_auto_buf struct lp_buf names = LP_BUF_INIT(1000);
    const json_t *platform, *s;
    size_t i, k;

    if (!service || json_array_size(platforms) == 0)
        return 0;
    json_array_foreach(platforms, i, platform)
    {
        json_array_foreach(lp_json_at(platform, "status", "services", NULL), k, s)
        {
            const char *name = lp_json_str(s, "name", NULL);
            if (name && strcmp(name, service) == 0)
                return 0;
            if (name && i == 0)
                lp_buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", name);
        }
    }
    return lp_error_set(err, LP_E_NOT_FOUND, "SERVICE: must be one of %s, is \"%.64s\"",
                        names.len > 0 ? names.ptr
                                      : "those in the platform's status, of which "
                                        "there are none yet",
                        service);
}
