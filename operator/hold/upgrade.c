/*
 * operator/hold/upgrade.c -- see the header. The status remembers which generation was carried out
 * (appliedGeneration), so that this outlives the process; the result of a dry run is remembered
 * until the intent or the object changes, so that what waits costs nothing. Threads: the worker's.
 */
#include "operator/hold/upgrade.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "platform/workload.h"
#include "platform/diff.h"
#include "platform/plan_parts.h"
#include "platform/preview.h"
#include "platform/window.h"
#include "platform/intent.h"

static bool is_workload(const struct child *child)
{
    return child->kind == CHILD_DEPLOYMENT || child->kind == CHILD_STATEFUL_SET;
}

static bool has_intent(const struct child *child, const json_t *object)
{
    const char *has = intent_hash(object);
    return *has && strcmp(has, intent_hash(child->intent)) == 0;
}

/* An operator that did not write appliedGeneration yet left this in the condition Ready. */
static bool was_carried_out_before(const json_t *status, int64_t generation)
{
    static const char *const not_yet[] = { "NewGeneration", "InvalidSpec", "ApplyFailed" };
    const json_t *ready = lp_kube_condition(status, "Ready");
    const char *reason = lp_json_str(ready, "reason", NULL);

    for (size_t i = 0; reason && i < LP_COUNT(not_yet); i++)
        if (strcmp(reason, not_yet[i]) == 0)
            return false;
    return reason && lp_json_int(0, ready, "observedGeneration", NULL) == generation;
}

static bool was_carried_out(const json_t *status, int64_t generation)
{
    int64_t applied = lp_json_int(0, status, "appliedGeneration", NULL);
    return applied > 0 ? applied == generation : was_carried_out_before(status, generation);
}

static bool is_approved(const struct reconcile_context *ctx)
{
    const char *approved =
        lp_json_str(ctx->object, "metadata", "annotations", ANNOTATION_APPROVE, NULL);
    char generation[24];

    snprintf(generation, sizeof generation, "%" PRId64, ctx->platform->generation);
    return approved && (strcmp(approved, LP_VERSION) == 0 || strcmp(approved, generation) == 0);
}

/* What a dry run says, from memory where it was asked before. Borrowed; NULL after a failure. */
static const json_t *dry_run(struct reconcile_context *ctx, const struct child *child,
                             const json_t *object)
{
    lp_auto_free char *key = lp_sprintf("%s/%s", child_kinds[child->kind]->kind, child->name);
    lp_auto_free char *mark = lp_sprintf("%s %" PRId64, intent_hash(child->intent),
                                         lp_json_int(0, object, "metadata", "generation", NULL));
    const json_t *known = json_object_get(ctx->state->dry_runs, key);
    const char *known_mark = lp_json_str(known, "mark", NULL);
    json_auto_t *live = NULL;
    json_t *change = NULL;
    struct lp_error err;

    if (known_mark && strcmp(known_mark, mark) == 0)
        return known;
    int r = lp_kube_get(ctx->r->client, child_kinds[child->kind], ctx->platform->ns, child->name,
                        &live, &err);
    if (r == 0)
        r = preview_child(ctx->r->client, child, live, &change, &err);
    if (r < 0) {
        context_fail(ctx, child_kinds[child->kind], child->name, &err);
        return NULL;
    }
    lp_json_set_str(change, "mark", mark);
    if (!ctx->state->dry_runs)
        ctx->state->dry_runs = json_object();
    json_object_set_new(ctx->state->dry_runs, key, change);
    return change;
}

static bool is_of_template(const json_t *field)
{
    static const char start[] = "spec.template.";
    return strncmp(lp_json_str(field, "path", NULL), start, sizeof start - 1) == 0;
}

static void tell(struct notices *notices, const struct child *child, const json_t *change)
{
    struct lp_buf *out = &notices->held;
    const json_t *field;
    bool first = true;
    size_t i;

    lp_buf_printf(out, "%s%s %s", out->len > 0 ? "; " : "", child_kinds[child->kind]->kind,
                  child->name);
    json_array_foreach(json_object_get(change, "fields"), i, field)
    {
        if (!is_of_template(field))
            continue;
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(2 * DIFF_MAX_VALUE + 1024);
        diff_field_text(field, &text);
        lp_buf_printf(out, "%s%s", first ? " (" : ", ", text.ptr);
        first = false;
    }
    if (!first)
        lp_buf_char(out, ')');
}

