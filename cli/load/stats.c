/* cli/load/stats.c -- see stats.h. */
#include "cli/load/stats.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>

#include "json/json.h"

/* 64 buckets for each doubling: below 64 us each value has its own. */
static unsigned bucket_of(uint64_t us)
{
    if (us < 64)
        return (unsigned)us;
    unsigned shift = 57U - (unsigned)__builtin_clzll(us);
    unsigned i = (shift + 1) * 64 + (unsigned)(us >> shift) - 64;
    return i < STATS_BUCKETS ? i : STATS_BUCKETS - 1;
}

/* The greatest value of a bucket. */
static uint64_t bucket_top(unsigned i)
{
    if (i < 64)
        return i;
    unsigned shift = i / 64 - 1;
    return ((uint64_t)(i % 64 + 65) << shift) - 1;
}

void stats_add(struct stats_route *r, uint64_t us, int curl_code, int status, bool good)
{
    r->min_us = r->count == 0 || us < r->min_us ? us : r->min_us;
    r->max_us = us > r->max_us ? us : r->max_us;
    r->sum_us += us;
    r->count++;
    r->buckets[bucket_of(us)]++;
    if (curl_code > 0 && curl_code < STATS_CURL_CODES)
        r->no_answer[curl_code]++;
    else if (status > 0 && status < STATS_STATUSES)
        r->status[status]++;
    if (good)
        return;
    r->failed++;
    r->wrong += curl_code == 0 && status == 200;
}

double stats_percentile_ms(const struct stats_route *r, double percent)
{
    uint64_t rank = (uint64_t)(percent / 100 * (double)r->count + 0.999999), seen = 0;

    if (r->count == 0)
        return 0;
    for (unsigned i = 0; i < STATS_BUCKETS; i++) {
        seen += r->buckets[i];
        if (seen >= rank && seen > 0) {
            uint64_t us = bucket_top(i);
            return (double)(us < r->max_us ? us : r->max_us) / 1000;
        }
    }
    return (double)r->max_us / 1000;
}

static void put_values(json_t *metrics, const char *kind, const char *route, json_t *values)
{
    char key[96];

    snprintf(key, sizeof key, route ? "%s{name:%s}" : "%s", kind, route);
    json_object_set_new(metrics, key, lp_json_make("{s:o}", "values", values));
}

static json_t *failed_values(uint64_t failed, uint64_t count)
{
    return lp_json_make("{s:f, s:I, s:I}", "rate", count ? (double)failed / (double)count : 0.0,
                        "passes", (json_int_t)failed, "fails", (json_int_t)(count - failed));
}

static json_t *duration_values(const struct stats_route *r)
{
    double mean = r->count ? (double)r->sum_us / (double)r->count / 1000 : 0;

    return lp_json_make("{s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "avg", mean, "min",
                        (double)r->min_us / 1000, "med", stats_percentile_ms(r, 50), "p(95)",
                        stats_percentile_ms(r, 95), "p(99)", stats_percentile_ms(r, 99), "max",
                        (double)r->max_us / 1000, "count", (json_int_t)r->count);
}

static json_t *causes_of(const struct stats_route *r)
{
    json_t *causes = json_object();
    char key[32];

    for (int i = 0; i < STATS_STATUSES; i++) {
        snprintf(key, sizeof key, "status %d", i);
        if (r->status[i] > 0 && i != 200)
            json_object_set_new(causes, key, json_integer(r->status[i]));
    }
    for (int i = 0; i < STATS_CURL_CODES; i++)
        if (r->no_answer[i] > 0)
            json_object_set_new(causes, curl_easy_strerror((CURLcode)i),
                                json_integer(r->no_answer[i]));
    if (r->wrong > 0)
        json_object_set_new(causes, "status 200, wrong answer", json_integer((json_int_t)r->wrong));
    return causes;
}

json_t *stats_summary(const struct stats_route *routes, unsigned n, uint64_t iterations)
{
    json_t *metrics = json_object(), *causes = json_object();
    uint64_t count = 0, failed = 0;

    for (unsigned i = 0; i < n; i++) {
        count += routes[i].count;
        failed += routes[i].failed;
        put_values(metrics, "http_req_duration", routes[i].name, duration_values(&routes[i]));
        put_values(metrics, "http_req_failed", routes[i].name,
                   failed_values(routes[i].failed, routes[i].count));
        json_object_set_new(causes, routes[i].name, causes_of(&routes[i]));
    }
    put_values(metrics, "http_reqs", NULL, lp_json_make("{s:I}", "count", (json_int_t)count));
    put_values(metrics, "http_req_failed", NULL, failed_values(failed, count));
    put_values(metrics, "iterations", NULL, lp_json_make("{s:I}", "count", (json_int_t)iterations));
    return lp_json_make("{s:o, s:o}", "metrics", metrics, "causes", causes);
}

static void causes_line(const struct stats_route *r, struct lp_buf *out)
{
    json_auto_t *causes = causes_of(r);
    const char *key;
    json_t *value;

    json_object_foreach(causes, key, value) lp_buf_printf(
        out, "  %s: %s, %" JSON_INTEGER_FORMAT "\n", r->name, key, json_integer_value(value));
}

void stats_table(const struct stats_route *routes, unsigned n, uint64_t iterations, double seconds,
                 struct lp_buf *out)
{
    uint64_t count = 0, failed = 0;

    lp_buf_printf(out, "  %-16s%10s%12s%12s%12s%12s  FAILED\n", "ROUTE", "REQUESTS", "P50 ms",
                  "P95 ms", "P99 ms", "MAX ms");
    for (unsigned i = 0; i < n; i++) {
        const struct stats_route *r = &routes[i];
        lp_buf_printf(out, "  %-16s%10" PRIu64 "%12.1f%12.1f%12.1f%12.1f  %" PRIu64 "\n", r->name,
                      r->count, stats_percentile_ms(r, 50), stats_percentile_ms(r, 95),
                      stats_percentile_ms(r, 99), (double)r->max_us / 1000, r->failed);
        count += r->count;
        failed += r->failed;
    }
    lp_buf_printf(
        out, "  %" PRIu64 " requests in %.1f s, %" PRIu64 " rounds of a learner, %.2f %% failed\n",
        count, seconds, iterations, count ? 100.0 * (double)failed / (double)count : 0.0);
    for (unsigned i = 0; i < n; i++)
        causes_line(&routes[i], out);
}
