/* test/unit/test_autoscaler_promtext.c -- what is read from a pod's metrics page, and what is
 * refused. */
#include "autoscaler/samples/promtext.h"

#include <string.h>

#include "base/buf.h"
#include "unit/check.h"

#define BOTH "lp_requests_waiting 1\nlp_requests_in_flight 2\n"

static int parse(const char *text, struct promtext_page *page)
{
    struct lp_error err = { 0 };
    return promtext_parse(text, strlen(text), page, &err);
}

static void finds_its_series_among_others(void **state)
{
    static const char text[] =
        "# HELP lp_requests_waiting Requests.\n"
        "# TYPE lp_requests_waiting gauge\n"
        "lp_requests_waiting 3\n"
        "lp_requests_waiting_total 99\n"
        "process_cpu_seconds_total 1e300\n"
        "\n"
        "lp_requests_in_flight{service=\"auth\",route=\"a}b\"} 2 1700000000\r\n"
        "lp_requests_in_flight{service=\"auth\",route=\"c\"} 0.0005\n"
        "lp_backlog{queue=\"ai\"} 4.5\n"
        "lp_backlog{queue=\"a\\\"b\"} 1";
    struct promtext_page page;
    (void)state;
    assert_int_equal(parse(text, &page), 0);
    assert_int_equal(page.waiting, 3000);
    assert_int_equal(page.in_flight, 2001);
    assert_int_equal(page.n_queues, 2);
    assert_string_equal(page.queues[0].name, "ai");
    assert_int_equal(page.queues[0].depth, 4500);
    assert_string_equal(page.queues[1].name, "a\"b");
}

static void requests_that_wait_for_another_service_are_told_apart(void **state)
{
    struct promtext_page page;
    lp_auto_buf struct lp_buf many = LP_BUF_INIT(4096);
    (void)state;
    assert_int_equal(parse(BOTH "lp_requests_awaiting_upstream{upstream=\"auth\"} 1.5\n"
                                "lp_requests_awaiting_upstream{upstream=\"ai\"} 0.25\n",
                           &page),
                     0);
    assert_int_equal(page.n_upstreams, 2);
    assert_string_equal(page.upstreams[1].name, "ai");
    assert_int_equal(page.upstreams[1].depth, 250);
    assert_int_equal(page.awaiting, 1750);
    assert_int_equal(promtext_own(&page), 250);
    assert_false(page.has_sketch);
    assert_int_equal(parse(BOTH "lp_learners_sketch{register=\"0\"} 3\n"
                                "lp_learners_sketch{register=\"63\"} 200\n"
                                "lp_learners_sketch{register=\"64\"} 5\n",
                           &page),
                     0);
    assert_true(page.has_sketch);
    assert_int_equal(page.sketch[0], 3);
    assert_int_equal(page.sketch[63], SKETCH_MOST);
    assert_int_equal(parse(BOTH "lp_requests_awaiting_upstream{upstream=\"a\"} 1\n"
                                "lp_calls_awaiting_upstream{upstream=\"a\"} 1\n",
                           &page),
                     0);
    assert_int_equal(page.upstreams[0].depth, 2000); /* both wake it */
    assert_int_equal(page.awaiting, 1000);           /* one is under work here */
    assert_int_equal(parse(BOTH "lp_requests_awaiting_upstream{upstream=\"a\"} 3\n", &page), 0);
    assert_int_equal(promtext_own(&page), 0); /* the two gauges were read at two moments */
    assert_int_equal(parse(BOTH, &page), 0);
    assert_false(page.has_awaiting);
    lp_buf_str(&many, BOTH);
    for (unsigned i = 0; i <= PROMTEXT_UPSTREAMS; i++)
        lp_buf_printf(&many, "lp_requests_awaiting_upstream{upstream=\"u%u\"} 0\n", i);
    assert_int_equal(parse(many.ptr, &page), LP_E_INVALID);
}

static void reads_the_counters_of_the_load(void **state)
{
    struct promtext_page page;
    (void)state;
    assert_int_equal(parse(BOTH
                           "lp_request_slots 8\n"
                           "lp_requests_total{service=\"a\",route=\"x\",code=\"200\"} 10\n"
                           "lp_requests_total{service=\"a\",route=\"y\",code=\"503\"} 5\n"
                           "lp_requests_rejected_total{reason=\"queue_full\"} 3\n"
                           "lp_requests_rejected_total{reason=\"deadline\"} 1\n"
                           "lp_requests_rejected_total{reason=\"rate_limit\"} 1\n"
                           "lp_request_seconds_bucket{service=\"a\",route=\"x\",le=\"0.001\"} 4\n"
                           "lp_request_seconds_bucket{service=\"a\",route=\"y\",le=\"0.001\"} 2\n"
                           "lp_request_seconds_bucket{service=\"a\",route=\"x\",le=\"0.0017\"} 99\n"
                           "lp_request_seconds_bucket{service=\"a\",route=\"x\",le=\"30\"} 10\n"
                           "lp_request_seconds_bucket{service=\"a\",route=\"x\",le=\"+Inf\"} 10\n"
                           "lp_request_seconds_sum{service=\"a\",route=\"x\"} 1.25\n"
                           "lp_request_seconds_count{service=\"a\",route=\"x\"} 10\n"
                           "lp_request_seconds_count{service=\"a\",route=\"y\"} 5\n",
                           &page),
                     0);
    assert_true(page.has_load);
    assert_int_equal(page.slots, 8000);
    assert_true(page.requests == 15 && page.answers == 15);
    assert_true(page.errors == 5 && !page.uncoded);
    assert_true(page.rejected == 5 && page.busy == 4 && page.late == 1);
    assert_true(page.buckets[0] == 6 && page.buckets[13] == 10);
    assert_true(page.seconds == 1.25);
    assert_int_equal(parse(BOTH "lp_requests_total 1\n", &page), 0);
    assert_false(page.has_load);
    assert_true(page.uncoded && page.errors == 0);
}

