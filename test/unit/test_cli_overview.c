/* test/unit/test_cli_overview.c -- what the dashboard's reader finds in clusters that are large, or
 * lack something, or do not answer. */
#include "cli/dashboard/overview.h"

#include <string.h>

#include "base/alloc.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "unit/check.h"

#define PLATFORMS 200
#define LIST "GET /apis/learningplatform.io/v1alpha1/learningplatforms"
#define HPAS "GET /apis/autoscaling/v2/horizontalpodautoscalers"
#define METRICS "GET /apis/custom.metrics.k8s.io"
#define EMPTY "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}"
#define FORBIDDEN \
    "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"hpas are forbidden\"}"
#define VALUES                                                                           \
    "{\"items\":[{\"describedObject\":{\"name\":\"english-auth\"},\"value\":\"1500m\"}," \
    "{\"describedObject\":{\"name\":\"english-gateway\"},\"value\":\"nonsense\"},{}]}"

static const struct cli_options options = { .all_namespaces = true, .interval_ms = 60000 };

static struct {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_kube_client *client;
    struct past *past;
    struct overview overview;
} o;

static void begin(const struct fake_answer *answers)
{
    const struct lp_kube_client_options client = { .total_timeout_ms = 5000 };

    o.fake = fake_kube_start(answers);
    o.config = fake_kube_config(o.fake, NULL);
    ok(lp_kube_client_new(o.config, &client, &o.client, &err));
    o.past = past_new();
    o.overview =
        (struct overview){ .client = o.client, .options = &options, .ns = "a", .past = o.past };
}

static void end(void)
{
    overview_done(&o.overview);
    past_free(o.past);
    lp_kube_client_free(o.client);
    lp_kube_config_free(o.config);
    fake_kube_stop(o.fake);
}

