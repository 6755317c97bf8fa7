/* services/progress/analytics.h -- sums of days and hours put together: a heat map, how many
 * learners, means and trends of activities. Pure, but for the time zone.
 */
#pragma once

#include "base/zone.h"
#include "services/progress/day.h"

#define ANALYTICS_NAMES 100  /* of the most frequent activities in the answer */
#define ANALYTICS_TABLE 1000 /* that have figures of their own while they are added */
#define ANALYTICS_ERROR 0.13 /* standard error of the number of learners: base/sketch.h */

/* Opaque: some 200 kB. One thread at a time. */
struct analytics;

/* `zone` is borrowed and outlives it; days count from `origin_ms`, so that sums stay small. */
struct analytics *analytics_new(const struct zone *zone, int64_t origin_ms);
void analytics_free(struct analytics *a);

void analytics_add(struct analytics *a, const struct rollup *hour);
void analytics_add_day(struct analytics *a, const struct day *day);

/* After the last of them: puts the most frequent first, by name where they are even, and all beyond
 * ANALYTICS_NAMES into the others. */
void analytics_finish(struct analytics *a);

/* What there is then, borrowed from it. */
struct analytics_result {
    int64_t activities, learners;
    int64_t heat[7][24]; /* Monday first */
    size_t n_names;
    const struct day_name *names;
    struct day_sums others;
    const struct feedback *feedback; /* the most frequent category first */
};
void analytics_result(const struct analytics *a, struct analytics_result *ret_result);

/* Points per day; false under two scores, and where they lie within an hour. */
bool analytics_trend(const struct day_sums *f, double *ret_trend);
