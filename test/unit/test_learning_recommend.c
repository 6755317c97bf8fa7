/* What is offered next: due first, what brings most, new items by the bandit, within time and exam.
 */
#include "services/learning/recommend/choose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/learning/recommend/estimate.h"
#include "services/learning/recommend/experiment.h"
#include "services/learning/recommend/forgetting.h"
#include "services/learning/recommend/reason.h"
#include "unit/check.h"

#define NOW_MS ((int64_t)1796032800000) /* 2026-11-30T10:00:00Z */

static struct fsrs model;
static struct bandit bandit;
static struct forgetting forgetting; /* nothing is known of it, but where a test says so */
static struct candidate due[CHOOSE_DUE], fresh[CHOOSE_FRESH];
static char names[CHOOSE_DUE + CHOOSE_FRESH][16];

static struct wish a_wish(enum policy policy, int n)
{
    return (struct wish){ .policy = policy,
                          .n = n,
                          .now_ms = NOW_MS,
                          .budget_s = (double)INFINITY,
                          .level = 1,
                          .bandit = &bandit,
                          .forgetting = &forgetting,
                          .seed = 7 };
}

/* `n_due` reviews, last done one, two, three … days ago, each due since; `n_fresh` new items. */
static void fill(int n_due, int n_fresh)
{
    ok(fsrs_init(NULL, 0.9, &model, &err));
    bandit_init(&bandit);
    for (int i = 0; i < n_due + n_fresh; i++)
        snprintf(names[i], sizeof names[i], "item-%d", i);
    for (int i = 0; i < n_due; i++) {
        due[i] = (struct candidate){ .id = names[i],
                                     .phrase = names[i],
                                     .facts = { "Noun", 1, 10, 0, i, false },
                                     .average = 1 + i % 4,
                                     .seen = 2,
                                     .state = { .stage = FSRS_REVIEW,
                                                .difficulty = 5,
                                                .stability = 1 + i % 40,
                                                .last_ms = NOW_MS - (i + 1) * FSRS_DAY_MS,
                                                .due_ms = NOW_MS - i * 1000 } };
    }
    for (int i = 0; i < n_fresh; i++)
        fresh[i] = (struct candidate){ .id = names[n_due + i],
                                       .phrase = names[n_due + i],
                                       .facts = { "Noun", 1 + i % 3, 10, 0, i, false },
                                       .is_new = true };
}

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
    fill(300, 20);
    due[299].facts.seconds = 1;
    choose(&model, &w, due, 300, fresh, 20, &c);
    assert_int_equal(c.n, 20);
    for (int i = 1; i < c.n; i++)
        assert_true(c.items[i - 1]->worth / c.items[i - 1]->facts.seconds >=
                    c.items[i]->worth / c.items[i]->facts.seconds);
    assert_string_equal(c.items[0]->id, "item-299");
}

