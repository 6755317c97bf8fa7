/* autoscaler/samples/samples_load.h -- how busy pods are, from what their counters grow by. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/samples/promtext.h"

#define LOAD_SMOOTHING_S 5.0  /* time constant of the exponentially weighted means */
#define LOAD_UTILIZATION 0.70 /* of its slots that a pod is meant to have busy */
#define LOAD_DRAIN_S 10.0     /* in which those who wait now are to be served */
#define LATENCY_WINDOW_S 30   /* that a percentile looks back over, at least 25 */
#define LATENCY_SLOTS 6

/*
 * One pod. The counters are those of its last page, kept short: only differences count, modulo
 * 2^32. `rated` once there were two pages of one life of its process; the means are per second,
 * `waiting` and `in_flight` mean depths.
 */
struct load {
    int64_t at_ms; /* of the counters; 0: none */
    double requests, seconds;
    uint32_t rejected, busy, late, errors, answers, buckets[PROMTEXT_BUCKETS];
    float slots, queued; /* of the last page; `queued` waits for a slot */
    float arrivals, failed, offered, served, work, waiting, in_flight; /* failed: by 5xx */
    bool rated;
    bool uncoded; /* `failed` is not known */
    bool awaits;  /* `in_flight` is without those that wait for another service, `work` with them */
};

/* The answers of a service's pods by duration, in slots of time; `newest` is the number of the last
 * one written. */
struct latency {
    int64_t newest;
    uint32_t counts[LATENCY_SLOTS][PROMTEXT_BUCKETS + 1]; /* the last: all */
};

/* A page of the pod whose load it is: into the pod's means and the service's window (NULL: none). A
 * counter that fell is one of a new process, and counts from 0. */
void load_take(struct load *l, struct latency *w, const struct promtext_page *page, int64_t now_ms);

/* Of several pods. */
struct load_sum {
    unsigned pods, saturated;
    bool awaits, uncoded; /* one of them is that */
    double arrivals, failed, offered, served, work, waiting, in_flight, slots, queued;
};

/* As if there were `share` of it more; pods and their slots stay. */
void load_stretch(struct load_sum *sum, double share);

/* `saturated`: the pod does not answer in time, and counts as one whose slots are all busy. */
void load_add(struct load_sum *sum, const struct load *l, bool saturated);

/*
 * The pods that the load needs, by Little's law: (rate * S + waiting * S / LOAD_DRAIN_S) busy slots
 * over (slots per pod * LOAD_UTILIZATION). The rate includes requests that were turned away for
 * want of room. S is the time that a request holds a slot: mean duration of an answer, or, where
 * requests wait for a slot or for another service, busy slots over the rate of answers, which
 * leaves the waiting out.
 */
double load_demand(const struct load_sum *sum);

/* What is made of pages that say anything: whole, and at most LOAD_MOST, as HPAs read quantities.
 */
#define LOAD_MOST INT64_C(9200000000000000)
int64_t load_number(double value);

/* S of load_demand; 0: nothing was served. */
double load_service_s(const struct load_sum *sum);

/* Seconds that a request which comes now waits for a slot: those who wait, each with the time S of
 * load_demand, over all slots. -1: somebody waits, and nothing was served that S could be made of.
 */
double load_wait_s(const struct load_sum *sum);

/* What `share` (over 0, up to 1) of the answers in the window took at most, in milliseconds, linear
 * within a bucket; false where nothing was answered. Over the last bound: that bound. Answers that
 * turned a request away at once are left out. */
bool latency_quantile(const struct latency *w, double share, int64_t now_ms, double *ret_ms);
