/*
 * platform/hpa/hpa_metric.c -- what one metric asks for: the arithmetic of replica_calculator.go,
 * with its rules for pods that start, have no sample or go. int64 wraps around as in Go, and a
 * double that does not fit becomes the least number, as on amd64. Pure.
 */
#include <math.h>
#include <string.h>

#include "platform/hpa/hpa_parts.h"

#define TOLERANCE 0.1             /* --horizontal-pod-autoscaler-tolerance */
#define CPU_INITIALIZATION 300000 /* --horizontal-pod-autoscaler-cpu-initialization-period, ms */
#define INITIAL_READINESS 30000   /* --horizontal-pod-autoscaler-initial-readiness-delay, ms */

/* Over the pods that count; `value` and `request` wrap around. */
struct sums {
    uint64_t value, request;
};

static bool within(double ratio)
{
    return 1.0 - TOLERANCE <= ratio && ratio <= 1.0 + TOLERANCE;
}

static int32_t ceil_int32(double x)
{
    double up = ceil(x);
    return up >= -2147483648.0 && up < 2147483648.0 ? (int32_t)up : INT32_MIN;
}

static int64_t ceil_int64(double x)
{
    double up = ceil(x);
    return up >= -9223372036854775808.0 && up < 9223372036854775808.0 ? (int64_t)up : INT64_MIN;
}

/* A young pod counts once a whole window was measured since it became ready; an old one that is not
 * ready counts, unless it never was. */
static bool is_cpu_unready(const struct hpa_pod *p, int64_t now_ms)
{
    if (p->started_ms + CPU_INITIALIZATION > now_ms)
        return !p->ready || p->sampled_ms < p->changed_ms + p->window_ms;
    return !p->ready && p->started_ms + INITIAL_READINESS > p->changed_ms;
}

enum hpa_treated hpa_treat(const struct hpa_pod *pod, enum hpa_source resource, int64_t now_ms)
{
    if (pod->deleting || pod->failed)
        return HPA_IGNORED;
    if (pod->pending)
        return HPA_UNREADY;
    if (pod->usage[resource] < 0)
        return HPA_MISSING;
    return resource == HPA_CPU && is_cpu_unready(pod, now_ms) ? HPA_UNREADY : HPA_COUNTED;
}

/* The pods treated as `of` join the sums, each as if it used `percent` of its request; HPA_COUNTED
 * ones with what they use. How many they are. */
static size_t add_pods(const struct hpa_observed *seen, enum hpa_source resource,
                       enum hpa_treated of, uint64_t percent, struct sums *sums)
{
    size_t n = 0;

    for (size_t i = 0; i < seen->n_pods; i++) {
        const struct hpa_pod *p = &seen->pods[i];
        if (hpa_treat(p, resource, seen->now_ms) != of)
            continue;
        uint64_t request = (uint64_t)p->request[resource];
        sums->value += of == HPA_COUNTED ? (uint64_t)p->usage[resource]
                                         : (uint64_t)((int64_t)(request * percent) / 100);
        sums->request += request;
        n++;
    }
    return n;
}

static size_t count_pods(const struct hpa_observed *seen, enum hpa_source resource,
                         enum hpa_treated of)
{
    struct sums ignored = { 0, 0 };
    return add_pods(seen, resource, of, 0, &ignored);
}

static int32_t utilization(const struct sums *s)
{
    return (int32_t)(uint32_t)((int64_t)(s->value * 100) / (int64_t)s->request);
}

/* Pods without a sample count as full on the way down and as idle on the way up; pods that start
 * count as idle on the way up. Where that turns the way, nothing is changed. */
static int32_t with_the_others(const struct hpa_metric *m, const struct hpa_observed *seen,
                               struct sums sums, size_t n, double ratio)
{
    int32_t current = seen->spec_replicas;
    bool up = ratio > 1.0;

    if (ratio < 1.0)
        n += add_pods(seen, m->source, HPA_MISSING, m->target > 100 ? (uint64_t)m->target : 100,
                      &sums);
    if (up) {
        n += add_pods(seen, m->source, HPA_MISSING, 0, &sums);
        n += add_pods(seen, m->source, HPA_UNREADY, 0, &sums);
    }
    double again = (double)utilization(&sums) / (double)m->target;
    if (within(again) || (ratio < 1.0 && again > 1.0) || (up && again < 1.0))
        return current;
    int32_t replicas = ceil_int32(again * (double)n);
    if ((again < 1.0 && replicas > current) || (again > 1.0 && replicas < current))
        return current;
    return replicas;
}

static bool resource_replicas(const struct hpa_metric *m, const struct hpa_observed *seen,
                              int32_t *ret_replicas, int64_t *ret_value)
{
    struct sums sums = { 0, 0 };

    if (!seen->usage_known)
        return false;
    size_t n = add_pods(seen, m->source, HPA_COUNTED, 0, &sums);
    if (n == 0 || sums.request == 0)
        return false;
    *ret_value = utilization(&sums);
    double ratio = (double)*ret_value / (double)m->target;
    bool others = count_pods(seen, m->source, HPA_MISSING) > 0 ||
                  (ratio > 1.0 && count_pods(seen, m->source, HPA_UNREADY) > 0);
    if (others)
        *ret_replicas = with_the_others(m, seen, sums, n, ratio);
    else
        *ret_replicas = within(ratio) ? seen->spec_replicas : ceil_int32(ratio * (double)n);
    return true;
}

/* One number for all pods: it hangs on the count in the status, and on no pod. */
static bool object_replicas(const struct hpa_metric *m, const struct hpa_observed *seen,
                            int32_t *ret_replicas, int64_t *ret_value)
{
    int64_t milli = strcmp(m->name, HPA_DEMAND) == 0 ? seen->demand : seen->object_value;
    double value = (double)milli, target = (double)m->target;
    double count = (double)seen->status_replicas;

    if (milli < 0)
        return false;
    *ret_replicas =
        within(value / (target * count)) ? seen->status_replicas : ceil_int32(value / target);
    *ret_value = ceil_int64(value / count);
    return true;
}

bool hpa_metric_replicas(const struct hpa_metric *metric, const struct hpa_observed *seen,
                         int32_t *ret_replicas, int64_t *ret_value)
{
    if (metric->source == HPA_OBJECT)
        return object_replicas(metric, seen, ret_replicas, ret_value);
    return resource_replicas(metric, seen, ret_replicas, ret_value);
}
