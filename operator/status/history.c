/* operator/status/history.c -- see the header. */
#include "operator/status/history.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "autoscaler/policy/ring.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "operator/state/create.h"
#include "operator/status/events.h"
#include "operator/status/scaling.h"
#include "operator/status/status.h"
#include "platform/ownership.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"

#define RING_BASE64 (((size_t)RING_PACKED + 2) / 3 * 4)
#define TOLERANCE 0.1 /* of the HPA controller, around a ratio of 1 */

/* ---- what a decision is ---- */

/* Of a metric: what the HPA makes of its ratio, before pods that start and windows count. */
static int64_t asked_for(double ratio, int64_t current)
{
    if (fabs(ratio - 1) <= TOLERANCE)
        return current;
    return (int64_t)ceil(fmin(ratio, 1000) * (double)current);
}

static void add_metrics(const json_t *hpa, json_t *candidates)
{
    struct scaling_reading readings[SCALING_READINGS];
    int64_t current = lp_json_int(0, hpa, "status", "currentReplicas", NULL);
    unsigned n = scaling_readings(hpa, readings);

    for (unsigned i = 0; i < n; i++) {
        const struct scaling_reading *r = &readings[i];
        json_array_append_new(candidates,
                              lp_json_make("{s:s, s:s, s:s, s:s, s:I}", "kind", "metric", "name",
                                           r->name, "value", r->value, "target", r->target, "asks",
                                           (json_int_t)asked_for(r->ratio, current)));
    }
}

/* What lifts minReplicas beside a schedule; NULL: nothing. */
static const char *kind_of_lift(const json_t *floor)
{
    const char *source = lp_json_str(floor, "source", NULL);

    if (source && strcmp(source, "Burst") == 0)
        return "burst";
    return source && strcmp(source, "Fallback") == 0 ? "fallback" : NULL;
}

/* The floor of a schedule, a burst or the fallback, a pause, and a minReplicas that neither it nor
 * the spec asks for. */
static void add_floors(const struct platform *p, enum service_id id, const json_t *hpa,
                       const json_t *scaling, json_t *candidates)
{
    const json_t *floor = json_object_get(scaling, "floor");
    const char *paused = lp_json_str(scaling, "pausedUntil", NULL);
    const char *lifted = kind_of_lift(floor);
    int64_t min = lp_json_int(1, hpa, "spec", "minReplicas", NULL);
    bool is_up = p->pauses[id].up, is_down = p->pauses[id].down;

    if (lifted)
        json_array_append_new(candidates, lp_json_make("{s:s, s:s, s:O?}", "kind", lifted, "name",
                                                       "minReplicas", "asks",
                                                       json_object_get(floor, "replicas")));
    else if (floor)
        json_array_append_new(candidates,
                              lp_json_make("{s:s, s:O?, s:O?, s:O?}", "kind", "schedule", "name",
                                           json_object_get(floor, "schedule"), "asks",
                                           json_object_get(floor, "replicas"), "until",
                                           json_object_get(floor, "until")));
    if (!lifted && min > platform_min_replicas(p, id))
        json_array_append_new(candidates, lp_json_make("{s:s, s:s, s:I}", "kind", "floor", "name",
                                                       "minReplicas", "asks", (json_int_t)min));
    if (paused)
        json_array_append_new(
            candidates, lp_json_make("{s:s, s:s, s:s}", "kind", "pause", "name",
                                     is_up && is_down ? "up and down" : (is_up ? "up" : "down"),
                                     "until", paused));
}

/* Nobody asks anything of it: then nothing else asks for pods either. */
static void add_idle(const struct platform *p, enum service_id id, const json_t *scaling,
                     json_t *candidates)
{
    lp_auto_free char *name =
        lp_sprintf("%" PRId64 " s without a request", p->spec.services[id].autoscaling.idle_s);

    if (json_object_get(scaling, "zeroSince"))
        json_array_append_new(
            candidates, lp_json_make("{s:s, s:s, s:i}", "kind", "idle", "name", name, "asks", 0));
}

/* The one that asks for most; of equal ones the first. NULL: none asks. */
static const json_t *find_winner(const json_t *candidates)
{
    const json_t *c, *winner = NULL;
    int64_t most = 0;
    size_t i;

    json_array_foreach(candidates, i, c)
    {
        int64_t asks = lp_json_int(0, c, "asks", NULL);
        if (asks > most) {
            most = asks;
            winner = c;
        }
    }
    return winner;
}

static json_t *limits_of(const json_t *hpa)
{
    json_t *list = json_array();
    char text[96];

    scaling_limits(hpa, text);
    if (strcmp(text, "none") != 0)
        json_array_append_new(list, lp_json_text(text));
    return list;
}

/* There is none before the HPA has looked for the first time. */
static bool says_something(const json_t *scaling)
{
    const char *why = lp_json_str(scaling, "why", NULL);

    return why &&
           (json_object_get(scaling, "winner") || json_object_get(scaling, "floor") ||
            json_object_get(scaling, "pausedUntil") || json_object_get(scaling, "zeroSince") ||
            strncmp(why, "not scaling", strlen("not scaling")) == 0);
}

