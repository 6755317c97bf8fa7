/* What is offered next: due first, what brings most, new items by the bandit, within time and exam.
 */
#include "services/learning/recommend/choose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "services/learning/recommend/forgetting.h"
#include "services/learning/recommend/reason.h"
#include "unit/recommend_fixture.h"

static int count_new(const struct choice *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        n += c->items[i]->is_new;
    return n;
}

static void a_quarter_is_new_until_twice_as_many_reviews_wait(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 8);
    struct choice c;
    (void)state;
    fill(10, 20);
    choose(&model, &w, due, 10, fresh, 20, &c);
    assert_int_equal(c.n, 8);
    assert_int_equal(count_new(&c), 2);
    fill(16, 20);
    choose(&model, &w, due, 16, fresh, 20, &c);
    assert_int_equal(count_new(&c), 0);
    fill(0, 20);
    choose(&model, &w, due, 0, fresh, 20, &c);
    assert_int_equal(count_new(&c), 8);
    fill(3, 0);
    choose(&model, &w, due, 3, fresh, 0, &c);
    assert_int_equal(c.n, 3);
}

static void after_a_holiday_what_brings_most_in_its_time_comes_first(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 20);
    struct choice c;
    (void)state;
    fill(CHOOSE_DUE, 20);
    due[CHOOSE_DUE - 1].facts.seconds = 1;
    choose(&model, &w, due, CHOOSE_DUE, fresh, 20, &c);
    assert_int_equal(c.n, 20);
    for (int i = 1; i < c.n; i++)
        assert_true(c.items[i - 1]->worth / c.items[i - 1]->facts.seconds >=
                    c.items[i]->worth / c.items[i]->facts.seconds);
    assert_string_equal(c.items[0]->id, names[CHOOSE_DUE - 1]);
}

static void the_minutes_of_the_day_are_kept(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 50);
    struct choice c;
    (void)state;
    fill(CHOOSE_DUE, 20);
    w.budget_s = 95;
    choose(&model, &w, due, CHOOSE_DUE, fresh, 20, &c);
    assert_int_equal(c.n, 9);
    w.budget_s = -5;
    fill(CHOOSE_DUE, 20);
    choose(&model, &w, due, CHOOSE_DUE, fresh, 20, &c);
    assert_int_equal(c.n, 0);
}

static void no_phrase_comes_twice_in_a_row(void **state)
{
    struct wish w = a_wish(POLICY_FSRS, 10);
    struct choice c;
    (void)state;
    fill(4, 0);
    due[3].phrase = due[2].phrase = "the same"; /* item-3 is due longest */
    due[0].phrase = "last";
    w.last_phrase = "the same";
    choose(&model, &w, due, 4, fresh, 0, &c);
    assert_int_equal(c.n, 3);
    assert_string_equal(c.items[0]->id, "item-1");
    assert_string_equal(c.items[1]->id, "item-3");
    assert_string_equal(c.items[2]->id, "item-0");
}

static void each_policy_has_its_order(void **state)
{
    struct wish w = a_wish(POLICY_FSRS, 4);
    struct choice c;
    (void)state;
    fill(9, 6);
    choose(&model, &w, due, 9, fresh, 6, &c);
    for (int i = 0; i < 4; i++) {
        char want[16];
        snprintf(want, sizeof want, "item-%d", 8 - i); /* longest due first */
        assert_string_equal(c.items[i]->id, want);
    }
    w = a_wish(POLICY_LOWEST_AVERAGE, 3);
    fill(9, 6);
    choose(&model, &w, due, 9, fresh, 6, &c);
    for (int i = 0; i < 3; i++)
        assert_true(c.items[i]->average == 1);
    w = a_wish(POLICY_RANDOM, 10);
    fill(9, 6);
    choose(&model, &w, due, 9, fresh, 6, &c);
    assert_int_equal(c.n, 10);
    for (int i = 0; i < c.n; i++)
        assert_true(!c.items[i]->is_new ||
                    fabs(c.items[i]->propensity - (double)c.slots / 6) < 1e-9);
}

