/* platform/hpa/hpa.c -- one sync of the HPA controller: which metric decides, and what becomes of
 * it. The order of the conditions is reconcileAutoscaler's. Pure. */
#include "platform/hpa/hpa.h"

#include <stdlib.h>

#include "platform/hpa/hpa_parts.h"

static void set(struct hpa_state *state, unsigned condition, bool status, const char *reason)
{
    state->conditions[condition] = (struct hpa_condition){ status, reason };
}

static const char *failure(const struct hpa_metric *metric)
{
    if (metric->source == HPA_OBJECT)
        return "FailedGetObjectMetric";
    return metric->container ? "FailedGetContainerResourceMetric" : "FailedGetResourceMetric";
}

/* The metric that asks for most wins. False: all failed, or some did and the rest ask for less than
 * there is. */
static bool ask_metrics(const struct hpa_rules *rules, const struct hpa_observed *seen,
                        struct hpa_state *state, struct hpa_decision *d)
{
    const struct hpa_metric *failed = NULL;
    unsigned valid = 0;

    for (unsigned i = 0; i < rules->n_metrics; i++) {
        const struct hpa_metric *m = &rules->metrics[i];
        int32_t replicas;
        if (!hpa_metric_replicas(m, seen, &replicas, &d->values[i])) {
            failed = failed ? failed : m;
            continue;
        }
        valid++;
        if (d->proposal == 0 || replicas > d->proposal) {
            d->proposal = replicas;
            d->winner = (int)i;
        }
    }
    if (failed && (valid == 0 || d->proposal < seen->spec_replicas)) {
        d->winner = -1;
        d->proposal = 0;
        set(state, HPA_SCALING_ACTIVE, false, failure(failed));
        return false;
    }
    set(state, HPA_SCALING_ACTIVE, true, "ValidMetricFound");
    return true;
}

/* What becomes of `current`; the conditions of the way there. */
static int32_t next_replicas(const struct hpa_rules *rules, const struct hpa_observed *seen,
                             struct hpa_state *state, struct hpa_decision *d)
{
    int32_t current = seen->spec_replicas;

    if (current == 0 && rules->min != 0) {
        set(state, HPA_SCALING_ACTIVE, false, "ScalingDisabled");
        return current;
    }
    if (current > rules->max)
        return rules->max;
    if (current < rules->min)
        return rules->min;
    if (!ask_metrics(rules, seen, state, d))
        return current;
    return hpa_normalize(rules, state, current, d->proposal > 0 ? d->proposal : 0, seen->now_ms);
}

void hpa_decide(const struct hpa_rules *rules, const struct hpa_observed *seen,
                struct hpa_state *state, struct hpa_decision *ret_decision)
{
    struct hpa_decision *d = ret_decision;

    *d = (struct hpa_decision){ .winner = -1 };
    for (unsigned i = 0; i < HPA_MAX_METRICS; i++)
        d->values[i] = -1;
    set(state, HPA_ABLE_TO_SCALE, true, "SucceededGetScale");
    hpa_history_start(state, seen->spec_replicas, seen->now_ms);
    d->replicas = next_replicas(rules, seen, state, d);
    if (d->replicas == seen->spec_replicas)
        return;
    set(state, HPA_ABLE_TO_SCALE, true, "SucceededRescale");
    hpa_history_scaled(rules, state, seen->spec_replicas, d->replicas, seen->now_ms);
}

void hpa_state_done(struct hpa_state *state)
{
    free(state->recommendations.marks);
    free(state->ups.marks);
    free(state->downs.marks);
    *state = (struct hpa_state){ 0 };
}
