/* test/unit/test_autoscaler_measured.c -- what is measured of a service over minutes. */
#include "autoscaler/samples/measured.h"

#include "unit/samples_fixture.h"

#define MINUTE 60000
#define FIRST (20 * MINUTE) /* NOW is in the 17th minute */

static struct samples_measured measured(int64_t now)
{
    struct samples_measured m;
    samples_measured(s, "lp", "english-auth", now, &m);
    return m;
}

/* `rate` requests a second of 20 ms each, in 4 slots. */
static void run(double *requests, double rate, int64_t from, int64_t to)
{
    for (int64_t now = from; now < to; now += 1000) {
        struct promtext_page page = { .in_flight = 0, .slots = 4000, .has_load = true };
        *requests += rate;
        page.requests = page.answers = *requests;
        page.seconds = *requests * 0.02;
        ask_all(now);
        samples_report(s, asked[1], SAMPLES_OK, &page, now);
    }
}

/* 140 a second keep 2.8 slots busy: what a pod of 4 is meant to have. */
static void the_peak_is_that_of_the_last_whole_minute(void **state)
{
    double requests = 0;
    (void)state;
    pod("auth-1", "10.0.0.1", true);
    samples_synced(s, NOW);
    run(&requests, 14, FIRST, FIRST + MINUTE);
    assert_int_equal(measured(FIRST + MINUTE - 1).peak_milli, -1);
    run(&requests, 140, FIRST + MINUTE, FIRST + MINUTE + 30000);
    run(&requests, 14, FIRST + MINUTE + 30000, FIRST + 2 * MINUTE);
    assert_in_range(measured(FIRST + 2 * MINUTE - 1).peak_milli, 90, 110);
    assert_in_range(measured(FIRST + 2 * MINUTE).peak_milli, 970, 1010);
    assert_int_equal(measured(FIRST + 3 * MINUTE).peak_milli, -1); /* nobody reported in it */
}

static void report_learners(unsigned digit, unsigned from, unsigned to)
{
    struct promtext_page page = { .has_sketch = true };
    for (unsigned k = from; k < to; k++) {
        char name[16];
        unsigned i, least;
        snprintf(name, sizeof name, "l%u", k);
        sketch_place(name, strlen(name), &i, &least);
        if (page.sketch[i] < least)
            page.sketch[i] = (uint8_t)least;
    }
    samples_report(s, asked[digit], SAMPLES_OK, &page, NOW);
}

static void who_asks_two_gateways_is_one_learner(void **state)
{
    (void)state;
    pod("auth-1", "10.0.0.1", true);
    pod("auth-2", "10.0.0.2", true);
    samples_synced(s, NOW);
    assert_int_equal(measured(NOW).learners, -1);
    ask_all(NOW);
    report_learners(1, 0, 100);
    int64_t alone = measured(NOW).learners;
    report_learners(2, 0, 100);
    assert_int_equal(measured(NOW).learners, alone);
    assert_in_range(alone, 70, 130);
    assert_int_equal(measured(NOW + SAMPLES_MAX_AGE_MS + 1).learners, -1);
}

/* `s_later`: from creation to Ready. */
static json_t *started(const char *name, const char *ip, int64_t s_later, int restarts)
{
    char created[LP_CLOCK_TEXT], ready[LP_CLOCK_TEXT];
    json_t *o = pod_object(name, ip, true);
    lp_clock_format(WALL, 0, created);
    lp_clock_format(WALL + s_later * 1000, 0, ready);
    lp_json_set_str(json_object_get(o, "metadata"), "creationTimestamp", created);
    lp_json_set_str(json_array_get(lp_json_at(o, "status", "conditions", NULL), 0),
                    "lastTransitionTime", ready);
    json_object_set_new(json_object_get(o, "status"), "containerStatuses",
                        lp_json_make("[{s:i}]", "restartCount", restarts));
    return o;
}

static void starts_are_those_of_pods_that_became_ready_once(void **state)
{
    json_auto_t *quick = started("auth-1", "10.0.0.1", 7, 0);
    json_auto_t *slow = started("auth-2", "10.0.0.2", 40, 0);
    json_auto_t *again = started("auth-1", "10.0.0.1", 900, 0);
    json_auto_t *restarted = started("auth-3", "10.0.0.3", 300, 1);
    json_auto_t *old = started("auth-4", "10.0.0.4", 100000, 0);
    json_auto_t *down = pod_object("auth-1", "10.0.0.1", false);
    (void)state;
    samples_synced(s, NOW);
    tell(quick, NOW);
    assert_int_equal(measured(NOW).start_s, 8); /* both times are cut to seconds */
    tell(slow, NOW);
    tell(down, NOW);
    tell(again, NOW); /* it was Ready before */
    tell(restarted, NOW);
    tell(old, NOW);
    assert_int_equal(measured(NOW).starts, 2);
    assert_int_equal(measured(NOW).start_s, 41);
}

static void the_last_32_starts_count_and_the_slowest_twentieth_does_not(void **state)
{
    (void)state;
    samples_synced(s, NOW);
    for (int k = 0; k < 40; k++) {
        char name[16];
        snprintf(name, sizeof name, "auth-%d", k);
        json_auto_t *o = started(name, "10.0.0.1", k < 8 ? 500 : k - 8, 0);
        tell(o, NOW);
    }
    assert_int_equal(measured(NOW).starts, MEASURED_STARTS);
    assert_int_equal(measured(NOW).start_s, 31); /* of 1 to 32 */
}

/* Anybody may write labels. */
static void a_pod_that_is_none_of_ours_starts_for_nobody(void **state)
{
    json_auto_t *o = started("auth-1", "10.0.0.1", 7, 0);
    (void)state;
    json_object_del(json_object_get(o, "metadata"), "ownerReferences");
    samples_synced(s, NOW);
    tell(o, NOW);
    assert_int_equal(measured(NOW).starts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_peak_is_that_of_the_last_whole_minute, fresh, end),
        cmocka_unit_test_setup_teardown(who_asks_two_gateways_is_one_learner, fresh, end),
        cmocka_unit_test_setup_teardown(starts_are_those_of_pods_that_became_ready_once, fresh,
                                        end),
        cmocka_unit_test_setup_teardown(the_last_32_starts_count_and_the_slowest_twentieth_does_not,
                                        fresh, end),
        cmocka_unit_test_setup_teardown(a_pod_that_is_none_of_ours_starts_for_nobody, fresh, end),
    };
    return cmocka_run_group_tests_name("autoscaler_measured", tests, NULL, NULL);
}