static void before_an_exam_gain_is_of_that_day_and_nothing_new_comes(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 8);
    struct choice c;
    (void)state;
    fill(10, 20);
    w.exam_ms = NOW_MS + 3 * FSRS_DAY_MS;
    choose(&model, &w, due, 10, fresh, 20, &c);
    assert_int_equal(count_new(&c), 0);
    /* What is hardly forgotten by then brings little; what fades brings much. */
    fill(2, 0);
    due[0].state.stability = 2;
    due[1].state.stability = 60;
    due[0].state.last_ms = due[1].state.last_ms = NOW_MS - FSRS_DAY_MS;
    choose(&model, &w, due, 2, fresh, 0, &c);
    assert_string_equal(c.items[0]->id, "item-0");
    assert_true(c.items[0]->gain > 2 * c.items[1]->gain && c.items[1]->gain > 0);
}

static void an_exam_far_away_holds_nothing_new_back(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 8);
    struct choice c;
    (void)state;
    fill(40, 20);
    for (int i = 0; i < 40; i++)
        due[i].state.due_ms = NOW_MS + (i + 1) * FSRS_DAY_MS; /* before the exam, not now */
    w.exam_ms = NOW_MS + 90 * FSRS_DAY_MS;
    choose(&model, &w, due, 40, fresh, 20, &c);
    assert_int_equal(c.n, 8);
    assert_in_range(count_new(&c), 1, 4);
}

/* To whom repetition brings more than the model says, and the first look little. */
static void who_learns_by_repetition_gets_reviews_before_anything_new(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 8);
    struct choice c;
    (void)state;
    w.exam_ms = NOW_MS + 90 * FSRS_DAY_MS;
    for (int by_repetition = 0; by_repetition < 2; by_repetition++) {
        forgetting.model.weights[FORGETTING_RATE] = by_repetition ? 1.5 : 0;
        forgetting.model.weights[FORGETTING_REPEATED] = by_repetition ? -1 : 0;
        fill(40, 20);
        for (int i = 0; i < 40; i++)
            due[i].seen = 5;
        choose(&model, &w, due, 40, fresh, 20, &c);
        assert_int_equal(count_new(&c), by_repetition ? 0 : 4);
    }
    forgetting = (struct forgetting){ 0 };
}

/* To whom the first reviews bring nothing unless others follow. */
static void who_forgets_exponentially_goes_on_with_what_was_begun_until_it_lasts(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 8);
    struct choice c;
    (void)state;
    w.exam_ms = NOW_MS + 90 * FSRS_DAY_MS;
    forgetting.for_exponential = FORGETTING_SURE;
    for (int lasts = 0; lasts < 2; lasts++) {
        fill(40, 20);
        for (int i = 0; i < 40; i++) {
            due[i].seen = lasts ? 30 : 4;
            due[i].recalled = lasts ? 29 : 3;
            due[i].state.last_ms = NOW_MS - FSRS_DAY_MS;
        }
        choose(&model, &w, due, 40, fresh, 20, &c);
        assert_int_equal(count_new(&c), lasts ? 2 : 0); /* a quarter */
        assert_true(c.items[0]->worth >= c.items[0]->gain);
    }
    forgetting = (struct forgetting){ 0 };
}

static void nobody_looks_for_new_items_where_none_would_be_taken(void **state)
{
    static const struct {
        enum policy policy;
        int64_t exam_days;
        int n_due;
    } cases[] = { { POLICY_BANDIT, 0, 15 },          { POLICY_BANDIT, 0, 16 },
                  { POLICY_BANDIT, 3, 7 },           { POLICY_BANDIT, 3, 8 },
                  { POLICY_BANDIT, 90, CHOOSE_DUE }, { POLICY_FSRS, 90, CHOOSE_DUE },
                  { POLICY_RANDOM, 0, CHOOSE_DUE },  { POLICY_LOWEST_AVERAGE, 0, 7 },
                  { POLICY_LOWEST_AVERAGE, 0, 8 } };
    static const bool takes[] = { true, false, true, false, true, false, true, true, false };
    (void)state;
    for (size_t i = 0; i < sizeof takes; i++) {
        struct wish w = a_wish(cases[i].policy, 8);
        struct choice c;
        w.exam_ms = cases[i].exam_days > 0 ? NOW_MS + cases[i].exam_days * FSRS_DAY_MS : 0;
        fill(cases[i].n_due, 64);
        assert_int_equal(choose_takes_new(&w, due, cases[i].n_due), takes[i]);
        choose(&model, &w, due, cases[i].n_due, fresh, 64, &c);
        assert_true(takes[i] || (c.slots == 0 && count_new(&c) == 0));
    }
    fill(8, 0);
    struct wish w = a_wish(POLICY_BANDIT, 8);
    w.exam_ms = NOW_MS + 3 * FSRS_DAY_MS;
    for (int i = 0; i < 8; i++) {
        due[i].state.last_ms = NOW_MS - 3600000;
        due[i].state.due_ms = NOW_MS + FSRS_DAY_MS;
    }
    assert_true(choose_takes_new(&w, due, 8)); /* all were practised within half a day */
}

