/* autoscaler/policy/zero.c -- see the header. No state of its own; any thread. */
#include "autoscaler/policy/zero.h"

/* Since when it holds without a break. */
static int64_t since(bool holds, int64_t before_ms, int64_t now_ms)
{
    if (!holds)
        return 0;
    return before_ms > 0 ? before_ms : now_ms;
}

static enum zero_action look_asleep(struct zero_state *s, const struct zero_rule *rule,
                                    const struct zero_input *in, int64_t now_ms)
{
    s->quiet_ms = 0;
    s->lost_ms = since(in->awaited < 0, s->lost_ms, now_ms);
    bool lost = s->lost_ms > 0 && now_ms - s->lost_ms >= ZERO_LOST_MS;
    if (in->awaited <= 0 && !lost && in->floor <= 1 && rule->idle_ms > 0)
        return ZERO_STAY;
    s->lost_ms = 0;
    return ZERO_WAKE;
}

enum zero_action zero_next(struct zero_state *s, const struct zero_rule *rule,
                           const struct zero_input *in, int64_t now_ms)
{
    if (in->current == 0 && in->asleep)
        return look_asleep(s, rule, in, now_ms);
    bool idle = rule->idle_ms > 0 && in->current > 0 && in->quiet && in->floor <= 1 &&
                in->awaited == 0 && !in->paused;
    s->lost_ms = 0;
    s->quiet_ms = since(idle, s->quiet_ms, now_ms);
    if (!idle || now_ms - s->quiet_ms < rule->idle_ms)
        return ZERO_STAY;
    s->quiet_ms = 0;
    return ZERO_SLEEP;
}
