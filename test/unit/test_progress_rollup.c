/* test/unit/test_progress_rollup.c -- sums of an hour, as documents and back, and put together to
 * what GET analytics answers; the range that it is asked about. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/progress/analytics.h"
#include "services/progress/range.h"
#include "services/progress/rollup_document.h"
#include "unit/check.h"

static int64_t at(const char *text)
{
    return lp_clock_parse(text);
}

static void add(struct rollup *r, const char *user, const char *name, const char *time,
                double score)
{
    rollup_add(r, &(struct rollup_activity){ .user_id = user,
                                             .name = name,
                                             .at_ms = at(time),
                                             .has_score = !isnan(score),
                                             .score = score });
}

static struct rollup hour_of(const char *time)
{
    return (struct rollup){ .hour_ms = rollup_hour(at(time)) };
}

static void an_hour_counts_quarters_learners_and_scores(void **state)
{
    struct rollup r = hour_of("2026-11-02T09:59:59Z");
    (void)state;
    add(&r, "ann", "Reading", "2026-11-02T09:00:00Z", 80);
    add(&r, "ann", "Reading", "2026-11-02T09:14:59.999Z", NAN);
    add(&r, "bob", "Reading", "2026-11-02T09:15:00Z", 60);
    add(&r, "bob", "Speaking", "2026-11-02T09:59:59.999Z", 1e300);
    assert_int_equal(r.quarters[0], 2);
    assert_int_equal(r.quarters[1], 1);
    assert_int_equal(r.quarters[3], 1);
    assert_int_equal(rollup_count(&r), 4);
    assert_int_equal(sketch_count(r.learners), 2);
    assert_int_equal(r.n_names, 2);
    assert_int_equal(r.names[0].figures.count, 3);
    assert_int_equal(r.names[0].figures.scored, 2);
    assert_true(r.names[0].figures.sum == 140);
    assert_int_equal(r.names[1].figures.scored, 0); /* 1e300 would drown all others */
}

static void an_hour_has_a_bounded_number_of_names_of_bounded_length(void **state)
{
    struct rollup r = hour_of("2026-11-02T09:00:00Z");
    char name[400];
    (void)state;
    for (int i = 0; i < 3 * ROLLUP_NAMES; i++) {
        snprintf(name, sizeof name, "activity %d", i);
        add(&r, "ann", name, "2026-11-02T09:00:00Z", 1);
    }
    assert_int_equal(r.n_names, ROLLUP_NAMES);
    assert_int_equal(r.others.count, 2 * ROLLUP_NAMES);
    rollup_reset(&r);
    assert_int_equal(rollup_count(&r), 0);
    assert_int_equal(r.n_names, ROLLUP_NAMES);
    struct rollup cut = hour_of("2026-11-02T09:00:00Z");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name + ROLLUP_NAME - 1, "\xc3\xa4", 2); /* an umlaut across the limit */
    add(&cut, "ann", name, "2026-11-02T09:00:00Z", 1);
    add(&cut, "ann", name, "2026-11-02T09:00:00Z", 1);
    assert_int_equal(cut.n_names, 1);
    assert_int_equal(strlen(cut.names[0].name), ROLLUP_NAME - 1);
}

/* $set of what stands in the operator, as the database would hold it. */
static void an_hour_comes_back_from_its_document(void **state)
{
    struct rollup r = hour_of("2026-11-02T09:00:00Z"), back;
    bson_t update = BSON_INITIALIZER, document = BSON_INITIALIZER, members;
    bson_iter_t i;
    uint32_t len;
    const uint8_t *bytes;
    (void)state;
    add(&r, "ann", "a.b$c", "2026-11-02T09:20:00Z", 71.5);
    add(&r, "bob", "", "2026-11-02T09:50:00Z", NAN);
    feedback_add(&r.feedback, "article", 4);
    feedback_add(&r.feedback, "No name", 2);
    rollup_document_set(&r, &update);
    assert_true(bson_iter_init_find(&i, &update, "$set"));
    bson_iter_document(&i, &len, &bytes);
    assert_true(bson_init_static(&members, bytes, len));
    bson_append_date_time(&document, "_id", -1, r.hour_ms);
    bson_concat(&document, &members);
    assert_true(rollup_document_read(&document, &back));
    assert_memory_equal(&back, &r, sizeof r);
    bson_destroy(&update);
    bson_destroy(&document);
}

