/* cli/render.c -- see the header. No state. */
#include "cli/render.h"

#include "autoscaler/policy/calendar.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/export.h"
#include "cli/file.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/spec_decode.h"
#include "platform/intent.h"

/* What a child is made of, without what ties it to one object of one cluster. */
static json_t *without_owner(const struct child *child)
{
    json_t *copy = plan_creation(child);
    json_t *metadata = json_object_get(copy, "metadata");
    json_t *annotations = json_object_get(metadata, "annotations");

    json_object_del(metadata, "ownerReferences");
    json_object_del(annotations, ANNOTATION_INTENT);
    json_object_del(annotations, ANNOTATION_USED_BY);
    if (json_object_size(annotations) == 0)
        json_object_del(metadata, "annotations");
    return copy;
}

static int add_children(const json_t *object, const struct plan_images *images, int64_t at_ms,
                        json_t *items, struct lp_error *err)
{
    struct platform p = { .ns = lp_json_str(object, "metadata", "namespace", NULL),
                          .name = lp_json_str(object, "metadata", "name", NULL),
                          .uid = "",
                          .images = images };
    struct plan plan plan_auto;
    struct calendar calendar;
    struct figures figures;

    plan.n = 0;
    int r = spec_decode_strict(object, &p.spec, err);
    if (r < 0)
        return lp_error_wrap(err, "%s/%s", p.ns, p.name);
    figures_read(json_object_get(object, "status"), &figures);
    calendar_plan(&p, &figures, at_ms > 0 ? at_ms : lp_clock_wall_ms(), &calendar);
    plan_init(&plan, &p);
    for (unsigned i = 0; i < plan.n; i++)
        json_array_append_new(items, without_owner(&plan.children[i]));
    return 0;
}

static void write_yaml(const json_t *platform, const json_t *items, size_t from, struct lp_buf *out)
{
    for (size_t i = from; i < json_array_size(items); i++) {
        lp_buf_str(out, i > 0 ? "---\n" : "");
        if (i == from)
            export_comment(platform, out);
        lp_yaml_write(json_array_get(items, i), out);
    }
}

int render_file(const struct cli_options *options, const struct plan_images *images,
                struct lp_buf *out, struct lp_error *err)
{
    json_auto_t *platforms = NULL, *items = json_array();
    const json_t *platform;
    size_t i;

    int r = file_platforms(options->files, options->ns ? options->ns : "default", &platforms, err);
    if (r < 0)
        return r;
    json_array_foreach(platforms, i, platform)
    {
        size_t from = json_array_size(items);
        r = add_children(platform, images, options->at_ms, items, err);
        if (r < 0)
            return r;
        if (options->format == CLI_YAML)
            write_yaml(platform, items, from, out);
    }
    if (options->format == CLI_JSON)
        file_write_list(items, out);
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "the objects have over %zu bytes", out->max);
    return 0;
}
