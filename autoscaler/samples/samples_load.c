/*
 * How busy pods are, from what their counters grow by.
 *
 * Rates are exponentially weighted means, so that a pod needs no history; percentiles need one, and
 * it is kept per service: slots of five seconds, each with the growth of every bucket.
 *
 * Threads: none of its own; the caller's lock.
 */
#include "autoscaler/samples/samples_load.h"

#include <math.h>
#include <string.h>

#include "metrics/metrics.h"

#define SLOT_MS (LATENCY_WINDOW_S * 1000 / LATENCY_SLOTS)

/* ---- durations ---- */

static uint32_t *slot_now(struct latency *w, int64_t now_ms)
{
    int64_t slot = now_ms / SLOT_MS;
    int64_t oldest = slot < LATENCY_SLOTS ? 0 : slot - LATENCY_SLOTS + 1;
    for (int64_t i = w->newest < oldest ? oldest : w->newest + 1; i <= slot; i++)
        memset(w->counts[i % LATENCY_SLOTS], 0, sizeof w->counts[0]);
    w->newest = slot > w->newest ? slot : w->newest;
    return w->counts[slot % LATENCY_SLOTS];
}

bool latency_quantile(const struct latency *w, double share, int64_t now_ms, double *ret_ms)
{
    uint64_t sums[PROMTEXT_BUCKETS + 1] = { 0 };
    int64_t slot = now_ms / SLOT_MS;
    int64_t first = slot < LATENCY_SLOTS ? 0 : slot - LATENCY_SLOTS + 1;
    for (int64_t i = first; i <= w->newest; i++)
        for (unsigned k = 0; k <= PROMTEXT_BUCKETS; k++)
            sums[k] += w->counts[i % LATENCY_SLOTS][k];
    double rank = share * (double)sums[PROMTEXT_BUCKETS];
    if (sums[PROMTEXT_BUCKETS] == 0)
        return false;
    unsigned k = 0;
    while (k < PROMTEXT_BUCKETS && (double)sums[k] < rank)
        k++;
    if (k == PROMTEXT_BUCKETS) {
        *ret_ms = lp_metrics_seconds[PROMTEXT_BUCKETS - 1] * 1000;
        return true;
    }
    double low = k > 0 ? lp_metrics_seconds[k - 1] : 0, below = k > 0 ? (double)sums[k - 1] : 0;
    double part = (rank - below) / ((double)sums[k] - below);
    *ret_ms = (low + (lp_metrics_seconds[k] - low) * part) * 1000;
    return true;
}

/* ---- rates ---- */

/* What a counter grew by; one that fell began again. */
static uint32_t growth(uint32_t *last, double now, bool restarted)
{
    uint32_t counter = (uint32_t)(uint64_t)now, grown = counter - *last;
    *last = counter;
    return restarted || grown > UINT32_MAX / 2 ? counter : grown;
}

/* What a page adds to the one before. */
struct step {
    double seconds, requests, work;
    uint32_t rejected, busy, late, errors, answers;
};

static void take_durations(struct load *l, uint32_t counts[PROMTEXT_BUCKETS + 1],
                           const struct promtext_page *page, const struct step *s, bool restarted)
{
    /* They have no duration worth the name, and are in every bucket. */
    uint32_t at_once = s->rejected > s->late ? s->rejected - s->late : 0;
    for (unsigned i = 0; i < PROMTEXT_BUCKETS; i++) {
        uint32_t grown = growth(&l->buckets[i], page->buckets[i], restarted);
        counts[i] += grown > at_once ? grown - at_once : 0;
    }
    counts[PROMTEXT_BUCKETS] += s->answers > at_once ? s->answers - at_once : 0;
}

static void blend(float *mean, double now, double share)
{
    *mean += (float)((now - (double)*mean) * share);
}

