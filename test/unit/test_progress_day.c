/* test/unit/test_progress_day.c -- sums of a day: put together from hours, as documents and back,
 * and in an answer the same as those of its hours. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "services/progress/analytics.h"
#include "services/progress/day_document.h"
#include "unit/check.h"

static int64_t at(const char *text)
{
    return lp_clock_parse(text);
}

static void add(struct rollup *r, const char *user, const char *name, int64_t at_ms, double score)
{
    rollup_add(r, &(struct rollup_activity){ .user_id = user,
                                             .name = name,
                                             .at_ms = at_ms,
                                             .has_score = !isnan(score),
                                             .score = score });
}

/* Some of everything, in the hour `hour` of the day. */
static struct rollup hour_of(int64_t day_ms, int hour)
{
    struct rollup r = { .hour_ms = day_ms + hour * ROLLUP_HOUR_MS };
    char user[16], name[16];

    for (int i = 0; i <= hour; i++) {
        snprintf(user, sizeof user, "u%d", hour * 7 + i);
        snprintf(name, sizeof name, "Unit %d", i % 5);
        add(&r, user, name, r.hour_ms + i * ROLLUP_HOUR_MS / 24, i % 3 ? 10.0 + i : (double)NAN);
    }
    feedback_add(&r.feedback, hour % 2 ? "article" : "tense", hour + 1);
    feedback_add(&r.feedback, "No name", 1);
    return r;
}

static struct day *day_of(int64_t day_ms)
{
    struct day *d = day_new(day_ms, DAY_TABLE);
    for (int hour = 0; hour < DAY_HOURS; hour += 3) {
        struct rollup r = hour_of(day_ms, hour);
        day_add(d, &r);
    }
    day_finish(d);
    return d;
}

/* $set of what stands in the operator, as the database would hold it. */
static bson_t *document_of(const struct day *d, bool open)
{
    bson_t update = BSON_INITIALIZER, members, *document = bson_new();
    bson_iter_t i;
    uint32_t len;
    const uint8_t *bytes;
    day_document_set(d, &update);
    assert_true(bson_iter_init_find(&i, &update, "$set"));
    bson_iter_document(&i, &len, &bytes);
    assert_true(bson_init_static(&members, bytes, len));
    bson_append_date_time(document, "_id", -1, d->day_ms);
    if (open)
        bson_append_int32(document, "open", -1, 1);
    bson_concat(document, &members);
    bson_destroy(&update);
    return document;
}

static void a_day_comes_back_from_its_document(void **state)
{
    lp_auto_free struct day *d = day_of(at("2026-11-02T00:00:00Z")), *back = day_new(7, DAY_NAMES);
    (void)state;
    assert_int_equal(d->hours, 8);
    assert_int_equal(d->n_names, 5);
    for (int open = 0; open < 2; open++) {
        bson_t *document = document_of(d, open);
        bool is_open = !open;
        assert_true(day_document_read(document, back, &is_open));
        assert_int_equal(is_open, open);
        assert_int_equal(back->day_ms, d->day_ms);
        assert_int_equal(back->hours, 8);
        assert_memory_equal(back->quarters, d->quarters, sizeof d->quarters);
        assert_memory_equal(back->learners, d->learners, sizeof d->learners);
        assert_memory_equal(&back->others, &d->others, sizeof d->others);
        assert_memory_equal(&back->feedback, &d->feedback, sizeof d->feedback);
        assert_int_equal(back->n_names, d->n_names);
        assert_memory_equal(back->names, d->names, d->n_names * sizeof d->names[0]);
        bson_destroy(document);
    }
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(a) + fabs(b));
}

static void assert_same(const struct day_sums *a, const struct day_sums *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->scored, b->scored);
    assert_true(near(a->sum, b->sum));
    assert_true(near(a->x, b->x));
    assert_true(near(a->xx, b->xx));
    assert_true(near(a->xy, b->xy));
}

/* 2026-10-25 was the Sunday on which Berlin went back from +02:00 to +01:00. */
static void days_answer_as_their_hours_do(void **state)
{
    const struct zone *zone = NULL;
    struct analytics_result by_hours, by_days;
    (void)state;
    ok(zone_find("Europe/Berlin", &zone, &err));
    struct analytics *hours = analytics_new(zone, at("2026-11-03T00:00:00Z")),
                     *days = analytics_new(zone, at("2026-11-03T00:00:00Z"));
    for (int64_t day = at("2026-10-24T00:00:00Z"); day < at("2026-11-02T00:00:00Z");
         day += DAY_MS) {
        lp_auto_free struct day *d = day_of(day);
        analytics_add_day(days, d);
        for (int hour = 0; hour < DAY_HOURS; hour += 3) {
            struct rollup r = hour_of(day, hour);
            analytics_add(hours, &r);
        }
    }
    analytics_finish(hours);
    analytics_finish(days);
    analytics_result(hours, &by_hours);
    analytics_result(days, &by_days);
    assert_true(by_days.activities > 0);
    assert_int_equal(by_days.activities, by_hours.activities);
    assert_int_equal(by_days.learners, by_hours.learners);
    assert_memory_equal(by_days.heat, by_hours.heat, sizeof by_days.heat);
    assert_int_equal(by_days.n_names, by_hours.n_names);
    for (size_t i = 0; i < by_days.n_names; i++) {
        assert_string_equal(by_days.names[i].name, by_hours.names[i].name);
        assert_same(&by_days.names[i].figures, &by_hours.names[i].figures);
    }
    assert_same(&by_days.others, &by_hours.others);
    assert_memory_equal(by_days.feedback, by_hours.feedback, sizeof *by_days.feedback);
    analytics_free(hours);
    analytics_free(days);
}

