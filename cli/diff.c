/* cli/diff.c -- see the header. The planner is the operator's own (platform/). No state. */
#include "cli/diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/policy/calendar.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/file.h"
#include "cli/find.h"
#include "cli/operators.h"
#include "cli/three_way.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/databases.h"
#include "platform/diff.h"
#include "platform/preview.h"
#include "platform/spec_decode.h"

#define MAX_TRIES 8

/* Of a platform that is not there; nothing is kept, so that nothing is owned by it. */
#define NO_UID "00000000-0000-0000-0000-000000000000"

/* What is added up over the platforms. */
struct work {
    struct lp_kube_client *client;
    const struct cli_options *options;
    struct operators operators;
    json_t *results;
    int64_t changes, errors;
};

/* The platform as the API server would keep it after `kubectl apply`, checked and with its
 * defaults: by server-side apply where it was applied so before, which refuses fields of other
 * managers; else by a patch from what was applied last, what is there and what the file says. */
static int dry_run(struct work *w, const json_t *wanted, const json_t *live, json_t **ret_after,
                   struct lp_error *err)
{
    const struct lp_kube_apply_options options = { .field_manager = "kubectl",
                                                   .force = !live,
                                                   .dry_run = true };
    json_auto_t *patch = NULL;

    if (!live || three_way_by_server(live))
        return lp_kube_apply(w->client, &lp_kube_platforms, wanted, &options, ret_after, err);
    int r = three_way_patch(live, wanted, &patch, err);
    return r < 0 ? r
                 : lp_kube_dry_run_merge_patch(w->client, &lp_kube_platforms,
                                               lp_json_str(live, "metadata", "namespace", NULL),
                                               lp_json_str(live, "metadata", "name", NULL), patch,
                                               ret_after, err);
}

static json_t *own_change(const char *name, const json_t *live, const json_t *after)
{
    struct diff d diff_auto;

    diff_objects(live, after, &d);
    if (!live || json_array_size(d.fields) == 0)
        return live ? NULL
                    : lp_json_make("{s:s, s:s, s:s, s:b}", "kind", lp_kube_platforms.kind, "name",
                                   name, "action", "create", "restartsPods", 0);
    return lp_json_make("{s:s, s:s, s:s, s:b, s:O, s:I}", "kind", lp_kube_platforms.kind, "name",
                        name, "action", "change", "restartsPods", 0, "fields", d.fields, "more",
                        (json_int_t)d.more);
}

/* The platform's own change comes first, and counts. */
static void put_first(json_t *preview, json_t *change)
{
    const char *counter = lp_json_str(change, "action", NULL);

    if (!change)
        return;
    json_object_set_new(preview, counter, json_integer(lp_json_int(0, preview, counter, NULL) + 1));
    json_array_insert_new(json_object_get(preview, "changes"), 0, change);
}

/* The API server, asked for one object after the other; `r` is the first failure. */
struct asked {
    struct lp_kube_client *client;
    const char *ns;
    int r;
    struct lp_error err;
};

static json_t *ask(struct asked *a, const struct lp_kube_kind *kind, const char *name)
{
    json_t *object = NULL;
    struct lp_error why;
    int r = lp_kube_get(a->client, kind, a->ns, name, &object, &why);

    if (r < 0 && r != LP_E_NOT_FOUND && a->r == 0) {
        a->r = r;
        a->err = why;
    }
    return object;
}

static json_t *look(void *user, enum child_kind kind, const char *name)
{
    return ask(user, child_kinds[kind], name);
}

static bool is_owned(void *user, const char *claim)
{
    json_auto_t *object = ask(user, &lp_kube_volume_claims, claim);

    return databases_owned_by_stateful_set(object);
}

static int read_databases(struct work *w, struct platform *p, struct databases_seen *ret,
                          struct lp_error *err)
{
    struct asked asked = { .client = w->client, .ns = p->ns };
    const struct databases_source source = { .look = look, .owned = is_owned, .user = &asked };

    databases_read(&source, p, ret);
    if (asked.r < 0)
        *err = asked.err;
    return asked.r;
}

/* As its operator has them; a line on stderr where none is known that takes it. */
static void images_of(struct work *w, const json_t *object, struct plan_images *ret_images)
{
    const json_t *deployment = operators_of(&w->operators, object);

    operators_images(deployment, w->options, ret_images);
    if (!deployment && !w->options->images[1])
        fprintf(stderr,
                "kubectl lp: %s/%s: images are those of version " LP_VERSION
                ", as no operator is known that takes it (set LP_IMAGE_TAG and the others): %s\n",
                lp_json_str(object, "metadata", "namespace", NULL),
                lp_json_str(object, "metadata", "name", NULL),
                json_array_size(w->operators.deployments) > 0
                    ? "kubectl lp report lists those that there are"
                    : w->operators.why.msg);
}

