/* test/unit/test_learning_bandit.c -- what the bandit learns from answers, what another policy
 * would have been worth by its log, and who gets which policy. */
#include "services/learning/recommend/bandit.h"

#include <math.h>
#include <stdio.h>

#include "services/learning/recommend/estimate.h"
#include "services/learning/recommend/experiment.h"
#include "unit/recommend_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bandit_learns_what_is_worth_offering),
        cmocka_unit_test(propensities_are_how_often_an_item_is_chosen),
        cmocka_unit_test(ten_thousand_equal_answers_leave_the_bandit_bounded_and_teachable),
        cmocka_unit_test(another_policys_worth_is_found_from_the_log),
        cmocka_unit_test(an_experiment_gives_each_learner_one_arm_by_its_share),
    };
    return cmocka_run_group_tests_name("learning_bandit", tests, NULL, NULL);
}
