/* autoscaler/policy/burst.c -- see the header. No state of its own; any thread. */
#include "autoscaler/policy/burst.h"

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whole pods. */
static int64_t need_of(const struct burst_input *in)
{
    return in->need_milli / 1000 + (in->need_milli % 1000 > 0);
}

static enum burst_reason reason_now(const struct burst_rule *rule, const struct burst_input *in)
{
    if (in->need_milli / in->current >= rule->factor_milli)
        return BURST_NEED;
    return in->wait_ms > rule->target_wait_ms ? BURST_WAIT : BURST_NONE;
}

/* What is asked for, within the limits; 0: nothing. */
static int64_t wanted(const struct burst_state *s, const struct burst_input *in,
                      enum burst_reason reason, int64_t now_ms)
{
    bool starting = in->ready < in->current;
    bool sizing = s->began_ms > 0 && now_ms - s->began_ms < BURST_SIZING_MS;
    int64_t want = need_of(in);

    if (reason == BURST_NONE && !sizing)
        return 0;
    if (reason == BURST_WAIT)
        want = greater(want, in->current + (starting ? 0 : 1));
    if (starting && !sizing)
        want = smaller(want, greater(BURST_STARTING * greater(in->ready, 1), in->current));
    return smaller(want, in->max);
}

static void begin(struct burst_state *s, const struct burst_rule *rule,
                  const struct burst_input *in, int64_t now_ms)
{
    int64_t held = smaller(greater(in->current, in->floor), in->max);

    *s = (struct burst_state){ .begun = true };
    if (held <= in->min)
        return;
    s->floor = held;
    s->reason = BURST_RESTART;
    s->had = in->current;
    s->until_ms = now_ms + rule->hold_ms;
}

/* The first moment of a burst is the first reason after a while without one. */
static void note_reason(struct burst_state *s, const struct burst_rule *rule, int64_t now_ms)
{
    if (s->began_ms == 0 || now_ms - s->asked_ms > BURST_SIZING_MS)
        s->began_ms = now_ms;
    s->asked_ms = now_ms;
    s->until_ms = now_ms + rule->hold_ms;
}

static void rise(struct burst_state *s, const struct burst_input *in, int64_t floor,
                 enum burst_reason reason)
{
    if (floor <= s->floor || floor <= in->min)
        return;
    s->floor = floor;
    if (reason != BURST_NONE)
        s->reason = reason;
    s->need_milli = in->need_milli;
    s->wait_ms = in->wait_ms;
    s->had = in->current;
}

int64_t burst_step_down(int64_t floor, int64_t least, int64_t min)
{
    int64_t lower = greater(floor - greater(floor / 4, 1), smaller(least, floor));

    return lower > min ? lower : 0;
}

static void decay(struct burst_state *s, const struct burst_input *in, int64_t now_ms)
{
    s->floor = burst_step_down(s->floor, need_of(in), in->min);
    s->until_ms = now_ms + BURST_STEP_MS;
    if (s->floor == 0)
        *s = (struct burst_state){ .begun = true };
}

int64_t burst_next(struct burst_state *s, const struct burst_rule *rule,
                   const struct burst_input *in, int64_t now_ms)
{
    if (in->current < 0)
        return s->begun ? s->floor : 0; /* not even the count is known: nothing to begin with */
    if (!s->begun)
        begin(s, rule, in, now_ms);
    s->floor = smaller(s->floor, in->max);
    if (!in->known || in->paused || in->current == 0)
        return s->floor;
    enum burst_reason reason = reason_now(rule, in);
    if (reason != BURST_NONE)
        note_reason(s, rule, now_ms);
    rise(s, in, wanted(s, in, reason, now_ms), reason);
    if (s->floor > 0 && now_ms >= s->until_ms)
        decay(s, in, now_ms);
    return s->floor > in->min ? s->floor : 0;
}