/* Sets what is known of it: in milli units of `unit` each. */
static void set_milli(json_t *load, const char *key, int64_t milli, double unit)
{
    if (milli >= 0)
        json_object_set_new(load, key, json_real((double)milli / unit));
}

/* Of all its pods together: what the HPA read of one in the mean, times its pods. */
static int64_t usage(const json_t *hpa, const char *resource)
{
    static const char *const sources[] = { "containerResource", "resource" };
    int64_t pods = lp_json_int(0, hpa, "status", "currentReplicas", NULL), milli = -1;
    struct lp_error ignored;
    const json_t *m;
    size_t i;

    json_array_foreach(lp_json_at(hpa, "status", "currentMetrics", NULL), i, m)
    {
        for (size_t k = 0; k < LP_COUNT(sources); k++) {
            const json_t *source = json_object_get(m, sources[k]);
            const char *name = lp_json_str(source, "name", NULL);
            const json_t *mean = lp_json_at(source, "current", "averageValue", NULL);
            if (name && mean && strcmp(name, resource) == 0 &&
                (quantity_milli(mean, &milli, &ignored) < 0 ||
                 __builtin_mul_overflow(milli, pods, &milli)))
                milli = -1;
        }
    }
    return milli;
}

static json_t *load_of(const json_t *hpa, const struct traffic *traffic)
{
    json_t *load = json_object();

    set_milli(load, "cpu", usage(hpa, "cpu"), 1e3);
    set_milli(load, "memory", usage(hpa, "memory"), 1e3);
    if (!traffic)
        return load;
    set_milli(load, "arrivalRate", traffic->arrivals, 1e3);
    set_milli(load, "serviceTime", traffic->service_ms, 1e6);
    set_milli(load, "queueDepth", traffic->queue, 1e3);
    return load;
}

/* Whether its controller ever came to a number; an HPA is made with 0, of which a schedule's floor
 * or a pause makes no decision. */
static bool has_looked(const json_t *hpa)
{
    const char *reason, *message;

    return strcmp(scaling_active(hpa, &reason, &message), "Unknown") != 0 ||
           lp_json_int(0, hpa, "status", "desiredReplicas", NULL) > 0;
}

/* Pods that it wants. One that could not compute leaves what there is, while its status says what
 * it wanted before: 0 of a new one. */
static int64_t wanted_by(const json_t *hpa)
{
    const char *reason, *message;
    bool lost = strcmp(scaling_active(hpa, &reason, &message), "False") == 0 &&
                strcmp(reason ? reason : "", "ScalingDisabled") != 0;

    return lp_json_int(0, hpa, "status", lost ? "currentReplicas" : "desiredReplicas", NULL);
}

json_t *history_decision(const struct platform *p, enum service_id id, const json_t *hpa,
                         const json_t *service, const struct traffic *traffic, int64_t now_ms)
{
    const json_t *scaling = json_object_get(service, "scaling");
    json_auto_t *candidates = json_array();
    char time[LP_CLOCK_TEXT];

    if (!hpa || !says_something(scaling))
        return NULL;
    if (!has_looked(hpa) && !json_object_get(scaling, "zeroSince"))
        return NULL;
    add_metrics(hpa, candidates);
    add_floors(p, id, hpa, scaling, candidates);
    add_idle(p, id, scaling, candidates);
    const json_t *winner = find_winner(candidates);
    lp_clock_format(now_ms, 3, time);
    json_t *o = lp_json_make(
        "{s:s, s:s, s:O?, s:I, s:I, s:I, s:I, s:I, s:O, s:o, s:o}", "time", time, "service",
        spec_service(&p->spec, id).name, "why", json_object_get(scaling, "why"), "from",
        (json_int_t)lp_json_int(0, hpa, "status", "currentReplicas", NULL), "to",
        (json_int_t)wanted_by(hpa), "ready", (json_int_t)lp_json_int(0, service, "ready", NULL),
        "min", (json_int_t)lp_json_int(1, hpa, "spec", "minReplicas", NULL), "max",
        (json_int_t)lp_json_int(0, hpa, "spec", "maxReplicas", NULL), "candidates", candidates,
        "limits", limits_of(hpa), "load", load_of(hpa, traffic));
    if (winner)
        json_object_set_new(o, "winner",
                            lp_json_make("{s:O?, s:O?}", "kind", json_object_get(winner, "kind"),
                                         "name", json_object_get(winner, "name")));
    return o;
}

/* ---- what is kept of them ---- */

static const json_t *find_hpa(const struct plan *plan, const struct observed *observed, int service)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_HPA && plan->children[i].service == service)
            return observed->objects[i];
    return NULL;
}

static json_t *decide(const struct reconcile_context *ctx, enum service_id id, const json_t *hpa,
                      const json_t *service)
{
    lp_auto_free char *name = plan_name(ctx->platform, spec_service(&ctx->platform->spec, id).name);
    const struct reconciler *r = ctx->r;
    struct traffic traffic;

    if (r->traffic)
        r->traffic(r->metrics_user, ctx->platform->ns, name, &traffic);
    return history_decision(ctx->platform, id, hpa, service, r->traffic ? &traffic : NULL,
                            lp_clock_wall_ms());
}

