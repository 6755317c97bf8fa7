/* autoscaler/samples/samples_pressure.c -- what decisions from second to second go by, and what is
 * measured over minutes. Threads: every public function that does not say otherwise takes the one
 * lock. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/samples/measured.h"
#include "autoscaler/samples/pressure.h"
#include "autoscaler/samples/samples_parts.h"
#include "base/clock.h"
#include "json/json.h"

#define MINUTE_MS 60000
#define LOOK_MS 1000
#define START_MOST_S 1800 /* who takes longer waits for something else than its own start */

bool samples_queue_depth(struct samples *s, const char *ns, const char *service, int64_t now_ms,
                         int64_t *ret_milli)
{
    struct samples_sum sum;
    int64_t milli = 0;

    pthread_mutex_lock(&s->lock);
    const struct service *v = s->synced ? samples_find(s, ns, service) : NULL;
    bool known = v && samples_value(s, v, SAMPLES_QUEUE_DEPTH, now_ms, &sum, &milli);
    pthread_mutex_unlock(&s->lock);
    if (known)
        *ret_milli = milli;
    return known;
}

static void pressure_of(const struct samples *s, const struct service *v, int64_t now_ms,
                        struct samples_pressure *ret)
{
    struct samples_sum sum;

    ret->known = samples_value(s, v, SAMPLES_DEMAND, now_ms, &sum, &ret->need_milli);
    ret->ready = sum.ready;
    ret->current = v->deployed ? v->replicas : -1;
    ret->arrivals_milli = load_number(sum.load.arrivals * 1000);
    double wait_s = load_wait_s(&sum.load);
    ret->wait_ms = ret->known && wait_s >= 0 ? load_number(wait_s * 1000) : -1;
}

void samples_pressure(struct samples *s, const char *ns, const char *service, int64_t now_ms,
                      struct samples_pressure *ret_pressure)
{
    *ret_pressure = (struct samples_pressure){ .wait_ms = -1, .current = -1 };
    pthread_mutex_lock(&s->lock);
    const struct service *v = s->synced ? samples_find(s, ns, service) : NULL;
    if (v)
        pressure_of(s, v, now_ms, ret_pressure);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the demand's peak, by the minute; under the lock ---- */

static void turn(struct peak *p, int64_t minute)
{
    if (minute == p->minute)
        return;
    p->last = minute == p->minute + 1 ? p->running : -1;
    p->running = -1;
    p->minute = minute;
}

void samples_measure(struct samples *s, struct service *v, int64_t now_ms)
{
    struct samples_sum sum;
    int64_t milli;

    if (now_ms < v->peak.looked_ms + LOOK_MS)
        return;
    v->peak.looked_ms = now_ms;
    turn(&v->peak, now_ms / MINUTE_MS);
    if (samples_value(s, v, SAMPLES_DEMAND, now_ms, &sum, &milli) && milli > v->peak.running)
        v->peak.running = milli;
}

/* ---- starts of pods; under the lock ---- */

/* One that was restarted became Ready later than it started. */
static bool was_restarted(const json_t *pod)
{
    const json_t *container;
    size_t i;

    json_array_foreach(lp_json_at(pod, "status", "containerStatuses", NULL), i, container)
    {
        if (lp_json_int(0, container, "restartCount", NULL) > 0)
            return true;
    }
    return false;
}

uint16_t samples_start_of(const json_t *pod, const json_t *ready)
{
    const char *created = lp_json_str(pod, "metadata", "creationTimestamp", NULL);
    const char *since = lp_json_str(ready, "lastTransitionTime", NULL);
    int64_t from = created ? lp_clock_parse(created) : -1;
    int64_t to = since ? lp_clock_parse(since) : -1;

    if (from < 0 || to < from || to - from > START_MOST_S * INT64_C(1000) || was_restarted(pod))
        return 0;
    /* Both are whole seconds, cut off. */
    return (uint16_t)((to - from) / 1000 + 1);
}

void samples_keep_start(struct pod *p)
{
    struct starts *k = &p->service->starts;

    if (p->start == 0)
        return;
    k->seconds[k->next] = p->start;
    k->next = (uint8_t)((k->next + 1U) % MEASURED_STARTS);
    k->n = (uint8_t)(k->n < MEASURED_STARTS ? k->n + 1 : MEASURED_STARTS);
    p->start = 0;
}

static int by_seconds(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The least that 95 % of them stay within. */
static int64_t p95_of(const struct starts *k)
{
    uint16_t sorted[MEASURED_STARTS];

    if (k->n == 0)
        return 0;
    memcpy(sorted, k->seconds, sizeof sorted);
    qsort(sorted, k->n, sizeof *sorted, by_seconds);
    return sorted[(k->n * 95 + 99) / 100 - 1];
}

/* ---- what is told of both ---- */

static int64_t learners_of(const struct service *v, int64_t now_ms)
{
    uint8_t all[SKETCH_REGISTERS] = { 0 };
    bool any = false;

    for (const struct pod *p = v->pods; p; p = p->sibling) {
        if (!p->sketch || p->at_ms == 0 || now_ms - p->at_ms > SAMPLES_MAX_AGE_MS)
            continue;
        sketch_merge(all, p->sketch);
        any = true;
    }
    return any ? sketch_count(all) : -1;
}

void samples_measured(struct samples *s, const char *ns, const char *service, int64_t now_ms,
                      struct samples_measured *ret_measured)
{
    *ret_measured = (struct samples_measured){ .peak_milli = -1, .learners = -1 };
    pthread_mutex_lock(&s->lock);
    const struct service *v = s->synced ? samples_find(s, ns, service) : NULL;
    if (v) {
        struct peak peak = v->peak;
        turn(&peak, now_ms / MINUTE_MS);
        ret_measured->peak_milli = peak.last;
        ret_measured->learners = learners_of(v, now_ms);
        ret_measured->starts = v->starts.n;
        ret_measured->start_s = p95_of(&v->starts);
    }
    pthread_mutex_unlock(&s->lock);
}
