/* services/progress/analytics.c -- see the header. The table of names is searched by hash, then
 * place by place; it is never more than half full, and its names come from learners, so a search
 * has a bound and no more. */
#include "services/progress/analytics.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

#define PLACES 2048
#define DAY_MS 86400000.0
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
    struct analytics_figures others;
    struct feedback feedback;
    size_t n;
    struct analytics_name names[ANALYTICS_TABLE];
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

/* ---- hours ---- */

static int64_t offset_at(struct analytics *a, int64_t unix_s)
{
    if (unix_s < a->offset_from_s || unix_s >= a->offset_until_s) {
        a->offset_s = zone_offset(a->zone, unix_s, &a->offset_until_s);
        a->offset_from_s = unix_s;
    }
    return a->offset_s;
}

static void add_quarters(struct analytics *a, const struct rollup *hour)
{
    for (size_t q = 0; q < ROLLUP_QUARTERS; q++) {
        int64_t at = hour->hour_ms / 1000 + (int64_t)q * QUARTER_S;
        if (hour->quarters[q] == 0)
            continue;
        int64_t local = at + offset_at(a, at);
        local = local > 0 ? local : 0; /* 1970-01-01 west of Greenwich */
        a->heat[(local / DAY_S + THURSDAY) % 7][local % DAY_S / 3600] += hour->quarters[q];
    }
}

static struct analytics_figures *figures_of(struct analytics *a, const char *name)
{
    size_t at = lp_hash(name) % PLACES;

    for (; a->places[at]; at = (at + 1) % PLACES) {
        struct analytics_name *known = &a->names[a->places[at] - 1];
        if (strcmp(known->name, name) == 0)
            return &known->figures;
    }
    if (a->n == ANALYTICS_TABLE)
        return &a->others;
    struct analytics_name *added = &a->names[a->n++];
    memcpy(added->name, name, strlen(name) + 1);
    a->places[at] = (uint16_t)a->n;
    return &added->figures;
}

static void add_figures(struct analytics_figures *f, const struct rollup_figures *more, double day)
{
    double n = (double)more->scored;

    f->count += more->count;
    f->scored += more->scored;
    f->sum += more->sum;
    f->x += n * day;
    f->xx += n * day * day;
    f->xy += day * more->sum;
}

void analytics_add(struct analytics *a, const struct rollup *hour)
{
    int64_t middle_ms = hour->hour_ms + ROLLUP_HOUR_MS / 2;
    double day = (double)(middle_ms - a->origin_ms) / DAY_MS;

    add_quarters(a, hour);
    sketch_merge(a->learners, hour->learners);
    feedback_merge(&a->feedback, &hour->feedback);
    add_figures(&a->others, &hour->others, day);
    for (size_t i = 0; i < hour->n_names; i++)
        add_figures(figures_of(a, hour->names[i].name), &hour->names[i].figures, day);
}

/* ---- the result ---- */

static int by_count(const void *left, const void *right)
{
    const struct analytics_name *l = left, *r = right;

    if (l->figures.count != r->figures.count)
        return l->figures.count > r->figures.count ? -1 : 1;
    return strcmp(l->name, r->name);
}

static void merge(struct analytics_figures *into, const struct analytics_figures *f)
{
    into->count += f->count;
    into->scored += f->scored;
    into->sum += f->sum;
    into->x += f->x;
    into->xx += f->xx;
    into->xy += f->xy;
}

void analytics_finish(struct analytics *a)
{
    qsort(a->names, a->n, sizeof *a->names, by_count);
    while (a->n > ANALYTICS_NAMES)
        merge(&a->others, &a->names[--a->n].figures);
    while (a->n > 0 && a->names[a->n - 1].figures.count == 0)
        a->n--;
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

bool analytics_trend(const struct analytics_figures *f, double *ret_trend)
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
