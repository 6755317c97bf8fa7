/* test/unit/test_cli_slo.c -- kubectl lp slo, against a fake API server that is a Prometheus too.
 */
#include "cli/slo.h"

#include <string.h>

#include "cli/options.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "kube/client.h"
#include "platform/alerts.h"
#include "unit/check.h"

#define WITH_SLO                                                                       \
    "{\"metadata\": {\"name\": \"english\", \"namespace\": \"school\"}, \"spec\": "    \
    "{\"monitoring\": {\"slo\": {\"availability\": \"99.95\", \"latency\": {\"p95\": " \
    "\"180ms\"}}}}, \"status\": {\"services\": [{\"name\": \"gateway\"}, {\"name\": "  \
    "\"progress\"}]}}"
#define WITHOUT_SLO                                                                   \
    "{\"metadata\": {\"name\": \"english\", \"namespace\": \"school\"}, \"status\": " \
    "{\"services\": [{\"name\": \"gateway\"}, {\"name\": \"progress\"}]}}"
#define GET_PLATFORM "GET /apis/learningplatform.io/"
#define VECTOR(samples) \
    "{\"status\": \"success\", \"data\": {\"resultType\": \"vector\", \"result\": [" samples "]}}"
#define NUMBER(n) VECTOR("{\"metric\": {}, \"value\": [1, \"" n "\"]}")
#define QUERY "GET /mine/api/v1/query?query="
#define METRICS "GET /apis/custom.metrics.k8s.io/v1beta2/namespaces/school/services/*/"
#define METRIC(name, gateway, progress)                                                       \
    {                                                                                         \
        .match = METRICS name, .status = 200,                                                 \
        .body = "{\"items\": [{\"describedObject\": {\"name\": \"english-gateway\"}, "        \
                "\"value\": \"" gateway "\"}, {\"describedObject\": {\"name\": "              \
                "\"english-progress\"}, \"value\": \"" progress "\"}, {\"describedObject\": " \
                "{\"name\": \"english-2-progress\"}, \"value\": \"7\"}]}"                     \
    }

struct told {
    int result;
    bool used_up;
    struct lp_error err;
    struct lp_buf text, requests;
};

/* What the command says where the servers answer so. */
static void run(const struct fake_answer *answers, bool prometheus, enum cli_format format,
                struct told *ret)
{
    struct fake_kube *fake = fake_kube_start(answers);
    lp_auto_free char *url = lp_sprintf("%s/mine/", fake_kube_url(fake));
    struct cli_options o = { .command = "slo",
                             .name = "english",
                             .format = format,
                             .request_timeout_ms = 10000,
                             .prometheus = prometheus ? url : NULL };
    struct lp_kube_client_options options = { .user_agent = "test" };
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct lp_kube_client *client = NULL;

    *ret = (struct told){ .text = LP_BUF_INIT(100000), .requests = LP_BUF_INIT(1000000) };
    assert_int_equal(lp_kube_client_new(config, &options, &client, &ret->err), 0);
    ret->result = slo_platforms(client, &o, "school", NULL, &ret->text, &ret->used_up, &ret->err);
    fake_kube_requests(fake, &ret->requests);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    fake_kube_stop(fake);
}

static void told_done(struct told *t)
{
    lp_buf_done(&t->text);
    lp_buf_done(&t->requests);
}

/* 1,000 answers in each window; 2 of 1,000 were errors in an hour, 0.25 in the month. */
static const struct fake_answer of_a_month[] = {
    { .match = GET_PLATFORM, .status = 200, .body = WITH_SLO },
    { .match = QUERY "time%28%29", .status = 200, .body = NUMBER("10800") },
    { .match = QUERY "topk%281000%2C%20sum%20by%20%28route%2C%20code%29",
      .status = 200,
      .body = VECTOR("{\"metric\": {\"route\": \"auth\", \"code\": \"503\"}, \"value\": [1, "
                     "\"30\"]}, {\"metric\": {\"route\": \"progress\", \"code\": \"500\"}, "
                     "\"value\": [1, \"10\"]}") },
    { .match = QUERY "topk%281000%2C%20sum%20by%20%28route%29",
      .status = 200,
      .body = VECTOR("{\"metric\": {\"route\": \"ai\"}, \"value\": [1, \"5.2\"]}, {\"metric\": "
                     "{\"route\": \"auth\"}, \"value\": [1, \"0.0001\"]}") },
    { .match = QUERY "sum%28increase", .status = 200, .body = NUMBER("1000") },
    { .match = QUERY "%28sum", .status = 200, .body = NUMBER("0.002"), .times = 1 },
    { .match = QUERY "%28sum", .status = 200, .body = NUMBER("0.001"), .times = 2 },
    { .match = QUERY "%28sum", .status = 200, .body = NUMBER("0.00025") },
    { .match = QUERY "1%20-%20sum", .status = 200, .body = NUMBER("-0.0000001"), .times = 3 },
    { .match = QUERY "1%20-%20sum", .status = 200, .body = NUMBER("0.06") },
    FAKE_END,
};

