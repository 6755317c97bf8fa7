/* test/unit/test_cli_load_parts.c -- what kubectl lp load is made of, without a server: shapes and
 * arrivals, histograms, limits, the heap of moments, whom it may hit. */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <string.h>

#include "cli/load/due.h"
#include "cli/load/histogram.h"
#include "cli/load/shape.h"
#include "cli/load/target.h"
#include "cli/load/threshold.h"
#include "unit/check.h"

static void percentiles_are_exact_to_one_part_in_sixty(void **state)
{
    lp_auto_free struct histogram *h = lp_alloc(sizeof *h);

    (void)state;
    assert_true(histogram_ms(h, 99) == 0 && histogram_mean_ms(h) == 0);
    for (uint64_t i = 1; i <= 100000; i++)
        histogram_add(h, i * 10);
    for (int p = 1; p <= 100; p++) {
        double ms = histogram_ms(h, p);
        assert_true(ms >= p * 10.0 && ms <= p * 10.0 * 1.017);
    }
    assert_true(histogram_ms(h, 0) > 0);
    assert_true(fabs(histogram_mean_ms(h) - 500.005) < 0.001);
    histogram_add(h, UINT64_MAX / 2); /* far beyond the last bucket */
    assert_true(histogram_ms(h, 100) == (double)(UINT64_MAX / 2) / 1000);
    assert_int_equal(h->count, 100001);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

static void named_shapes_are_what_their_names_say(void **state)
{
    struct shape s;

    (void)state;
    assert_true(shape_named("flat", 30, &s));
    assert_true(near(shape_load(&s, 0), 1) && near(shape_load(&s, 1), 1));
    assert_true(near(shape_total(&s), 1));
    assert_true(shape_named("ramp", 30, &s));
    assert_true(near(shape_load(&s, 0), 0) && near(shape_load(&s, 0.25), 0.5));
    assert_true(near(shape_load(&s, 0.5), 1) && near(shape_total(&s), 0.75));
    assert_true(shape_named("steps", 30, &s));
    assert_true(near(shape_load(&s, 0.24), 0.25) && near(shape_load(&s, 0.25), 0.5));
    assert_true(near(shape_load(&s, 0.99), 1) && near(shape_total(&s), 0.625));
    assert_true(shape_named("exam", 6000, &s)); /* 60 s of 6,000 are a hundredth */
    assert_true(near(shape_load(&s, 0.25), 0.1) && near(shape_load(&s, 0.255), 0.55));
    assert_true(near(shape_load(&s, 0.26), 1) && near(shape_load(&s, 0.79), 1));
    assert_true(near(shape_load(&s, 0.8), 0.1));
    assert_true(shape_named("exam", 100, &s));
    assert_true(near(shape_load(&s, 0.35), 1));
    assert_false(shape_named("Flat", 30, &s));
}

static void a_shape_says_when_a_load_is_reached_and_when_never_again(void **state)
{
    struct shape s;

    (void)state;
    assert_true(shape_named("exam", 100, &s));
    assert_true(near(shape_reaches(&s, 0, 0.05), 0));
    assert_true(near(shape_reaches(&s, 0, 0.55), 0.3));
    assert_true(near(shape_reaches(&s, 0.5, 0.55), 0.5));
    assert_true(near(shape_reaches(&s, 0.9, 0.55), -1));
    assert_true(near(shape_reaches(&s, 0.9, 0.1), 0.9));
    assert_true(shape_named("steps", 100, &s));
    assert_true(near(shape_reaches(&s, 0, 0.6), 0.5));
}

static void the_moment_of_an_amount_is_the_inverse_of_the_load_summed_up(void **state)
{
    static const char *const names[] = { "flat", "ramp", "steps", "exam" };
    struct shape s;

    (void)state;
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        assert_true(shape_named(names[i], 100, &s));
        double total = shape_total(&s), before = 0, sum = 0;
        for (int k = 1; k < 1000;
             k++) { /* the load between two moments is the amount of one part */
            double at = shape_when(&s, total * k / 1000);
            assert_true(at >= before && at <= 1);
            double middle = (before + at) / 2;
            sum += (at - before) * shape_load(&s, middle);
            assert_true(fabs(sum - total * k / 1000) < 0.002);
            before = at;
        }
        assert_true(shape_when(&s, total * 1.001) < 0);
    }
}

static unsigned arrivals_until(struct arrivals *a, double end, double *next)
{
    unsigned n = 0;

    for (; *next >= 0 && *next < end; *next = arrivals_next(a))
        n++;
    return n;
}

