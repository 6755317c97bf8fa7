/* The memory model gives what py-fsrs 6.3.2 gave for these histories, and refuses what it refuses.
 */
#include "services/learning/model/fsrs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"

#define START_MS ((int64_t)1767225600000) /* 2026-01-01 */

/* By test/integration/memory_model.py's library: ratings, seconds from the start; recall five days
 * after the last. */
struct recorded {
    const char *ratings;
    int64_t at_s[5];
    double difficulty, stability, recall;
    int64_t due_s;
    int stage;
};

static const struct recorded histories[] = {
    { "3", { 0 }, 2.11810397, 2.3065, 0.838861427, 600, 1 },
    { "1", { 0 }, 6.4133, 0.212, 0.6121158, 60, 1 },
    { "4", { 0 }, 1, 8.2956, 0.930909293, 691200, 2 },
    { "333", { 0, 600, 259200 }, 2.10433139, 10.9710483, 0.944638334, 1209600, 2 },
    { "3331", { 0, 600, 259200, 864000 }, 7.38997579, 1.46958467, 0.797570832, 864600, 3 },
    { "33313",
      { 0, 600, 259200, 864000, 864600 },
      7.37781418,
      1.50549862,
      0.799852189,
      1037400,
      2 },
    { "2432", { 0, 86400, 1728000, 5184000 }, 5.6409356, 100.239247, 0.992665168, 13824000, 2 },
    { "11111", { 0, 60, 120, 180, 240 }, 9.93638689, 0.00720940636, 0.365710787, 300, 1 },
    { "44444",
      { 0, 691200, 5184000, 34560000, 172800000 },
      1,
      6382.60834,
      0.99988163,
      724291200,
      2 },
};

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-8 * fmax(1, fabs(b));
}

static void recorded_histories_give_the_recorded_states(void **unused)
{
    struct fsrs model;
    (void)unused;
    ok(fsrs_init(NULL, 0.9, &model, &err));
    for (size_t i = 0; i < LP_COUNT(histories); i++) {
        const struct recorded *h = &histories[i];
        struct fsrs_state s = { 0 };
        for (size_t k = 0; h->ratings[k]; k++)
            fsrs_review(&model, &s, (enum fsrs_rating)(h->ratings[k] - '0'),
                        START_MS + h->at_s[k] * 1000);
        double recall = fsrs_retrievability(&model, &s, s.last_ms + 5 * FSRS_DAY_MS);
        if (!near(s.difficulty, h->difficulty) || !near(s.stability, h->stability) ||
            !near(recall, h->recall) || s.due_ms != START_MS + h->due_s * 1000 ||
            (int)s.stage != h->stage)
            fail_msg("%s: difficulty %.9g stability %.9g recall %.9g due %lld stage %d", h->ratings,
                     s.difficulty, s.stability, recall, (long long)(s.due_ms - START_MS) / 1000,
                     (int)s.stage);
    }
}

/* Largest differences so far. */
struct apart {
    double difficulty, stability; /* stability: relative where it is over a day */
    int histories, reviews;
};

/* One line of fsrs_rs/histories.txt. */
static void compare(char *line, struct apart *apart)
{
    struct fsrs_state s = { 0 };
    double w[FSRS_PARAMETERS];
    int64_t at_ms = START_MS;
    struct fsrs model;
    for (int i = 0; i < FSRS_PARAMETERS; i++)
        w[i] = strtod(line, &line);
    ok(fsrs_init(w, 0.9, &model, &err));
    for (apart->histories++; *line == ';'; apart->reviews++) {
        enum fsrs_rating rating = (enum fsrs_rating)strtol(line + 1, &line, 10);
        at_ms += strtoll(line, &line, 10) * FSRS_DAY_MS;
        double difficulty = strtod(line, &line), stability = strtod(line, &line);
        fsrs_review(&model, &s, rating, at_ms);
        apart->difficulty = fmax(apart->difficulty, fabs(s.difficulty - difficulty));
        apart->stability =
            fmax(apart->stability, fabs(s.stability - stability) / fmax(stability, 1));
    }
}

/* It computes with floats; LP_FSRS_HISTORIES: another file of its. */
static void random_histories_give_what_the_crate_fsrs_gives(void **unused)
{
    const char *other = getenv("LP_FSRS_HISTORIES");
    FILE *f = fopen(other ? other : "test/unit/fsrs_rs/histories.txt", "r");
    struct apart apart = { 0 };
    char line[4096];
    (void)unused;
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        compare(line, &apart);
    fclose(f);
    print_message("%d histories, %d reviews; difficulty %.3g, stability %.3g\n", apart.histories,
                  apart.reviews, apart.difficulty, apart.stability);
    assert_true(apart.histories >= 250 && apart.reviews >= 1000);
    assert_true(apart.difficulty < 1e-4 && apart.stability < 1e-4);
}

static void stability_is_the_days_until_recall_is_nine_tenths(void **unused)
{
    struct fsrs model;
    (void)unused;
    ok(fsrs_init(NULL, 0.9, &model, &err));
    assert_true(near(fsrs_recall(&model, 30, 30), 0.9));
    assert_int_equal(fsrs_interval_days(&model, 30), 30);
    assert_int_equal(fsrs_interval_days(&model, 0.001), 1);
    assert_int_equal(fsrs_interval_days(&model, 1e12), FSRS_MAX_DAYS);
}

static void an_item_that_was_never_reviewed_is_not_remembered(void **unused)
{
    const struct fsrs_state never = { 0 };
    struct fsrs model;
    (void)unused;
    ok(fsrs_init(NULL, 0.9, &model, &err));
    assert_true(fsrs_retrievability(&model, &never, START_MS) == 0);
}

static void ten_thousand_reviews_of_one_kind_stay_within_the_bounds(void **unused)
{
    struct fsrs model;
    (void)unused;
    ok(fsrs_init(NULL, 0.9, &model, &err));
    for (int rating = FSRS_AGAIN; rating <= FSRS_EASY; rating++) {
        struct fsrs_state s = { 0 };
        for (int i = 0; i < 10000; i++)
            fsrs_review(&model, &s, (enum fsrs_rating)rating, START_MS + i * 90 * FSRS_DAY_MS);
        assert_true(s.difficulty >= 1 && s.difficulty <= 10);
        assert_true(s.stability >= 0.001 && s.stability <= 1e12);
    }
}

static void parameters_outside_of_their_bounds_are_named(void **unused)
{
    double w[FSRS_PARAMETERS];
    struct fsrs model;
    struct lp_error err;
    (void)unused;
    memcpy(w, fsrs_defaults, sizeof w);
    w[20] = 0.05;
    assert_int_equal(fsrs_init(w, 0.9, &model, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "parameters[20] must be 0.1..0.8, is 0.05");
    w[20] = (double)NAN;
    assert_int_equal(fsrs_init(w, 0.9, &model, &err), LP_E_INVALID);
    assert_int_equal(fsrs_init(NULL, 1, &model, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "retention must be 0.7..0.99, is 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_histories_give_the_recorded_states),
        cmocka_unit_test(random_histories_give_what_the_crate_fsrs_gives),
        cmocka_unit_test(stability_is_the_days_until_recall_is_nine_tenths),
        cmocka_unit_test(an_item_that_was_never_reviewed_is_not_remembered),
        cmocka_unit_test(ten_thousand_reviews_of_one_kind_stay_within_the_bounds),
        cmocka_unit_test(parameters_outside_of_their_bounds_are_named),
    };
    return cmocka_run_group_tests_name("learning_fsrs", tests, NULL, NULL);
}
