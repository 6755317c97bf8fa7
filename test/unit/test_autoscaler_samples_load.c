/* test/unit/test_autoscaler_samples_load.c -- rates, demand and percentiles from the growth of the
 * pods' counters. */
#include "autoscaler/samples/pressure.h"
#include "autoscaler/samples/samples_load.h"
#include "unit/samples_fixture.h"

static void says_load(unsigned last_digit, double requests, double seconds, double waiting,
                      int64_t now)
{
    struct promtext_page page = { .waiting = (int64_t)(waiting * 1000),
                                  .in_flight = 1000,
                                  .slots = 4000,
                                  .has_load = true,
                                  .requests = requests,
                                  .answers = requests,
                                  .seconds = seconds };
    for (unsigned i = 4; i < PROMTEXT_BUCKETS; i++) /* all took 10 to 25 ms */
        page.buckets[i] = requests;
    samples_report(s, asked[last_digit], SAMPLES_OK, &page, now);
}

static void two_pods_with_rates(void)
{
    deployment(2);
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", true);
    samples_synced(s, NOW);
    ask_all(NOW);
    says_load(1, 1000, 20, 0, NOW);
    says_load(2, 5000, 100, 0, NOW);
    ask_all(NOW + 2000);
    says_load(1, 1200, 24, 0, NOW + 2000);
    says_load(2, 5080, 101.6, 0, NOW + 2000);
}

static void the_arrival_rate_is_the_growth_of_the_counters(void **state)
{
    (void)state;
    metric = SAMPLES_ARRIVAL_RATE;
    two_pods_with_rates();
    assert_string_equal(value(NOW + 2000), "140");
}

static void a_rate_is_missing_and_not_zero_before_there_are_two_pages(void **state)
{
    (void)state;
    pod("auth-1", "10.0.0.1", true);
    samples_synced(s, NOW);
    ask_all(NOW);
    says_load(1, 1000, 20, 0, NOW);
    metric = SAMPLES_ARRIVAL_RATE;
    assert_string_equal(value(NOW + 100), "none");
    assert_non_null(strstr(message, "0 of 1 english-auth pods scraped; auth-1 has no rates yet"));
    metric = SAMPLES_QUEUE_DEPTH;
    assert_string_equal(value(NOW + 100), "1");
}

static void a_restarted_process_counts_from_zero(void **state)
{
    (void)state;
    metric = SAMPLES_ARRIVAL_RATE;
    two_pods_with_rates();
    for (int i = 1; i <= 20; i++) {
        ask_all(NOW + 2000 + i * 2000);
        says_load(1, i * 200, i * 4.0, 0, NOW + 2000 + i * 2000);
        says_load(2, 5080 + i * 80, 101.6 + i * 1.6, 0, NOW + 2000 + i * 2000);
    }
    assert_string_equal(value(NOW + 42000), "140");
}

static void the_service_time_is_what_an_answer_takes_in_the_mean(void **state)
{
    (void)state;
    metric = SAMPLES_SERVICE_TIME;
    two_pods_with_rates();
    assert_string_equal(value(NOW + 2000), "20");
}

/* 40 of the one that tells, and as much again for the other, which had 100. */
static void a_pod_that_is_silent_counts_as_the_mean_of_the_others(void **state)
{
    int64_t late = NOW + 2000 + SAMPLES_MAX_AGE_MS + 1000;
    (void)state;
    metric = SAMPLES_ARRIVAL_RATE;
    two_pods_with_rates();
    ask_all(late);
    samples_report(s, asked[1], SAMPLES_REFUSED, NULL, late);
    says_load(2, 5080 + 31 * 40, 101.6 + 31 * 0.8, 0, late);
    assert_string_equal(value(late), "80");
    metric = SAMPLES_DEMAND; /* 80 requests/s of 20 ms are 1.6 busy slots, of 2.8 a pod */
    json_auto_t *o = get("services", "english-auth", NULL, late);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    assert_string_equal(lp_json_str(item, "value", NULL), "571m");
}

