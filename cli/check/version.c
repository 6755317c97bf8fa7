/* cli/check/version.c -- see check.h. No state. */
#include <stdio.h>

#include "base/alloc.h"
#include "cli/check/check.h"
#include "cli/check/survey.h"
#include "json/json.h"
#include "kube/kinds.h"

#define DEFINITION "learningplatforms.learningplatform.io"

static json_t *operators_list(struct lp_kube_client *client, const char *ns)
{
    struct operators operators;
    json_t *list = json_array();
    const json_t *d;
    size_t i;

    operators_find(client, ns, &operators);
    json_array_foreach(operators.deployments, i, d)
    {
        const char *tag = survey_tag(survey_image(d));
        json_array_append_new(list,
                              lp_json_make("{s:s*, s:s*, s:s, s:s}", "namespace",
                                           lp_json_str(d, "metadata", "namespace", NULL), "name",
                                           lp_json_str(d, "metadata", "name", NULL), "version",
                                           *tag ? tag : "unknown", "image", survey_image(d)));
    }
    if (json_array_size(list) == 0)
        json_array_append_new(list, lp_json_make("{s:s}", "error", operators.why.msg));
    operators_done(&operators);
    return list;
}

static json_t *definition_version(struct lp_kube_client *client)
{
    struct definition_skew skew;
    json_auto_t *live = NULL;
    struct lp_error err;

    if (lp_kube_get(client, &lp_kube_crds, NULL, DEFINITION, &live, &err) < 0)
        return lp_json_make("{s:s}", "error", err.msg);
    definition_compare(live, &skew);
    return lp_json_make("{s:s, s:i, s:i, s:s}", "version",
                        skew.missing > 0 ? "older"
                        : skew.more > 0  ? "newer"
                                         : LP_VERSION,
                        "missingFields", (int)skew.missing, "moreFields", (int)skew.more, "first",
                        skew.first);
}

static void write_text(const json_t *all, struct lp_buf *out)
{
    const json_t *o, *definition = json_object_get(all, "definition");
    const char *error = lp_json_str(definition, "error", NULL);
    const char *version = lp_json_str(definition, "version", NULL);
    size_t i;

    lp_buf_printf(out, "plugin      %s\n", lp_json_str(all, "plugin", NULL));
    lp_buf_printf(out, "kubernetes  %s\n", lp_json_str(all, "kubernetes", NULL));
    json_array_foreach(json_object_get(all, "operators"), i, o)
    {
        const char *why = lp_json_str(o, "error", NULL);
        if (why)
            lp_buf_printf(out, "operator    unknown: %s\n", why);
        else
            lp_buf_printf(out, "operator    %s (%s/%s, %s)\n", lp_json_str(o, "version", NULL),
                          lp_json_str(o, "namespace", NULL), lp_json_str(o, "name", NULL),
                          lp_json_str(o, "image", NULL));
    }
    if (error)
        lp_buf_printf(out, "definition  unknown: %s\n", error);
    else
        lp_buf_printf(out, "definition  %s%s%s\n", version,
                      *lp_json_str(definition, "first", NULL) ? ", differs first in " : "",
                      lp_json_str(definition, "first", NULL));
}

int version_show(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                 struct lp_buf *out, struct lp_error *err)
{
    json_auto_t *server = NULL;

    int r = lp_kube_raw(client, "/version", &server, err);
    if (r < 0)
        return r;
    const char *kubernetes = lp_json_str(server, "gitVersion", NULL);
    json_auto_t *all =
        lp_json_make("{s:s, s:s, s:o, s:o}", "plugin", LP_VERSION, "kubernetes",
                     kubernetes ? kubernetes : "unknown", "operators", operators_list(client, ns),
                     "definition", definition_version(client));
    if (options->format == CLI_JSON) {
        lp_json_write(all, out);
        lp_buf_char(out, '\n');
    } else {
        write_text(all, out);
    }
    return 0;
}
