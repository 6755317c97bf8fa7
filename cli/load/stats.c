/* cli/load/stats.c -- see stats.h. */
#include "cli/load/stats.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

void stats_add(struct stats *s, unsigned i, uint64_t us, int curl_code, int status, bool expected,
               bool good)
{
    struct stats_route *r = &s->routes[i];

    histogram_add(&r->time, us);
    histogram_add(&s->all.time, us);
    histogram_add(&s->recent, us);
    if (curl_code > 0 && curl_code < STATS_CURL_CODES) {
        r->no_answer[curl_code]++;
    } else if (status > 0 && status < STATS_STATUSES) {
        r->status[status]++;
        r->failed_status[status] += !expected;
    }
    if (good)
        return;
    r->failed++;
    s->all.failed++;
    s->recent_failed++;
    r->wrong += curl_code == 0 && expected;
}

unsigned stats_route(struct stats *s, const char *name)
{
    unsigned i = 0;

    while (i < s->n && strcmp(s->routes[i].name, name) != 0)
        i++;
    if (i == STATS_ROUTES)
        abort(); /* a scenario has no more */
    if (i == s->n)
        s->routes[s->n++].name = name;
    return i;
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

static json_t *duration_values(const struct histogram *h)
{
    return lp_json_make("{s:f, s:f, s:f, s:f, s:f, s:f, s:I}", "avg", histogram_mean_ms(h), "min",
                        (double)h->min_us / 1000, "med", histogram_ms(h, 50), "p(95)",
                        histogram_ms(h, 95), "p(99)", histogram_ms(h, 99), "max",
                        (double)h->max_us / 1000, "count", (json_int_t)h->count);
}

static json_t *statuses_of(const struct stats_route *r)
{
    json_t *codes = json_object();
    char key[32];

    for (int i = 0; i < STATS_STATUSES; i++) {
        snprintf(key, sizeof key, "%d", i);
        if (r->status[i] > 0)
            json_object_set_new(codes, key, json_integer(r->status[i]));
    }
    return codes;
}

static json_t *causes_of(const struct stats_route *r)
{
    json_t *causes = json_object();
    char key[32];

    for (int i = 0; i < STATS_STATUSES; i++) {
        snprintf(key, sizeof key, "status %d", i);
        if (r->failed_status[i] > 0)
            json_object_set_new(causes, key, json_integer(r->failed_status[i]));
    }
    for (int i = 0; i < STATS_CURL_CODES; i++)
        if (r->no_answer[i] > 0)
            json_object_set_new(causes, curl_easy_strerror((CURLcode)i),
                                json_integer(r->no_answer[i]));
    if (r->wrong > 0)
        json_object_set_new(causes, "wrong answer", json_integer((json_int_t)r->wrong));
    return causes;
}

json_t *stats_summary(const struct stats *s)
{
    json_t *metrics = json_object(), *causes = json_object(), *statuses = json_object();
    const struct stats_route *all = &s->all;

    for (unsigned i = 0; i < s->n; i++) {
        const struct stats_route *r = &s->routes[i];
        put_values(metrics, "http_req_duration", r->name, duration_values(&r->time));
        put_values(metrics, "http_req_failed", r->name, failed_values(r->failed, r->time.count));
        json_object_set_new(causes, r->name, causes_of(r));
        json_object_set_new(statuses, r->name, statuses_of(r));
    }
    put_values(metrics, "http_reqs", NULL,
               lp_json_make("{s:I}", "count", (json_int_t)all->time.count));
    put_values(metrics, "http_req_failed", NULL, failed_values(all->failed, all->time.count));
    put_values(metrics, "http_req_duration", NULL, duration_values(&all->time));
    put_values(metrics, "iterations", NULL,
               lp_json_make("{s:I}", "count", (json_int_t)s->iterations));
    return lp_json_make("{s:o, s:o, s:o, s:{s:f, s:f, s:f}, s:I, s:f, s:f}", "metrics", metrics,
                        "causes", causes, "status", statuses, "clock", "p50",
                        histogram_ms(&s->clock, 50), "p99", histogram_ms(&s->clock, 99), "max",
                        (double)s->clock.max_us / 1000, "notStarted", (json_int_t)s->not_started,
                        "seconds", s->seconds, "cpuSeconds", s->cpu_seconds);
}

static void causes_line(const struct stats_route *r, struct lp_buf *out)
{
    json_auto_t *causes = causes_of(r);
    const char *key;
    json_t *value;

    json_object_foreach(causes, key, value)
        lp_buf_printf(out, "  %" JSON_INTEGER_FORMAT " of %s failed: %s\n",
                      json_integer_value(value), r->name, key);
}

static double failed_percent(uint64_t failed, uint64_t count)
{
    return count ? 100.0 * (double)failed / (double)count : 0.0;
}

void stats_table(const struct stats *s, struct lp_buf *out)
{
    lp_buf_printf(out, "  %-16s%10s%12s%12s%12s%12s  FAILED\n", "ROUTE", "REQUESTS", "P50 ms",
                  "P95 ms", "P99 ms", "MAX ms");
    for (unsigned i = 0; i < s->n; i++) {
        const struct stats_route *r = &s->routes[i];
        lp_buf_printf(out, "  %-16s%10" PRIu64 "%12.1f%12.1f%12.1f%12.1f  %" PRIu64 "\n", r->name,
                      r->time.count, histogram_ms(&r->time, 50), histogram_ms(&r->time, 95),
                      histogram_ms(&r->time, 99), (double)r->time.max_us / 1000, r->failed);
    }
    lp_buf_printf(out,
                  "  %" PRIu64 " rounds were completed, %" PRIu64
                  " requests in %.1f s; %.2f %% of them failed\n",
                  s->iterations, s->all.time.count, s->seconds,
                  failed_percent(s->all.failed, s->all.time.count));
    if (s->not_started > 0)
        lp_buf_printf(
            out,
            "  %" PRIu64
            " rounds arrived and never began, and are in no figure: no learner was free\n",
            s->not_started);
    lp_buf_printf(
        out,
        "  the loader began 99 of 100 rounds at most %.2f ms late (the latest %.1f ms) and "
        "took %.2f s of CPU\n",
        histogram_ms(&s->clock, 99), (double)s->clock.max_us / 1000, s->cpu_seconds);
    for (unsigned i = 0; i < s->n; i++)
        causes_line(&s->routes[i], out);
}

void stats_progress(struct stats *s, double at, double seconds, int64_t busy, struct lp_buf *out)
{
    const struct histogram *h = &s->recent;

    if (h->count == 0) {
        lp_buf_printf(out, "%.0f s: no request ended, %" PRId64 " under way\n", at, busy);
        return;
    }
    lp_buf_printf(out,
                  "%.0f s: %.0f requests/s, p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, %.2f %% failed, "
                  "%" PRId64 " under way\n",
                  at, seconds > 0 ? (double)h->count / seconds : 0.0, histogram_ms(h, 50),
                  histogram_ms(h, 95), histogram_ms(h, 99),
                  failed_percent(s->recent_failed, h->count), busy);
    s->recent = (struct histogram){ 0 };
    s->recent_failed = 0;
}
