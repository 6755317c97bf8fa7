/* cli/slo_prometheus.c -- error budgets by the HTTP API of a Prometheus that scrapes the platform
 * with the labels of dashboards/prometheus.yaml. The series are those of the alerts. No state. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/slo_parts.h"
#include "http/url.h"
#include "json/json.h"

#define ANSWER_MAX (1 << 20)
#define QUERY_MAX 8192
#define URL_MAX 32768
#define SPENDERS "1000" /* of an objective, the largest first: shares are of their sum */
#define NAMED 10        /* of them */
#define BUDGET_WINDOW "30d"

static const char *const windows[] = { "1h", "6h", "3d", BUDGET_WINDOW };

struct asking {
    const struct slo_source *source;
    const struct alert_goals *goals;
    const char *ns, *platform;
    bool scraped; /* the gateway was seen, so that no answers are none, and not unknown */
    struct lp_error *err;
};

/* data.result of the answer; the caller's. */
static int read_answer(const struct lp_http_response *response, json_t **ret_result,
                       struct lp_error *err)
{
    json_auto_t *answer = NULL;
    struct lp_error why;

    int r = lp_json_parse(response->body.ptr, response->body.len, ANSWER_MAX, "its answer", &answer,
                          &why);
    const char *told = lp_json_str(answer, "error", NULL);
    if (response->status != 200)
        return lp_error_set(err, LP_E_UNAVAILABLE, "answered %d: %.200s", response->status,
                            told ? told : "no word of a Prometheus");
    if (r < 0)
        return lp_error_set(err, LP_E_INVALID, "%s", why.msg);
    json_t *result = lp_json_at(answer, "data", "result", NULL);
    if (!json_is_array(result))
        return lp_error_set(err, LP_E_INVALID, "its answer has no data.result: no Prometheus?");
    *ret_result = json_incref(result);
    return 0;
}

/* The vector that the query gives now; the caller's. */
static int ask(const struct asking *a, const struct lp_buf *query, json_t **ret_result)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    lp_auto_buf struct lp_buf url = LP_BUF_INIT(URL_MAX);
    const char *base = a->source->url;
    size_t n = strlen(base);

    while (n > 0 && base[n - 1] == '/')
        n--;
    lp_buf_add(&url, base, n);
    lp_buf_str(&url, "/api/v1/query");
    lp_url_query(&url, "query", query->ptr);
    const struct lp_http_request request = { .method = "GET", .url = url.ptr };
    int r = query->overflowed || url.overflowed
                ? lp_error_set(a->err, LP_E_TOO_LARGE, "the question has over %d bytes", QUERY_MAX)
                : lp_http_do(a->source->http, &request, &response, a->err);
    if (r == 0)
        r = read_answer(&response, ret_result, a->err);
    return r < 0 ? lp_error_wrap(a->err, "--prometheus %.*s", (int)n, base) : 0;
}

/* A sample's value; NaN where it has none that is a number. */
static double value_of(const json_t *sample)
{
    const json_t *value = json_array_get(json_object_get(sample, "value"), 1);
    const char *text = json_string_value(value);
    char *end = NULL;
    double number = text ? strtod(text, &end) : (double)NAN;

    return text && end != text && *end == '\0' && isfinite(number) ? number : (double)NAN;
}

static int ask_number(const struct asking *a, const struct lp_buf *query, double *ret)
{
    json_auto_t *result = NULL;

    int r = ask(a, query, &result);
    if (r == 0)
        *ret = value_of(json_array_get(result, 0));
    return r;
}

static void put_scope(const struct asking *a, struct lp_buf *q)
{
    lp_buf_printf(q, "namespace=\"%s\",platform=\"%s\",app=\"gateway\"", a->ns, a->platform);
}

static void put_increase(const struct asking *a, const char *metric, const char *more,
                         const char *window, struct lp_buf *q)
{
    lp_buf_printf(q, "(increase(%s{", metric);
    put_scope(a, q);
    lp_buf_printf(q, "%s}[%s]))", more, window);
}

/* Answers in the window. */
static void put_total(const struct asking *a, enum slo_objective o, const char *window,
                      struct lp_buf *q)
{
    lp_buf_str(q, "sum");
    put_increase(a, o == SLO_AVAILABILITY ? "lp_requests_total" : "lp_request_seconds_count", "",
                 window, q);
}

/* The share of them that is bad; nothing where there is none. */
static void put_bad(const struct asking *a, enum slo_objective o, const char *window,
                    struct lp_buf *q)
{
    if (o == SLO_AVAILABILITY) {
        lp_buf_str(q, "(sum");
        put_increase(a, "lp_requests_total", ",code=~\"5..\"", window, q);
        lp_buf_str(q, " or vector(0)) / ");
        put_total(a, o, window, q);
        return;
    }
    lp_buf_str(q, "1 - sum(");
    alerts_within(a->goals, a->ns, a->platform, "namespace, platform", window, q);
    lp_buf_str(q, ") / sum(rate(lp_request_seconds_count{");
    put_scope(a, q);
    lp_buf_printf(q, "}[%s]))", window);
}

