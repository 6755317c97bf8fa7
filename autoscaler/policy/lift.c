/* autoscaler/policy/lift.c -- see the header. No state of its own; any thread. */
#include "autoscaler/policy/lift.h"

#include <inttypes.h>

const char *const lift_sources[N_LIFT_SOURCES] = { "Spec", "QueueDepth", "Burst", "Fallback" };

static int64_t burst_asks(struct lift_state *s, const struct lift_rule *rule,
                          const struct lift_input *in, int64_t now_ms)
{
    const struct burst_input burst = { .known = in->known,
                                       .need_milli = in->need_milli,
                                       .wait_ms = in->wait_ms,
                                       .current = in->current,
                                       .ready = in->ready,
                                       .min = rule->min,
                                       .max = rule->max,
                                       .floor = in->floor,
                                       .paused = in->paused };

    if (rule->burst.factor_milli > 0)
        return burst_next(&s->burst, &rule->burst, &burst, now_ms);
    s->burst = (struct burst_state){ .begun = false };
    return 0;
}

static int64_t fallback_asks(struct lift_state *s, const struct lift_rule *rule,
                             const struct lift_input *in, int64_t now_ms)
{
    const struct fallback_input fallback = {
        .known = in->known, .current = in->current, .min = rule->min, .max = rule->max
    };

    if (rule->fallback.replicas > 0)
        return fallback_next(&s->fallback, &rule->fallback, &fallback, now_ms);
    s->fallback = (struct fallback_state){ .was_known = false };
    return 0;
}

void lift_next(struct lift_state *s, const struct lift_rule *rule, const struct lift_input *in,
               int64_t now_ms, struct lift *ret_lift)
{
    struct lift lift = { .candidates = { rule->min, in->queue_floor,
                                         burst_asks(s, rule, in, now_ms),
                                         fallback_asks(s, rule, in, now_ms) } };

    for (unsigned i = 0; i < N_LIFT_SOURCES; i++)
        if (lift.candidates[i] > lift.replicas) {
            lift.replicas = lift.candidates[i];
            lift.source = i;
        }
    if (lift.replicas > rule->max)
        lift.replicas = rule->max;
    /* What another source lifts comes with the next look of the HPA controller; a Deployment that
     * somebody scaled to 0 stays there. */
    lift.at_once = lift.source == LIFT_BURST && in->current > 0 && in->current < lift.replicas;
    *ret_lift = lift;
}

static void burst_text(const struct burst_state *b, const struct burst_rule *rule,
                       struct lp_buf *out)
{
    if (b->reason == BURST_RESTART) {
        lp_buf_printf(out, "burst: a new operator holds the %" PRId64 " pods that it found",
                      b->had);
        return;
    }
    if (b->reason == BURST_WAIT)
        lp_buf_printf(
            out, "burst: requests had to wait for %" PRId64 " ms, allowed are %" PRId64 " ms; ",
            b->wait_ms, rule->target_wait_ms);
    else
        lp_buf_str(out, "burst: ");
    lp_buf_printf(out, "the load needed %.1f pods, there %s %" PRId64, (double)b->need_milli / 1000,
                  b->had == 1 ? "was" : "were", b->had);
}

void lift_text(const struct lift_state *s, const struct lift_rule *rule, const struct lift *lift,
               struct lp_buf *out)
{
    if (lift->source == LIFT_BURST)
        burst_text(&s->burst, &rule->burst, out);
    if (lift->source != LIFT_FALLBACK)
        return;
    lp_buf_printf(out,
                  "fallback: the load %s not known for %" PRId64 " s; the spec says %" PRId64
                  " pods, in 95 %% of the hour before it were at most %" PRId64,
                  s->fallback.holds ? "is" : "was", rule->fallback.after_ms / 1000,
                  rule->fallback.replicas, s->fallback.p95);
}