static void the_minutes_of_the_day_are_kept(void **state)
{
    struct wish w = a_wish(POLICY_BANDIT, 50);
    struct choice c;
    (void)state;
    fill(300, 20);
    w.budget_s = 95;
    choose(&model, &w, due, 300, fresh, 20, &c);
    assert_int_equal(c.n, 9);
    w.budget_s = -5;
    fill(300, 20);
    choose(&model, &w, due, 300, fresh, 20, &c);
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
    } cases[] = { { POLICY_BANDIT, 0, 15 },       { POLICY_BANDIT, 0, 16 },
                  { POLICY_BANDIT, 3, 7 },        { POLICY_BANDIT, 3, 8 },
                  { POLICY_BANDIT, 90, 300 },     { POLICY_FSRS, 90, 300 },
                  { POLICY_RANDOM, 0, 300 },      { POLICY_LOWEST_AVERAGE, 0, 7 },
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

/* What is offered where the class decides: of three levels, one is worth much. */
static double share_after(int answers, int worth_level)
{
    uint64_t seed = 11;
    double learned = 0;
    bandit_init(&bandit);
    for (int round = 0; round < answers; round++) {
        struct wish w = a_wish(POLICY_BANDIT, 4);
        struct choice c;
        struct bandit before = bandit;
        w.seed = bandit_random(&seed);
        fill(0, 30);
        bandit = before;
        choose(&model, &w, due, 0, fresh, 30, &c);
        for (int i = 0; i < c.n; i++) {
            bool good = c.items[i]->facts.level == worth_level;
            bandit_learn(&bandit, c.items[i]->x, good ? 1 : 0.1);
            if (round >= answers - 20)
                learned += good / 80.0;
        }
    }
    return learned;
}

static void the_bandit_learns_what_is_worth_offering(void **state)
{
    (void)state;
    assert_true(share_after(200, 3) > 0.7);
    assert_true(share_after(200, 1) > 0.7);
}

static void propensities_are_how_often_an_item_is_chosen(void **state)
{
    double x[12][BANDIT_D], propensity[12], sum = 0, mean[12] = { 0 };
    int chosen[12], count[12] = { 0 };
    (void)state;
    fill(0, 12);
    for (int i = 0; i < 12; i++)
        features_of(&fresh[i].facts, 1, 10, x[i]);
    for (uint64_t run = 0; run < 4000; run++) {
        bandit_choose(&bandit, (const double(*)[BANDIT_D])x, 12, 3, run * 7919, chosen, propensity);
        for (int i = 0; i < 3; i++)
            count[chosen[i]]++;
        for (int i = 0; i < 12; i++)
            mean[i] += propensity[i] / 4000;
    }
    for (int i = 0; i < 12; i++) {
        assert_true(fabs(count[i] / 4000.0 - mean[i]) < 0.035); /* four standard errors */
        assert_true(propensity[i] >= BANDIT_UNIFORM * 3 / 12 - 1e-9);
        sum += propensity[i];
    }
    assert_true(fabs(sum - 3) < 1e-9);
}

static void ten_thousand_equal_answers_leave_the_bandit_bounded_and_teachable(void **state)
{
    double packed[BANDIT_PACKED], x[BANDIT_D] = { 1, 1 };
    struct bandit again;
    (void)state;
    bandit_init(&bandit);
    for (int i = 0; i < 10000; i++)
        bandit_learn(&bandit, x, i % 2 ? 1e9 : (double)-INFINITY);
    bandit_pack(&bandit, packed);
    for (int i = 0; i < BANDIT_PACKED; i++)
        assert_true(fabs(packed[i]) < 1000);
    for (int i = 0; i < 300; i++)
        bandit_learn(&bandit, x, 1);
    assert_true(bandit_expect(&bandit, x) > 0.9);
    bandit_unpack(packed, &again);
    packed[3] = (double)NAN;
    bandit_unpack(packed, &again);
    assert_true(again.precision[2][0] == 0 && again.precision[1][1] > 0);
}

/* Items of two kinds, worth 0.9 and 0.3; the first `slots` of the candidates are all of the first.
 */
static void log_some(struct logged *rows, int n)
{
    uint64_t seed = 5;
    for (int i = 0; i < n; i++) {
        bool first = bandit_uniform(&seed) < 0.4;
        rows[i] = (struct logged){ .propensity = first ? 0.4 : 0.1,
                                   .place = first ? 0 : 1 + i % 6,
                                   .slots = 1,
                                   .fresh = 7,
                                   .reward = (first ? 0.9 : 0.3) + bandit_uniform(&seed) * 0.1 };
        rows[i].x[0] = rows[i].mean_x[0] = rows[i].first_x[0] = 1;
        rows[i].x[1] = first;
        rows[i].first_x[1] = 1;
        rows[i].mean_x[1] = 1 / 7.0;
    }
}

static void another_policys_worth_is_found_from_the_log(void **state)
{
    static struct logged rows[5000];
    struct estimate e;
    (void)state;
    log_some(rows, 5000);
    estimate_value(rows, 5000, POLICY_FSRS, &e);
    assert_true(fabs(e.ips - 0.95) < 4 * e.ips_error && fabs(e.dr - 0.95) < 0.01);
    assert_true(fabs(e.logging - 0.59) < 0.02 && e.dr_error < e.ips_error);
    estimate_value(rows, 5000, POLICY_RANDOM, &e);
    assert_true(fabs(e.dr - (0.95 + 6 * 0.35) / 7) < 0.01);
    estimate_value(rows, 5000, POLICY_BANDIT, &e);
    assert_true(fabs(e.ips - e.logging) < 1e-9 && fabs(e.dr - e.logging) < 1e-9);
    estimate_value(rows, 0, POLICY_FSRS, &e);
    assert_int_equal(e.n, 0);
}

static void an_experiment_gives_each_learner_one_arm_by_its_share(void **state)
{
    struct experiment e;
    int count[POLICIES] = { 0 };
    struct lp_error why;
    (void)state;
    ok(experiment_read("autumn:bandit=70,fsrs=20,random=10", &e, &err));
    for (int i = 0; i < 10000; i++) {
        char learner[24];
        snprintf(learner, sizeof learner, "learner-%d", i);
        count[experiment_policy(&e, learner)]++;
        assert_int_equal(experiment_policy(&e, learner), experiment_policy(&e, learner));
    }
    assert_in_range(count[POLICY_BANDIT], 6800, 7200);
    assert_in_range(count[POLICY_FSRS], 1850, 2150);
    assert_in_range(count[POLICY_RANDOM], 880, 1120);
    ok(experiment_read("", &e, &err));
    assert_int_equal(experiment_policy(&e, "anybody"), POLICY_BANDIT);
    static const char *const wrong[] = {
        "bandit=100",    "a:",           "a:bandit=50", "a:best=100",
        "a:bandit=100,", "a:bandit=1e2", ":bandit=100", "a:bandit=200,fsrs=-100"
    };
    for (size_t i = 0; i < LP_COUNT(wrong); i++)
        assert_int_equal(experiment_read(wrong[i], &e, &why), LP_E_INVALID);
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
        cmocka_unit_test(the_bandit_learns_what_is_worth_offering),
        cmocka_unit_test(propensities_are_how_often_an_item_is_chosen),
        cmocka_unit_test(ten_thousand_equal_answers_leave_the_bandit_bounded_and_teachable),
        cmocka_unit_test(who_forgets_exponentially_goes_on_with_what_was_begun_until_it_lasts),
        cmocka_unit_test(nobody_looks_for_new_items_where_none_would_be_taken),
        cmocka_unit_test(another_policys_worth_is_found_from_the_log),
        cmocka_unit_test(an_experiment_gives_each_learner_one_arm_by_its_share),
        cmocka_unit_test(reasons_are_in_plain_words),
    };
    return cmocka_run_group_tests_name("learning_recommend", tests, NULL, NULL);
}
