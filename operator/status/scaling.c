/*
 * operator/status/scaling.c -- reads autoscaling/v2 HorizontalPodAutoscaler status: the metric with
 * the highest ratio of value to target decides (it is the one that asks for most pods). Pure.
 */
#include "operator/status/scaling.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "platform/quantity_text.h"

#define NEWS 0.25 /* a move of value / target by so much is worth a status write */

/* spec.metrics[] of the same type, and of the same resource, which stands under `key`; of type
 * Object, of the same metric. */
static const json_t *spec_metric(const json_t *hpa, const char *type, const char *key,
                                 const char *resource)
{
    const json_t *m;
    size_t i;

    json_array_foreach(lp_json_at(hpa, "spec", "metrics", NULL), i, m)
    {
        const char *t = lp_json_str(m, "type", NULL);
        const char *r = strcmp(type, "Object") == 0 ? lp_json_str(m, key, "metric", "name", NULL)
                                                    : lp_json_str(m, key, "name", NULL);
        if (t && strcmp(t, type) == 0 && r && strcmp(r, resource) == 0)
            return m;
    }
    return NULL;
}

/* Of the service's own container; an HPA that an older operator made counts whole pods. */
static bool read_resource(const json_t *hpa, const json_t *m, const char *type,
                          struct scaling_reading *r)
{
    const char *key = strcmp(type, "Resource") == 0 ? "resource" : "containerResource";
    const char *name = lp_json_str(m, key, "name", NULL);
    int64_t value = lp_json_int(-1, m, key, "current", "averageUtilization", NULL);
    const json_t *wanted = name ? spec_metric(hpa, type, key, name) : NULL;
    int64_t target = lp_json_int(0, wanted, key, "target", "averageUtilization", NULL);

    if (value < 0 || target <= 0)
        return false;
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->value, sizeof r->value, "%" PRId64 "%%", value);
    snprintf(r->target, sizeof r->target, "%" PRId64 "%%", target);
    snprintf(r->text, sizeof r->text, "%s %s of its request, target %s", r->name, r->value,
             r->target);
    r->ratio = (double)value / (double)target;
    return true;
}

static bool read_object(const json_t *hpa, const json_t *m, struct scaling_reading *r)
{
    const json_t *value = lp_json_at(m, "object", "current", "averageValue", NULL);
    const char *name = lp_json_str(m, "object", "metric", "name", NULL);
    const json_t *target = name ? lp_json_at(spec_metric(hpa, "Object", "object", name), "object",
                                             "target", "averageValue", NULL)
                                : NULL;
    bool demand = name && strcmp(name, "demand") == 0;
    int64_t value_milli = 0, target_milli = 0;
    struct lp_error ignored;

    if (!value || !target || quantity_milli(value, &value_milli, &ignored) < 0 ||
        quantity_milli(target, &target_milli, &ignored) < 0 || target_milli <= 0)
        return false;
    snprintf(r->name, sizeof r->name, "%s", demand ? "demand" : "queueDepth");
    snprintf(r->value, sizeof r->value, "%g", (double)value_milli / 1000);
    snprintf(r->target, sizeof r->target, "%g", (double)target_milli / 1000);
    snprintf(r->text, sizeof r->text,
             demand ? "demand %s of what a pod carries, target %s"
                    : "queue depth %s a pod, target %s",
             r->value, r->target);
    r->ratio = (double)value_milli / (double)target_milli;
    return true;
}

static bool read_metric(const json_t *hpa, const json_t *m, struct scaling_reading *r)
{
    const char *type = lp_json_str(m, "type", NULL);

    if (type && strcmp(type, "Object") == 0)
        return read_object(hpa, m, r);
    return type && (strcmp(type, "Resource") == 0 || strcmp(type, "ContainerResource") == 0) &&
           read_resource(hpa, m, type, r);
}

