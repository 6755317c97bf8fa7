/* cli/simulate_series.h -- what a simulation keeps over time: pods and waits in slots, and how many
 * requests waited how long. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_POINTS 600
#define WAIT_MOST_MS 100000 /* longer waits are one of them */
#define WAIT_BUCKETS 2801   /* up to 1 s by 1 ms, to 10 s by 10 ms, to 100 s by 100 ms, the rest */

/* A slot of time. Worst: the longest wait, the most that waits; -1: not known. */
struct series_point {
    int64_t at_ms;
    int32_t pods, ready;          /* the most pods, the least ready */
    int64_t wait_ms, queue, rate; /* milliseconds; milli; milli a second, of the last */
};

struct series {
    struct series_point points[SERIES_POINTS];
    size_t n;
    int64_t from_ms, step_ms;
};

/* Slots of equal length, at least a second, from from_ms to until_ms. */
void series_init(struct series *s, int64_t from_ms, int64_t until_ms);
/* Into the slot of point->at_ms, which never goes back. */
void series_add(struct series *s, const struct series_point *point);

/* Requests by how long they waited, in millionths of a request; and minutes in which over a
 * twentieth of those that came waited longer than the target. */
struct waits {
    int64_t counts[WAIT_BUCKETS], total, most_ms;
    int64_t minute, minute_all, minute_late, minutes_over, target_ms;
};

/* `requests` that came at at_ms, which never goes back, and waited wait_ms (INT64_MAX: no end). */
void waits_add(struct waits *w, int64_t at_ms, int64_t wait_ms, int64_t requests);
/* After the last. */
void waits_end(struct waits *w);

/* What `permille` of them did not wait longer than, in ms; WAIT_MOST_MS + 1: over that; -1: nobody
 * came. */
int64_t waits_percentile(const struct waits *w, int64_t permille);