static void arrivals_come_by_the_rate_and_the_shape_the_same_for_the_same_seed(void **state)
{
    struct arrivals a, b, c;
    struct shape s;

    (void)state;
    assert_true(shape_named("exam", 1000, &s));
    arrivals_init(&a, &s, 100, 1000, 1);
    arrivals_init(&b, &s, 100, 1000, 1);
    arrivals_init(&c, &s, 100, 1000, 2);
    double next = arrivals_next(&a), other = arrivals_next(&b);
    assert_true(next == other && arrivals_next(&c) != next);
    unsigned calm = arrivals_until(&a, 250, &next), rise = arrivals_until(&a, 310, &next);
    unsigned high = arrivals_until(&a, 800, &next), end = arrivals_until(&a, 1e9, &next);
    /* 2,500, 3,300, 49,000 and 2,000 are meant; a Poisson process keeps within five deviations */
    assert_true(calm > 2250 && calm < 2750);
    assert_true(rise > 3010 && rise < 3590);
    assert_true(high > 47890 && high < 50110);
    assert_true(end > 1775 && end < 2225);
    assert_true(next < 0 && arrivals_next(&a) < 0);
}

static void moments_come_out_of_the_heap_in_their_order(void **state)
{
    struct due d;
    struct due_entry e;
    uint64_t random = 3;
    int64_t last = -1;

    (void)state;
    due_init(&d, 1000);
    assert_int_equal(due_first(&d), INT64_MAX);
    assert_false(due_take(&d, &e));
    for (uint32_t i = 0; i < 1000; i++)
        due_add(&d, (int64_t)(random_unit(&random) * 500), i);
    bool seen[1000] = { false };
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(due_first(&d), d.entries[0].at_ns);
        assert_true(due_take(&d, &e));
        assert_true(e.at_ns >= last && !seen[e.who]);
        seen[e.who] = true;
        last = e.at_ns;
    }
    assert_false(due_take(&d, &e));
    due_done(&d);
}

/* 100 logins of 1..100 ms, 4 of them failed, and a route without requests. */
static struct stats *stats_of_logins(void)
{
    struct stats *s = lp_alloc(sizeof *s);
    unsigned login = stats_route(s, "login");

    stats_route(s, "unused");
    for (unsigned i = 1; i <= 100; i++)
        stats_add(s, login, (uint64_t)i * 1000, 0, i > 96 ? 503 : 200, i <= 96, i <= 96);
    histogram_add(&s->clock, 5000);
    return s;
}

static void a_limit_fails_exactly_where_its_figure_is_beyond_it(void **state)
{
    static const struct {
        const char *text;
        bool fails;
    } limits[] = {
        { "p95>200ms", false },     { "p95>90ms", true },         { "p50<40ms", false },
        { "p50<60ms", true },       { "mean>0.06s", false },      { "mean>50ms", true },
        { "max>100ms", false },     { "max>99.9ms", true },       { "errors>4%", false },
        { "errors>3.9%", true },    { "count<100", false },       { "count<101", true },
        { "login:p99>1s", false },  { "login:p99>98ms", true },   { "login:errors>4%", false },
        { "unused:p95>10s", true }, { "unused:errors>1%", true }, { "unused:count>0", false },
        { "clock>6ms", false },     { "clock>4ms", true },        { "p99.9>100ms", false },
        { "unused:count<1", true },
    };
    lp_auto_free struct stats *s = stats_of_logins();
    struct threshold t;
    double value;

    (void)state;
    for (size_t i = 0; i < LP_COUNT(limits); i++) {
        ok(threshold_parse(limits[i].text, &t, &err));
        ok(threshold_check_route(&t, s, &err));
        if (threshold_fails(&t, s, &value) != limits[i].fails)
            fail_msg("%s: is %g", limits[i].text, value);
    }
}

static void a_wrong_limit_is_told_with_its_text_and_what_is_allowed(void **state)
{
    static const char *const limits[][2] = {
        { "p95", "must have > or <" },
        { "p101>3ms", "must be p0..p100" },
        { "p>3ms", "must be p0..p100" },
        { "p95x>3ms", "must be p0..p100" },
        { "latency>3ms", "must be p0..p100" },
        { ">3ms", "must be p0..p100" },
        { "p95>3", "with ms or s" },
        { "p95>3us", "with ms or s" },
        { "p95>ms", "with ms or s" },
        { "p95>-3ms", "with ms or s" },
        { "p95>1.2.3ms", "with ms or s" },
        { "p95>0x10ms", "with ms or s" },
        { "p95>99999999999999999999999999ms", "with ms or s" },
        { "errors>1", "of errors 0..100 with %" },
        { "errors>101%", "of errors 0..100 with %" },
        { "count<5ms", "of count without a unit" },
        { ":p95>3ms", "must have 1..47 bytes" },
        { "login:clock>3ms", "not of a route" },
    };
    struct threshold t;
    struct lp_error err;

    (void)state;
    for (size_t i = 0; i < LP_COUNT(limits); i++) {
        assert_int_equal(threshold_parse(limits[i][0], &t, &err), LP_E_INVALID);
        lp_auto_free char *begin = lp_sprintf("--fail-if: \"%s\": ", limits[i][0]);
        if (strncmp(err.msg, begin, strlen(begin)) != 0 || !strstr(err.msg, limits[i][1]))
            fail_msg("%s", err.msg);
    }
}

