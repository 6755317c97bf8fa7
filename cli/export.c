/* cli/export.c -- asks for the platforms and leaves out what is not the user's. No state. */
#include "cli/export.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/file.h"
#include "cli/find.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"

/* What `kubectl apply` writes for itself would be applied as a user's annotation. */
static json_t *annotations_of(const json_t *metadata)
{
    json_t *annotations = json_deep_copy(json_object_get(metadata, "annotations"));

    json_object_del(annotations, "kubectl.kubernetes.io/last-applied-configuration");
    return annotations;
}

/* kind, name, namespace, labels, annotations and spec of a platform; the caller's. */
static json_t *export_one(const json_t *platform)
{
    const json_t *from = json_object_get(platform, "metadata");
    json_t *spec = json_object_get(platform, "spec"), *metadata = json_object();
    json_auto_t *annotations = annotations_of(from);

    lp_json_set_str(metadata, "name", lp_json_str(from, "name", NULL));
    lp_json_set_str(metadata, "namespace", lp_json_str(from, "namespace", NULL));
    if (json_object_size(json_object_get(from, "labels")) > 0)
        json_object_set(metadata, "labels", json_object_get(from, "labels"));
    if (json_object_size(annotations) > 0)
        json_object_set(metadata, "annotations", annotations);
    return lp_json_make("{s:s, s:s, s:o, s:O*}", "apiVersion", "learningplatform.io/v1alpha1",
                        "kind", lp_kube_platforms.kind, "metadata", metadata, "spec", spec);
}

/* The Secret with a database's password or URI: ours, or the user's. */
static void name_secret(const json_t *platform, const char *database, struct lp_buf *out)
{
    const char *mode = lp_json_str(platform, "spec", "databases", database, "mode", NULL);
    const char *theirs =
        lp_json_str(platform, "spec", "databases", database, "secretRef", "name", NULL);

    if (mode && strcmp(mode, "External") == 0)
        lp_buf_printf(out, ", %s", theirs ? theirs : "?");
    else
        lp_buf_printf(out, ", %s-%s", lp_json_str(platform, "metadata", "name", NULL), database);
}

/* Of the databases of optional services. */
static void name_own_secrets(const json_t *platform, struct lp_buf *out)
{
    for (unsigned id = 0; id < N_DATABASES; id++) {
        const struct database_kind *kind = &database_kinds[id];
        const json_t *service =
            lp_json_at(platform, "spec", "services", service_kinds[kind->user].key, NULL);
        const char *theirs = lp_json_str(service, "database", "secretRef", "name", NULL);
        if (kind->user < N_SERVICES || !lp_json_bool(false, service, "enabled", NULL))
            continue;
        if (theirs)
            lp_buf_printf(out, ", %s", theirs);
        else
            lp_buf_printf(out, ", %s-%s", lp_json_str(platform, "metadata", "name", NULL),
                          kind->name);
    }
}

void export_comment(const json_t *platform, struct lp_buf *out)
{
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);

    lp_buf_printf(out, "# %s in namespace %s. Not in here: the Secrets %s-jwt", name, ns, name);
    name_secret(platform, "postgres", out);
    name_secret(platform, "mongodb", out);
    name_own_secrets(platform, out);
    lp_buf_str(out, ", and what the databases hold.\n");
}

int export_platforms(struct lp_kube_client *client, const struct cli_options *options,
                     const char *ns, struct lp_buf *out, struct lp_error *err)
{
    json_auto_t *found = NULL, *items = json_array();
    const json_t *platform;
    size_t i;

    int r = find_platforms(client, options, ns, &found, err);
    if (r < 0)
        return r;
    json_array_foreach(found, i, platform)
    {
        json_t *one = export_one(platform);
        json_array_append_new(items, one);
        if (options->format == CLI_JSON)
            continue;
        lp_buf_str(out, i > 0 ? "---\n" : "");
        export_comment(platform, out);
        lp_yaml_write(one, out);
    }
    if (options->format == CLI_JSON)
        file_write_list(items, out);
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "the platforms have over %zu bytes", out->max);
    return 0;
}