static void a_damaged_document_is_no_hour_or_counts_as_nothing(void **state)
{
    static const char *const texts[] = {
        "{\"_id\":\"state\"}",
        "{}",
        ("{\"_id\":{\"$date\":3600000},\"q\":{\"9\":1,\"x\":1,\"0\":\"a\",\"1\":-5},\"r\":{\"64\":"
         "3,"
         "\"7\":200,\"-1\":2},\"a\":{\"b\":{\"n\":{},\"s\":{\"$numberDouble\":\"NaN\"},\"k\":3},"
         "\"c\":7},\"o\":[1]}"),
        ("{\"_id\":{\"$date\":3600000},\"r\":{\"$binary\":{\"base64\":\"/"
         "w==\",\"subType\":\"00\"}}}"),
    };
    struct rollup r = { 0 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        bson_error_t e;
        bson_t *b = bson_new_from_json((const uint8_t *)texts[i], -1, &e);
        assert_non_null(b);
        assert_int_equal(rollup_document_read(b, &r), i >= 2);
        assert_int_equal(rollup_count(&r), 0);
        assert_int_equal(r.learners[7], i == 2 ? SKETCH_MOST : 0);
        assert_int_equal(r.n_names, i == 2);
        assert_int_equal(r.names[0].figures.scored, 0);
        bson_destroy(b);
    }
}

/* ---- what is answered ---- */

static const struct zone *zone_of(const char *name)
{
    const struct zone *z = NULL;
    ok(zone_find(name, &z, &err));
    return z;
}

/* 2026-10-25 was the Sunday on which Berlin went back from +02:00 to +01:00. */
static void the_heat_map_follows_the_clock_of_its_zone(void **state)
{
    static const struct {
        const char *zone, *time;
        int day, hour;
    } cases[] = {
        { "UTC", "2026-11-02T00:00:00Z", 0, 0 },
        { "Europe/Berlin", "2026-10-24T22:30:00Z", 6, 0 },
        { "Europe/Berlin", "2026-10-25T00:30:00Z", 6, 2 },
        { "Europe/Berlin", "2026-10-25T01:30:00Z", 6, 2 },
        { "Europe/Berlin", "2026-10-25T23:30:00Z", 0, 0 },
        { "Asia/Kolkata", "2026-11-02T18:15:00Z", 0, 23 },
        { "Asia/Kolkata", "2026-11-02T18:30:00Z", 1, 0 },
        { "Asia/Kathmandu", "2026-11-02T18:15:00Z", 1, 0 },
        { "America/New_York", "2026-11-02T04:59:00Z", 6, 23 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct analytics *a = analytics_new(zone_of(cases[i].zone), at(cases[i].time));
        struct rollup r = hour_of(cases[i].time);
        struct analytics_result result;
        add(&r, "ann", "a", cases[i].time, 1);
        analytics_add(a, &r);
        analytics_finish(a);
        analytics_result(a, &result);
        assert_int_equal(result.activities, 1);
        if (result.heat[cases[i].day][cases[i].hour] != 1)
            fail_msg("%s in %s is not day %d hour %d", cases[i].time, cases[i].zone, cases[i].day,
                     cases[i].hour);
        analytics_free(a);
    }
}

static void trends_are_points_per_day_over_hours(void **state)
{
    static const char *const times[] = { "2026-11-01T09:00:00Z", "2026-11-02T09:00:00Z",
                                         "2026-11-03T09:00:00Z" };
    struct analytics *a = analytics_new(zone_of("UTC"), at("2026-11-04T00:00:00Z"));
    struct analytics_result result;
    double trend = 0;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(times); i++) {
        struct rollup r = hour_of(times[i]);
        add(&r, "ann", "Reading", times[i], 60 + 5 * (double)i);
        add(&r, "bob", "Reading", times[i], 70 + 5 * (double)i);
        if (i == 0)
            add(&r, "bob", "Once", times[i], 1), add(&r, "bob", "Once", times[i], 9);
        analytics_add(a, &r);
    }
    analytics_finish(a);
    analytics_result(a, &result);
    assert_int_equal(result.learners, 2);
    assert_int_equal(result.n_names, 2);
    assert_string_equal(result.names[0].name, "Reading");
    assert_int_equal(result.names[0].figures.count, 6);
    assert_true(fabs(result.names[0].figures.sum / 6 - 70) < 1e-9);
    assert_true(analytics_trend(&result.names[0].figures, &trend));
    assert_true(fabs(trend - 5) < 1e-9);
    assert_false(analytics_trend(&result.names[1].figures, &trend)); /* within an hour */
    analytics_free(a);
}

