/* operator/status/floors.c -- see the header. */
#include "operator/status/floors.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "operator/status/events.h"
#include "operator/status/scaling.h"

/* The floor that is in force: a greater minReplicas than the spec's, and the HPA has it. */
static const struct calendar_floor *floor_of(const struct platform *p,
                                             const struct calendar *calendar, enum service_id id,
                                             const json_t *hpa)
{
    int64_t lifted = platform_min_replicas(p, id);

    if (!calendar || !calendar->floors[id].schedule ||
        lifted == p->spec.services[id].autoscaling.min ||
        lp_json_int(1, hpa, "spec", "minReplicas", NULL) < lifted)
        return NULL;
    return &calendar->floors[id];
}

static bool is_disabled(const json_t *hpa, const char *direction)
{
    const char *policy = lp_json_str(hpa, "spec", "behavior", direction, "selectPolicy", NULL);
    return policy && strcmp(policy, "Disabled") == 0;
}

/* The pause that is in force, and that the HPA has. */
static const struct calendar_pause *pause_of(const struct calendar *calendar, enum service_id id,
                                             const json_t *hpa)
{
    const struct calendar_pause *pause = calendar ? &calendar->pauses[id] : NULL;

    if (!pause || pause->until_ms == 0 || (pause->up && !is_disabled(hpa, "scaleUp")) ||
        (pause->down && !is_disabled(hpa, "scaleDown")))
        return NULL;
    return pause;
}

/* ANNOTATION_LIFTED, where the HPA has the floor that it tells of; the caller's. NULL: none. */
static json_t *lift_of(const json_t *hpa)
{
    const json_t *annotations = lp_json_at(hpa, "metadata", "annotations", NULL);
    const char *text = lp_json_str(annotations, ANNOTATION_LIFTED, NULL);
    json_auto_t *lift = NULL;
    struct lp_error ignored;

    if (!text || !lp_json_str(annotations, ANNOTATION_FLOOR, NULL) ||
        lp_json_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "lifted", &lift, &ignored) < 0)
        return NULL;
    int64_t replicas = lp_json_int(0, lift, "replicas", NULL);
    if (replicas == 0 || replicas != lp_json_int(0, hpa, "spec", "minReplicas", NULL) ||
        !lp_json_str(lift, "source", NULL) || !lp_json_str(lift, "why", NULL))
        return NULL;
    return lp_take(lift);
}

/* status.services[].scaling.floor: the lift, or else what a schedule keeps; NULL: neither. */
static json_t *floor_status(const struct platform *p, enum service_id id, const json_t *lift,
                            const struct calendar_floor *floor)
{
    char until[LP_CLOCK_TEXT];

    if (lift)
        return lp_json_make(
            "{s:I, s:s, s:s}", "replicas", (json_int_t)lp_json_int(0, lift, "replicas", NULL),
            "source", lp_json_str(lift, "source", NULL), "why", lp_json_str(lift, "why", NULL));
    if (!floor)
        return NULL;
    lp_clock_format(floor->end_ms, 0, until);
    return lp_json_make("{s:I, s:s, s:s, s:s}", "replicas",
                        (json_int_t)platform_min_replicas(p, id), "source", "Schedule", "schedule",
                        floor->schedule, "until", until);
}

json_t *floors_explain(const struct platform *p, const struct calendar *calendar,
                       enum service_id id, const json_t *hpa, const json_t *before)
{
    const struct calendar_floor *floor = floor_of(p, calendar, id, hpa);
    const struct calendar_pause *pause = pause_of(calendar, id, hpa);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(SCALING_FLOOR_TEXT);
    json_auto_t *lift = lift_of(hpa);
    char until[LP_CLOCK_TEXT];

    if (lift)
        lp_buf_printf(&text, "%.200s: keeps at least %" PRId64, lp_json_str(lift, "why", NULL),
                      lp_json_int(0, lift, "replicas", NULL));
    else if (floor)
        calendar_text(floor, p->spec.services[id].autoscaling.max, &text);
    if (text.len > 0 && pause)
        lp_buf_str(&text, "; ");
    if (pause)
        calendar_pause_text(pause, &text);
    json_t *o = scaling_explain(hpa, text.len > 0 ? text.ptr : NULL, before);
    json_object_del(o, "floor");
    json_object_del(o, "pausedUntil");
    json_t *told = floor_status(p, id, lift, floor);
    if (told)
        json_object_set_new(o, "floor", told);
    if (pause) {
        lp_clock_format(pause->until_ms, 0, until);
        json_object_set_new(o, "pausedUntil", json_string(until));
    }
    return o;
}

json_t *floors_asleep(const struct service_spec *s, const json_t *deployment)
{
    const char *at = lp_json_str(deployment, "metadata", "annotations", ANNOTATION_ZERO, NULL);
    int64_t ms = lp_clock_parse(at);
    char since[LP_CLOCK_TEXT];

    lp_clock_format(ms > 0 ? ms : 0, 0, since); /* anybody may write annotations */
    lp_auto_free char *why = lp_sprintf("at 0 since %s: nobody asked anything of it for %" PRId64
                                        " s; the first request brings it back",
                                        since, s->autoscaling.idle_s);
    return lp_json_make("{s:s, s:s}", "why", why, "zeroSince", since);
}

void floors_set_unmeasured(const struct calendar *calendar, const struct conditions *c)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1024);

    if (!calendar || !calendar->unmeasured.schedule)
        return;
    calendar_unmeasured_text(calendar, &text);
    conditions_set(c, "LearnersUnmeasured", "True", "NoFigure", text.ptr);
}