static void reads_which_upstreams_a_gateway_leaves_alone(void **state)
{
    struct promtext_page page;
    lp_auto_buf struct lp_buf many = LP_BUF_INIT(4096);
    (void)state;
    assert_int_equal(parse(BOTH "lp_circuits_open{upstream=\"auth\"} 0\n"
                                "lp_circuits_open{upstream=\"ai\"} 2\n",
                           &page),
                     0);
    assert_int_equal(page.n_circuits, 2);
    assert_string_equal(page.circuits[0].name, "auth");
    assert_int_equal(page.circuits[0].depth, 0);
    assert_string_equal(page.circuits[1].name, "ai");
    assert_int_equal(page.circuits[1].depth, 2000);
    assert_int_equal(page.n_upstreams, 0);
    lp_buf_str(&many, BOTH);
    for (unsigned i = 0; i <= PROMTEXT_UPSTREAMS; i++)
        lp_buf_printf(&many, "lp_circuits_open{upstream=\"u%u\"} 0\n", i);
    assert_int_equal(parse(many.ptr, &page), LP_E_INVALID);
}

/* auth, ai, progress and learning, and the 32 of spec.extraServices. */
static void the_page_of_a_gateway_with_all_services_that_a_platform_may_have_is_taken(void **state)
{
    struct promtext_page page;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(8192);
    (void)state;
    lp_buf_str(&text, BOTH);
    for (unsigned i = 0; i < 36; i++)
        lp_buf_printf(&text,
                      "lp_requests_awaiting_upstream{upstream=\"u%u\"} 1\n"
                      "lp_circuits_open{upstream=\"u%u\"} 2\n",
                      i, i);
    assert_int_equal(parse(text.ptr, &page), 0);
    assert_int_equal(page.n_upstreams, 36);
    assert_int_equal(page.n_circuits, 36);
    assert_string_equal(page.upstreams[35].name, "u35");
    assert_int_equal(page.awaiting, 36000);
    assert_int_equal(page.circuits[35].depth, 2000);
}

static void refuses_a_page_that_is_half_right(void **state)
{
    static const char *const pages[] = {
        "",
        "lp_requests_waiting 1\n",
        "lp_requests_in_flight 1\n",
        BOTH "lp_requests_waiting NaN\n",
        BOTH "lp_requests_waiting +Inf\n",
        BOTH "lp_requests_waiting -1\n",
        BOTH "lp_requests_waiting 1e13\n",
        BOTH "lp_requests_waiting\n",
        BOTH "lp_requests_waiting \n",
        BOTH "lp_requests_waiting 1x\n",
        BOTH "lp_requests_waiting{a=\"b\" 1\n",
        BOTH "lp_requests_waiting{a=b} 1\n",
        BOTH "lp_requests_waiting{a=\"b} 1\n",
        BOTH "lp_requests_total{code=\"200\"} -1\n",
        BOTH "lp_request_slots x\n",
        BOTH "lp_backlog{queue=\"a name that is longer than the forty-seven bytes taken\"} 1\n",
        BOTH "lp_backlog{queue=\"1\"} 1\nlp_backlog{queue=\"2\"} 1\nlp_backlog{queue=\"3\"} 1\n"
             "lp_backlog{queue=\"4\"} 1\nlp_backlog{queue=\"5\"} 1\n",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(pages); i++) {
        struct promtext_page page;
        if (parse(pages[i], &page) != LP_E_INVALID)
            fail_msg("taken: %s", pages[i]);
    }
}

static void a_page_cut_anywhere_does_not_read_past_its_end(void **state)
{
    static const char text[] = "lp_requests_waiting{a=\"b\\n\"} 3\nlp_requests_in_flight 2\n"
                               "lp_backlog{queue=\"ai\"} 4\n";
    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        lp_auto_free char *exact = lp_alloc(n + 1);
        struct promtext_page page;
        struct lp_error err;
        char *bytes = lp_realloc(lp_take(exact), n > 0 ? n : 1);
        memcpy(bytes, text, n);
        int r = promtext_parse(bytes, n, &page, &err);
        assert_true(r == 0 || r == LP_E_INVALID);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_its_series_among_others),
        cmocka_unit_test(requests_that_wait_for_another_service_are_told_apart),
        cmocka_unit_test(reads_the_counters_of_the_load),
        cmocka_unit_test(reads_which_upstreams_a_gateway_leaves_alone),
        cmocka_unit_test(the_page_of_a_gateway_with_all_services_that_a_platform_may_have_is_taken),
        cmocka_unit_test(refuses_a_page_that_is_half_right),
        cmocka_unit_test(a_page_cut_anywhere_does_not_read_past_its_end),
    };
    return cmocka_run_group_tests_name("autoscaler_promtext", tests, NULL, NULL);
}