static void the_lowest_average_comes_before_anything_new_whether_or_not_it_is_due(void **state)
{
    struct wish w = a_wish(POLICY_LOWEST_AVERAGE, 10);
    struct choice c;
    (void)state;
    fill(20, 20);
    for (int i = 0; i < 20; i++)
        due[i].state.due_ms = NOW_MS + (i + 1) * FSRS_DAY_MS;
    choose(&model, &w, due, 20, fresh, 20, &c);
    assert_int_equal(c.n, 10);
    assert_int_equal(count_new(&c), 0);
    fill(4, 20);
    choose(&model, &w, due, 4, fresh, 20, &c);
    assert_int_equal(count_new(&c), 6);
}

static void
who_asks_for_one_at_a_time_before_an_exam_gets_reviews_as_often_as_new_items(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 1);
    struct choice c;
    int news = 0;
    (void)state;
    w.exam_ms = NOW_MS + 90 * FSRS_DAY_MS;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        fill(10, 20);
        for (int i = 0; i < 10; i++)
            due[i].state.stability = 2000; /* a review brings next to nothing */
        w.seed = seed;
        choose(&model, &w, due, 10, fresh, 20, &c);
        assert_int_equal(c.n, 1);
        news += count_new(&c);
    }
    assert_int_equal(news, 100);
}

static void what_was_practised_today_comes_back_only_where_it_is_due(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 8);
    struct choice c;
    (void)state;
    fill(2, 0);
    due[0].state.last_ms = due[1].state.last_ms = NOW_MS - 3600000;
    due[0].state.due_ms = NOW_MS - 60000;
    due[1].state.due_ms = NOW_MS + FSRS_DAY_MS;
    w.exam_ms = NOW_MS + 90 * FSRS_DAY_MS;
    choose(&model, &w, due, 2, fresh, 0, &c);
    assert_int_equal(c.n, 1);
    assert_string_equal(c.items[0]->id, "item-0");
}

static void reasons_are_in_plain_words(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 2);
    char text[REASON_TEXT];
    struct choice c;
    (void)state;
    fill(3, 3);
    fresh[2].facts.builds = true;
    fresh[2].facts.confusables = 2;
    choose(&model, &w, due, 3, fresh, 3, &c);
    for (int i = 0; i < 3; i++)
        if (strcmp(due[i].id, "item-2") == 0)
            reason_write(&due[i], &w, text);
    assert_string_equal(text, "You practised this 3 days ago; you still know it with a chance of "
                              "89 %. Practising now adds 11 points in a month.");
    for (int i = 0; i < 3; i++)
        if (fresh[i].facts.builds)
            reason_write(&fresh[i], &w, text);
    assert_string_equal(text, "New, B1: a step up from where you are. You know what it builds on. "
                              "Mind the difference to 2 like it that you are learning.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quarter_is_new_until_twice_as_many_reviews_wait),
        cmocka_unit_test(after_a_holiday_what_brings_most_in_its_time_comes_first),
        cmocka_unit_test(the_minutes_of_the_day_are_kept),
        cmocka_unit_test(no_phrase_comes_twice_in_a_row),
        cmocka_unit_test(each_policy_has_its_order),
        cmocka_unit_test(before_an_exam_gain_is_of_that_day_and_nothing_new_comes),
        cmocka_unit_test(an_exam_far_away_holds_nothing_new_back),
        cmocka_unit_test(who_learns_by_repetition_gets_reviews_before_anything_new),
        cmocka_unit_test(the_lowest_average_comes_before_anything_new_whether_or_not_it_is_due),
        cmocka_unit_test(
            who_asks_for_one_at_a_time_before_an_exam_gets_reviews_as_often_as_new_items),
        cmocka_unit_test(what_was_practised_today_comes_back_only_where_it_is_due),
        cmocka_unit_test(who_forgets_exponentially_goes_on_with_what_was_begun_until_it_lasts),
        cmocka_unit_test(nobody_looks_for_new_items_where_none_would_be_taken),
        cmocka_unit_test(reasons_are_in_plain_words),
    };
    return cmocka_run_group_tests_name("learning_recommend", tests, NULL, NULL);
}
