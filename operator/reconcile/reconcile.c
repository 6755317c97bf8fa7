/*
 * operator/reconcile/reconcile.c -- one reconcile, read top to bottom: spec (spec.c), observe, plan
 * (plan.c), apply (apply.c, prune.c), status (status.c). Threads: the worker's; no two workers hold
 * one key.
 */
#include "operator/reconcile/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/store.h"
#include "kube/version.h"
#include "operator/cache/owned.h"
#include "operator/reconcile/apply.h"
#include "operator/reconcile/databases.h"
#include "operator/reconcile/http_route.h"
#include "operator/reconcile/master_key.h"
#include "operator/reconcile/measure.h"
#include "operator/reconcile/monitors.h"
#include "operator/reconcile/secrets.h"
#include "operator/reconcile/wake.h"
#include "operator/status/decisions.h"
#include "operator/status/events.h"
#include "operator/status/floors.h"
#include "operator/status/history.h"
#include "operator/status/notices.h"
#include "operator/hold/planmode.h"
#include "operator/hold/quarantine.h"
#include "operator/state/repairs.h"
#include "operator/status/status.h"
#include "operator/hold/upgrade.h"
#include "platform/intent.h"
#include "platform/spec_decode.h"

#define STATUS_MANAGER "lp-operator-status"
#define TELL_AFTER 4 /* failures in a row before the status tells of a conflict or a time-out */

static const char *version_of(const json_t *object)
{
    return lp_json_str(object, "metadata", "resourceVersion", NULL);
}

/* The status as it is: our own last write where the watch has not delivered it yet. Borrowed; NULL
 * where nobody has written one: then it is the definition's default, observedGeneration -1. */
static const json_t *current_status(const struct reconcile_context *ctx)
{
    const struct platform_state *m = ctx->state;
    if (m->status && !lp_kube_version_reached(version_of(ctx->object), m->status_version))
        return m->status;
    const json_t *status = json_object_get(ctx->object, "status");
    return lp_json_int(0, status, "observedGeneration", NULL) < 0 ? NULL : status;
}

/* Takes over `status`. Writes it only where it says something else than the one that is there. */
static int write_status(struct reconcile_context *ctx, json_t *status, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = STATUS_MANAGER,
                                                          .subresource = "status",
                                                          .force = true };
    const json_t *metadata = json_object_get(ctx->object, "metadata");
    json_auto_t *owned = status, *answer = NULL;

    if (json_equal(status, current_status(ctx)))
        return 0;
    json_auto_t *object = lp_json_make(
        "{s:s, s:s, s:{s:O, s:O, s:O}, s:O}", "apiVersion", "learningplatform.io/v1alpha1", "kind",
        lp_kube_platforms.kind, "metadata", "name", json_object_get(metadata, "name"), "namespace",
        json_object_get(metadata, "namespace"), "uid", json_object_get(metadata, "uid"), "status",
        status);
    int r = lp_kube_apply(ctx->r->client, &lp_kube_platforms, object, &options, &answer, err);
    if (r < 0)
        return r == LP_E_NOT_FOUND || r == LP_E_CONFLICT ? 0 : lp_error_wrap(err, "status");
    ctx->writes++;
    json_decref(ctx->state->status);
    ctx->state->status = lp_take(owned);
    free(ctx->state->status_version);
    ctx->state->status_version = lp_strdup(version_of(answer));
    ctx->status_known = cache_wrote_platform(ctx->r->cache, answer);
    return 0;
}

/* What apply_missing made is known already. An HPA's change of spec.replicas is a generation that
 * no rollout comes with: what counts is the one that our last write gave it. */
static void observe(struct reconcile_context *ctx, const struct plan *plan, unsigned i,
                    struct observed *observed)
{
    const struct child *c = &plan->children[i];

    if (!observed->objects[i] && !observed->tried[i])
        observed->objects[i] = context_child(ctx, c->kind, c->name);
    if (observed->objects[i])
        observed->generations[i] = apply_generation(ctx, c, observed->objects[i]);
}

