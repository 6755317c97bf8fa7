/*
 * operator/reconcile/apply.c -- server-side apply (KEP-555) of the children that need it. One write
 * is spared wherever the object has all that we own, so that an idle platform and a restart write
 * nothing. Threads: the worker's.
 */
#include "operator/reconcile/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "operator/status/events.h"
#include "operator/reconcile/write.h"
#include "operator/cache/owned.h"
#include "operator/reconcile/reconcile_metrics.h"
#include "operator/state/repairs.h"
#include "platform/intent.h"
#include "platform/ownership.h"

#define REWRITTEN_MS 3600000 /* then a rewritten object is applied once more */
#define WAITING_MS                                                                \
    10000 /* for an object of a platform that is gone, if nobody tells of its end \
           */

static char *child_key(const struct child *child)
{
    return lp_sprintf("%s/%s", child_kinds[child->kind]->kind, child->name);
}

static void record_generation(struct reconcile_context *ctx, const struct child *child,
                              const json_t *object)
{
    lp_auto_free char *key = child_key(child);
    int64_t generation = lp_json_int(0, object, "metadata", "generation", NULL);

    if (generation > 0)
        platform_state_child(ctx->state, key)->generation = generation;
}

/* A write without an answer may have been carried out: the next look takes the object's own. */
static void forget_generation(struct reconcile_context *ctx, const struct child *child)
{
    lp_auto_free char *key = child_key(child);

    platform_state_child(ctx->state, key)->generation = 0;
}

int64_t apply_generation(struct reconcile_context *ctx, const struct child *child,
                         const json_t *observed)
{
    lp_auto_free char *key = child_key(child);

    int64_t known = platform_state_child(ctx->state, key)->generation;
    int64_t now = lp_json_int(0, observed, "metadata", "generation", NULL);
    if (known > 0 && known <= now)
        return known;
    record_generation(ctx, child, observed); /* not known, or of an object that was deleted */
    return now;
}

/* An admission policy that rewrites our fields would make us apply for ever. What it made of an
 * intent is accepted until our fields or the intent change, and applied once more each hour. */
static char *rewritten_mark(const struct child *child, const json_t *ours)
{
    lp_auto_free char *digest = owned_digest(ours, child->intent);
    return lp_sprintf("%s %s", intent_hash(child->intent), digest);
}

static void record_applied(struct reconcile_context *ctx, const struct child *child,
                           const json_t *ours)
{
    lp_auto_free char *key = child_key(child);
    owned_auto_difference struct owned_difference d = { .path = NULL };

    platform_state_child(ctx->state, key)->applied = lp_hash(intent_hash(child->intent));
    if (!owned_differs(ours, child->intent, &d)) {
        json_object_del(ctx->state->rewritten, key);
        return;
    }
    lp_auto_free char *mark = rewritten_mark(child, ours);
    lp_auto_free char *what =
        lp_sprintf("%s %s: %s is %s, applied was %s", child_kinds[child->kind]->kind, child->name,
                   d.field, d.seen, d.wanted);
    json_object_set_new(ctx->state->rewritten, key,
                        lp_json_make("{s:s, s:s, s:I}", "mark", mark, "what", what, "until",
                                     (json_int_t)lp_clock_ms() + REWRITTEN_MS));
    lp_log_warn("the API server keeps another value than the one applied", "child", key, "field",
                d.field, "is", d.seen, "applied", d.wanted);
}

/* *ret_again: so long ago that the policy may be gone. */
static bool is_rewritten(const struct reconcile_context *ctx, const struct child *child,
                         const json_t *ours, bool *ret_again)
{
    lp_auto_free char *key = child_key(child);
    const char *known = lp_json_str(ctx->state->rewritten, key, "mark", NULL);
    lp_auto_free char *mark = known ? rewritten_mark(child, ours) : NULL;

    *ret_again = lp_clock_ms() >= lp_json_int(0, ctx->state->rewritten, key, "until", NULL);
    return known && strcmp(known, mark) == 0;
}

char *apply_rewritten(const struct reconcile_context *ctx, const struct plan *plan)
{
    const char *first = NULL;
    unsigned n = 0;

    for (unsigned i = 0; i < plan->n; i++) {
        lp_auto_free char *key = child_key(&plan->children[i]);
        const char *what = lp_json_str(ctx->state->rewritten, key, "what", NULL);
        first = first ? first : what;
        n += what != NULL;
    }
    if (n < 2)
        return first ? lp_strdup(first) : NULL;
    return lp_sprintf("%s (and %u more objects)", first, n - 1);
}

/* True where this very intent was applied before. */
static bool is_same_intent(const struct reconcile_context *ctx, const struct child *child,
                           const json_t *ours)
{
    lp_auto_free char *key = child_key(child);
    const char *wanted = intent_hash(child->intent);

    return platform_state_child(ctx->state, key)->applied == lp_hash(wanted) ||
           (ours && strcmp(intent_hash(ours), wanted) == 0);
}

enum need { NOTHING, CREATE, CHANGE, REPAIR, CREATE_AGAIN };
static const char *const needs[] = { "", "created", "changed", "repaired", "created_again" };

