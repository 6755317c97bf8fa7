/* test/unit/test_cli_cluster.c -- simulated pods under a load, reckoned by hand. */
#include "cli/cluster.h"

#include "unit/check.h"

/* 10 requests a second of 100 ms and 5 ms of CPU; one pod of 32 slots and `limit` milli of CPU. */
static const struct trace_row row = {
    .values = { [TRACE_CPU] = -1,
                [TRACE_MEMORY] = -1,
                [TRACE_QUEUE_DEPTH] = -1,
                [TRACE_ARRIVAL_RATE] = 10000,
                [TRACE_SERVICE_TIME] = 100,
                [TRACE_REQUEST_CPU] = 5000 },
};

static void run(struct cluster *c, int64_t limit, size_t pods, int64_t ms)
{
    const struct cluster_pod kind = { .request = { 10, 0 },
                                      .limit = { limit, 0 },
                                      .concurrency = 32,
                                      .queue_limit = 100,
                                      .ready_after_ms = 30000 };
    cluster_init(c, &kind, pods, 0);
    cluster_advance(c, &row, ms);
}

static void a_pod_serves_no_more_than_its_cpu_limit_allows(void **state)
{
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    (void)state;
    run(c, 40, 1, 10000); /* 8 a second: of 100 that came some 20 are there */
    int64_t there = cluster_queue(c, &row);
    assert_in_range(there, 20000, 21500);
    assert_in_range(cluster_wait(c, &row), there / 8 - 101, there / 8 - 99);
    /* 10 a second that hold a slot for over 2.5 s, of 22.4 */
    assert_in_range(cluster_demand(c, &row), 1110, 1210);
    struct hpa_observed seen = cluster_observe(c, &row);
    assert_in_range(seen.pods[0].usage[HPA_CPU], 38, 40);
}

static void with_cpu_enough_nobody_waits(void **state)
{
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    (void)state;
    run(c, 200, 1, 10000); /* 40 a second */
    assert_int_equal(cluster_queue(c, &row), 1000);
    assert_int_equal(cluster_wait(c, &row), 0);
    assert_in_range(cluster_demand(c, &row), 44, 45);
    struct hpa_observed seen = cluster_observe(c, &row);
    assert_in_range(seen.pods[0].usage[HPA_CPU], 49, 50);
    run(c, 0, 1, 10000); /* no limit */
    assert_int_equal(cluster_queue(c, &row), 1000);
}

static int64_t cpu_seen_at(struct cluster *c, const struct trace_row *now, int64_t ms)
{
    cluster_advance(c, now, ms);
    return cluster_observe(c, now).pods[0].usage[HPA_CPU];
}

static void the_cpu_seen_is_of_the_last_whole_window_and_late(void **state)
{
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    struct trace_row nobody = row;
    (void)state;
    nobody.values[TRACE_ARRIVAL_RATE] = 0;
    run(c, 200, 2, 15000);
    assert_in_range(cpu_seen_at(c, &row, 15000), 24, 25);
    assert_int_equal(cpu_seen_at(c, &nobody, 29999), 24); /* what ended at 15 s */
    assert_int_equal(cpu_seen_at(c, &nobody, 30000), 0);
    c->kind.usage_delay_ms = 10000;
    cluster_init(c, &c->kind, 2, 0);
    cluster_advance(c, &row, 15000);
    assert_int_equal(cpu_seen_at(c, &nobody, 39999), 24);
    assert_int_equal(cluster_observe(c, &nobody).pods[0].sampled_ms, 15000);
    assert_int_equal(cpu_seen_at(c, &nobody, 40000), 0);
    assert_int_equal(cluster_observe(c, &nobody).pods[0].sampled_ms, 30000);
}

static void who_comes_where_no_pod_is_ready_waits_without_end(void **state)
{
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    struct trace_row nobody = row, gap = row;
    (void)state;
    nobody.values[TRACE_ARRIVAL_RATE] = 0;
    gap.values[TRACE_ARRIVAL_RATE] = -1;
    run(c, 200, 1, 10);
    cluster_scale(c, 0);
    cluster_scale(c, 1);
    assert_true(cluster_wait(c, &row) == INT64_MAX);
    assert_int_equal(cluster_wait(c, &nobody), 0);
    assert_int_equal(cluster_wait(c, &gap), -1);
    gap.values[TRACE_DEMAND] = -1;
    assert_int_equal(cluster_demand(c, &gap), -1);
    gap.values[TRACE_DEMAND] = 1500; /* it was recorded */
    assert_int_equal(cluster_demand(c, &gap), 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pod_serves_no_more_than_its_cpu_limit_allows),
        cmocka_unit_test(with_cpu_enough_nobody_waits),
        cmocka_unit_test(the_cpu_seen_is_of_the_last_whole_window_and_late),
        cmocka_unit_test(who_comes_where_no_pod_is_ready_waits_without_end),
    };
    return cmocka_run_group_tests_name("cli_cluster", tests, NULL, NULL);
}
