/* cli/cluster.c -- see the header. Whole numbers only, so that every machine gives the same. */
#include "cli/cluster.h"

#include <string.h>

#include "base/alloc.h"

#define LONG_AGO_MS 3600000
#define SHORTEST_STEP_MS 10
#define LONGEST_STEP_MS 100
#define MICRO INT64_C(1000000)
/* As autoscaler/samples/samples_load.h has them. */
#define DRAIN_S INT64_C(10)
#define UTILIZATION_PERCENT INT64_C(70)

void cluster_init(struct cluster *c, const struct cluster_pod *kind, size_t n, int64_t now_ms)
{
    *c = (struct cluster){ .kind = *kind, .now_ms = now_ms - LONG_AGO_MS };
    for (unsigned i = 0; i < CLUSTER_WINDOWS; i++)
        c->windows[i] = (struct cluster_window){ now_ms + CLUSTER_WINDOW_MS, i > 0 ? -1 : 0 };
    cluster_scale(c, n);
    c->now_ms = now_ms;
    for (size_t i = 0; i < n; i++) {
        c->pods[i].pending = false;
        c->pods[i].ready = true;
    }
    c->ready = n;
}

void cluster_scale(struct cluster *c, size_t n)
{
    for (; c->n < n && c->n < CLUSTER_MAX_PODS; c->n++) {
        c->pods[c->n] = (struct hpa_pod){ .pending = true,
                                          .started_ms = c->now_ms,
                                          .changed_ms = c->now_ms,
                                          .window_ms = CLUSTER_WINDOW_MS,
                                          .request = { c->kind.request[HPA_CPU],
                                                       c->kind.request[HPA_MEMORY] } };
    }
    if (c->n > n)
        c->n = n;
    if (c->ready > c->n)
        c->ready = c->n;
}

