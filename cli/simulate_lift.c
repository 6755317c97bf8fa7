/* cli/simulate_lift.c -- see the header. Whole numbers only. */
#include "cli/simulate_lift.h"

#define SMOOTHING_PERMILLE 95 /* of half a second, in a mean with a time constant of 5 s */

void simulate_lift_init(struct simulate_lift *l, int64_t at_ms)
{
    bool lifts = l->rule.burst.factor_milli > 0 || l->rule.fallback.replicas > 0;

    l->state = (struct lift_state){ .burst = { .begun = false } };
    l->need_milli = -1;
    l->next_ms = lifts ? at_ms : INT64_MAX;
}

/* The first one counts whole. */
static void smooth(struct simulate_lift *l, int64_t demand)
{
    if (demand < 0)
        l->need_milli = -1;
    else if (l->need_milli < 0)
        l->need_milli = demand;
    else
        l->need_milli += (demand - l->need_milli) * SMOOTHING_PERMILLE / 1000;
}

int32_t simulate_lift_look(struct simulate_lift *l, const struct cluster *c,
                           const struct trace_row *row, int32_t planned_min,
                           struct hpa_rules *rules)
{
    int64_t wait_ms = cluster_wait(c, row);
    struct lift lift;

    smooth(l, cluster_demand(c, row));
    l->rule.min = planned_min;
    l->rule.max = rules->max;
    const struct lift_input in = {
        .known = l->need_milli >= 0 && c->ready > 0,
        .need_milli = l->need_milli,
        .wait_ms = wait_ms < INT64_MAX ? wait_ms : -1,
        .current = (int64_t)c->n,
        .ready = (int64_t)c->ready,
        .floor = rules->min,
        .paused = rules->has_behavior && rules->up.select == HPA_SELECT_DISABLED,
    };
    lift_next(&l->state, &l->rule, &in, c->now_ms, &lift);
    l->next_ms = c->now_ms + LIFT_LOOK_MS;
    rules->min = (int32_t)lift.replicas;
    return lift.at_once ? (int32_t)lift.replicas : 0;
}