/* What is alike needs no digest of its own, which is a third of a reconcile that changes nothing.
 */
static void plan_as_observed(struct child *child, const struct platform *p, const json_t *object)
{
    plan_intent(child, p);
    if (!child->stamped && owned_is(object, child->intent))
        child->stamped = intent_stamp_as(child->intent, intent_hash(object));
    plan_child(child, p);
}

static bool is_ready(const struct reconcile_context *ctx)
{
    const char *phase = lp_json_str(current_status(ctx), "phase", NULL);
    return phase && (strcmp(phase, "Ready") == 0 || strcmp(phase, "Scaling") == 0);
}

static bool lacks_workload(const struct plan *plan, const bool missing[])
{
    for (unsigned i = 0; i < plan->n; i++) {
        enum child_kind kind = plan->children[i].kind;
        if ((kind == CHILD_DEPLOYMENT || kind == CHILD_STATEFUL_SET) && missing[i])
            return true;
    }
    return false;
}

static void note_uid(struct platform_state *m, const char *uid)
{
    uint64_t before = m->uid;

    m->uid = lp_hash(uid);
    if (before == 0 || before == m->uid)
        return;
    m->recreated_ms = 0;
    platform_state_recreated(m, lp_clock_ms());
    platform_state_secrets_tried(m, lp_clock_ms(), true);
}

static void create_missing_secrets(struct reconcile_context *ctx, struct platform *platform,
                                   const struct claims *claims, bool wanted)
{
    platform_state_secrets_tried(ctx->state, lp_clock_ms(), false);
    if (wanted)
        secrets_ensure(ctx, platform, claims);
}

/* Of the plan's children as observed. */
static struct claims claims_of(const struct plan *plan, const struct observed *observed)
{
    struct claims claims = { .of = { NULL } };

    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_CLAIM)
            claims.of[plan->children[i].database] = observed->objects[i];
    return claims;
}

static int write_built_status(struct reconcile_context *ctx, const struct plan *plan,
                              const struct observed *observed, const struct notices *notices,
                              struct lp_error *err)
{
    json_auto_t *before = json_deep_copy(current_status(ctx));
    const struct reconciler *r = ctx->r;
    lp_auto_free char *rewritten = apply_rewritten(ctx, plan);
    lp_auto_free char *stuck_pod = databases_stuck_pod(ctx, plan, observed);
    if (!stuck_pod)
        stuck_pod = master_key_stuck(ctx, plan, observed);
    char why[256];
    struct status_input in = {
        .before = before,
        .platform = ctx->platform,
        .plan = plan,
        .observed = observed,
        .failure = &ctx->failure,
        .failed_child = ctx->failed_child,
        .conflict = repairs_conflict(ctx->state->repairs, lp_clock_ms()),
        .rewritten = rewritten,
        .metrics_conflict =
            r->metrics_conflict && r->metrics_conflict(r->metrics_user, why) ? why : NULL,
        .notices = notices,
        .calendar = &ctx->calendar,
        .figures = &ctx->figures,
        .name_conflict = ctx->name_conflict,
        .name_conflicts = ctx->name_conflicts,
        .stuck_pod = stuck_pod,
        .now_ms = lp_clock_wall_ms(),
    };
    json_auto_t *status = status_build(&in);
    decisions_publish_down(ctx->platform, status); /* first: 0 ready without it means asleep */
    decisions_publish(ctx->platform->ns, ctx->platform->name, before, status);
    decisions_publish_limits(ctx->platform, plan, observed, status);
    notices_publish(ctx->platform->ns, ctx->platform->name, before, status);
    int written = write_status(ctx, json_incref(status), err);
    if (written == 0) {
        events_of_transitions(ctx, before, status);
        floors_tell(ctx, before, status);
        history_note(ctx, plan, observed, before, status);
    }
    if (spec_is_active(&ctx->platform->spec))
        history_write(ctx);
    return written;
}