void floors_set_activations(const struct calendar *calendar, json_t *status)
{
    json_t *list = json_array();

    for (unsigned i = 0; calendar && i < calendar->n_next; i++) {
        const struct calendar_activation *a = &calendar->next[i];
        char from[LP_CLOCK_TEXT], until[LP_CLOCK_TEXT];
        lp_clock_format(a->start_ms, 0, from);
        lp_clock_format(a->end_ms, 0, until);
        json_array_append_new(list, lp_json_make("{s:s, s:s, s:s, s:I}", "schedule", a->schedule,
                                                 "from", from, "until", until, "leadSeconds",
                                                 (json_int_t)a->lead_s));
    }
    if (json_array_size(list) > 0)
        json_object_set(status, "activations", list);
    json_decref(list);
}

static const json_t *scaling_in(const json_t *status, const char *service)
{
    return json_object_get(lp_json_find(json_object_get(status, "services"), "name", service),
                           "scaling");
}

/* "auth keeps at least 4 until .. (schedule exam)", "auth has its own minReplicas again". */
static void tell_one(const json_t *floor, const char *service, int64_t replicas, struct lp_buf *out)
{
    const char *why = lp_json_str(floor, "why", NULL);

    lp_buf_printf(out, "%s%s ", out->len > 0 ? "; " : "", service);
    if (replicas == 0)
        lp_buf_str(out, "has the minReplicas of its spec again");
    else if (why)
        lp_buf_printf(out, "keeps at least %" PRId64 " (%s)", replicas, why);
    else
        lp_buf_printf(out, "keeps at least %" PRId64 " until %s (schedule %s)", replicas,
                      lp_json_str(floor, "until", NULL), lp_json_str(floor, "schedule", NULL));
}

/* The steps in which a burst's floor goes down are no news. */
static bool is_news(const json_t *before, const json_t *now)
{
    int64_t was = lp_json_int(0, before, "replicas", NULL);
    int64_t is = lp_json_int(0, now, "replicas", NULL);

    return was != is && !(is > 0 && is < was && lp_json_str(now, "why", NULL));
}

static void tell_floors(const struct reconcile_context *ctx, const json_t *before,
                        const json_t *now)
{
    lp_auto_buf struct lp_buf note = LP_BUF_INIT(1024);
    bool raised = false;

    spec_each_service(&ctx->platform->spec, i)
    {
        const char *service = spec_service(&ctx->platform->spec, i).name;
        const json_t *was = json_object_get(scaling_in(before, service), "floor");
        const json_t *is = json_object_get(scaling_in(now, service), "floor");
        int64_t replicas = lp_json_int(0, is, "replicas", NULL);
        if (!is_news(was, is))
            continue;
        tell_one(is, service, replicas, &note);
        raised = raised || replicas > lp_json_int(0, was, "replicas", NULL);
    }
    if (note.len > 0)
        events_emit(ctx, "Normal", raised ? "FloorRaised" : "FloorLowered", "Scale", note.ptr);
}

/* One Event for the services whose pause began (`begun`), or ended. */
static void tell_pauses(const struct reconcile_context *ctx, const json_t *before,
                        const json_t *now, bool begun)
{
    lp_auto_buf struct lp_buf note = LP_BUF_INIT(1024);

    spec_each_service(&ctx->platform->spec, i)
    {
        const char *service = spec_service(&ctx->platform->spec, i).name;
        const char *was = lp_json_str(scaling_in(before, service), "pausedUntil", NULL);
        const char *is = lp_json_str(scaling_in(now, service), "pausedUntil", NULL);
        if (begun ? !is || (was && strcmp(was, is) == 0) : !was || is)
            continue;
        lp_buf_printf(&note, "%s%s", note.len > 0 ? "; " : "", service);
        lp_buf_str(&note, begun ? ": " : ": scales again");
        if (begun)
            calendar_pause_text(&ctx->calendar.pauses[i], &note);
    }
    if (note.len > 0)
        events_emit(ctx, "Normal", begun ? "ScalingPaused" : "ScalingResumed", "Scale", note.ptr);
}

/* One Event for the services that went to 0 pods (`asleep`), or came back. */
static void tell_zero(const struct reconcile_context *ctx, const json_t *before, const json_t *now,
                      bool asleep)
{
    lp_auto_buf struct lp_buf note = LP_BUF_INIT(1024);

    spec_each_service(&ctx->platform->spec, i)
    {
        const char *service = spec_service(&ctx->platform->spec, i).name;
        bool was = json_object_get(scaling_in(before, service), "zeroSince") != NULL;
        bool is = json_object_get(scaling_in(now, service), "zeroSince") != NULL;
        if (was == is || is != asleep)
            continue;
        lp_buf_printf(&note, "%s%s", note.len > 0 ? "; " : "", service);
        if (asleep)
            lp_buf_printf(&note, ": nobody asked anything of it for %" PRId64 " s",
                          ctx->platform->spec.services[i].autoscaling.idle_s);
        else
            lp_buf_str(&note, " has a pod to have again");
    }
    if (note.len > 0)
        events_emit(ctx, "Normal", asleep ? "ScaledToZero" : "ScaledFromZero", "Scale", note.ptr);
}

void floors_tell(const struct reconcile_context *ctx, const json_t *before, const json_t *now)
{
    tell_zero(ctx, before, now, true);
    tell_zero(ctx, before, now, false);
    tell_floors(ctx, before, now);
    tell_pauses(ctx, before, now, true);
    tell_pauses(ctx, before, now, false);
}