/* `n` platforms, each in a namespace of its own: "ns-000" and so on. */
static void list_of(unsigned n, struct lp_buf *out)
{
    lp_buf_str(out, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[");
    for (unsigned i = 0; i < n; i++)
        lp_buf_printf(out,
                      "%s{\"metadata\":{\"namespace\":\"ns-%03u\",\"name\":\"english\"},"
                      "\"status\":{\"services\":[{\"name\":\"auth\",\"ready\":1,\"desired\":2},"
                      "{\"name\":\"gateway\",\"ready\":1,\"desired\":1}]}}",
                      i > 0 ? "," : "", i);
    lp_buf_str(out, "]}");
}

static json_t *look(void)
{
    return overview_look(&o.overview, 1790845200000, 1000);
}

static const json_t *service(const json_t *seen, size_t platform, size_t i)
{
    const json_t *row = json_array_get(json_object_get(seen, "platforms"), platform);

    return json_array_get(json_object_get(row, "services"), i);
}

static const char *missing(const json_t *seen, const char *what)
{
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(seen, "missing"), i, item)
    {
        if (strcmp(lp_json_str(item, "what", NULL), what) == 0)
            return lp_json_str(item, "why", NULL);
    }
    return NULL;
}

/* How many requests since the start have `text`. */
static size_t asked(const char *text)
{
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(1 << 20);
    size_t n = 0;

    fake_kube_requests(o.fake, &all);
    for (const char *at = all.ptr; (at = strstr(at, text)); at++)
        n++;
    return n;
}

static void of_two_hundred_platforms_all_are_shown_and_ten_namespaces_asked_at_a_time(void **state)
{
    lp_auto_buf struct lp_buf list = LP_BUF_INIT(1 << 20);
    (void)state;

    list_of(PLATFORMS, &list);
    begin((struct fake_answer[]){ { .match = LIST, .status = 200, .body = list.ptr },
                                  { .match = HPAS, .status = 200, .body = EMPTY },
                                  { .match = METRICS, .status = 200, .body = VALUES },
                                  FAKE_END });
    json_auto_t *watched = lp_json_make("{s:b}", "ns-199", 1);
    o.overview.looked_at = watched;
    json_auto_t *first = look();
    assert_int_equal(json_array_size(json_object_get(first, "platforms")), PLATFORMS);
    assert_int_equal(lp_json_int(0, first, "every", NULL), 60000); /* when the page may miss it */
    assert_int_equal(asked(METRICS), (OVERVIEW_NAMESPACES + 1) * 8);
    assert_true(json_number_value(json_object_get(service(first, 0, 0), "queue")) == 1.5);
    assert_true(json_number_value(json_object_get(service(first, 199, 0), "errors")) == 1.5);
    assert_true(json_is_null(json_object_get(service(first, 0, 1), "queue")));
    assert_true(json_is_null(json_object_get(service(first, 50, 0), "queue"))); /* not yet */
    json_auto_t *second = look();
    assert_int_equal(json_array_size(json_object_get(second, "platforms")), PLATFORMS);
    assert_int_equal(asked(METRICS), 2 * (OVERVIEW_NAMESPACES + 1) * 8);
    assert_int_equal(asked("/namespaces/ns-199/"), 2 * 8); /* a tab looks at it */
    assert_int_equal(asked("/namespaces/ns-000/"), 8);
    assert_int_equal(asked("/namespaces/ns-010/"), 8);
    end();
}

static void without_a_metrics_api_and_a_right_to_hpas_the_rest_is_shown(void **state)
{
    lp_auto_buf struct lp_buf list = LP_BUF_INIT(1 << 16);
    (void)state;

    list_of(2, &list);
    begin((struct fake_answer[]){ { .match = LIST, .status = 200, .body = list.ptr },
                                  { .match = HPAS, .status = 403, .body = FORBIDDEN },
                                  FAKE_END });
    json_auto_t *seen = look();
    assert_int_equal(lp_json_int(0, service(seen, 1, 0), "desired", NULL), 2);
    assert_true(json_is_null(json_object_get(service(seen, 1, 0), "max")));
    assert_true(json_is_null(json_object_get(service(seen, 1, 0), "rate")));
    assert_non_null(strstr(missing(seen, "limits of pods (HPAs)"), "hpas are forbidden"));
    assert_non_null(strstr(missing(seen, "metrics"), "no custom metrics API that answers"));
    assert_int_equal(asked(METRICS), 2); /* one metric, and then the API itself; not for each */
    end();
}

static void values_of_a_metrics_api_that_went_away_do_not_stay(void **state)
{
    lp_auto_buf struct lp_buf list = LP_BUF_INIT(1 << 16);
    (void)state;

    list_of(1, &list);
    begin((struct fake_answer[]){ { .match = LIST, .status = 200, .body = list.ptr },
                                  { .match = HPAS, .status = 200, .body = EMPTY },
                                  { .match = METRICS, .status = 200, .body = VALUES, .times = 8 },
                                  { .match = METRICS, .status = 503, .body = "{}" },
                                  FAKE_END });
    json_auto_t *before = look();
    assert_true(json_number_value(json_object_get(service(before, 0, 0), "queue")) == 1.5);
    assert_int_equal(json_array_size(json_object_get(before, "missing")), 0);
    json_auto_t *after = look();
    assert_true(json_is_null(json_object_get(service(after, 0, 0), "queue")));
    assert_non_null(missing(after, "metrics"));
    end();
}

/* The page shows it in one line, which must not change with whose turn it is. */
static void namespaces_that_may_not_be_read_are_told_in_the_same_words_at_each_look(void **state)
{
    lp_auto_buf struct lp_buf list = LP_BUF_INIT(1 << 16);
    (void)state;

    list_of(2 * OVERVIEW_NAMESPACES, &list);
    begin((struct fake_answer[]){ { .match = LIST, .status = 200, .body = list.ptr },
                                  { .match = HPAS, .status = 200, .body = EMPTY },
                                  { .match = "/namespaces/ns-001/", .status = 200, .body = VALUES },
                                  { .match = METRICS, .status = 403, .body = FORBIDDEN },
                                  FAKE_END });
    json_auto_t *first = look(), *second = look(), *third = look();
    assert_non_null(missing(first, "metrics of 9 namespaces"));
    assert_non_null(strstr(missing(second, "metrics of 19 namespaces"), "ns-000: queue_depth: "));
    assert_true(json_equal(json_object_get(second, "missing"), json_object_get(third, "missing")));
    assert_true(json_number_value(json_object_get(service(third, 1, 0), "queue")) == 1.5);
    end();
}

static void a_platform_that_was_named_and_is_gone_is_none(void **state)
{
    static const struct cli_options named = { .name = "english", .interval_ms = 1000 };
    (void)state;

    begin((struct fake_answer[]){
        { .match = "/namespaces/a/learningplatforms/english",
          .status = 200,
          .body = "{\"metadata\":{\"namespace\":\"a\",\"name\":"
                  "\"english\"}}",
          .times = 1 },
        { .match = "/learningplatforms/english", .status = 404, .body = "{}", .times = 1 },
        { .match = "/learningplatforms/english", .status = 403, .body = FORBIDDEN },
        { .match = "GET /apis/learningplatform.io/v1alpha1", .status = 200 },
        { .match = "horizontalpodautoscalers", .status = 200, .body = EMPTY },
        { .match = METRICS, .status = 200, .body = VALUES },
        FAKE_END });
    o.overview.options = &named;
    json_auto_t *there = look(), *gone = look(), *refused = look();
    assert_int_equal(json_array_size(json_object_get(there, "platforms")), 1);
    assert_string_equal(lp_json_str(there, "where", "namespace", NULL), "a");
    assert_null(json_object_get(gone, "error"));
    assert_int_equal(json_array_size(json_object_get(gone, "platforms")), 0);
    assert_string_equal(lp_json_str(gone, "where", "name", NULL), "english");
    assert_non_null(strstr(lp_json_str(refused, "error", NULL), "hpas are forbidden"));
    end();
}

/* The API server says of a kind that it does not know what it says of an object that is not there.
 */
static void a_cluster_without_the_definition_is_told_as_such(void **state)
{
    static const struct cli_options named = { .name = "english", .interval_ms = 1000 };
    (void)state;

    begin((struct fake_answer[]){
        { .match = "/apis/", .status = 404, .body = "404 page not found" }, FAKE_END });
    json_auto_t *all = look();
    o.overview.options = &named;
    json_auto_t *one = look();
    const json_t *looks[] = { all, one };
    for (size_t i = 0; i < LP_COUNT(looks); i++) {
        const char *why = lp_json_str(looks[i], "error", NULL);
        assert_non_null(why);
        assert_non_null(strstr(why, "no definition of LearningPlatform"));
        assert_non_null(strstr(why, "404 page not found"));
    }
    end();
}

static void an_api_server_that_goes_is_told_and_one_that_is_back_is_read_again(void **state)
{
    lp_auto_buf struct lp_buf two = LP_BUF_INIT(1 << 16), one = LP_BUF_INIT(1 << 16);
    (void)state;

    list_of(2, &two);
    list_of(1, &one);
    begin((struct fake_answer[]){ { .match = LIST, .status = 200, .body = two.ptr, .times = 1 },
                                  { .match = LIST, .status = 503, .body = "{}", .times = 1 },
                                  { .match = LIST, .status = 200, .body = one.ptr },
                                  { .match = HPAS, .status = 200, .body = EMPTY },
                                  { .match = METRICS, .status = 200, .body = VALUES },
                                  FAKE_END });
    json_auto_t *before = look();
    assert_null(json_object_get(before, "error"));
    json_auto_t *meanwhile = look();
    assert_non_null(lp_json_str(meanwhile, "error", NULL));
    assert_int_equal(json_array_size(o.overview.platforms), 2); /* for the details */
    json_auto_t *after = look();
    assert_null(json_object_get(after, "error"));
    assert_int_equal(json_array_size(json_object_get(after, "platforms")), 1);
    assert_null(json_object_get(o.overview.metrics, "ns-001")); /* of a platform that is gone */
    assert_non_null(json_object_get(o.overview.metrics, "ns-000"));
    end();
}

static void what_shall_have_no_pod_is_told_apart_from_what_lost_them(void **state)
{
    (void)state;
    begin((struct fake_answer[]){
        { .match = LIST,
          .status = 200,
          .body = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{"
                  "\"namespace\":\"a\",\"name\":\"english\"},\"spec\":{\"services\":{"
                  "\"aiFeedback\":{\"replicas\":0}},\"extraServices\":[{\"name\":\"quiz\","
                  "\"replicas\":0}]},\"status\":{\"services\":["
                  "{\"name\":\"auth\",\"ready\":0,\"desired\":0},"
                  "{\"name\":\"ai-feedback\",\"ready\":0,\"desired\":0},"
                  "{\"name\":\"quiz\",\"ready\":0,\"desired\":0},{\"name\":\"progress\","
                  "\"ready\":0,\"desired\":0,\"reason\":\"ScaledToZero\"}]}}]}" },
        { .match = HPAS, .status = 200, .body = EMPTY },
        { .match = METRICS, .status = 200, .body = VALUES },
        FAKE_END });
    json_auto_t *seen = look();
    assert_null(json_object_get(service(seen, 0, 0), "idle")); /* scaled to 0 by hand */
    assert_string_equal(lp_json_str(service(seen, 0, 1), "idle", NULL), "Replicas");
    assert_string_equal(lp_json_str(service(seen, 0, 2), "idle", NULL), "Replicas");
    assert_string_equal(lp_json_str(service(seen, 0, 3), "idle", NULL), "ScaledToZero");
    end();
}

int main(void)
{
    lp_json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_hundred_platforms_all_are_shown_and_ten_namespaces_asked_at_a_time),
        cmocka_unit_test(without_a_metrics_api_and_a_right_to_hpas_the_rest_is_shown),
        cmocka_unit_test(values_of_a_metrics_api_that_went_away_do_not_stay),
        cmocka_unit_test(namespaces_that_may_not_be_read_are_told_in_the_same_words_at_each_look),
        cmocka_unit_test(a_platform_that_was_named_and_is_gone_is_none),
        cmocka_unit_test(a_cluster_without_the_definition_is_told_as_such),
        cmocka_unit_test(an_api_server_that_goes_is_told_and_one_that_is_back_is_read_again),
        cmocka_unit_test(what_shall_have_no_pod_is_told_apart_from_what_lost_them),
    };
    return cmocka_run_group_tests_name("cli_overview", tests, NULL, NULL);
}
