/*
 * operator/hold/planmode.c -- see the header. What was dry-run is remembered by a digest of the
 * intents and of the children without their status: an HPA that looks at its metrics does not make
 * us ask again. Threads: the worker's.
 */
#include "operator/hold/planmode.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "operator/cache/owned.h"
#include "operator/state/create.h"
#include "platform/intent.h"
#include "platform/ownership.h"
#include "platform/plan_parts.h"
#include "platform/preview.h"

#define MAX_TEXT (512 << 10) /* bytes of one entry of the ConfigMap; the API server takes 1 MiB */
#define AGAIN_MS 2000        /* until the ConfigMap of a platform that is gone is gone too */

/* What of a child tells that somebody changed it. */
static json_t *essence(const json_t *object)
{
    json_t *metadata = json_object_get(object, "metadata");
    json_auto_t *rest = json_copy((json_t *)object);

    json_object_del(rest, "status");
    json_object_del(rest, "metadata");
    return lp_json_make("{s:O?, s:O?, s:O?, s:O?, s:O}", "uid", json_object_get(metadata, "uid"),
                        "labels", json_object_get(metadata, "labels"), "annotations",
                        json_object_get(metadata, "annotations"), "owners",
                        json_object_get(metadata, "ownerReferences"), "rest", rest);
}

static json_t *said(const struct lp_buf *text)
{
    return lp_json_text(text->ptr ? text->ptr : "");
}

/* With what is said of kinds that the cluster may lack: their definitions come without an event. */
static void digest(const struct plan *plan, const struct observed *observed, int64_t generation,
                   const struct notices *notices, char ret_hex[INTENT_DIGEST_TEXT])
{
    json_auto_t *digests = lp_json_make("[I, o, o]", (json_int_t)generation,
                                        said(&notices->route.text), said(&notices->monitored.text));

    for (unsigned i = 0; i < plan->n; i++) {
        json_auto_t *seen = observed->objects[i] ? essence(observed->objects[i]) : json_null();
        char hex[INTENT_DIGEST_TEXT];
        intent_digest(seen, hex);
        json_array_append_new(digests, json_string(hex));
        json_array_append(digests, lp_json_at(plan->children[i].intent, "metadata", "annotations",
                                              ANNOTATION_INTENT, NULL));
    }
    intent_digest(digests, ret_hex);
}

/* The plan of mode Active: there a child is paused only with its service. */
static int ask(struct reconcile_context *ctx, struct lp_error *err)
{
    struct platform active = *ctx->platform;
    struct plan plan plan_auto;
    json_t *preview = NULL;

    active.spec.mode = "Active";
    plan_init(&plan, &active);
    int r = preview_platform(ctx->r->client, &active, &plan, &preview, err);
    if (r == 0) {
        json_decref(ctx->state->preview);
        ctx->state->preview = preview;
    }
    return r;
}

static json_t *config_map(const struct platform *p, const json_t *preview)
{
    lp_auto_buf struct lp_buf json = LP_BUF_INIT(MAX_TEXT), text = LP_BUF_INIT(MAX_TEXT);
    json_t *o = plan_object(p, &lp_kube_config_maps, PLAN_SUFFIX);

    lp_json_write(preview, &json);
    preview_text(preview, &text);
    lp_json_set_str(lp_json_at(o, "metadata", "labels", NULL), LABEL_COMPONENT, PLAN_SUFFIX);
    json_object_set_new(o, "data",
                        lp_json_make("{s:o, s:o}", "plan.json", lp_json_text(json.ptr), "plan.txt",
                                     lp_json_text(text.ptr)));
    intent_stamp(o);
    return o;
}

static int apply_plan(struct reconcile_context *ctx, const json_t *wanted, json_t **ret_answer,
                      struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = MANAGER, .force = true };

    return lp_kube_apply(ctx->r->client, &lp_kube_config_maps, wanted, &options, ret_answer, err);
}

/* One that is there and not known as ours: its owner decides. */
static int look_and_apply(struct reconcile_context *ctx, const json_t *wanted, json_t **ret_answer,
                          struct lp_error *err)
{
    const struct platform *p = ctx->platform;
    json_auto_t *live = NULL;

    int r = lp_kube_get(ctx->r->client, &lp_kube_config_maps, p->ns,
                        lp_json_str(wanted, "metadata", "name", NULL), &live, err);
    if (r < 0)
        return r;
    enum ownership whose = ownership_of(p, CHILD_CONFIG_MAP, live);
    if (whose == OWNERSHIP_FOREIGN) {
        lp_auto_free char *conflict = ownership_conflict(p, CHILD_CONFIG_MAP, live);
        context_name_conflict(ctx, conflict);
        return 0;
    }
    if (whose == OWNERSHIP_TERMINATING ||
        lp_json_str(live, "metadata", "deletionTimestamp", NULL)) {
        context_again(ctx, AGAIN_MS);
        return 0;
    }
    return apply_plan(ctx, wanted, ret_answer, err);
}

/* *ret_answer stays NULL where the ConfigMap of this name is not ours, or terminating. */
static int put_plan(struct reconcile_context *ctx, const json_t *wanted, const json_t *there,
                    json_t **ret_answer, struct lp_error *err)
{
    struct lp_error why;

    if (there && ownership_of(ctx->platform, CHILD_CONFIG_MAP, there) == OWNERSHIP_OURS)
        return apply_plan(ctx, wanted, ret_answer, err);
    int r = there ? LP_E_EXISTS
                  : create_only(ctx->r->client, &lp_kube_config_maps, wanted, ret_answer, &why);
    if (r == LP_E_EXISTS || r == LP_E_CONFLICT)
        return look_and_apply(ctx, wanted, ret_answer, err);
    if (r < 0)
        *err = why;
    return r;
}

static int write_plan(struct reconcile_context *ctx, struct lp_error *err)
{
    const struct platform *p = ctx->platform;
    json_auto_t *wanted = config_map(p, ctx->state->preview), *answer = NULL;
    const char *name = lp_json_str(wanted, "metadata", "name", NULL);
    json_auto_t *there = cache_child(ctx->r->cache, CHILD_CONFIG_MAP, p->ns, name);

    if (there && lp_json_contains(there, wanted))
        return 0;
    int r = put_plan(ctx, wanted, there, &answer, err);
    if (r < 0 || !answer)
        return r;
    ctx->writes++;
    json_auto_t *ours = owned_project(answer, MANAGER);
    cache_wrote(ctx->r->cache, CHILD_CONFIG_MAP, ours);
    lp_auto_free char *summary = preview_summary(ctx->state->preview);
    lp_log_info("planned", "changes", summary);
    return 0;
}

void planmode_run(struct reconcile_context *ctx, const struct observed *observed,
                  const struct plan *plan, struct notices *notices)
{
    struct platform_state *m = ctx->state;
    char mark[INTENT_DIGEST_TEXT];
    struct lp_error err;
    int r = 0;

    digest(plan, observed, ctx->platform->generation, notices, mark);
    if (!m->preview || !m->preview_digest || strcmp(m->preview_digest, mark) != 0)
        r = ask(ctx, &err);
    if (r == 0) {
        free(lp_take(m->preview_digest));
        m->preview_digest = lp_strdup(mark);
        r = write_plan(ctx, &err);
    }
    if (r < 0)
        context_fail(ctx, &lp_kube_config_maps, "plan", &err);
    else
        notices->preview = m->preview;
}