static void tell_mode(const struct platform *p)
{
    if (*p->spec.mode != 'A')
        fprintf(
            stderr,
            "kubectl lp: %s/%s: spec.mode is %s: the operator would do this once it is Active\n",
            p->ns, p->name, p->spec.mode);
}

static int preview(struct work *w, const json_t *object, json_t **ret_preview, struct lp_error *err)
{
    const char *uid = lp_json_str(object, "metadata", "uid", NULL);
    struct databases_seen databases databases_auto = { .gateway = NULL };
    struct plan_images images;
    struct plan plan plan_auto;
    struct calendar calendar;
    struct figures figures;
    struct platform p = { .ns = lp_json_str(object, "metadata", "namespace", NULL),
                          .name = lp_json_str(object, "metadata", "name", NULL),
                          .uid = uid ? uid : NO_UID,
                          .generation = lp_json_int(0, object, "metadata", "generation", NULL),
                          .images = &images };

    plan.n = 0;
    int r = spec_decode(object, &p.spec, err);
    if (r < 0)
        return r;
    tell_mode(&p);
    p.spec.mode = "Active";
    figures_read(json_object_get(object, "status"), &figures);
    calendar_plan(&p, &figures, lp_clock_wall_ms(), &calendar);
    images_of(w, object, &images);
    r = read_databases(w, &p, &databases, err);
    if (r < 0)
        return r;
    plan_init(&plan, &p);
    return preview_platform(w->client, &p, &plan, ret_preview, err);
}

/* The platform as it is, NULL where only the file has it, and as it would be. LP_E_CONFLICT: the
 * operator wrote its status in between. */
static int read_both(struct work *w, const char *ns, const char *name, const json_t *wanted,
                     json_t **ret_live, json_t **ret_after, struct lp_error *err)
{
    struct lp_error why;
    int r = lp_kube_get(w->client, &lp_kube_platforms, ns, name, ret_live, &why);

    if (r < 0 && (r != LP_E_NOT_FOUND || !wanted)) {
        *err = why;
        return r;
    }
    return wanted ? dry_run(w, wanted, *ret_live, ret_after, err) : 0;
}

/* `wanted`: of a file, or NULL: the platform is to stay as it is. */
static int diff_one(struct work *w, const char *ns, const char *name, const json_t *wanted,
                    struct lp_error *err)
{
    json_auto_t *live = NULL, *after = NULL;
    json_t *result = NULL;
    int r = LP_E_CONFLICT;

    for (int i = 0; i < MAX_TRIES && r == LP_E_CONFLICT; i++) {
        json_decref(lp_take(live));
        r = read_both(w, ns, name, wanted, &live, &after, err);
    }
    if (r == 0)
        r = preview(w, wanted ? after : live, &result, err);
    if (r < 0)
        return lp_error_wrap(err, "%s/%s", ns, name);
    if (wanted)
        put_first(result, own_change(name, live, after));
    lp_json_set_str(result, "namespace", ns);
    lp_json_set_str(result, "name", name);
    w->changes += preview_count(result);
    w->errors += lp_json_int(0, result, "errors", NULL);
    json_array_append_new(w->results, result);
    return 0;
}

static int diff_all(struct work *w, const struct cli_options *o, const char *ns,
                    struct lp_error *err)
{
    json_auto_t *platforms = NULL;
    const json_t *p;
    size_t i;

    int r = o->files[0] ? file_platforms(o->files, ns, &platforms, err)
                        : find_platforms(w->client, o, ns, &platforms, err);
    json_array_foreach(platforms, i, p) if (r == 0) r =
        diff_one(w, lp_json_str(p, "metadata", "namespace", NULL),
                 lp_json_str(p, "metadata", "name", NULL), o->files[0] ? p : NULL, err);
    return r;
}

static void write_out(const json_t *results, const struct cli_options *o, struct lp_buf *out)
{
    const json_t *result;
    size_t i;

    if (o->format == CLI_JSON) {
        json_auto_t *whole = lp_json_make("{s:O}", "platforms", results);
        lp_json_write(whole, out);
        lp_buf_char(out, '\n');
        return;
    }
    json_array_foreach(results, i, result)
    {
        lp_buf_printf(out, "%s/%s\n", lp_json_str(result, "namespace", NULL),
                      lp_json_str(result, "name", NULL));
        preview_text(result, out);
    }
}

int diff_platforms(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                   struct lp_buf *out, int64_t *ret_changes, int64_t *ret_errors,
                   struct lp_error *err)
{
    json_auto_t *results = json_array();
    struct work w = { .client = client, .options = options, .results = results };

    operators_find(client, ns, &w.operators);
    int r = diff_all(&w, options, ns, err);
    operators_done(&w.operators);
    if (r < 0)
        return r;
    write_out(results, options, out);
    *ret_changes = w.changes;
    *ret_errors = w.errors;
    return 0;
}
