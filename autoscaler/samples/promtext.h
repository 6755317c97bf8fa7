/* autoscaler/samples/promtext.h -- what we want from a pod's /metrics page (Prometheus text,
 * 0.0.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sketch.h"

#define PROMTEXT_QUEUES 4      /* shared backlogs that one service may have */
#define PROMTEXT_QUEUE_NAME 48 /* bytes of a backlog's or upstream's name with its NUL */
#define PROMTEXT_UPSTREAMS 40  /* that one may wait for: GATEWAY_MAX_UPSTREAMS of the gateway */
#define PROMTEXT_BUCKETS 14    /* as many as lp_metrics_seconds has */

/* Depths in thousandths, rounded up. All numbers 0 and more. */
struct promtext_page {
    int64_t waiting, in_flight;
    /* Requests, requests that were turned away, of these the ones that had waited in vain, and the
     * answers counted by `buckets`: all rising until the pod restarts. */
    double requests, rejected, busy, late, answers, seconds;
    double errors;                    /* of `requests`, those that were answered by a code of 5xx */
    double buckets[PROMTEXT_BUCKETS]; /* answers that took at most lp_metrics_seconds[i] */
    int64_t slots;                    /* requests that can be under work at once */
    bool has_load;                    /* slots and all counters but `rejected` are on the page */
    bool uncoded;                     /* requests are counted without the code of their answer */
    unsigned n_queues, n_upstreams, n_circuits;
    struct promtext_queue {
        char name[PROMTEXT_QUEUE_NAME];
        int64_t depth;
    } queues[PROMTEXT_QUEUES];
    /* Of `in_flight`, those that wait for another service, no load of this one; and calls that no
     * request waits for. */
    struct promtext_queue upstreams[PROMTEXT_UPSTREAMS];
    struct promtext_queue circuits[PROMTEXT_UPSTREAMS]; /* workers that leave an upstream alone */
    int64_t awaiting;                                   /* of all upstreams */
    bool has_awaiting;                                  /* the page has that metric */
    bool has_sketch;
    uint8_t sketch[SKETCH_REGISTERS]; /* of the learners that were active */
};

/*
 * Reads lp_requests_waiting and lp_requests_in_flight, lp_request_slots, lp_requests_total,
 * lp_requests_rejected_total, lp_request_seconds (several series of one are added up),
 * lp_requests_awaiting_upstream{upstream}, lp_calls_awaiting_upstream{upstream},
 * lp_circuits_open{upstream}, lp_backlog{queue} and lp_learners_sketch{register}, whose registers
 * that we do not know are left out. LP_E_INVALID where one of the first two is missing, a number of
 * these is NaN, infinite, negative or over 9.2e12, a line of theirs is malformed, or there are more
 * than PROMTEXT_QUEUES backlogs or PROMTEXT_UPSTREAMS upstreams: a page that is half right is not
 * taken. Lines of other metrics are not looked at, and of lp_request_seconds only buckets whose
 * bounds are our own.
 */
LP_MUST_USE int promtext_parse(const char *bytes, size_t len, struct promtext_page *ret_page,
                               struct lp_error *err);

/* Requests under work that wait for nobody else, in thousandths. */
static inline int64_t promtext_own(const struct promtext_page *page)
{
    return page->in_flight > page->awaiting ? page->in_flight - page->awaiting : 0;
}