int64_t cluster_next_ready(const struct cluster *c)
{
    if (c->kind.as_recorded)
        return INT64_MAX;
    return c->ready < c->n ? c->pods[c->ready].started_ms + c->kind.ready_after_ms : INT64_MAX;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* No longer than a request takes, or what came in it would seem to wait. */
static int64_t step_ms(int64_t service_ms)
{
    return service_ms < SHORTEST_STEP_MS ? SHORTEST_STEP_MS : least(service_ms, LONGEST_STEP_MS);
}

/* What of a product fits. */
static int64_t clamp(__int128 n)
{
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

/* Millionths of a request that slots and CPU limit let the ready pods serve in so many ms. */
static int64_t capacity(const struct cluster *c, const struct trace_row *row, int64_t ms)
{
    int64_t pods = (int64_t)c->ready, limit = c->kind.limit[HPA_CPU];
    int64_t request_us = row->values[TRACE_REQUEST_CPU];
    int64_t busy = least(c->backlog, pods * c->kind.concurrency * MICRO);
    int64_t most = clamp((__int128)busy * ms / row->values[TRACE_SERVICE_TIME]);

    /* Thousandths of a core times milliseconds are microseconds. */
    return request_us > 0 && limit > 0
               ? least(most, clamp((__int128)pods * limit * ms * MICRO / request_us))
               : most;
}

/* One step: milli a second times milliseconds are millionths. */
static void work(struct cluster *c, const struct trace_row *row, int64_t ms)
{
    int64_t pods = (int64_t)c->ready, request_us = row->values[TRACE_REQUEST_CPU];
    int64_t places = pods * (c->kind.concurrency + c->kind.queue_limit) * MICRO;
    int64_t came = row->values[TRACE_ARRIVAL_RATE] * ms;
    int64_t done = least(c->backlog, capacity(c, row, ms));

    c->backlog -= done;
    if (request_us > 0 && pods > 0)
        c->windows[0].pod_us += clamp((__int128)done * request_us / MICRO / pods);
    int64_t room = places > c->backlog ? places - c->backlog : 0;
    c->backlog += least(came, room);
    c->turned_away += came - least(came, room);
}

/* The open window is complete: the next one begins. */
static void close_window(struct cluster *c)
{
    memmove(c->windows + 1, c->windows, (CLUSTER_WINDOWS - 1) * sizeof *c->windows);
    c->windows[0] = (struct cluster_window){ c->now_ms + CLUSTER_WINDOW_MS, 0 };
}

void cluster_advance(struct cluster *c, const struct trace_row *row, int64_t until_ms)
{
    int64_t rate = row->values[TRACE_ARRIVAL_RATE];
    int64_t service_ms = row->values[TRACE_SERVICE_TIME];

    while (c->now_ms < until_ms) {
        int64_t ms = least(until_ms, c->windows[0].end_ms) - c->now_ms;
        ms = least(ms, rate < 0 ? INT64_MAX : step_ms(service_ms));
        if (rate >= 0)
            work(c, row, ms);
        c->now_ms += ms;
        if (c->now_ms == c->windows[0].end_ms)
            close_window(c);
    }
    while (cluster_next_ready(c) <= c->now_ms) {
        struct hpa_pod *p = &c->pods[c->ready++];
        p->pending = false;
        p->ready = true;
        p->changed_ms = c->now_ms;
    }
}

int64_t cluster_queue(const struct cluster *c, const struct trace_row *row)
{
    return row->values[TRACE_ARRIVAL_RATE] < 0 ? row->values[TRACE_QUEUE_DEPTH] : c->backlog / 1000;
}

/* How long a request holds a slot: service_time, or more where the CPU limit holds it up. */
static int64_t held_ms(const struct cluster *c, const struct trace_row *row)
{
    int64_t busy = least(c->backlog, (int64_t)c->ready * c->kind.concurrency * MICRO);
    int64_t served = capacity(c, row, 1000), service_ms = row->values[TRACE_SERVICE_TIME];

    if (busy == 0 || served == 0)
        return service_ms;
    int64_t held = clamp((__int128)busy * 1000 / served);
    return held > service_ms ? held : service_ms;
}

int64_t cluster_wait(const struct cluster *c, const struct trace_row *row)
{
    int64_t rate = row->values[TRACE_ARRIVAL_RATE], service_ms = row->values[TRACE_SERVICE_TIME];

    if (rate <= 0)
        return rate;
    if (c->ready == 0)
        return INT64_MAX;
    int64_t served = capacity(c, row, 1000);
    int64_t whole = served > 0 ? clamp((__int128)c->backlog * 1000 / served) : 0;
    return whole > service_ms ? whole - service_ms : 0;
}

int64_t cluster_demand(const struct cluster *c, const struct trace_row *row)
{
    int64_t rate = row->values[TRACE_ARRIVAL_RATE], slots = c->kind.concurrency;
    int64_t waiting = c->backlog - (int64_t)c->ready * slots * MICRO;

    if (rate < 0)
        return row->values[TRACE_DEMAND];
    int64_t offered = rate + (waiting > 0 ? waiting / (1000 * DRAIN_S) : 0);
    int64_t pod = slots * 10 * UTILIZATION_PERCENT;
    /* Milli a second times milliseconds are millionths of a busy slot. */
    return clamp((__int128)offered * held_ms(c, row) / pod);
}

/* The share of the i-th of the ready pods; the first ones take what is left over. */
static int64_t share(const struct cluster *c, size_t i, int64_t total)
{
    int64_t ready = (int64_t)c->ready;

    return total < 0 ? -1 : total / ready + ((int64_t)i < total % ready);
}

/* The window that metrics-server tells of; of the time before the first row: pod_us -1. */
static const struct cluster_window *seen_window(const struct cluster *c)
{
    unsigned i = 1;

    while (i < CLUSTER_WINDOWS - 1 && c->windows[i].pod_us >= 0 &&
           c->windows[i].end_ms + c->kind.usage_delay_ms > c->now_ms)
        i++;
    return &c->windows[i];
}

/* Of the i-th of the ready pods, milli; -1: not known. Before the first window has been seen the
 * load has been that of the row for long. */
static int64_t cpu_of(const struct cluster *c, const struct trace_row *row, size_t i)
{
    int64_t request_us = row->values[TRACE_REQUEST_CPU];
    const struct cluster_window *seen = seen_window(c);

    if (request_us < 0)
        return share(c, i, row->values[TRACE_CPU]);
    if (seen->pod_us >= 0)
        return seen->pod_us / CLUSTER_WINDOW_MS;
    return share(c, i, clamp((__int128)row->values[TRACE_ARRIVAL_RATE] * request_us / MICRO));
}

static int64_t within(int64_t value, int64_t limit)
{
    return limit > 0 && value > limit ? limit : value;
}

/* At most `most`; `unknown` where the row has none. */
static size_t seen_pods(const struct trace_row *row, enum trace_column column, size_t most,
                        size_t unknown)
{
    int64_t milli = row->values[column];

    if (milli < 0)
        return unknown;
    return milli / 1000 > (int64_t)most ? most : (size_t)(milli / 1000);
}

/* The pods become what the row says: ready for long, or for too short a time, running without a
 * sample, or pending. How many they are: where the row does not say it, as many as are wanted. */
static size_t show_as_recorded(struct cluster *c, const struct trace_row *row)
{
    bool told = row->values[TRACE_SEEN_PENDING] >= 0;
    size_t most = told ? CLUSTER_MAX_PODS : c->n;
    size_t ready = seen_pods(row, TRACE_SEEN_READY, most, most);
    size_t counted = seen_pods(row, TRACE_SEEN_COUNTED, ready, ready);
    size_t running = ready + seen_pods(row, TRACE_SEEN_MISSING, most - ready, 0);
    size_t n = running + seen_pods(row, TRACE_SEEN_PENDING, most - running, most - running);

    for (size_t i = 0; i < n; i++) {
        int64_t since = c->now_ms - (i < counted ? LONG_AGO_MS : 0);
        c->pods[i] = (struct hpa_pod){ .pending = i >= running,
                                       .ready = i < running,
                                       .started_ms = since,
                                       .changed_ms = since,
                                       .window_ms = CLUSTER_WINDOW_MS,
                                       .request = { c->kind.request[HPA_CPU],
                                                    c->kind.request[HPA_MEMORY] } };
    }
    c->ready = ready;
    return n;
}

void cluster_take_spec(struct cluster *c, const struct trace_row *row)
{
    if (c->kind.as_recorded && row->values[TRACE_SEEN_SPEC] >= 0)
        cluster_scale(c, seen_pods(row, TRACE_SEEN_SPEC, CLUSTER_MAX_PODS, c->n));
}

/* What a pod is seen to use: what was recorded may be a little over its limit. */
static int64_t limited(const struct cluster *c, enum hpa_source resource, int64_t usage)
{
    return c->kind.as_recorded ? usage : within(usage, c->kind.limit[resource]);
}

struct hpa_observed cluster_observe(struct cluster *c, const struct trace_row *row)
{
    size_t n = c->kind.as_recorded ? show_as_recorded(c, row) : c->n;
    const struct cluster_window *seen = seen_window(c);
    int64_t status = c->kind.as_recorded ? row->values[TRACE_SEEN_REPLICAS] / 1000 : (int64_t)c->n;
    bool late = row->values[TRACE_REQUEST_CPU] >= 0 && seen->pod_us >= 0;

    for (size_t i = 0; i < n; i++) {
        struct hpa_pod *p = &c->pods[i];
        p->sampled_ms = late ? seen->end_ms : c->now_ms;
        p->usage[HPA_CPU] = p->usage[HPA_MEMORY] = -1;
        if (i >= c->ready)
            continue;
        p->usage[HPA_CPU] = limited(c, HPA_CPU, cpu_of(c, row, i));
        p->usage[HPA_MEMORY] = limited(c, HPA_MEMORY, share(c, i, row->values[TRACE_MEMORY]));
    }
    return (struct hpa_observed){ .now_ms = c->now_ms,
                                  .spec_replicas = (int32_t)c->n,
                                  .status_replicas = (int32_t)status,
                                  .pods = c->pods,
                                  .n_pods = n,
                                  .usage_known = true,
                                  .object_value = cluster_queue(c, row),
                                  .demand = cluster_demand(c, row) };
}