/* 140 requests/s of 20 ms are 2.8 busy slots; of 4 slots a pod 70 % are to be busy. */
static void the_demand_is_what_the_load_needs_by_littles_law(void **state)
{
    (void)state;
    metric = SAMPLES_DEMAND;
    two_pods_with_rates();
    assert_string_equal(value(NOW + 2000), "1");
    ask_all(NOW + 4000);
    samples_report(s, asked[1], SAMPLES_TIMEOUT, NULL, NOW + 4000);
    says_load(2, 5160, 103.2, 0, NOW + 4000);
    /* The frozen pod is 4 busy slots, the other has 40/s * 20 ms = 0.8. */
    assert_string_equal(value(NOW + 4000), "1714m");
}

/* Little's law once more: 20 that wait for one of 8 slots, 20 ms each. */
static void what_a_service_has_to_do_is_known_from_second_to_second(void **state)
{
    struct samples_pressure p;
    (void)state;
    samples_pressure(s, "lp", "english-auth", NOW, &p);
    assert_false(p.known);
    assert_int_equal(p.current, -1);
    two_pods_with_rates();
    samples_pressure(s, "lp", "english-auth", NOW + 2000, &p);
    assert_true(p.known);
    assert_int_equal(p.need_milli, 1000);
    assert_int_equal(p.wait_ms, 0);
    assert_int_equal(p.current, 2);
    assert_int_equal(p.ready, 2);
    ask_all(NOW + 4000);
    says_load(1, 1400, 28, 20, NOW + 4000);
    says_load(2, 5160, 103.2, 0, NOW + 4000);
    samples_pressure(s, "lp", "english-auth", NOW + 4000, &p);
    assert_in_range(p.wait_ms, 1, 1000);
    samples_pressure(s, "lp", "english-auth", NOW + 4000 + 2 * SAMPLES_MAX_AGE_MS, &p);
    assert_false(p.known);
    assert_int_equal(p.wait_ms, -1);
    assert_int_equal(p.current, 2);
}

/* An answer of 9e12 s, while 9e12 requests came. */
static void pages_with_absurd_figures_make_a_great_number_and_no_negative_one(void **state)
{
    struct promtext_page page = { .in_flight = 1000, .slots = 4000, .has_load = true };
    struct samples_pressure p;
    (void)state;
    pod("auth-1", "10.0.0.1", true);
    samples_synced(s, NOW);
    ask_all(NOW);
    samples_report(s, asked[1], SAMPLES_OK, &page, NOW);
    page.requests = page.seconds = 9e12;
    page.answers = 1;
    ask_all(NOW + 2000);
    samples_report(s, asked[1], SAMPLES_OK, &page, NOW + 2000);
    samples_pressure(s, "lp", "english-auth", NOW + 2000, &p);
    assert_int_equal(p.need_milli, LOAD_MOST);
    metric = SAMPLES_DEMAND;
    assert_string_equal(value(NOW + 2000), "9200000000000");
}

static void the_percentile_is_of_the_last_half_minute(void **state)
{
    (void)state;
    metric = SAMPLES_P95_LATENCY;
    two_pods_with_rates();
    assert_string_equal(value(NOW + 2000), "24250m");
    metric = SAMPLES_P50_LATENCY;
    assert_string_equal(value(NOW + 2000), "17500m");
    metric = SAMPLES_P99_LATENCY;
    assert_string_equal(value(NOW + 2000), "24850m");
    ask_all(NOW + 42000);
    says_load(1, 1200, 24, 0, NOW + 42000);
    says_load(2, 5080, 101.6, 0, NOW + 42000);
    assert_string_equal(value(NOW + 42000), "none");
    assert_non_null(strstr(message, "no request of english-auth was answered in the last 30 s"));
}

