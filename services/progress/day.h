/* services/progress/day.h -- what all learners did in one day of UTC: its hours' sums put together,
 * so that GET analytics reads one document where it read 24. Pure.
 */
#pragma once

#include "services/progress/rollup.h"

#define DAY_MS 86400000LL
#define DAY_HOURS 24
#define DAY_QUARTERS 96
#define DAY_NAMES 100  /* activities with figures of their own in a document: the most frequent */
#define DAY_TABLE 1200 /* while hours are added: all that they can have */

/* Sums over (days, score): each score stands at the middle of its hour. */
struct day_sums {
    int64_t count, scored;
    double sum, x, xx, xy;
};

struct day_name {
    char name[ROLLUP_NAME + 1];
    struct day_sums figures;
};

struct day {
    int64_t day_ms; /* its begin, wall time, a whole day of UTC; sums count days from there */
    int64_t hours;  /* documents that it was put together from */
    int64_t quarters[DAY_QUARTERS];
    uint8_t learners[SKETCH_REGISTERS]; /* how many different ones */
    struct day_sums others;
    struct feedback feedback;
    size_t n_names, room;
    struct day_name names[];
};

/* The begin of the day that `at_ms` (1970 and later) lies in. */
int64_t day_begin(int64_t at_ms);

/* With room for so many names; lp_auto_free. */
struct day *day_new(int64_t day_ms, size_t room);

/* One of its hours; names that have no room count in `others`. */
void day_add(struct day *d, const struct rollup *hour);

/* After the last hour: the most frequent names first, all beyond DAY_NAMES in `others`. */
void day_finish(struct day *d);

/* ---- sums, for analytics.c too ---- */

/* What an hour adds whose middle lies `day` days after the begin of the sums. */
void day_sums_add(struct day_sums *s, const struct rollup_figures *hour, double day);

/* `more` began `shift` days after `into`. */
void day_sums_merge(struct day_sums *into, const struct day_sums *more, double shift);

/* The most frequent first, by name where they are even; from place `most` on they go into `others`,
 * and those that nobody did are left out. Returns how many there are then. */
size_t day_names_cut(struct day_name *names, size_t n, size_t most, struct day_sums *others);