static void a_budget_is_told_with_its_burn_rates_and_who_spent_it(void **state)
{
    struct told t;
    (void)state;
    run(of_a_month, true, CLI_TABLE, &t);
    assert_int_equal(t.result, 0);
    assert_string_equal(
        t.text.ptr,
        "school/english: 99.95 % no 5xx, 95 % within 180 ms; by Prometheus, which has 3 hours of "
        "the 30 days\n"
        "    OBJECTIVE     BUDGET LEFT  BURN 1h      BURN 6h      BURN 3d\n"
        "    availability  50.0 %       4.00         2.00         2.00\n"
        "    latency       -20.0 %      0.00         0.00         0.00\n"
        "    availability, spent by: auth 503, 30 answers, 75 %\n"
        "    availability, spent by: progress 500, 10 answers, 25 %\n"
        "    latency, spent by: ai, 5 answers, 100 %\n");
    assert_true(t.used_up); /* that of latency */
    /* One platform's series alone, and the goal of the CR: 180 ms is between two buckets. */
    assert_non_null(strstr(t.requests.ptr, "namespace%3D%22school%22%2Cplatform%3D%22english%22"));
    assert_non_null(strstr(t.requests.ptr, "le%3D%220.1%22"));
    assert_non_null(strstr(t.requests.ptr, "le%3D%220.25%22"));
    told_done(&t);
}

static void json_has_the_same_for_scripts(void **state)
{
    json_auto_t *whole = NULL;
    struct told t;
    (void)state;
    run(of_a_month, true, CLI_JSON, &t);
    assert_int_equal(lp_json_parse(t.text.ptr, t.text.len, 100000, "it", &whole, &t.err), 0);
    json_t *row = json_array_get(json_object_get(whole, "platforms"), 0);
    json_t *first = json_array_get(json_object_get(row, "objectives"), 0);
    assert_string_equal(lp_json_str(row, "source", NULL), "prometheus");
    assert_true(json_real_value(json_object_get(first, "budgetLeft")) > 0.499);
    assert_true(json_real_value(lp_json_at(first, "burn", "1h", NULL)) > 3.99);
    assert_true(json_real_value(lp_json_at(first, "requests", "30d", NULL)) > 999);
    told_done(&t);
}

static void without_traffic_there_is_no_burn(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITHOUT_SLO },
        { .match = QUERY, .status = 200, .body = VECTOR("") },
        FAKE_END,
    };
    /* One that was scraped and never asked has no series of answers. */
    static const struct fake_answer never[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITHOUT_SLO },
        { .match = QUERY "time", .status = 200, .body = NUMBER("86400") },
        { .match = QUERY, .status = 200, .body = VECTOR("") },
        FAKE_END,
    };
    static const struct fake_answer zeros[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITHOUT_SLO },
        { .match = QUERY "topk", .status = 200, .body = VECTOR("") },
        { .match = QUERY "time", .status = 200, .body = NUMBER("86400") },
        { .match = QUERY, .status = 200, .body = NUMBER("0") },
        FAKE_END,
    };
    struct told t;
    (void)state;
    run(answers, true, CLI_TABLE, &t);
    assert_int_equal(t.result, 0);
    assert_false(t.used_up);
    assert_string_equal(
        t.text.ptr,
        "school/english: 99.9 % no 5xx, 95 % within 500 ms (defaults); Prometheus has nothing of "
        "its gateway in 30 days\n"
        "    OBJECTIVE     BUDGET LEFT  BURN 1h      BURN 6h      BURN 3d\n"
        "    availability  -            -            -            -\n"
        "    latency       -            -            -            -\n");
    told_done(&t);
    run(zeros, true, CLI_TABLE, &t);
    assert_non_null(strstr(t.text.ptr, "has 24 hours of"));
    assert_non_null(strstr(
        t.text.ptr, "    availability  100.0 %      no requests  no requests  no requests\n"
                    "    latency       100.0 %      no requests  no requests  no requests\n"));
    told_done(&t);
    run(never, true, CLI_TABLE, &t);
    assert_non_null(strstr(t.text.ptr, "    availability  100.0 %      no requests  no"));
    assert_non_null(strstr(t.requests.ptr, "timestamp%28lp_request_seconds_count%7B"));
    assert_false(t.used_up);
    told_done(&t);
}

/* The adapter has no p95 of a gateway that nobody asks, which is no fault. */
static void an_idle_gateway_is_idle_and_not_unknown(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITH_SLO },
        METRIC("arrival_rate", "0", "2"),
        METRIC("error_rate", "0", "1"),
        { .match = METRICS "p95_latency_ms", .status = 404, .body = "{}" },
        FAKE_END,
    };
    struct told t;
    (void)state;
    run(answers, false, CLI_TABLE, &t);
    assert_int_equal(t.result, 0);
    assert_non_null(strstr(t.text.ptr, "    no request in the last 30 s\n"));
    assert_non_null(strstr(t.text.ptr, "    now: progress answers 1.00 errors a second\n"));
    assert_null(strstr(t.text.ptr, "not known"));
    told_done(&t);
}

