/* autoscaler/policy/fallback.c -- see the header. No state of its own; any thread. */
#include "autoscaler/policy/fallback.h"

#include <string.h>

#include "autoscaler/policy/burst.h"

#define MINUTE_MS 60000

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void note_count(struct fallback_state *s, int64_t count, int64_t now_ms)
{
    int64_t minute = now_ms / MINUTE_MS;
    int16_t *slot = &s->counts[minute % FALLBACK_MINUTES];

    if (minute - s->minute >= FALLBACK_MINUTES)
        memset(s->counts, 0, sizeof s->counts);
    for (int64_t m = s->minute + 1; m <= minute && m < s->minute + FALLBACK_MINUTES; m++)
        s->counts[m % FALLBACK_MINUTES] = 0;
    s->minute = minute;
    if (count > *slot)
        *slot = (int16_t)(count < INT16_MAX ? count : INT16_MAX);
}

/* The least count that at least 95 % of the known minutes stay within; 0 where none is known. */
static int64_t p95_of(const struct fallback_state *s)
{
    unsigned known = 0, within = 0;
    int64_t answer = 0;

    for (unsigned i = 0; i < FALLBACK_MINUTES; i++)
        known += s->counts[i] > 0;
    for (unsigned i = 0; i < FALLBACK_MINUTES; i++) {
        unsigned up_to = 0;
        for (unsigned k = 0; k < FALLBACK_MINUTES; k++)
            up_to += s->counts[k] > 0 && s->counts[k] <= s->counts[i];
        if (s->counts[i] > 0 && up_to * 100 >= known * 95 &&
            (within == 0 || s->counts[i] < answer)) {
            answer = s->counts[i];
            within = up_to;
        }
    }
    return answer;
}

static void lost(struct fallback_state *s, const struct fallback_rule *rule,
                 const struct fallback_input *in, int64_t now_ms)
{
    if (s->lost_ms == 0)
        s->lost_ms = now_ms;
    s->until_ms = 0;
    if (s->holds || now_ms - s->lost_ms < rule->after_ms)
        return;
    s->holds = true;
    s->p95 = p95_of(s);
    int64_t floor = greater(greater(in->current, rule->replicas), s->p95);
    s->floor = greater(s->floor, floor);
}

static void found(struct fallback_state *s, const struct fallback_input *in, int64_t now_ms)
{
    s->was_known = true;
    s->holds = false;
    s->lost_ms = 0;
    if (in->current > 0)
        note_count(s, in->current, now_ms);
    if (s->floor == 0)
        return;
    if (s->until_ms == 0)
        s->until_ms = now_ms + BURST_STEP_MS;
    if (now_ms < s->until_ms)
        return;
    s->floor = burst_step_down(s->floor, 0, in->min);
    s->until_ms = now_ms + BURST_STEP_MS;
}

int64_t fallback_next(struct fallback_state *s, const struct fallback_rule *rule,
                      const struct fallback_input *in, int64_t now_ms)
{
    if (in->known)
        found(s, in, now_ms);
    else if (s->was_known)
        lost(s, rule, in, now_ms);
    s->floor = s->floor < in->max ? s->floor : in->max;
    return s->floor > in->min ? s->floor : 0;
}