/* True for a failure that is not worth telling the user of yet. */
static bool is_passing(struct reconcile_context *ctx)
{
    int code = ctx->failure.code;

    if (code == LP_E_CANCELED)
        return true;
    ctx->state->failures = lp_error_is_transient(code) ? ctx->state->failures + 1 : 0;
    return ctx->state->failures > 0 && ctx->state->failures < TELL_AFTER;
}

/* The HPA of a workload that is not there says how many pods it begins with. */
static bool counts_pods_of_missing(const struct plan *plan, unsigned i, const bool missing[])
{
    for (unsigned k = 0; k < plan->n && plan->children[i].kind == CHILD_HPA; k++)
        if (missing[k] && plan->children[k].kind == CHILD_DEPLOYMENT &&
            plan->children[k].service == plan->children[i].service)
            return true;
    return false;
}

/* Claims come first, and then the Secrets that they own. */
static void create_missing_claims(struct reconcile_context *ctx, struct plan *plan,
                                  const bool missing[], struct observed *observed)
{
    bool claims[PLAN_MAX_CHILDREN] = { false };

    for (unsigned i = 0; i < plan->n; i++) {
        claims[i] = missing[i] && plan->children[i].kind == CHILD_CLAIM;
        if (claims[i])
            plan_child(&plan->children[i], ctx->platform);
    }
    apply_missing(ctx, plan, claims, observed);
}

/* True where there is one. Its Secret is not to wait for the next try. */
static bool note_made(const struct plan *plan, const bool missing[], const struct observed *o,
                      struct claims *claims)
{
    bool any = false;

    for (unsigned i = 0; i < plan->n; i++) {
        if (plan->children[i].kind != CHILD_CLAIM || !missing[i] || !o->tried[i] || !o->objects[i])
            continue;
        any = claims->made[plan->children[i].database] = true;
    }
    return any;
}

static void create_missing_children(struct reconcile_context *ctx, struct platform *platform,
                                    struct plan *plan, struct observed *observed)
{
    bool missing[PLAN_MAX_CHILDREN] = { false };

    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        missing[i] = !cache_has_child(ctx->r->cache, c->kind, platform->ns, c->name);
    }
    create_missing_claims(ctx, plan, missing, observed);
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_CLAIM)
            observe(ctx, plan, i, observed);
    struct claims claims = claims_of(plan, observed);
    bool made = note_made(plan, missing, observed, &claims);
    /* The first reconcile looks at the workloads, as there may be no phase yet. */
    bool lacking =
        ctx->state->secrets_tried_ms == 0 ? lacks_workload(plan, missing) : !is_ready(ctx);
    if (made || platform_state_secrets_due(ctx->state, lp_clock_ms()))
        create_missing_secrets(ctx, platform, &claims, made || lacking);
    for (unsigned i = 0; i < plan->n; i++) {
        if (missing[i])
            plan_child(&plan->children[i], platform);
        if (counts_pods_of_missing(plan, i, missing))
            observe(ctx, plan, i, observed);
    }
    apply_missing(ctx, plan, missing, observed);
}

/* A workload that will change may need a Secret that there was no need of before. */
static bool changes_workload(const struct plan *plan, const struct observed *observed)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        const json_t *object = observed->objects[i];
        if ((c->kind == CHILD_DEPLOYMENT || c->kind == CHILD_STATEFUL_SET) && !c->paused &&
            object && !observed->tried[i] &&
            strcmp(intent_hash(object), intent_hash(c->intent)) != 0)
            return true;
    }
    return false;
}

static void change_children(struct reconcile_context *ctx, struct platform *platform,
                            struct plan *plan, struct observed *observed, struct notices *notices)
{
    struct claims claims = claims_of(plan, observed);

