/* operator/state/event_series.c -- a short table without order. No state of its own. */
#include "operator/state/event_series.h"

#include "base/alloc.h"
#include "base/hash.h"

uint64_t event_series_what(const char *type, const char *reason, const char *action,
                           const char *note)
{
    uint64_t h = lp_hash_add(lp_hash_add(LP_HASH_START, type), reason);
    return lp_hash_add(lp_hash_add(h, action), note);
}

static void drop_old(struct event_series *s, int64_t now_ms)
{
    for (unsigned i = s->n; i-- > 0;)
        if (now_ms - s->recent[i].last_ms >= EVENT_SERIES_MS)
            s->recent[i] = s->recent[--s->n];
}

/* A place for one more: the next free one, or that of the longest quiet. */
static unsigned make_room(struct event_series *s)
{
    unsigned oldest = 0;

    if (s->n < EVENT_SERIES_MAX)
        return s->n++;
    for (unsigned i = 1; i < s->n; i++)
        if (s->recent[i].last_ms < s->recent[oldest].last_ms)
            oldest = i;
    return oldest;
}

unsigned event_series_count(struct event_series **series, uint64_t what, uint64_t fresh_id,
                            int64_t now_ms, uint64_t *ret_id)
{
    struct event_series *s = *series;

    if (!s)
        s = *series = lp_alloc(sizeof *s);
    drop_old(s, now_ms);
    unsigned i = 0;
    while (i < s->n && s->recent[i].what != what)
        i++;
    if (i == s->n) {
        i = make_room(s);
        s->recent[i].what = what;
        s->recent[i].id = fresh_id;
        s->recent[i].count = 0;
    }
    s->recent[i].last_ms = now_ms;
    *ret_id = s->recent[i].id;
    return ++s->recent[i].count;
}

void event_series_end(struct event_series *series, uint64_t what)
{
    for (unsigned i = series->n; i-- > 0;)
        if (series->recent[i].what == what)
            series->recent[i] = series->recent[--series->n];
}
