/* cli/looks/pods.c -- see the header. What is read of a pod is what groupPods of
 * replica_calculator.go reads. No state. */
#include "cli/looks/pods.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "kube/quantity.h"

#define LONGEST_WINDOW_MS 86400000
#define USUAL_WINDOW_MS 15000 /* --metric-resolution of metrics-server */

static const char *const resource_names[HPA_RESOURCES] = {
    [HPA_CPU] = "cpu", [HPA_MEMORY] = "memory"
};

int looks_rules_read(const json_t *spec, struct looks_rules *ret_rules, struct lp_error *err)
{
    struct looks_rules rules = { .containers = { "" } };
    const json_t *metric;
    size_t i;

    int r = hpa_rules_read(spec, &rules.rules, err);
    if (r < 0)
        return r;
    json_array_foreach(json_object_get(spec, "metrics"), i, metric)
    {
        const char *name = lp_json_str(metric, "containerResource", "name", NULL);
        const char *container = lp_json_str(metric, "containerResource", "container", NULL);
        for (unsigned k = 0; name && container && k < HPA_RESOURCES; k++)
            if (strcmp(name, resource_names[k]) == 0)
                snprintf(rules.containers[k], sizeof rules.containers[k], "%s", container);
    }
    *ret_rules = rules;
    return 0;
}

/* "15.2s", "1m0.5s" (Go's Duration); 0 where it is none. */
static int64_t window_ms(const char *text)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = { { "h", 3600000 }, { "ms", 1 }, { "m", 60000 }, { "s", 1000 } };
    double sum = 0;

    while (text && *text) {
        char *end;
        double value = strtod(text, &end);
        size_t i = 0;
        while (i < sizeof units / sizeof *units &&
               strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)
            i++;
        if (end == text || i == sizeof units / sizeof *units)
            return 0;
        sum += value * units[i].ms;
        text = end + strlen(units[i].unit);
    }
    return sum >= 0 && sum <= LONGEST_WINDOW_MS ? (int64_t)sum : 0;
}

/* Whether the sample has the resource: of the one container, or of all there are. */
static bool has_usage(const json_t *sample, const char *container, enum hpa_source resource)
{
    const json_t *list = json_object_get(sample, "containers"), *one;
    bool found = false;
    size_t i;

    json_array_foreach(list, i, one)
    {
        const char *name = lp_json_str(one, "name", NULL);
        bool known = lp_json_str(one, "usage", resource_names[resource], NULL) != NULL;
        if (container[0] && (!name || strcmp(name, container) != 0))
            continue;
        if (!known)
            return false;
        found = true;
    }
    return found;
}

static int64_t request_of(const json_t *pod, const char *container, enum hpa_source resource)
{
    const json_t *one;
    int64_t sum = 0;
    size_t i;

    json_array_foreach(lp_json_at(pod, "spec", "containers", NULL), i, one)
    {
        const char *name = lp_json_str(one, "name", NULL);
        const char *text =
            lp_json_str(one, "resources", "requests", resource_names[resource], NULL);
        int64_t milli = 0;
        struct lp_error ignored;
        if (container[0] && (!name || strcmp(name, container) != 0))
            continue;
        if (!text || lp_quantity_parse(text, &milli, &ignored) < 0 ||
            __builtin_add_overflow(sum, milli, &sum))
            return 0;
    }
    return sum;
}

static int64_t time_of(const char *text, int64_t otherwise)
{
    int64_t ms = text ? lp_clock_parse(text) : -1;
    return ms < 0 ? otherwise : ms;
}

static bool is(const char *text, const char *what)
{
    return text && strcmp(text, what) == 0;
}

/* Without a condition or a start it has never been ready. */
static void read_status(const json_t *pod, int64_t now_ms, struct hpa_pod *p)
{
    const char *phase = lp_json_str(pod, "status", "phase", NULL);
    const char *start = lp_json_str(pod, "status", "startTime", NULL);
    const json_t *ready =
        lp_json_find(lp_json_at(pod, "status", "conditions", NULL), "type", "Ready");

    p->deleting = lp_json_str(pod, "metadata", "deletionTimestamp", NULL) != NULL;
    p->failed = is(phase, "Failed");
    p->pending = is(phase, "Pending");
    p->ready = ready && start && !is(lp_json_str(ready, "status", NULL), "False");
    p->started_ms = ready ? time_of(start, now_ms) : now_ms;
    p->changed_ms = time_of(lp_json_str(ready, "lastTransitionTime", NULL), now_ms);
}

static void read_sample(const json_t *sample, const struct looks_rules *rules, struct hpa_pod *p)
{
    bool all = true;

    for (unsigned i = 0; i < rules->rules.n_metrics; i++) {
        enum hpa_source source = rules->rules.metrics[i].source;
        if (source != HPA_OBJECT)
            all = all && has_usage(sample, rules->containers[source], source);
    }
    p->usage[HPA_CPU] = p->usage[HPA_MEMORY] = sample && all ? 1 : -1;
    p->sampled_ms = time_of(lp_json_str(sample, "timestamp", NULL), 0);
    p->window_ms = window_ms(lp_json_str(sample, "window", NULL));
}

void looks_pods_count(const json_t *pods, const json_t *samples, const struct looks_rules *rules,
                      int64_t now_ms, struct looks_pods *ret_pods)
{
    struct looks_pods all = { 0 };
    const char *name;
    json_t *pod;

    json_object_foreach((json_t *)pods, name, pod)
    {
        struct hpa_pod p = { 0 };
        read_status(pod, now_ms, &p);
        read_sample(json_object_get(samples, name), rules, &p);
        if (!samples) {
            p.usage[HPA_CPU] = p.usage[HPA_MEMORY] = p.ready ? 1 : -1;
            p.sampled_ms = now_ms;
            p.window_ms = USUAL_WINDOW_MS;
        }
        enum hpa_treated treated = hpa_treat(&p, HPA_MEMORY, now_ms);
        bool counts = hpa_treat(&p, HPA_CPU, now_ms) == HPA_COUNTED;
        all.pending += treated == HPA_UNREADY;
        all.missing += treated == HPA_MISSING;
        all.ready += treated == HPA_COUNTED;
        all.counted += counts;
        for (unsigned k = 0; k < HPA_RESOURCES; k++)
            if (all.request[k] == 0 || counts)
                all.request[k] = request_of(pod, rules->containers[k], (enum hpa_source)k);
    }
    *ret_pods = all;
}
