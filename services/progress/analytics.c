/* services/progress/analytics.c -- see the header. The table of names is searched by hash, then
 * place by place; it is never more than half full, and its names come from learners, so a search
 * has a bound and no more. */
#include "services/progress/analytics.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

#define PLACES 2048
#define QUARTER_S (ROLLUP_HOUR_MS / ROLLUP_QUARTERS / 1000)
#define DAY_S 86400
#define THURSDAY 3 /* 1970-01-01, Monday is 0 */
/* Days squared: what two times have that lie a bit less than an hour apart. */
#define LEAST_VARIANCE (1 / 49.0 / 49.0)

struct analytics {
    const struct zone *zone;
    int64_t origin_ms, offset_s, offset_from_s, offset_until_s;
    int64_t heat[7][24];
    uint8_t learners[SKETCH_REGISTERS];
    struct day_sums others;
    struct feedback feedback;
    size_t n;
    struct day_name names[ANALYTICS_TABLE];
    uint16_t places[PLACES]; /* index in `names` and 1; 0: free */
};

struct analytics *analytics_new(const struct zone *zone, int64_t origin_ms)
{
    struct analytics *a = lp_alloc(sizeof *a);
    a->zone = zone;
    a->origin_ms = origin_ms;
    a->offset_from_s = INT64_MAX;
    return a;
}

void analytics_free(struct analytics *a)
{
    free(a);
}

/* ---- days and hours ---- */

static int64_t offset_at(struct analytics *a, int64_t unix_s)
{
    if (unix_s < a->offset_from_s || unix_s >= a->offset_until_s) {
        a->offset_s = zone_offset(a->zone, unix_s, &a->offset_until_s);
        a->offset_from_s = unix_s;
    }
    return a->offset_s;
}

static void add_quarters(struct analytics *a, int64_t begin_ms, const int64_t *quarters, size_t n)
{
    for (size_t q = 0; q < n; q++) {
        int64_t at = begin_ms / 1000 + (int64_t)q * QUARTER_S;
        if (quarters[q] == 0)
            continue;
        int64_t local = at + offset_at(a, at);
        local = local > 0 ? local : 0; /* 1970-01-01 west of Greenwich */
        a->heat[(local / DAY_S + THURSDAY) % 7][local % DAY_S / 3600] += quarters[q];
    }
}

static struct day_sums *figures_of(struct analytics *a, const char *name)
{
    size_t at = lp_hash(name) % PLACES;

    for (; a->places[at]; at = (at + 1) % PLACES) {
        struct day_name *known = &a->names[a->places[at] - 1];
        if (strcmp(known->name, name) == 0)
            return &known->figures;
    }
    if (a->n == ANALYTICS_TABLE)
        return &a->others;
    struct day_name *added = &a->names[a->n++];
    memcpy(added->name, name, strlen(name) + 1);
    a->places[at] = (uint16_t)a->n;
    return &added->figures;
}

static double days_to(const struct analytics *a, int64_t at_ms)
{
    return (double)(at_ms - a->origin_ms) / (double)DAY_MS;
}

void analytics_add(struct analytics *a, const struct rollup *hour)
{
    double day = days_to(a, hour->hour_ms + ROLLUP_HOUR_MS / 2);

    add_quarters(a, hour->hour_ms, hour->quarters, ROLLUP_QUARTERS);
    sketch_merge(a->learners, hour->learners);
    feedback_merge(&a->feedback, &hour->feedback);
    day_sums_add(&a->others, &hour->others, day);
    for (size_t i = 0; i < hour->n_names; i++)
        day_sums_add(figures_of(a, hour->names[i].name), &hour->names[i].figures, day);
}

void analytics_add_day(struct analytics *a, const struct day *day)
{
    double shift = days_to(a, day->day_ms);

    add_quarters(a, day->day_ms, day->quarters, DAY_QUARTERS);
    sketch_merge(a->learners, day->learners);
    feedback_merge(&a->feedback, &day->feedback);
    day_sums_merge(&a->others, &day->others, shift);
    for (size_t i = 0; i < day->n_names; i++)
        day_sums_merge(figures_of(a, day->names[i].name), &day->names[i].figures, shift);
}

/* ---- the result ---- */

void analytics_finish(struct analytics *a)
{
    a->n = day_names_cut(a->names, a->n, ANALYTICS_NAMES, &a->others);
    feedback_sort(&a->feedback);
}

void analytics_result(const struct analytics *a, struct analytics_result *ret_result)
{
    *ret_result = (struct analytics_result){ .learners = sketch_count(a->learners),
                                             .n_names = a->n,
                                             .names = a->names,
                                             .others = a->others,
                                             .feedback = &a->feedback };
    memcpy(ret_result->heat, a->heat, sizeof a->heat);
    for (size_t day = 0; day < LP_COUNT(a->heat); day++)
        for (size_t hour = 0; hour < LP_COUNT(a->heat[0]); hour++)
            ret_result->activities += a->heat[day][hour];
}

bool analytics_trend(const struct day_sums *f, double *ret_trend)
{
    double n = (double)f->scored, spread = n * f->xx - f->x * f->x;

    if (f->scored < 2 || spread < n * n * LEAST_VARIANCE)
        return false;
    /* Two scores an hour apart have the variance (1/48)², so no rounding makes them one. */
    double trend = (n * f->xy - f->x * f->sum) / spread;
    if (!isfinite(trend))
        return false;
    *ret_trend = trend;
    return true;
}
