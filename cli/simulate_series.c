/* cli/simulate_series.c -- see the header. */
#include "cli/simulate_series.h"

#define MINUTE_MS 60000
#define LEAST_STEP_MS 1000

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void series_init(struct series *s, int64_t from_ms, int64_t until_ms)
{
    int64_t length = until_ms - from_ms;

    s->n = 0;
    s->from_ms = from_ms;
    s->step_ms = greater(LEAST_STEP_MS, (length + SERIES_POINTS - 1) / SERIES_POINTS);
}

void series_add(struct series *s, const struct series_point *point)
{
    size_t slot = (size_t)((point->at_ms - s->from_ms) / s->step_ms);

    if (slot >= SERIES_POINTS)
        slot = SERIES_POINTS - 1;
    struct series_point *p = s->n > 0 ? &s->points[s->n - 1] : NULL;
    if (!p || (size_t)((p->at_ms - s->from_ms) / s->step_ms) < slot) {
        if (s->n == SERIES_POINTS)
            return;
        p = &s->points[s->n++];
        *p = *point;
        p->at_ms = s->from_ms + (int64_t)slot * s->step_ms;
        return;
    }
    p->pods = point->pods > p->pods ? point->pods : p->pods;
    p->ready = point->ready < p->ready ? point->ready : p->ready;
    p->wait_ms = greater(p->wait_ms, point->wait_ms);
    p->queue = greater(p->queue, point->queue);
    p->rate = point->rate;
}

static unsigned bucket_of(int64_t ms)
{
    if (ms < 1000)
        return (unsigned)ms;
    if (ms < 10000)
        return 1000 + (unsigned)((ms - 1000) / 10);
    if (ms < WAIT_MOST_MS)
        return 1900 + (unsigned)((ms - 10000) / 100);
    return WAIT_BUCKETS - 1;
}

/* The longest wait in it. */
static int64_t bucket_end(unsigned i)
{
    if (i < 1000)
        return (int64_t)i;
    if (i < 1900)
        return 1000 + (int64_t)(i - 1000) * 10 + 9;
    return i < WAIT_BUCKETS - 1 ? 10000 + (int64_t)(i - 1900) * 100 + 99 : WAIT_MOST_MS + 1;
}

void waits_end(struct waits *w)
{
    w->minutes_over += w->minute_late > w->minute_all / 20;
    w->minute_all = w->minute_late = 0;
}

void waits_add(struct waits *w, int64_t at_ms, int64_t wait_ms, int64_t requests)
{
    int64_t minute = at_ms / MINUTE_MS;

    if (minute != w->minute)
        waits_end(w);
    w->minute = minute;
    w->minute_all += requests;
    w->minute_late += wait_ms > w->target_ms ? requests : 0;
    w->counts[bucket_of(wait_ms)] += requests;
    w->total += requests;
    w->most_ms = greater(w->most_ms, wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS + 1);
}

int64_t waits_percentile(const struct waits *w, int64_t permille)
{
    int64_t seen = 0, wanted = w->total / 1000 * permille + w->total % 1000 * permille / 1000;

    for (unsigned i = 0; i < WAIT_BUCKETS && w->total > 0; i++) {
        seen += w->counts[i];
        if (seen >= wanted && seen > 0)
            return bucket_end(i);
    }
    return -1;
}
