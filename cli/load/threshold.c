/* cli/load/threshold.c -- see threshold.h. */
#include "cli/load/threshold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int fail(const char *text, const char *why, struct lp_error *err)
{
    return lp_error_set(err, LP_E_INVALID, "--fail-if: \"%.100s\": %s", text, why);
}

/* A plain decimal number (no sign, no exponent) at `text`; NULL where there is none. */
static const char *read_decimal(const char *text, double *ret)
{
    size_t n = strspn(text, "0123456789.");
    char copy[24], *end;

    if (n == 0 || n >= sizeof copy)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = '\0';
    *ret = strtod(copy, &end);
    return *end == '\0' ? text + n : NULL;
}

static bool read_metric(const char *name, size_t n, struct threshold *t)
{
    static const struct {
        const char *name;
        enum threshold_metric metric;
    } metrics[] = { { "mean", THRESHOLD_MEAN },
                    { "max", THRESHOLD_MAX },
                    { "errors", THRESHOLD_ERRORS },
                    { "count", THRESHOLD_COUNT },
                    { "clock", THRESHOLD_CLOCK } };

    for (size_t i = 0; i < LP_COUNT(metrics); i++) {
        if (strlen(metrics[i].name) == n && strncmp(name, metrics[i].name, n) == 0) {
            t->metric = metrics[i].metric;
            return true;
        }
    }
    t->metric = THRESHOLD_PERCENTILE;
    return n > 1 && *name == 'p' && read_decimal(name + 1, &t->percent) == name + n &&
           t->percent <= 100;
}

/* What stands behind the number, and what it makes of the number. */
static bool read_unit(const char *unit, struct threshold *t)
{
    switch (t->metric) {
    case THRESHOLD_ERRORS:
        return strcmp(unit, "%") == 0 && t->limit <= 100;
    case THRESHOLD_COUNT:
        return *unit == '\0';
    default:
        if (strcmp(unit, "s") == 0)
            t->limit *= 1000;
        return strcmp(unit, "s") == 0 || strcmp(unit, "ms") == 0;
    }
}

int threshold_parse(const char *text, struct threshold *ret, struct lp_error *err)
{
    const char *sign = strpbrk(text, "<>"), *colon = strchr(text, ':'), *from = text;
    struct threshold t = { .text = text };

    if (!sign)
        return fail(text, "must have > or <, as in p95>300ms", err);
    if (colon && colon < sign) {
        if (colon == text || (size_t)(colon - text) >= sizeof t.route)
            return fail(text, "the route before \":\" must have 1..47 bytes", err);
        snprintf(t.route, sizeof t.route, "%.*s", (int)(colon - text), text);
        from = colon + 1;
    }
    if (!read_metric(from, (size_t)(sign - from), &t))
        return fail(text, "the metric must be p0..p100, mean, max, errors, count or clock", err);
    if (t.metric == THRESHOLD_CLOCK && *t.route)
        return fail(text, "clock is of the whole run, not of a route", err);
    t.below = *sign == '<';
    const char *unit = read_decimal(sign + 1, &t.limit);
    if (!unit || !read_unit(unit, &t))
        return fail(text,
                    "the limit must be a number with ms or s, of errors 0..100 with %, of count "
                    "without a unit",
                    err);
    *ret = t;
    return 0;
}

static const struct stats_route *route_of(const struct threshold *t, const struct stats *stats)
{
    if (!*t->route)
        return &stats->all;
    for (unsigned i = 0; i < stats->n; i++)
        if (strcmp(stats->routes[i].name, t->route) == 0)
            return &stats->routes[i];
    return NULL;
}

int threshold_check_route(const struct threshold *t, const struct stats *stats,
                          struct lp_error *err)
{
    lp_auto_buf struct lp_buf names = LP_BUF_INIT(256);

    if (route_of(t, stats))
        return 0;
    for (unsigned i = 0; i < stats->n; i++)
        lp_buf_printf(&names, "%s%s", i ? ", " : "", stats->routes[i].name);
    return lp_error_set(err, LP_E_INVALID,
                        "--fail-if: \"%.100s\": the route must be one of the scenario's: %s",
                        t->text, names.ptr);
}

static double value_of(const struct threshold *t, const struct stats *stats,
                       const struct stats_route *r)
{
    switch (t->metric) {
    case THRESHOLD_PERCENTILE:
        return histogram_ms(&r->time, t->percent);
    case THRESHOLD_MEAN:
        return histogram_mean_ms(&r->time);
    case THRESHOLD_MAX:
        return (double)r->time.max_us / 1000;
    case THRESHOLD_ERRORS:
        return r->time.count ? 100 * (double)r->failed / (double)r->time.count : 0;
    case THRESHOLD_COUNT:
        return (double)r->time.count;
    case THRESHOLD_CLOCK:
        return histogram_ms(&stats->clock, 99);
    }
    return 0;
}

bool threshold_measured(const struct threshold *t, const struct stats *stats)
{
    const struct stats_route *r = route_of(t, stats);

    return t->metric == THRESHOLD_COUNT || t->metric == THRESHOLD_CLOCK || (r && r->time.count > 0);
}

bool threshold_fails(const struct threshold *t, const struct stats *stats, double *ret_value)
{
    const struct stats_route *r = route_of(t, stats);

    if (!r)
        return false;
    *ret_value = value_of(t, stats, r);
    if (!threshold_measured(t, stats))
        return true;
    return t->below ? *ret_value < t->limit : *ret_value > t->limit;
}

const char *threshold_unit(const struct threshold *t)
{
    return t->metric == THRESHOLD_ERRORS ? "%" : t->metric == THRESHOLD_COUNT ? "requests" : "ms";
}