unsigned scaling_readings(const json_t *hpa, struct scaling_reading *ret_readings)
{
    const json_t *m;
    unsigned n = 0;
    size_t i;

    json_array_foreach(lp_json_at(hpa, "status", "currentMetrics", NULL), i, m)
    {
        if (n < SCALING_READINGS && read_metric(hpa, m, &ret_readings[n]))
            n++;
    }
    return n;
}

static bool find_winner(const json_t *hpa, struct scaling_reading *ret_winner)
{
    struct scaling_reading readings[SCALING_READINGS];
    unsigned n = scaling_readings(hpa, readings);

    for (unsigned i = 0; i < n; i++)
        if (i == 0 || readings[i].ratio > ret_winner->ratio)
            *ret_winner = readings[i];
    return n > 0;
}

/* Why the HPA does not do what its metrics ask for; NULL: it does. An HPA that does not scale, as
 * at 0 pods or without metrics, leaves ScalingLimited as it was. */
static const char *limited_by(const json_t *hpa)
{
    const json_t *status = json_object_get(hpa, "status");

    if (!lp_kube_condition_is(status, "ScalingActive", "True") ||
        !lp_kube_condition_is(status, "ScalingLimited", "True"))
        return NULL;
    return lp_json_str(lp_kube_condition(status, "ScalingLimited"), "reason", NULL);
}

bool scaling_is_at_max(const json_t *hpa)
{
    const char *reason = limited_by(hpa);

    return reason && strcmp(reason, "TooManyReplicas") == 0;
}

void scaling_limits(const json_t *hpa, char ret_text[96])
{
    const char *limited = limited_by(hpa);
    const char *able = lp_json_str(lp_kube_condition(json_object_get(hpa, "status"), "AbleToScale"),
                                   "reason", NULL);

    snprintf(ret_text, 96, "none");
    if (able && strcmp(able, "ScaleDownStabilized") == 0)
        snprintf(ret_text, 96, "waiting for the scale-down window");
    else if (able && strcmp(able, "ScaleUpStabilized") == 0)
        snprintf(ret_text, 96, "waiting for the scale-up window");
    if (!limited)
        return;
    if (strcmp(limited, "TooManyReplicas") == 0)
        snprintf(ret_text, 96, "maxReplicas %" PRId64,
                 lp_json_int(0, hpa, "spec", "maxReplicas", NULL));
    else if (strcmp(limited, "TooFewReplicas") == 0)
        snprintf(ret_text, 96, "minReplicas %" PRId64,
                 lp_json_int(1, hpa, "spec", "minReplicas", NULL));
    else
        snprintf(ret_text, 96, "%s", limited);
}

bool scaling_is_moving(const json_t *hpa)
{
    int64_t from = lp_json_int(0, hpa, "status", "currentReplicas", NULL);
    int64_t to = lp_json_int(0, hpa, "status", "desiredReplicas", NULL);
    bool lost = lp_kube_condition_is(json_object_get(hpa, "status"), "ScalingActive", "False");

    return !lost && from > 0 && to > 0 && from != to; /* lost: `to` is of before */
}

const char *scaling_active(const json_t *hpa, const char **ret_reason, const char **ret_message)
{
    const json_t *c = lp_kube_condition(json_object_get(hpa, "status"), "ScalingActive");
    const char *status = lp_json_str(c, "status", NULL);

    *ret_reason = lp_json_str(c, "reason", NULL);
    *ret_message = lp_json_str(c, "message", NULL);
    return status ? status : "Unknown";
}

#define WHY_BYTES 240

/* A text of the HPA controller's, which has no limit: whole words, and "..." where some are left
 * out. */
static char *shortened(const char *text)
{
    size_t n = strlen(text);

    if (n <= WHY_BYTES)
        return lp_strdup(text);
    for (n = WHY_BYTES; n > WHY_BYTES / 2 && text[n] != ' ';)
        n--;
    return lp_sprintf("%.*s ...", (int)n, text);
}