static void take_rates(struct load *l, const struct promtext_page *page, const struct step *s,
                       double seconds)
{
    double share = l->rated ? 1 - exp(-seconds / LOAD_SMOOTHING_S) : 1;
    double others = s->rejected > s->busy ? s->rejected - s->busy : 0;
    double served = s->answers > s->rejected ? s->answers - s->rejected : 0;
    blend(&l->arrivals, s->requests / seconds, share);
    blend(&l->failed, s->errors / seconds, share);
    blend(&l->offered, s->requests > others ? (s->requests - others) / seconds : 0, share);
    blend(&l->served, served / seconds, share);
    blend(&l->work, s->work / seconds, share);
    blend(&l->waiting, (double)page->waiting / 1000, share);
    blend(&l->in_flight, (double)promtext_own(page) / 1000, share);
    l->rated = true;
}

void load_take(struct load *l, struct latency *w, const struct promtext_page *page, int64_t now_ms)
{
    uint32_t unused[PROMTEXT_BUCKETS + 1] = { 0 };
    struct step s;
    if (!page->has_load) {
        *l = (struct load){ 0 };
        return;
    }
    bool first = l->at_ms == 0, restarted = page->requests < l->requests;
    int64_t since_ms = now_ms - l->at_ms;
    s.requests = restarted ? page->requests : page->requests - l->requests;
    s.work = page->seconds < l->seconds ? page->seconds : page->seconds - l->seconds;
    s.rejected = growth(&l->rejected, page->rejected, restarted);
    s.busy = growth(&l->busy, page->busy, restarted);
    s.late = growth(&l->late, page->late, restarted);
    s.errors = growth(&l->errors, page->errors, restarted);
    s.answers = growth(&l->answers, page->answers, restarted);
    take_durations(l, first || !w ? unused : slot_now(w, now_ms), page, &s, restarted);
    if (!first && since_ms > 0)
        take_rates(l, page, &s, (double)since_ms / 1000);
    l->requests = page->requests;
    l->seconds = page->seconds;
    l->slots = (float)page->slots / 1000;
    l->queued = (float)page->waiting / 1000;
    l->awaits = page->has_awaiting;
    l->uncoded = page->uncoded;
    l->at_ms = now_ms;
}

/* ---- several pods ---- */

void load_add(struct load_sum *sum, const struct load *l, bool saturated)
{
    sum->pods++;
    sum->slots += (double)l->slots;
    sum->arrivals += (double)l->arrivals;
    sum->failed += (double)l->failed;
    sum->awaits |= l->awaits;
    sum->uncoded |= l->uncoded;
    if (saturated) {
        sum->saturated++;
        return;
    }
    sum->offered += (double)l->offered;
    sum->served += (double)l->served;
    sum->work += (double)l->work;
    sum->waiting += (double)l->waiting;
    sum->in_flight += (double)l->in_flight;
    sum->queued += (double)l->queued;
}

void load_stretch(struct load_sum *sum, double share)
{
    sum->arrivals *= 1 + share;
    sum->failed *= 1 + share;
    sum->offered *= 1 + share;
    sum->served *= 1 + share;
    sum->work *= 1 + share;
    sum->waiting *= 1 + share;
    sum->in_flight *= 1 + share;
    sum->queued *= 1 + share;
}

/* Seconds that a request holds a slot; 0 where none was served. */
static double service_seconds(const struct load_sum *sum)
{
    if (sum->served < 0.001)
        return 0;
    double whole = sum->work / sum->served, busy = sum->in_flight / sum->served;
    return (sum->awaits || sum->waiting > 0.5) && busy < whole ? busy : whole;
}

double load_demand(const struct load_sum *sum)
{
    if (sum->pods == 0 || sum->slots <= 0)
        return 0;
    double per_pod = sum->slots / sum->pods, s = service_seconds(sum);
    double slots =
        s > 0 ? (sum->offered + sum->queued / LOAD_DRAIN_S) * s : sum->in_flight + sum->queued;
    return (slots + sum->saturated * per_pod) / (per_pod * LOAD_UTILIZATION);
}

int64_t load_number(double value)
{
    return value < (double)LOAD_MOST ? (int64_t)value : LOAD_MOST;
}

double load_service_s(const struct load_sum *sum)
{
    return service_seconds(sum);
}

double load_wait_s(const struct load_sum *sum)
{
    double s = service_seconds(sum);

    if (sum->queued <= 0 || sum->slots <= 0)
        return 0;
    return s > 0 ? sum->queued * s / sum->slots : -1;
}