static void what_is_no_prometheus_is_named(void **state)
{
    static const struct {
        struct fake_answer answer;
        const char *want;
    } cases[] = {
        { { .match = QUERY, .status = 200, .body = "<html>" }, "its answer" },
        { { .match = QUERY, .status = 200, .body = "{}" }, "no data.result: no Prometheus?" },
        { { .match = QUERY,
            .status = 422,
            .body = "{\"status\": \"error\", \"error\": \"too many samples\"}" },
          "answered 422: too many samples" },
        { { .match = QUERY, .status = 404, .body = "not here" }, "answered 404" },
        { { .match = QUERY, .close = true }, "127.0.0.1" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        const struct fake_answer answers[] = {
            { .match = GET_PLATFORM, .status = 200, .body = WITH_SLO }, cases[i].answer, FAKE_END
        };
        struct told t;
        run(answers, true, CLI_TABLE, &t);
        assert_true(t.result < 0);
        assert_non_null(strstr(t.err.msg, "--prometheus http://127.0.0.1:"));
        assert_non_null(strstr(t.err.msg, cases[i].want));
        assert_int_equal(t.text.len, 0);
        told_done(&t);
    }
}

static void without_a_prometheus_only_now_is_known(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITH_SLO },
        METRIC("arrival_rate", "20", "4"),
        METRIC("error_rate", "100m", "50m"),
        METRIC("p95_latency_ms", "212", "30"),
        FAKE_END,
    };
    struct told t;
    (void)state;
    run(answers, false, CLI_TABLE, &t);
    assert_int_equal(t.result, 0);
    assert_false(t.used_up);
    assert_string_equal(
        t.text.ptr,
        "school/english: 99.95 % no 5xx, 95 % within 180 ms; the last 30 s, by the custom metrics "
        "API; a budget needs --prometheus\n"
        "    OBJECTIVE     BUDGET LEFT  BURN now\n"
        "    availability  -            10.00\n"
        "    latency       -            -\n"
        "    now: p95 is 212 ms, over the goal\n"
        "    now: progress answers 0.05 errors a second\n");
    told_done(&t);
}

static void a_metrics_api_that_is_not_there_is_told(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITH_SLO },
        METRIC("arrival_rate", "3", "0"),
        FAKE_END,
    };
    static const struct fake_answer of_others[] = {
        { .match = GET_PLATFORM, .status = 200, .body = WITH_SLO },
        { .match = METRICS, .status = 200, .body = "{\"items\": []}" },
        FAKE_END,
    };
    struct told t;
    (void)state;
    run(answers, false, CLI_TABLE, &t);
    assert_int_equal(t.result, 0);
    assert_null(strstr(t.text.ptr, "no request in the last 30 s"));
    assert_non_null(strstr(t.text.ptr, "    not known: error_rate: "));
    assert_non_null(strstr(t.text.ptr, "    not known: p95_latency_ms: "));
    assert_null(strstr(t.text.ptr, "not known: arrival_rate"));
    told_done(&t);
    run(of_others, false, CLI_TABLE, &t);
    assert_non_null(
        strstr(t.text.ptr, "not known: arrival_rate: the metrics API has none of english-gateway"));
    told_done(&t);
}

static void a_url_that_is_none_is_named(void **state)
{
    static const struct {
        const char *url, *shown;
    } cases[] = { { "--prometheus=localhost:9090", "localhost:9090" },
                  { "--prometheus=http://", "http://" },
                  { "--prometheus=http:///x", "http:///x" },
                  { "--prometheus=http://a?b", "http://a?b" },
                  { "--prometheus=https://ann:secret@a", "...@..." },
                  { "--prometheus=", "" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        char *argv[] = { (char *)"kubectl-lp", (char *)"slo", (char *)cases[i].url };
        lp_auto_free char *want =
            lp_sprintf("--prometheus: must be an http or https URL of at most 512 bytes without "
                       "query and credentials, is \"%s\"",
                       cases[i].shown);
        struct cli_options o;
        struct lp_error err = { .msg = "" };
        assert_int_equal(cli_options_parse(3, argv, &o, &err), LP_E_INVALID);
        assert_string_equal(err.msg, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_told_with_its_burn_rates_and_who_spent_it),
        cmocka_unit_test(json_has_the_same_for_scripts),
        cmocka_unit_test(without_traffic_there_is_no_burn),
        cmocka_unit_test(what_is_no_prometheus_is_named),
        cmocka_unit_test(without_a_prometheus_only_now_is_known),
        cmocka_unit_test(an_idle_gateway_is_idle_and_not_unknown),
        cmocka_unit_test(a_metrics_api_that_is_not_there_is_told),
        cmocka_unit_test(a_url_that_is_none_is_named),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("cli_slo", tests, NULL, NULL);
}