static json_t *only_why(const char *prefix, const char *why, const char *floor)
{
    lp_auto_free char *cut = shortened(why);
    lp_auto_free char *text =
        lp_sprintf("%s%s%s%s", prefix, cut, floor ? "; " : "", floor ? floor : "");
    return lp_json_make("{s:o}", "why", lp_json_text(text));
}

/* The part of `why` before its figures. */
static bool same_head(const char *before, const char *head)
{
    size_t n = strlen(head);
    return before && strncmp(before, head, n) == 0 && before[n] == ':';
}

static bool same_tail(const char *before, const char *tail)
{
    size_t n = strlen(tail), all = strlen(before);
    return all >= n && strcmp(before + all - n, tail) == 0;
}

/* True where `before` still says what there is to say. */
static bool still_says(const json_t *before, const struct scaling_reading *now, const char *head,
                       const char *tail, bool moving)
{
    const char *why = lp_json_str(before, "why", NULL);
    const char *winner = lp_json_str(before, "winner", NULL);
    const char *value = lp_json_str(before, "value", NULL);
    const char *target = lp_json_str(before, "target", NULL);

    if (!why || !winner || !value || !target || !same_head(why, head) || !same_tail(why, tail))
        return false;
    if (moving && strcmp(winner, now->name) != 0)
        return false;
    double wanted = strtod(target, NULL);
    double ratio = wanted > 0 ? strtod(value, NULL) / wanted : 0;
    return fabs(now->ratio - ratio) < NEWS;
}

/* The HPA controller's words for pods of which it has no figures yet, which each new platform has
 * in its first minute: metrics-server has not read them (getResourceMetrics in
 * pkg/controller/podautoscaler/metrics/client.go), or it leaves those out that are not Ready or
 * just became so (GetResourceReplicas in replica_calculator.go). */
static json_t *not_scaling(const char *message, const char *floor)
{
    static const struct {
        const char *words, *why;
    } known[] = {
        { "no metrics returned from resource metrics API",
          "metrics-server has them within about a minute of their start" },
        { "did not receive metrics for targeted pods",
          "they are not Ready, or have not been for long enough" },
    };
    char text[160];

    for (size_t i = 0; message && i < LP_COUNT(known); i++) {
        if (!strstr(message, known[i].words))
            continue;
        snprintf(text, sizeof text, "no %s figures of these pods yet; %s",
                 strstr(message, "get memory") ? "memory" : "cpu", known[i].why);
        return only_why("not scaling: ", text, floor);
    }
    return only_why("not scaling: ", message ? message : "no reason given", floor);
}

json_t *scaling_explain(const json_t *hpa, const char *floor, const json_t *before)
{
    struct scaling_reading winner = { .ratio = 0 };
    char limits[96], head[64], tail[SCALING_FLOOR_TEXT + 160];
    const char *reason, *message;

    if (!hpa)
        return only_why("", "autoscaling is off", NULL);
    if (strcmp(scaling_active(hpa, &reason, &message), "False") == 0)
        return not_scaling(message, floor);
    if (!find_winner(hpa, &winner))
        return only_why("", "no decision yet", floor);

    int64_t from = lp_json_int(0, hpa, "status", "currentReplicas", NULL);
    int64_t to = lp_json_int(0, hpa, "status", "desiredReplicas", NULL);
    if (scaling_is_moving(hpa))
        snprintf(head, sizeof head, "%" PRId64 " to %" PRId64, from, to);
    else
        snprintf(head, sizeof head, "stays at %" PRId64, to);
    scaling_limits(hpa, limits);
    snprintf(tail, sizeof tail, "; HPA limits: %s%s%s", limits, floor ? "; " : "",
             floor ? floor : "");
    if (still_says(before, &winner, head, tail, scaling_is_moving(hpa)))
        return json_deep_copy(before);
    lp_auto_free char *why = lp_sprintf("%s: %s%s", head, winner.text, tail);
    return lp_json_make("{s:s, s:s, s:s, s:s}", "winner", winner.name, "value", winner.value,
                        "target", winner.target, "why", why);
}
