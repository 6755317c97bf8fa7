/*
 * platform/hpa/hpa_normalize.c -- from what the metrics ask for to what is done: stabilization
 * windows, policies, min and max, and the history that they look at. As horizontal.go keeps it,
 * with what it forgets: a mark that is older than the longest window of its own direction gives its
 * place to the next one, even where the other direction would still have counted it. Pure but for
 * the state.
 */
#include <math.h>

#include "base/alloc.h"
#include "platform/hpa/hpa_parts.h"

#define DOWNSCALE_WINDOW 300000 /* --horizontal-pod-autoscaler-downscale-stabilization, ms */

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* On the place `at` of one that is not needed any more, or behind the last. */
static void hpa_normalize_record(struct hpa_list *list, size_t at, int32_t replicas, int64_t now_ms)
{
    if (at == list->n) {
        if (list->n == list->room) {
            list->room = list->room ? 2 * list->room : 16;
            list->marks = lp_realloc(list->marks, list->room * sizeof *list->marks);
        }
        list->n++;
    }
    list->marks[at] = (struct hpa_mark){ now_ms, replicas, false };
}

void hpa_history_start(struct hpa_state *state, int32_t current, int64_t now_ms)
{
    if (state->recommendations.n == 0)
        hpa_normalize_record(&state->recommendations, 0, current, now_ms);
}

static int32_t longest_period(const struct hpa_scaling *scaling)
{
    int32_t longest = 0;
    for (unsigned i = 0; i < scaling->n; i++)
        longest = most(longest, scaling->policies[i].period_s);
    return longest;
}

void hpa_history_scaled(const struct hpa_rules *rules, struct hpa_state *state, int32_t from,
                        int32_t to, int64_t now_ms)
{
    if (!rules->has_behavior)
        return;
    bool up = to > from;
    struct hpa_list *list = up ? &state->ups : &state->downs;
    int64_t cutoff = now_ms - longest_period(up ? &rules->up : &rules->down) * INT64_C(1000);
    size_t at = list->n;

    for (size_t i = 0; i < list->n; i++) {
        list->marks[i].outdated |= list->marks[i].at_ms < cutoff;
        if (list->marks[i].outdated)
            at = i;
    }
    hpa_normalize_record(list, at, up ? to - from : from - to, now_ms);
}

static int32_t changed_within(const struct hpa_list *list, int32_t period_s, int64_t now_ms)
{
    int64_t cutoff = now_ms - period_s * INT64_C(1000);
    int32_t sum = 0;

    for (size_t i = 0; i < list->n; i++)
        if (list->marks[i].at_ms > cutoff)
            sum += list->marks[i].replicas;
    return sum;
}

static void set(struct hpa_state *state, unsigned condition, bool status, const char *reason)
{
    state->conditions[condition] = (struct hpa_condition){ status, reason };
}

/* Without behavior: the highest recommendation of the window. */
static int32_t stabilize(struct hpa_list *list, int32_t wanted, int64_t now_ms)
{
    int64_t cutoff = now_ms - DOWNSCALE_WINDOW;
    int32_t highest = wanted;
    size_t at = list->n;

    for (size_t i = 0; i < list->n; i++) {
        if (list->marks[i].at_ms < cutoff)
            at = i;
        else
            highest = most(highest, list->marks[i].replicas);
    }
    hpa_normalize_record(list, at, wanted, now_ms);
    return highest;
}

/* With behavior: the current count, moved between the lowest of one window and the highest of the
 * other. */
static int32_t stabilize_both(const struct hpa_rules *rules, struct hpa_list *list, int32_t current,
                              int32_t wanted, int64_t now_ms)
{
    int64_t up_cutoff = now_ms - rules->up.window_s * INT64_C(1000);
    int64_t down_cutoff = now_ms - rules->down.window_s * INT64_C(1000);
    int32_t lowest = wanted, highest = wanted;
    size_t at = list->n;

    for (size_t i = 0; i < list->n; i++) {
        const struct hpa_mark *m = &list->marks[i];
        if (m->at_ms > up_cutoff)
            lowest = least(lowest, m->replicas);
        if (m->at_ms > down_cutoff)
            highest = most(highest, m->replicas);
        if (m->at_ms < up_cutoff && m->at_ms < down_cutoff)
            at = i;
    }
    hpa_normalize_record(list, at, wanted, now_ms);
    return least(most(current, lowest), highest);
}