void history_note(const struct reconcile_context *ctx, const struct plan *plan,
                  const struct observed *observed, const json_t *before, const json_t *status)
{
    struct platform_state *m = ctx->state;

    spec_each_service(&ctx->platform->spec, id)
    {
        const char *name = spec_service(&ctx->platform->spec, id).name;
        const json_t *was = status_service(before, name), *is = status_service(status, name);
        if (json_equal(json_object_get(was, "scaling"), json_object_get(is, "scaling")))
            continue;
        json_t *decision = decide(ctx, (enum service_id)id, find_hpa(plan, observed, (int)id), is);
        if (!decision)
            continue;
        if (!m->decisions)
            m->decisions = json_array();
        if (json_array_size(m->decisions) == HISTORY_PENDING)
            json_array_remove(m->decisions, 0);
        json_array_append_new(m->decisions, decision);
    }
}

/* Without the label by which the informers select: it is in no cache, and nobody prunes it. */
static json_t *config_map(const struct platform *p, const struct lp_buf *packed)
{
    lp_auto_buf struct lp_buf base64 = LP_BUF_INIT(RING_BASE64);
    json_t *o = plan_object(p, &lp_kube_config_maps, RING_SUFFIX);

    json_object_del(lp_json_at(o, "metadata", "labels", NULL), LABEL_MANAGED_BY);
    lp_base64_encode(packed->ptr, packed->len, &base64);
    json_object_set_new(o, "binaryData", lp_json_make("{s:s}", RING_KEY, base64.ptr));
    return o;
}

/* What is no ring is begun anew. */
static json_t *grown(const struct reconcile_context *ctx, const json_t *there)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RING_TEXT), packed = LP_BUF_INIT(RING_PACKED);
    struct lp_error err;

    if (ring_text(there, &text, &err) < 0) {
        lp_log_warn("the decisions of before cannot be read and are lost", "error", err.msg);
        lp_buf_reset(&text);
    }
    ring_append(&text, ctx->state->decisions, lp_clock_wall_ms());
    ring_pack(&text, &packed);
    return config_map(ctx->platform, &packed);
}

static int check_owner(const struct reconcile_context *ctx, const json_t *there,
                       struct lp_error *err)
{
    enum ownership whose = ownership_of(ctx->platform, CHILD_CONFIG_MAP, there);

    if (whose == OWNERSHIP_TERMINATING || lp_json_str(there, "metadata", "deletionTimestamp", NULL))
        return lp_error_set(err, LP_E_UNAVAILABLE, "the ConfigMap of before is being deleted");
    if (whose == OWNERSHIP_OURS)
        return 0;
    lp_auto_free char *why = ownership_conflict(ctx->platform, CHILD_CONFIG_MAP, there);
    return lp_error_set(err, LP_E_EXISTS, "%.400s", why);
}

static int put(struct reconcile_context *ctx, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = MANAGER, .force = true };
    const struct platform *p = ctx->platform;
    lp_auto_free char *name = plan_name(p, RING_SUFFIX);
    json_auto_t *there = NULL, *answer = NULL;

    int r = lp_kube_get(ctx->r->client, &lp_kube_config_maps, p->ns, name, &there, err);
    if (r < 0 && r != LP_E_NOT_FOUND)
        return r;
    if (r == 0 && (r = check_owner(ctx, there, err)) < 0)
        return r;
    json_auto_t *wanted = grown(ctx, there);
    r = there ? lp_kube_apply(ctx->r->client, &lp_kube_config_maps, wanted, &options, &answer, err)
              : create_only(ctx->r->client, &lp_kube_config_maps, wanted, &answer, err);
    ctx->writes += r == 0;
    return r;
}

int history_flush(struct reconcile_context *ctx, struct lp_error *err)
{
    return json_array_size(ctx->state->decisions) > 0 ? put(ctx, err) : 0;
}

void history_write(struct reconcile_context *ctx)
{
    struct platform_state *m = ctx->state;
    int64_t now = lp_clock_ms(), due = m->decisions_ms + HISTORY_WRITE_MS;
    struct lp_error err;

    if (json_array_size(m->decisions) == 0)
        return;
    if (m->decisions_ms != 0 && now < due) {
        context_again(ctx, due - now);
        return;
    }
    m->decisions_ms = now;
    int r = put(ctx, &err);
    if (r == 0) {
        json_array_clear(m->decisions);
        return;
    }
    if (r != LP_E_CANCELED)
        lp_log_warn("the decisions are not kept", "error", err.msg);
    if (lp_error_is_transient(r) || r == LP_E_CANCELED) {
        context_again(ctx, HISTORY_WRITE_MS);
        return;
    }
    json_array_clear(m->decisions);
    events_emit(ctx, "Warning", "DecisionsNotKept", "Scale", err.msg);
}
