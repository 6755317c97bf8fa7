/* cli/slo_text.c -- the table of `kubectl lp slo`. No state. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/slo_parts.h"
#include "json/json.h"

#define BUDGET_DAYS 30

static void put_seen(double seconds, struct lp_buf *out)
{
    if (seconds < 7200)
        lp_buf_printf(out, "%.0f minutes", seconds / 60);
    else if (seconds < 172800)
        lp_buf_printf(out, "%.0f hours", seconds / 3600);
    else
        lp_buf_printf(out, "%.1f days", seconds / 86400);
}

static void put_source(const json_t *row, struct lp_buf *out)
{
    const json_t *seen = json_object_get(row, "seenSeconds");

    if (strcmp(lp_json_str(row, "source", NULL), "prometheus") != 0) {
        lp_buf_str(out, "the last 30 s, by the custom metrics API; a budget needs --prometheus");
    } else if (!json_is_real(seen)) {
        lp_buf_str(out, "Prometheus has nothing of its gateway in 30 days");
    } else {
        lp_buf_str(out, "by Prometheus, which has ");
        put_seen(json_real_value(seen), out);
        lp_buf_printf(out, " of the %d days", BUDGET_DAYS);
    }
}

/* `requests`: in the window that it is about. */
static void put_cell(const json_t *number, const json_t *requests, const char *unit, double factor,
                     struct lp_buf *out)
{
    lp_auto_buf struct lp_buf cell = LP_BUF_INIT(64);

    if (json_is_real(requests) && json_real_value(requests) <= 0)
        lp_buf_str(&cell, "no requests");
    else if (json_is_real(number))
        lp_buf_printf(&cell, "%.*f%s", *unit ? 1 : 2, factor * json_real_value(number), unit);
    else
        lp_buf_char(&cell, '-');
    lp_buf_printf(out, "  %-11s", cell.ptr);
}

static void put_objectives(const json_t *row, struct lp_buf *out)
{
    const json_t *objective, *first = json_array_get(json_object_get(row, "objectives"), 0);
    const char *window;
    json_t *burn;
    size_t i;

    lp_buf_str(out, "    OBJECTIVE     BUDGET LEFT");
    json_object_foreach(json_object_get(first, "burn"), window, burn)
        lp_buf_printf(out, "  BURN %-6s", window);
    while (out->len > 0 && out->ptr[out->len - 1] == ' ')
        out->ptr[--out->len] = '\0';
    lp_buf_char(out, '\n');
    json_array_foreach(json_object_get(row, "objectives"), i, objective)
    {
        lp_buf_printf(out, "    %-12s", lp_json_str(objective, "objective", NULL));
        put_cell(json_object_get(objective, "budgetLeft"), NULL, " %", 100, out);
        json_object_foreach(json_object_get(objective, "burn"), window, burn)
            put_cell(burn, lp_json_at(objective, "requests", window, NULL), "", 1, out);
        while (out->len > 0 && out->ptr[out->len - 1] == ' ')
            out->ptr[--out->len] = '\0';
        lp_buf_char(out, '\n');
    }
}

static void put_spender(const json_t *s, struct lp_buf *out)
{
    const char *objective = lp_json_str(s, "objective", NULL);
    const char *route = lp_json_str(s, "route", NULL), *code = lp_json_str(s, "code", NULL);
    const char *service = lp_json_str(s, "service", NULL);

    if (service)
        lp_buf_printf(out, "    now: %s answers %.2f errors a second\n", service,
                      json_number_value(json_object_get(s, "errorsPerSecond")));
    else
        lp_buf_printf(out, "    %s, spent by: %s%s%s, %.0f answers, %.0f %%\n", objective, route,
                      code ? " " : "", code ? code : "",
                      json_number_value(json_object_get(s, "answers")),
                      100 * json_number_value(json_object_get(s, "share")));
}

/* What has no column. */
static void put_now(const json_t *row, struct lp_buf *out)
{
    const json_t *rate = json_object_get(row, "requestsPerSecond"), *objective;
    size_t i;

    if (json_is_real(rate) && json_real_value(rate) <= 0)
        lp_buf_str(out, "    no request in the last 30 s\n");
    json_array_foreach(json_object_get(row, "objectives"), i, objective)
    {
        const json_t *p95 = json_object_get(objective, "p95Ms");
        int64_t goal = lp_json_int(0, row, "goals", "latencyP95Ms", NULL);
        if (json_is_real(p95))
            lp_buf_printf(out, "    now: p95 is %.0f ms, %s\n", json_real_value(p95),
                          json_real_value(p95) > (double)goal ? "over the goal" : "in time");
    }
}

void slo_text(const json_t *row, struct lp_buf *out)
{
    json_t *item;
    size_t i;

    lp_buf_printf(out, "%s/%s: %.6g %% no 5xx, 95 %% within %" PRId64 " ms%s; ",
                  lp_json_str(row, "namespace", NULL), lp_json_str(row, "name", NULL),
                  json_number_value(lp_json_at(row, "goals", "availabilityPercent", NULL)),
                  lp_json_int(0, row, "goals", "latencyP95Ms", NULL),
                  lp_json_bool(false, row, "defaultGoals", NULL) ? " (defaults)" : "");
    put_source(row, out);
    lp_buf_char(out, '\n');
    put_objectives(row, out);
    put_now(row, out);
    json_array_foreach(json_object_get(row, "spentBy"), i, item) put_spender(item, out);
    json_array_foreach(json_object_get(row, "missing"), i, item)
        lp_buf_printf(out, "    not known: %s\n", json_string_value(item));
}