static void causes_tell_statuses_broken_connections_and_wrong_answers(void **state)
{
    lp_auto_free struct stats *s = lp_alloc(sizeof *s);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(8192);
    unsigned i = stats_route(s, "login");

    (void)state;
    stats_add(s, i, 1000, 0, 200, true, true);
    stats_add(s, i, 1000, 0, 200, true, false);
    stats_add(s, i, 1000, 0, 429, false, false);
    stats_add(s, i, 1000, 28, 0, false, false);
    stats_table(s, &out);
    assert_non_null(strstr(out.ptr, "  1 of login failed: status 429\n"));
    assert_non_null(strstr(out.ptr, "  1 of login failed: Timeout was reached\n"));
    assert_non_null(strstr(out.ptr, "  1 of login failed: wrong answer\n"));
    assert_non_null(strstr(out.ptr, "75.00 % of them failed"));
    lp_buf_reset(&out);
    stats_progress(s, 10, 2, 3, &out);
    assert_string_equal(out.ptr, "10 s: 2 requests/s, p50 1.0 ms, p95 1.0 ms, p99 1.0 ms, 75.00 % "
                                 "failed, 3 under way\n");
    assert_int_equal(s->recent.count, 0);
    lp_buf_reset(&out);
    stats_progress(s, 20, 10, 3, &out);
    assert_string_equal(out.ptr, "20 s: no request ended, 3 under way\n");
    assert_int_equal(s->all.time.count, 4);
}

static bool is_private(const char *text)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return target_is_private((const struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return target_is_private((const struct sockaddr *)&v6);
}

static void private_and_public_addresses_are_told_apart(void **state)
{
    static const char *const ours[] = { "127.0.0.1",  "127.255.0.9",    "10.1.2.3",
                                        "172.16.0.1", "172.31.255.255", "192.168.7.7",
                                        "::1",        "fd00::1",        "::ffff:10.0.0.1" };
    static const char *const others[] = { "8.8.8.8",        "172.15.0.1", "172.32.0.1",
                                          "192.169.0.1",    "11.0.0.1",   "2001:db8::1",
                                          "::ffff:8.8.8.8", "0.0.0.0",    "::" };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(ours); i++)
        assert_true(is_private(ours[i]));
    for (size_t i = 0; i < LP_COUNT(others); i++)
        assert_false(is_private(others[i]));
}

static void a_neighbour_and_a_clouds_metadata_are_nobodys_target(void **state)
{
    static const char *const refused[] = { "169.254.0.1", "169.254.169.254", "169.254.255.254",
                                           "fe80::1", "::ffff:169.254.169.254" };

    (void)state;
    for (size_t i = 0; i < LP_COUNT(refused); i++)
        assert_false(is_private(refused[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_exact_to_one_part_in_sixty),
        cmocka_unit_test(named_shapes_are_what_their_names_say),
        cmocka_unit_test(a_shape_says_when_a_load_is_reached_and_when_never_again),
        cmocka_unit_test(the_moment_of_an_amount_is_the_inverse_of_the_load_summed_up),
        cmocka_unit_test(arrivals_come_by_the_rate_and_the_shape_the_same_for_the_same_seed),
        cmocka_unit_test(moments_come_out_of_the_heap_in_their_order),
        cmocka_unit_test(a_limit_fails_exactly_where_its_figure_is_beyond_it),
        cmocka_unit_test(a_wrong_limit_is_told_with_its_text_and_what_is_allowed),
        cmocka_unit_test(causes_tell_statuses_broken_connections_and_wrong_answers),
        cmocka_unit_test(private_and_public_addresses_are_told_apart),
        cmocka_unit_test(a_neighbour_and_a_clouds_metadata_are_nobodys_target),
    };
    return cmocka_run_group_tests_name("cli_load_parts", tests, NULL, NULL);
}