static json_t *number_or_null(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

static int add_window(const struct asking *a, enum slo_objective o, const char *window,
                      json_t *objective)
{
    lp_auto_buf struct lp_buf total = LP_BUF_INIT(QUERY_MAX), bad = LP_BUF_INIT(QUERY_MAX);
    double answers = NAN, share = NAN;

    put_total(a, o, window, &total);
    put_bad(a, o, window, &bad);
    int r = ask_number(a, &total, &answers);
    if (r == 0 && answers > 0)
        r = ask_number(a, &bad, &share);
    if (r < 0)
        return r;
    if (a->scraped && !(answers > 0))
        answers = 0;
    double burn = share < 0 ? 0 : share / slo_allowed(a->goals, o);
    json_object_set_new(json_object_get(objective, "requests"), window, number_or_null(answers));
    if (strcmp(window, BUDGET_WINDOW) == 0)
        json_object_set_new(objective, "budgetLeft",
                            answers > 0 || !a->scraped ? number_or_null(1 - burn) : json_real(1));
    else
        json_object_set_new(json_object_get(objective, "burn"), window, number_or_null(burn));
    return 0;
}

/* Who spent it: bad answers of the window by route, and by code where that says more. */
static void put_spent(const struct asking *a, enum slo_objective o, struct lp_buf *q)
{
    lp_buf_str(q, "topk(" SPENDERS ", ");
    if (o == SLO_AVAILABILITY) {
        lp_buf_str(q, "sum by (route, code) ");
        put_increase(a, "lp_requests_total", ",code=~\"5..\"", BUDGET_WINDOW, q);
        lp_buf_str(q, " > 0)");
        return;
    }
    lp_buf_str(q, "sum by (route) ");
    put_increase(a, "lp_request_seconds_count", "", BUDGET_WINDOW, q);
    lp_buf_str(q, " - 2592000 * (");
    alerts_within(a->goals, a->ns, a->platform, "route", BUDGET_WINDOW, q);
    lp_buf_str(q, ") > 0)");
}

static int add_spenders(const struct asking *a, enum slo_objective o, json_t *list)
{
    lp_auto_buf struct lp_buf query = LP_BUF_INIT(QUERY_MAX);
    json_auto_t *result = NULL;
    const json_t *sample;
    double sum = 0;
    size_t i;

    put_spent(a, o, &query);
    int r = ask(a, &query, &result);
    if (r < 0)
        return r;
    json_array_foreach(result, i, sample) sum += value_of(sample) > 0 ? value_of(sample) : 0;
    json_array_foreach(result, i, sample)
    {
        const char *route = lp_json_str(sample, "metric", "route", NULL);
        double answers = value_of(sample);
        /* Less than one answer is what the share of a bucket leaves of rounding. */
        if (answers >= 0.5 && i < NAMED)
            json_array_append_new(list,
                                  lp_json_make("{s:s, s:s, s:s*, s:f, s:f}", "objective",
                                               slo_objectives[o], "route", route ? route : "?",
                                               "code", lp_json_str(sample, "metric", "code", NULL),
                                               "answers", answers, "share", answers / sum));
    }
    return 0;
}

/* The first time of 30 days at which the gateway was scraped, to 5 minutes: by a series that it has
 * before anybody asks. */
static int add_seen(const struct asking *a, json_t *row)
{
    lp_auto_buf struct lp_buf query = LP_BUF_INIT(QUERY_MAX);
    double seconds = NAN;

    lp_buf_str(&query, "time() - min_over_time(min(timestamp(lp_request_seconds_count{");
    put_scope(a, &query);
    lp_buf_str(&query, "}))[" BUDGET_WINDOW ":5m])");
    int r = ask_number(a, &query, &seconds);
    if (r == 0)
        json_object_set_new(row, "seenSeconds", number_or_null(seconds < 0 ? 0 : seconds));
    return r;
}

static int add_objective(const struct asking *a, enum slo_objective o, json_t *list)
{
    json_t *objective =
        lp_json_make("{s:s, s:f, s:n, s:{}, s:{}}", "objective", slo_objectives[o], "allowed",
                     slo_allowed(a->goals, o), "budgetLeft", "requests", "burn");
    int r = 0;

    json_array_append_new(list, objective);
    for (size_t i = 0; i < LP_COUNT(windows) && r == 0; i++)
        r = add_window(a, o, windows[i], objective);
    return r;
}

int slo_by_prometheus(const struct slo_source *source, const struct alert_goals *goals,
                      const char *ns, const char *platform, json_t *row, struct lp_error *err)
{
    struct asking a = {
        .source = source, .goals = goals, .ns = ns, .platform = platform, .err = err
    };

    int r = add_seen(&a, row);
    a.scraped = json_is_real(json_object_get(row, "seenSeconds"));
    for (int o = 0; o < N_SLO_OBJECTIVES && r == 0; o++)
        r = add_objective(&a, (enum slo_objective)o, json_object_get(row, "objectives"));
    for (int o = 0; o < N_SLO_OBJECTIVES && r == 0; o++)
        r = add_spenders(&a, (enum slo_objective)o, json_object_get(row, "spentBy"));
    return r;
}