static bool is_terminating(const json_t *object)
{
    return lp_json_str(object, "metadata", "deletionTimestamp", NULL) != NULL;
}

static enum need need_of(const struct reconcile_context *ctx, const struct child *child,
                         const json_t *ours, struct owned_difference *ret_difference)
{
    bool again = false;

    if (!ours)
        return is_same_intent(ctx, child, NULL) ? CREATE_AGAIN : CREATE;
    if (is_terminating(ours))
        return NOTHING; /* its end brings us back */
    if (!owned_differs(ours, child->intent, ret_difference))
        return NOTHING;
    if (is_rewritten(ctx, child, ours, &again))
        return again ? CHANGE : NOTHING;
    return is_same_intent(ctx, child, ours) ? REPAIR : CHANGE;
}

/* Reads the object once more, as the cache does not keep who owns what. */
static void name_manager(struct reconcile_context *ctx, const struct child *child, struct repair *r)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];
    owned_auto_difference struct owned_difference d = { .path = NULL };
    json_auto_t *live = NULL;
    struct lp_error ignored;

    if (lp_kube_get(ctx->r->client, kind, ctx->platform->ns, child->name, &live, &ignored) < 0)
        return;
    json_auto_t *ours = owned_project(live, MANAGER);
    if (!owned_differs(ours, child->intent, &d))
        return;
    memcpy(r->field, d.field, sizeof r->field);
    memcpy(r->seen, d.seen, sizeof r->seen);
    memcpy(r->wanted, d.wanted, sizeof r->wanted);
    owned_other_manager(live, MANAGER, d.path, r->manager);
}

/* False where the time for it has not come yet (repairs.h). */
static bool may_repair(struct reconcile_context *ctx, const struct child *child, bool is_gone)
{
    lp_auto_free char *name = lp_sprintf("%s %s", child_kinds[child->kind]->kind, child->name);
    int64_t now = lp_clock_ms();
    struct repair *r = repairs_find(&ctx->state->repairs, name, is_gone, now, true);

    r->open = now < r->due_ms;
    if (r->open)
        return false;
    repairs_count(r, now, lp_clock_wall_ms());
    if (repairs_are_many(r))
        name_manager(ctx, child, r);
    return true;
}

static bool is_due(struct reconcile_context *ctx, const struct child *child, enum need need)
{
    lp_auto_free char *name = lp_sprintf("%s %s", child_kinds[child->kind]->kind, child->name);
    struct repair **repairs = &ctx->state->repairs;
    struct repair *r = repairs_find(repairs, name, false, lp_clock_ms(), false);

    if (need == REPAIR || need == CREATE_AGAIN)
        return may_repair(ctx, child, need == CREATE_AGAIN);
    if (r && need == NOTHING)
        r->open = false; /* somebody else put it back */
    if (r && need == CHANGE)
        repairs_drop(repairs, name, false);
    return need != NOTHING;
}

/* A user wants to know that something of theirs was put back, not that a plan was carried out. Of
 * what is put back again and again, a condition tells. */
static void tell(struct reconcile_context *ctx, const struct child *child, enum need need)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];
    lp_auto_free char *name = lp_sprintf("%s %s", kind->kind, child->name);
    int64_t now = lp_clock_ms();
    const struct repair *r =
        repairs_find(&ctx->state->repairs, name, need == CREATE_AGAIN, now, false);

    lp_log_info("applied", "kind", kind->kind, "name", child->name, "why", needs[need]);
    reconcile_metrics_write(kind->kind, needs[need]);
    if (ctx->spec_changed || need == CHANGE || (r && repairs_are_many(r)) ||
        !platform_state_may_emit(ctx->state, now))
        return;
    lp_auto_free char *note = lp_sprintf("%s was put back: it %s", name,
                                         need == REPAIR ? "had been changed" : "was not there");
    events_emit(ctx, "Normal", "Repaired", "Apply", note);
}

static const json_t *hpa_of(const struct plan *plan, const struct observed *observed, int service)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_HPA && plan->children[i].service == service)
            return observed->objects[i];
    return NULL;
}

/* A child that is to be written, and what came of it. */
struct due {
    unsigned i; /* in the plan */
    enum need need;
    json_t *ours; /* what is ours of the answer; NULL: it was not written */
    struct written written;
    struct lp_error err;
};

struct writing {
    struct reconcile_context *ctx;
    const struct plan *plan;
    const struct observed *observed;
    struct due dues[PLAN_MAX_CHILDREN];
    unsigned n;
};

/* A job of the thread pool: touches no memory of the reconcile but its own `due`. */
static void write_due(unsigned k, void *client, void *user)
{
    struct writing *w = user;
    const struct reconciler *r = w->ctx->r;
    struct due *d = &w->dues[k];

    if (lp_stop_requested(r->stop)) { /* the next leader goes on here */
        lp_error_set(&d->err, LP_E_CANCELED, "stopped");
        return;
    }
    const struct platform *p = w->ctx->platform;
    const struct child *child = &w->plan->children[d->i];
    const json_t *hpa = hpa_of(w->plan, w->observed, child->service);
    int result =
        write_child(client, p, child, w->observed->objects[d->i], hpa, &d->written, &d->err);
    if (result < 0 || !d->written.object)
        return;
    d->ours = owned_project_answer(d->written.object, child->intent, MANAGER);
    cache_wrote(r->cache, child->kind, d->ours);
}