static void a_document_has_the_most_frequent_names_and_the_rest_together(void **state)
{
    int64_t day_ms = at("2026-11-02T00:00:00Z");
    lp_auto_free struct day *d = day_new(day_ms, DAY_TABLE), *small = day_new(0, 3);
    char name[32];
    bool open = true;
    (void)state;
    for (int hour = 0; hour < DAY_HOURS; hour++) {
        struct rollup r = { .hour_ms = day_ms + hour * ROLLUP_HOUR_MS };
        for (int i = 0; i < ROLLUP_NAMES; i++) {
            snprintf(name, sizeof name, "activity %d", hour * ROLLUP_NAMES + i);
            for (int n = 0; n < (hour == 23 && i == 7 ? 3 : 1); n++)
                add(&r, "ann", name, r.hour_ms, 1);
        }
        day_add(d, &r);
    }
    day_finish(d);
    assert_int_equal(d->n_names, DAY_NAMES);
    assert_string_equal(d->names[0].name, "activity 1157");
    assert_int_equal(d->names[0].figures.count, 3);
    assert_int_equal(d->others.count, DAY_TABLE - DAY_NAMES);
    bson_t *document = document_of(d, false);
    assert_true(day_document_read(document, small, &open));
    assert_int_equal(small->n_names, 3);
    assert_int_equal(small->others.count, DAY_TABLE - 3);
    bson_destroy(document);
}

static void an_hour_of_another_day_is_none_of_this(void **state)
{
    int64_t day_ms = at("2026-11-02T00:00:00Z");
    lp_auto_free struct day *d = day_new(day_ms, DAY_NAMES);
    struct rollup before = hour_of(day_ms - DAY_MS, 23), after = hour_of(day_ms + DAY_MS, 0);
    (void)state;
    day_add(d, &before);
    day_add(d, &after);
    assert_int_equal(d->hours, 0);
    assert_int_equal(d->n_names, 0);
}

static void a_damaged_document_is_no_day_or_counts_as_nothing(void **state)
{
    static const char *const texts[] = {
        "{\"_id\":\"state\"}",
        "{}",
        ("{\"_id\":{\"$date\":86400000},\"h\":\"x\",\"q\":{\"96\":1,\"x\":1,\"0\":\"a\",\"1\":-5},"
         "\"r\":3,\"a\":[{\"n\":{},\"k\":3,\"s\":{\"$numberDouble\":\"NaN\"}},7],\"o\":[1]}"),
        ("{\"_id\":{\"$date\":86400000},\"r\":{\"$binary\":{\"base64\":\"/"
         "w==\",\"subType\":\"00\"}},\"a\":[{\"name\":\"b\",\"k\":3,\"x\":\"far\"}]}"),
    };
    lp_auto_free struct day *d = day_new(0, DAY_NAMES);
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        bson_error_t e;
        bool open = true;
        bson_t *b = bson_new_from_json((const uint8_t *)texts[i], -1, &e);
        assert_non_null(b);
        assert_int_equal(day_document_read(b, d, &open), i >= 2);
        bson_destroy(b);
        if (i < 2)
            continue;
        assert_false(open);
        assert_int_equal(d->hours, 0);
        assert_int_equal(d->quarters[0] + d->quarters[1], 0);
        assert_int_equal(sketch_count(d->learners), 0);
        assert_int_equal(d->n_names, 1);
        assert_int_equal(d->names[0].figures.scored, 0);
        assert_true(d->names[0].figures.x == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_comes_back_from_its_document),
        cmocka_unit_test(days_answer_as_their_hours_do),
        cmocka_unit_test(a_document_has_the_most_frequent_names_and_the_rest_together),
        cmocka_unit_test(an_hour_of_another_day_is_none_of_this),
        cmocka_unit_test(a_damaged_document_is_no_day_or_counts_as_nothing),
    };
    return cmocka_run_group_tests_name("progress_day", tests, NULL, NULL);
}