    upgrade_hold(ctx, current_status(ctx), plan, observed, notices);
    databases_protect(ctx, plan, observed);
    if (ctx->lost_secrets == 0 && changes_workload(plan, observed)) {
        create_missing_secrets(ctx, platform, &claims, true);
        if (ctx->lost_secrets != 0)
            plan_pods_again(plan, platform);
    }
    apply_plan(ctx, plan, observed);
    wake(ctx, plan, observed);
    if (ctx->lost_secrets != 0)
        secrets_make_lost(ctx, &claims);
    if (!lp_stop_requested(ctx->r->stop))
        prune(ctx, plan);
    notices->applied = upgrade_is_applied(plan, observed);
}

static int write_what_was_seen(struct reconcile_context *ctx, const struct plan *plan,
                               const struct observed *observed, const struct notices *notices,
                               struct lp_error *err)
{
    if (is_passing(ctx)) {
        *err = ctx->failure;
        return lp_error_wrap(err, "%s", ctx->failed_child);
    }
    int r = write_built_status(ctx, plan, observed, notices, err);
    if (r < 0 || ctx->failure.code == 0 || ctx->failure.code == LP_E_INVALID)
        return r; /* what the API server calls invalid stays so until the spec or we change */
    *err = ctx->failure;
    return lp_error_wrap(err, "%s", ctx->failed_child);
}

static int reconcile_children(struct reconcile_context *ctx, struct platform *platform,
                              const struct databases_seen *databases, struct lp_error *err)
{
    struct plan plan plan_auto;
    struct observed observed __attribute__((cleanup(observed_done))) = { .objects = { NULL } };
    struct notices notices notices_auto = NOTICES_INIT;
    struct optional_kind route;
    struct monitors monitors;

    plan_list(&plan, platform);
    http_route_prepare(ctx, current_status(ctx), &plan, &route, &notices);
    monitors_prepare(ctx, current_status(ctx), &plan, &monitors, &notices);
    if (spec_is_active(&platform->spec))
        create_missing_children(ctx, platform, &plan, &observed);
    for (unsigned i = 0; i < plan.n; i++) {
        observe(ctx, &plan, i, &observed);
        plan_as_observed(&plan.children[i], platform, observed.objects[i]);
    }
    if (spec_is_plan(&platform->spec))
        planmode_run(ctx, &observed, &plan, &notices);
    if (spec_is_active(&platform->spec))
        change_children(ctx, platform, &plan, &observed, &notices);
    databases_notice(ctx, databases, &notices);
    http_route_notice(ctx, &route, &plan, &observed, &notices);
    monitors_notice(ctx, &monitors, &plan, &observed, &notices);
    return write_what_was_seen(ctx, &plan, &observed, &notices, err);
}

static int report_invalid_spec(struct reconcile_context *ctx, const struct lp_error *why,
                               struct lp_error *err)
{
    json_auto_t *before = json_deep_copy(current_status(ctx));
    json_auto_t *status =
        status_invalid(before, ctx->platform->generation, why->msg, lp_clock_wall_ms());
    ctx->failure = *why;
    int r = write_status(ctx, json_incref(status), err);
    if (r == 0)
        events_of_transitions(ctx, before, status);
    return r;
}

static int quarantine(struct reconcile_context *ctx, struct lp_error *err)
{
    json_auto_t *before = json_deep_copy(current_status(ctx));
    json_auto_t *status =
        quarantine_status(before, ctx->object, ctx->r->deaths, lp_clock_wall_ms());
    int r = write_status(ctx, json_incref(status), err);
    if (r < 0)
        return r;
    lp_log_error("quarantined", "reason", "the operator died while it carried this platform out");
    events_of_transitions(ctx, before, status);
    return 0;
}

/* Looked at again when a schedule's floor begins or ends. */
static void look_into_calendar(struct reconcile_context *ctx, struct platform *platform)
{
    int64_t now = lp_clock_wall_ms();

    measure(ctx, platform, current_status(ctx), now);
    calendar_plan(platform, &ctx->figures, now, &ctx->calendar);
    if (ctx->calendar.change_ms > 0)
        context_again(ctx, ctx->calendar.change_ms - now + 1);
}

