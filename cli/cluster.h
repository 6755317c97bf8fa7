/*
 * cli/cluster.h -- a service as the HPA controller sees it, in a simulation: pods that need a time
 * to become ready, and a load that the ready ones share.
 *   - A new pod is Pending until it is ready. Where pods go, the youngest go first, at once.
 *   - CPU and memory of a row are totals: each ready pod shows its share, of CPU at most its limit.
 *     Its sample is of now, over the last 15 s, as metrics-server's; so it counts for CPU 15 s
 * after the pod became ready.
 *   - queue_depth is taken as it is. Of arrival_rate and service_time it is made: each ready pod
 *     works on `concurrency` requests at a time and has `queue_limit` waiting; what finds no place
 * is turned away. Computed as a fluid in steps of 10 to 100 ms.
 *   - Where request_cpu_ms is known a pod serves no more requests than its CPU limit allows, and
 * its CPU is what the requests took, seen as late as from metrics-server: in windows of 15 s, each
 * from usage_delay_ms after its end until the next one is there.
 *   - as_recorded: the rows say how many pods have a sample, and of how many it counts for CPU,
 * have none, or are Pending; no limit holds, as the usage is what was seen.
 */
#pragma once

#include "cli/trace.h"
#include "platform/hpa/hpa.h"

/* Of one pod, as planned. Resources in milli units; limit 0: none. */
struct cluster_pod {
    int64_t request[HPA_RESOURCES], limit[HPA_RESOURCES];
    int64_t concurrency, queue_limit;
    int64_t ready_after_ms;
    int64_t usage_delay_ms; /* at most CLUSTER_MOST_DELAY_MS */
    bool as_recorded;       /* each row says what the pods are; none becomes anything by itself */
};

#define CLUSTER_WINDOW_MS 15000 /* --metric-resolution of metrics-server */
#define CLUSTER_MOST_DELAY_MS 60000
#define CLUSTER_WINDOWS                                                       \
    6 /* as many as one may still wait to be seen, one that is seen, and ours \
       */

/* What a ready pod used from 15 s before end_ms on, by request_cpu_ms. */
struct cluster_window {
    int64_t end_ms, pod_us;
};

#define CLUSTER_MAX_PODS 1000 /* maxReplicas of the CRD */

struct cluster {
    struct cluster_pod kind;
    struct hpa_pod pods[CLUSTER_MAX_PODS]; /* the oldest first */
    size_t n, ready;
    int64_t now_ms;
    int64_t backlog, turned_away;                   /* millionths of a request */
    struct cluster_window windows[CLUSTER_WINDOWS]; /* the one that is open, and before it older */
};

/* `n` pods that have been ready for an hour. */
void cluster_init(struct cluster *c, const struct cluster_pod *kind, size_t n, int64_t now_ms);

/* Makes it `n` pods, at most CLUSTER_MAX_PODS. */
void cluster_scale(struct cluster *c, size_t n);

/* When the next pod becomes ready; INT64_MAX: all are. */
int64_t cluster_next_ready(const struct cluster *c);

/* Goes on to until_ms under the load of `row`; pods that become ready by then are at its end. */
void cluster_advance(struct cluster *c, const struct trace_row *row, int64_t until_ms);

/* Where the row was recorded after somebody else had changed spec.replicas, it is that. */
void cluster_take_spec(struct cluster *c, const struct trace_row *row);

/* Requests waiting and in flight, milli; -1: the row has none. */
int64_t cluster_queue(const struct cluster *c, const struct trace_row *row);

/* Milliseconds that a request which comes now takes longer than service_time; 0 where nobody comes,
 * INT64_MAX where no pod is ready; -1: the row has no rate. */
int64_t cluster_wait(const struct cluster *c, const struct trace_row *row);

/* The pods that the load needs, milli, as the metrics API has them (autoscaler/README.md):
 * arrivals, and a tenth of what waits, a second, times service_time, or what that has become by the
 * CPU limit, over 70 % of a pod's slots;
 * -1: the row has none. */
int64_t cluster_demand(const struct cluster *c, const struct trace_row *row);

/* What the controller sees. The pods are the cluster's. */
struct hpa_observed cluster_observe(struct cluster *c, const struct trace_row *row);
