/* test/unit/test_autoscaler_promtext.c -- what is read from a pod's metrics page, and what is
 * refused. */
#include "autoscaler/promtext.h"

#include <string.h>

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
        cmocka_unit_test(refuses_a_page_that_is_half_right),
        cmocka_unit_test(a_page_cut_anywhere_does_not_read_past_its_end),
    };
    return cmocka_run_group_tests_name("autoscaler_promtext", tests, NULL, NULL);
}