static int reconcile_object(struct reconcile_context *ctx, struct platform *platform,
                            struct lp_error *err)
{
    const json_t *metadata = json_object_get(ctx->object, "metadata");
    const json_t *status = current_status(ctx);
    struct lp_error why;

    platform->uid = lp_json_str(metadata, "uid", NULL);
    platform->generation = lp_json_int(0, metadata, "generation", NULL);
    if (!platform->uid)
        return lp_error_set(err, LP_E_INTERNAL, "a LearningPlatform without a uid");
    note_uid(ctx->state, platform->uid);
    ctx->is_new = !status;
    bool held = quarantine_holds(ctx->object, status);
    bool deadly = !held && ctx->r->deaths >= QUARANTINE_DEATHS;
    quarantine_publish(platform->ns, platform->name, held || deadly);
    if (held)
        return 0;
    if (deadly)
        return quarantine(ctx, err);
    ctx->spec_changed = lp_json_int(0, status, "observedGeneration", NULL) != platform->generation;
    /* A platform without a status has none to mark as outdated. */
    if (ctx->spec_changed && json_object_size(status) > 0) {
        int r = write_status(
            ctx, status_new_generation(status, platform->generation, lp_clock_wall_ms()), err);
        if (r < 0)
            return r;
    }
    if (spec_decode(ctx->object, &platform->spec, &why) < 0)
        return report_invalid_spec(ctx, &why, err);
    look_into_calendar(ctx, platform);
    struct databases_seen databases databases_auto = { .gateway = NULL };
    databases_observe(ctx, platform, &databases);
    return reconcile_children(ctx, platform, &databases, err);
}

/* Where the platform stopped being ready, the Secrets are tried for soon. */
static void note_readiness(struct platform_state *m, bool ready, int64_t now_ms)
{
    if (m->was_ready && !ready)
        platform_state_secrets_tried(m, now_ms, true);
    m->was_ready = ready;
}

/* Of two waits; 0: none. */
static int64_t sooner(int64_t a, int64_t b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

void reconcile_forget_all(void)
{
    decisions_forget_all();
}

int reconcile(const struct reconciler *r, const char *key, struct reconcile_result *ret_result,
              struct lp_error *err)
{
    const char *slash = strchr(key, '/');
    lp_auto_free char *ns = lp_strndup(key, slash ? (size_t)(slash - key) : 0);
    const char *name = slash ? slash + 1 : key;
    json_auto_t *object = cache_platform(r->cache, ns, name);

    *ret_result = (struct reconcile_result){ 0 };
    if (!object) {
        if (platform_states_forget(r->states, key))
            databases_tell_kept(r, ns, name);
        decisions_forget(ns, name);
        notices_forget(ns, name);
        quarantine_publish(ns, name, false);
        ret_result->gone = true;
        return 0;
    }
    if (lp_json_str(object, "metadata", "deletionTimestamp", NULL))
        return 0; /* the garbage collector takes the children */
    struct platform platform = { .ns = ns, .name = name, .images = r->images };
    struct reconcile_context ctx = {
        .r = r, .state = platform_states_of(r->states, key), .object = object, .platform = &platform
    };
    int result = reconcile_object(&ctx, &platform, err);
    ret_result->writes = ctx.writes;
    ret_result->terminal = ctx.failure.code == LP_E_INVALID;
    ret_result->again_ms = sooner(ctx.again_ms, repairs_next_ms(ctx.state->repairs, lp_clock_ms()));
    bool active = platform.spec.mode && spec_is_active(&platform.spec);
    bool ready = is_ready(&ctx);
    int64_t now = lp_clock_ms();
    if (result == 0)
        note_readiness(ctx.state, ready, now);
    if (result == 0 && !ready && active)
        ret_result->again_ms =
            sooner(ret_result->again_ms, platform_state_secrets_ms(ctx.state, now));
    if (ctx.status_known)
        json_decref(lp_take(ctx.state->status));
    json_decref(ctx.read);
    return result;
}