/* Its end brings us back before. */
static void wait_for_end(struct reconcile_context *ctx)
{
    platform_state_recreated(ctx->state, lp_clock_ms());
    context_again(ctx, WAITING_MS);
}

/* Somebody else has its name, one of that name is still terminating, or it failed. */
static void not_written(struct reconcile_context *ctx, const struct child *child,
                        const struct due *d)
{
    if (d->written.conflict)
        context_name_conflict(ctx, d->written.conflict);
    else if (d->written.is_waiting)
        wait_for_end(ctx);
    else
        context_fail(ctx, child_kinds[child->kind], child->name, &d->err);
}

static void tell_of_kept(const struct reconcile_context *ctx, const struct child *child)
{
    lp_auto_free char *note = lp_sprintf(
        "PersistentVolumeClaim %s was there before this platform and is used with all that is in "
        "it; to begin with an empty database delete the platform, then: kubectl delete pvc %s -n "
        "%s",
        child->name, child->name, ctx->platform->ns);
    events_emit(ctx, "Normal", "DatabaseFound", "Apply", note);
}

static void take_written(struct reconcile_context *ctx, const struct child *child, struct due *d,
                         struct observed *observed)
{
    observed->tried[d->i] = true;
    if (d->err.code != LP_E_CANCELED)
        ctx->writes++;
    if (!d->ours) {
        forget_generation(ctx, child);
        not_written(ctx, child, d);
        return;
    }
    if (d->written.was_kept)
        tell_of_kept(ctx, child);
    record_applied(ctx, child, d->ours);
    record_generation(ctx, child, d->ours);
    observed->generations[d->i] = apply_generation(ctx, child, d->ours);
    tell(ctx, child, d->need);
    json_decref(observed->objects[d->i]);
    observed->objects[d->i] = lp_take(d->ours);
}

static void write_all(struct writing *w, struct observed *observed)
{
    context_run(w->ctx, w->n, write_due, w);
    for (unsigned k = 0; k < w->n; k++) {
        take_written(w->ctx, &w->plan->children[w->dues[k].i], &w->dues[k], observed);
        written_done(&w->dues[k].written);
    }
    w->n = 0;
}

static void add_if_due(struct writing *w, unsigned i)
{
    const struct child *child = &w->plan->children[i];
    const struct observed *o = w->observed;
    owned_auto_difference struct owned_difference d = { .path = NULL };

    if (child->paused || o->tried[i])
        return;
    if (o->objects[i] &&
        ownership_of(w->ctx->platform, child->kind, o->objects[i]) == OWNERSHIP_TERMINATING) {
        wait_for_end(w->ctx);
        return;
    }
    enum need need = need_of(w->ctx, child, o->objects[i], &d);
    if (is_due(w->ctx, child, need))
        w->dues[w->n++] = (struct due){ .i = i, .need = need };
}

/* What pods need is there before what makes them. */
static bool makes_pods(const struct child *child)
{
    return child->kind >= CHILD_STATEFUL_SET;
}

static void apply_some(struct reconcile_context *ctx, const struct plan *plan, const bool chosen[],
                       struct observed *observed)
{
    struct writing w = { .ctx = ctx, .plan = plan, .observed = observed };

    for (unsigned i = 0; i < plan->n; i++) {
        if (i > 0 && makes_pods(&plan->children[i]) && !makes_pods(&plan->children[i - 1]))
            write_all(&w, observed);
        if (chosen[i])
            add_if_due(&w, i);
    }
    write_all(&w, observed);
}

/* Whether the ConfigMap of a workload may be written is for upgrade.c to say. */
static bool waits_for_workload(const struct plan *plan, unsigned i, const bool missing[])
{
    if (plan->children[i].kind != CHILD_CONFIG_MAP)
        return false;
    for (unsigned k = 0; k < plan->n; k++)
        if (plan->children[k].kind == CHILD_DEPLOYMENT && !missing[k] &&
            plan->children[k].service == plan->children[i].service)
            return true;
    return false;
}

void apply_missing(struct reconcile_context *ctx, const struct plan *plan, const bool missing[],
                   struct observed *observed)
{
    bool chosen[PLAN_MAX_CHILDREN] = { false };

    for (unsigned i = 0; i < plan->n; i++)
        chosen[i] = missing[i] && !waits_for_workload(plan, i, missing);
    apply_some(ctx, plan, chosen, observed);
}

void apply_plan(struct reconcile_context *ctx, const struct plan *plan, struct observed *observed)
{
    bool all[PLAN_MAX_CHILDREN];

    memset(all, true, sizeof all);
    apply_some(ctx, plan, all, observed);
}