static int32_t policy_limit(const struct hpa_policy *p, int32_t start, bool up)
{
    if (!p->percent)
        return up ? start + p->value : start - p->value;
    if (up)
        return (int32_t)ceil((double)start * (1 + (double)p->value / 100));
    return (int32_t)((double)start * (1 - (double)p->value / 100));
}

/* How far the policies let it go; `current` where they do not. The choice Max takes what allows the
 * greatest change, on the way down the lowest count. */
static int32_t scaling_limit(const struct hpa_scaling *scaling, const struct hpa_state *state,
                             int32_t current, bool up, int64_t now_ms)
{
    bool highest = up == (scaling->select == HPA_SELECT_MAX);
    int32_t limit = highest ? INT32_MIN : INT32_MAX;

    if (scaling->select == HPA_SELECT_DISABLED)
        return current;
    for (unsigned i = 0; i < scaling->n; i++) {
        const struct hpa_policy *p = &scaling->policies[i];
        int32_t start = current - changed_within(&state->ups, p->period_s, now_ms) +
                        changed_within(&state->downs, p->period_s, now_ms);
        int32_t proposed = policy_limit(p, start, up);
        limit = highest ? most(limit, proposed) : least(limit, proposed);
    }
    return up ? most(limit, current) : least(limit, current);
}

static int32_t limit_rate(const struct hpa_rules *rules, const struct hpa_state *state,
                          int32_t current, int32_t wanted, int64_t now_ms, const char **ret_reason)
{
    if (wanted > current) {
        int32_t limit = scaling_limit(&rules->up, state, current, true, now_ms);
        int32_t allowed = least(rules->max, limit);
        *ret_reason = rules->max > limit ? "ScaleUpLimit" : "TooManyReplicas";
        if (wanted > allowed)
            return allowed;
    } else if (wanted < current) {
        int32_t limit = scaling_limit(&rules->down, state, current, false, now_ms);
        int32_t allowed = most(rules->min, limit);
        *ret_reason = rules->min < limit ? "ScaleDownLimit" : "TooFewReplicas";
        if (wanted < allowed)
            return allowed;
    }
    *ret_reason = "DesiredWithinRange";
    return wanted;
}

/* Without behavior: at most double, or four. */
static int32_t limit_plainly(const struct hpa_rules *rules, int32_t current, int32_t wanted,
                             const char **ret_reason)
{
    int32_t limit = most(2 * current, 4), allowed = least(rules->max, limit);

    *ret_reason = "DesiredWithinRange";
    if (wanted < rules->min) {
        *ret_reason = "TooFewReplicas";
        return rules->min;
    }
    if (wanted > allowed) {
        *ret_reason = rules->max > limit ? "ScaleUpLimit" : "TooManyReplicas";
        return allowed;
    }
    return wanted;
}

int32_t hpa_normalize(const struct hpa_rules *rules, struct hpa_state *state, int32_t current,
                      int32_t wanted, int64_t now_ms)
{
    bool both = rules->has_behavior;
    const char *reason;
    int32_t stable = both ? stabilize_both(rules, &state->recommendations, current, wanted, now_ms)
                          : stabilize(&state->recommendations, wanted, now_ms);

    if (stable == wanted)
        set(state, HPA_ABLE_TO_SCALE, true, "ReadyForNewScale");
    else
        set(state, HPA_ABLE_TO_SCALE, true,
            both && wanted >= current ? "ScaleUpStabilized" : "ScaleDownStabilized");
    int32_t done = both ? limit_rate(rules, state, current, stable, now_ms, &reason)
                        : limit_plainly(rules, current, stable, &reason);
    set(state, HPA_SCALING_LIMITED, done != stable, reason);
    return done;
}
