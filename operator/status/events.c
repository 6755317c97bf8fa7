/* operator/status/events.c -- Events. Threads: the worker's. */
#include "operator/status/events.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "operator/status/conditions.h"

#define MAX_NOTE 1024 /* API reference, Event v1 events.k8s.io: note */

/* What an Event says; `id` makes its name. */
struct saying {
    const char *type, *reason, *action, *note;
    uint64_t id;
};

/* Takes over `regarding`. */
static int create_about(const struct reconciler *r, json_t *regarding, const struct saying *s,
                        struct lp_error *err)
{
    char when[LP_CLOCK_TEXT];
    lp_auto_free char *cut = lp_strndup(s->note, MAX_NOTE);
    lp_auto_free char *name =
        lp_sprintf("%s.%" PRIx64, lp_json_str(regarding, "name", NULL), s->id);

    lp_clock_format(lp_clock_wall_ms(), 6, when);
    json_auto_t *event =
        lp_json_make("{s:s, s:s, s:{s:s, s:O}, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:o}",
                     "apiVersion", "events.k8s.io/v1", "kind", "Event", "metadata", "name", name,
                     "namespace", json_object_get(regarding, "namespace"), "eventTime", when,
                     "type", s->type, "reason", s->reason, "action", s->action, "note",
                     lp_json_text(cut), "reportingController", "learningplatform.io/lp-operator",
                     "reportingInstance", r->instance, "regarding", regarding);
    return lp_kube_create(r->client, &lp_kube_events, event, NULL, err);
}

static int create(const struct reconcile_context *ctx, const struct saying *s, struct lp_error *err)
{
    const struct platform *p = ctx->platform;

    return create_about(ctx->r,
                        lp_json_make("{s:s, s:s, s:s, s:s, s:s}", "apiVersion",
                                     "learningplatform.io/v1alpha1", "kind", lp_kube_platforms.kind,
                                     "namespace", p->ns, "name", p->name, "uid", p->uid),
                        s, err);
}

static int count_again(const struct reconcile_context *ctx, uint64_t id, unsigned count,
                       struct lp_error *err)
{
    const struct platform *p = ctx->platform;
    char when[LP_CLOCK_TEXT];
    lp_auto_free char *name = lp_sprintf("%s.%" PRIx64, p->name, id);

    lp_clock_format(lp_clock_wall_ms(), 6, when);
    json_auto_t *patch = lp_json_make("{s:{s:I, s:s}}", "series", "count", (json_int_t)count,
                                      "lastObservedTime", when);
    return lp_kube_merge_patch(ctx->r->client, &lp_kube_events, p->ns, name, NULL, patch, NULL,
                               err);
}

void events_emit(const struct reconcile_context *ctx, const char *type, const char *reason,
                 const char *action, const char *note)
{
    struct event_series **series = &ctx->state->events;
    struct saying s = { type, reason, action, note, (uint64_t)lp_clock_ns() };
    uint64_t what = event_series_what(type, reason, action, note);
    struct lp_error err;

    unsigned count = event_series_count(series, what, s.id, lp_clock_ms(), &s.id);
    int r = count > 1 ? count_again(ctx, s.id, count, &err) : create(ctx, &s, &err);
    if (r == LP_E_NOT_FOUND && count > 1) { /* Events live for an hour, or until somebody deletes */
        event_series_end(*series, what);
        event_series_count(series, what, (uint64_t)lp_clock_ns(), lp_clock_ms(), &s.id);
        r = create(ctx, &s, &err);
    }
    if (r < 0)
        lp_log_warn("cannot write an Event", "reason", reason, "error", err.msg);
}

void events_emit_about(const struct reconciler *r, const json_t *object, const char *type,
                       const char *reason, const char *action, const char *note)
{
    const json_t *metadata = json_object_get(object, "metadata");
    struct saying s = { type, reason, action, note, (uint64_t)lp_clock_ns() };
    struct lp_error err;

    json_t *regarding = lp_json_make(
        "{s:O, s:O, s:O, s:O, s:O}", "apiVersion", json_object_get(object, "apiVersion"), "kind",
        json_object_get(object, "kind"), "namespace", json_object_get(metadata, "namespace"),
        "name", json_object_get(metadata, "name"), "uid", json_object_get(metadata, "uid"));
    if (create_about(r, regarding, &s, &err) < 0)
        lp_log_warn("cannot write an Event", "reason", reason, "error", err.msg);
}

/* What a user should hear of: the state in which each condition is bad, what its end is called, and
 * whether it is news when the condition comes into being in this state. A new platform is not
 * ready, of course. */
static const struct {
    const char *type, *bad, *good_reason, *first;
} condition_events[] = {
    { "Ready", "False", "Ready", "True" },
    { "Degraded", "True", "Recovered", "True" },
    { "ScalingActive", "False", "ScalingActive", "" },
    { "DatabasesReady", "False", "DatabasesReady", "" },
    { "FieldConflict", "True", "FieldConflictOver", "True" },
    { "UpgradePending", "True", "UpgradeGoesOn", "True" },
    { "NameConflict", "True", "NameConflictOver", "True" },
    { "DatabaseKept", "True", "DatabaseRemoved", "True" },
    { "DatabasePinned", "True", "DatabasePinOver", "True" },
    { "RouteAccepted", "False", "RouteAccepted", "False" },
    { "Monitored", "False", "Monitored", "False" },
};

static bool is_unknown(const char *state)
{
    return !state || strcmp(state, "Unknown") == 0;
}

static bool is_news(const char *first, const char *was, const char *state)
{
    if (is_unknown(state) || (was && strcmp(was, state) == 0))
        return false;
    return !is_unknown(was) || strcmp(state, first) == 0;
}

void events_of_transitions(const struct reconcile_context *ctx, const json_t *before,
                           const json_t *now)
{
    for (size_t i = 0; i < LP_COUNT(condition_events); i++) {
        const json_t *c = lp_kube_condition(now, condition_events[i].type);
        const char *state = lp_json_str(c, "status", NULL);
        const char *was =
            lp_json_str(lp_kube_condition(before, condition_events[i].type), "status", NULL);
        const char *reason = lp_json_str(c, "reason", NULL);
        const char *message = lp_json_str(c, "message", NULL);
        bool is_bad = state && strcmp(state, condition_events[i].bad) == 0;

        if (reason && message && is_news(condition_events[i].first, was, state))
            events_emit(ctx, is_bad ? "Warning" : "Normal",
                        is_bad ? reason : condition_events[i].good_reason, "Reconcile", message);
    }
}