static void says_errors(unsigned last_digit, double requests, double errors, bool uncoded,
                        int64_t now)
{
    struct promtext_page page = { .slots = 4000,
                                  .has_load = true,
                                  .requests = requests,
                                  .answers = requests,
                                  .errors = errors,
                                  .uncoded = uncoded };
    samples_report(s, asked[last_digit], SAMPLES_OK, &page, now);
}

static void the_error_rate_is_that_of_answers_by_5xx_and_unknown_without_their_codes(void **state)
{
    (void)state;
    deployment(1);
    pod("auth-1", "10.0.0.1", true);
    samples_synced(s, NOW);
    metric = SAMPLES_ERROR_RATE;
    ask_all(NOW);
    says_errors(1, 1000, 500, false, NOW);
    assert_string_equal(value(NOW), "none");
    ask_all(NOW + 2000);
    says_errors(1, 1200, 510, false, NOW + 2000);
    assert_string_equal(value(NOW + 2000), "5");
    ask_all(NOW + 4000);
    says_errors(1, 20, 0, false, NOW + 4000);        /* a new process: its counters begin again */
    assert_string_equal(value(NOW + 4000), "3351m"); /* 5/s, two seconds ago, of five */
    ask_all(NOW + 6000);
    says_errors(1, 40, 0, true, NOW + 6000);
    assert_string_equal(value(NOW + 6000), "none");
    assert_non_null(strstr(message, "lp_requests_total has no label code"));
}

static void says_circuits(unsigned last_digit, const char *upstream, int64_t open, int64_t now)
{
    struct promtext_page page = { .n_circuits = 1 };
    snprintf(page.circuits[0].name, sizeof page.circuits[0].name, "%s", upstream);
    page.circuits[0].depth = open * 1000;
    samples_report(s, asked[last_digit], SAMPLES_OK, &page, now);
}

static void open_circuits_are_summed_over_those_who_tell_of_the_service(void **state)
{
    (void)state;
    deployment(2);
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", true);
    samples_synced(s, NOW);
    metric = SAMPLES_CIRCUITS_OPEN;
    ask_all(NOW);
    says_circuits(1, "progress", 7, NOW);
    says_circuits(2, "progress", 7, NOW);
    assert_string_equal(value(NOW), "none");
    assert_non_null(strstr(message, "no gateway has told of its circuit breaker for english-auth"));
    ask_all(NOW + 2000);
    says_circuits(1, "auth", 0, NOW + 2000);
    says_circuits(2, "auth", 0, NOW + 2000);
    assert_string_equal(value(NOW + 2000), "0");
    ask_all(NOW + 4000);
    says_circuits(1, "auth", 2, NOW + 4000);
    says_circuits(2, "auth", 1, NOW + 4000);
    assert_string_equal(value(NOW + 4000), "3");
    assert_string_equal(value(NOW + 4000 + SAMPLES_MAX_AGE_MS + 1), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_table(the_arrival_rate_is_the_growth_of_the_counters),
        with_table(a_rate_is_missing_and_not_zero_before_there_are_two_pages),
        with_table(a_restarted_process_counts_from_zero),
        with_table(a_pod_that_is_silent_counts_as_the_mean_of_the_others),
        with_table(the_service_time_is_what_an_answer_takes_in_the_mean),
        with_table(the_demand_is_what_the_load_needs_by_littles_law),
        with_table(what_a_service_has_to_do_is_known_from_second_to_second),
        with_table(pages_with_absurd_figures_make_a_great_number_and_no_negative_one),
        with_table(the_percentile_is_of_the_last_half_minute),
        with_table(the_error_rate_is_that_of_answers_by_5xx_and_unknown_without_their_codes),
        with_table(open_circuits_are_summed_over_those_who_tell_of_the_service),
    };
    return cmocka_run_group_tests_name("autoscaler_samples_load", tests, NULL, NULL);
}