static void names_beyond_the_most_frequent_count_together(void **state)
{
    struct analytics *a = analytics_new(zone_of("UTC"), at("2026-11-04T00:00:00Z"));
    struct analytics_result result;
    char name[40];
    (void)state;
    for (int i = 0; i < 2 * ANALYTICS_TABLE; i++) {
        struct rollup r = hour_of("2026-11-02T09:00:00Z");
        snprintf(name, sizeof name, "n%d", i);
        for (int n = 0; n < (i == 900 ? 3 : 1); n++)
            add(&r, "ann", name, "2026-11-02T09:00:00Z", 1);
        analytics_add(a, &r);
    }
    analytics_finish(a);
    analytics_result(a, &result);
    assert_int_equal(result.activities, 2 * ANALYTICS_TABLE + 2);
    assert_int_equal(result.n_names, ANALYTICS_NAMES);
    assert_string_equal(result.names[0].name, "n900");
    int64_t sum = result.others.count;
    for (size_t i = 0; i < result.n_names; i++)
        sum += result.names[i].figures.count;
    assert_int_equal(sum, result.activities);
    analytics_free(a);
}

/* ---- the range ---- */

static void a_range_is_whole_hours_and_dates_begin_by_the_zones_clock(void **state)
{
    static const struct {
        const char *from, *to, *zone, *want_from, *want_to;
    } cases[] = {
        { NULL, NULL, NULL, "2026-11-01T10:00:00Z", "2026-11-29T11:00:00Z" },
        { "2026-11-01", "2026-11-02", NULL, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z" },
        { "2026-10-25", "2026-10-26", "Europe/Berlin", "2026-10-24T22:00:00Z",
          "2026-10-25T23:00:00Z" },
        { "2026-11-02", "2026-11-03", "Asia/Kolkata", "2026-11-01T18:00:00Z",
          "2026-11-02T19:00:00Z" },
        { "2026-11-02T09:30:00+01:00", "2026-11-02T09:31:00+01:00", NULL, "2026-11-02T08:00:00Z",
          "2026-11-02T09:00:00Z" },
        { "2026-08-01", "2026-11-01", "Europe/Berlin", "2026-07-31T22:00:00Z",
          "2026-10-31T23:00:00Z" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct range r;
        ok(range_read(cases[i].from, cases[i].to, cases[i].zone, at("2026-11-29T10:20:00Z"), &r,
                      &err));
        if (r.from_ms != at(cases[i].want_from) || r.to_ms != at(cases[i].want_to))
            fail_msg("case %zu", i);
        assert_true((r.to_ms - r.from_ms) / ROLLUP_HOUR_MS <= RANGE_HOURS);
    }
}

static void a_range_that_makes_no_sense_is_refused_by_name(void **state)
{
    static const struct {
        const char *from, *to, *zone, *want;
    } cases[] = {
        { "yesterday", NULL, NULL, "from must be a date such as" },
        { NULL, "2026-13-01", NULL, "to must be a date such as" },
        { "2026-02-30", NULL, NULL, "from must be a date such as" },
        { "2026-1-1-01", NULL, NULL, "from must be a date such as" },
        { "", NULL, NULL, "from must be a date such as" },
        { "2026-11-02", "2026-11-02", NULL, "from must be before to" },
        { "2026-12-24", NULL, NULL, "from must be before to, which is now" },
        { "2026-01-01", NULL, NULL, "at most 92 days apart" },
        { "2026-08-01", "2026-11-02", "Europe/Berlin", "at most 92 days apart" },
        { NULL, NULL, "Berlin", "zone: must be a zone of the IANA time zone database" },
        { NULL, NULL, "../../etc/passwd", "zone: must be" },
        { NULL, NULL, "", "zone: must be" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct range r;
        struct lp_error err;
        assert_int_equal(range_read(cases[i].from, cases[i].to, cases[i].zone,
                                    at("2026-11-29T10:20:00Z"), &r, &err),
                         LP_E_INVALID);
        if (!strstr(err.msg, cases[i].want))
            fail_msg("%s", err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_counts_quarters_learners_and_scores),
        cmocka_unit_test(an_hour_has_a_bounded_number_of_names_of_bounded_length),
        cmocka_unit_test(an_hour_comes_back_from_its_document),
        cmocka_unit_test(a_damaged_document_is_no_hour_or_counts_as_nothing),
        cmocka_unit_test(the_heat_map_follows_the_clock_of_its_zone),
        cmocka_unit_test(trends_are_points_per_day_over_hours),
        cmocka_unit_test(names_beyond_the_most_frequent_count_together),
        cmocka_unit_test(a_range_is_whole_hours_and_dates_begin_by_the_zones_clock),
        cmocka_unit_test(a_range_that_makes_no_sense_is_refused_by_name),
    };
    return cmocka_run_group_tests_name("progress_rollup", tests, NULL, NULL);
}