static void hold(struct reconcile_context *ctx, struct plan *plan, struct child *workload)
{
    if (!ctx->state->upgrade_logged)
        lp_log_warn("held back: the spec is the same and pods would restart", "child",
                    workload->name);
    workload->paused = true;
    for (unsigned i = 0; i < plan->n && workload->service >= 0; i++)
        if (plan->children[i].kind == CHILD_CONFIG_MAP &&
            plan->children[i].service == workload->service)
            plan->children[i].paused = true; /* new pods of the old template read it */
}

static const char *of_template(const json_t *workload, const char *annotation)
{
    const char *text =
        lp_json_str(workload, "spec", "template", "metadata", "annotations", annotation, NULL);
    return text ? text : "";
}

/* A Secret was made anew: until they have it, its pods and their database do not understand each
 * other. */
static bool has_new_secret(const struct child *child, const json_t *object)
{
    static const char *const marks[] = { ANNOTATION_SECRET_DATABASE, ANNOTATION_SECRET_KEYS };

    for (size_t i = 0; i < LP_COUNT(marks); i++)
        if (strcmp(of_template(child->intent, marks[i]), of_template(object, marks[i])) != 0)
            return true;
    return false;
}

struct pods_seen {
    unsigned ready, waiting, running; /* the last two are not Ready */
};

static int count_pod(json_t *pod, void *user, struct lp_error *err)
{
    struct pods_seen *seen = user;
    const json_t *c;
    size_t i;

    (void)err;
    if (lp_kube_condition_is(json_object_get(pod, "status"), "Ready", "True")) {
        seen->ready++;
        return 0;
    }
    bool running = false;
    json_array_foreach(lp_json_at(pod, "status", "containerStatuses", NULL), i, c) running =
        running || lp_json_at(c, "state", "running", NULL);
    seen->running += running;
    seen->waiting += !running;
    return 0;
}

/*
 * True where there is nothing to disturb: none of the workload's pods is Ready, or those of its
 * last change are not, and of these not one runs: they cannot be made or started, or crash. What we
 * have for it now may be what helps.
 */
static bool is_cure(struct reconcile_context *ctx, const struct child *child, const json_t *object)
{
    const struct platform *p = ctx->platform;
    lp_auto_free char *selector =
        lp_sprintf(LABEL_NAME "=%s," LABEL_PART_OF "=%s",
                   child->service >= 0 ? plan_kind(p, (unsigned)child->service).name
                                       : database_kinds[child->database].name,
                   p->name);
    const struct lp_kube_list_options options = { .label_selector = selector };
    struct pods_seen seen = { 0 };
    struct workload w;
    char version[64];
    struct lp_error ignored;

    workload_read(object, 1, 0, &w);
    if (w.desired == 0 || (w.rolled && w.available))
        return false;
    return lp_kube_list(ctx->r->client, &lp_kube_pods, p->ns, &options, count_pod, &seen, version,
                        &ignored) == 0 &&
           seen.running == 0 && (seen.waiting > 0 || seen.ready == 0);
}

void upgrade_hold(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                  const struct observed *observed, struct notices *notices)
{
    const struct platform *p = ctx->platform;
    bool any = false;

    if (ctx->spec_changed || !was_carried_out(status, p->generation) || is_approved(ctx) ||
        window_is_open(&p->spec.maintenance, lp_clock_wall_ms(), &notices->window_ms))
        return;
    for (unsigned i = 0; i < plan->n; i++) {
        struct child *child = &plan->children[i];
        const json_t *object = observed->objects[i];
        if (!is_workload(child) || child->paused || observed->tried[i] || !object ||
            has_intent(child, object) || has_new_secret(child, object) ||
            is_cure(ctx, child, object))
            continue;
        const json_t *change = dry_run(ctx, child, object);
        if (change && !lp_json_bool(false, change, "restartsPods", NULL))
            continue;
        hold(ctx, plan, child);
        if (change)
            tell(notices, child, change);
        any = true;
    }
    ctx->state->upgrade_logged = any;
    if (!any)
        json_decref(lp_take(ctx->state->dry_runs));
    else if (notices->window_ms > 0)
        context_again(ctx, notices->window_ms - lp_clock_wall_ms() + 1);
}

bool upgrade_is_applied(const struct plan *plan, const struct observed *observed)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *child = &plan->children[i];
        if (is_workload(child) && !child->paused && !has_intent(child, observed->objects[i]))
            return false;
    }
    return true;
}
