/* How one learner forgets is found from answers, by two ways of forgetting; see
 * services/learning/recommend/forgetting.h. */
#include "services/learning/recommend/forgetting.h"

#include <limits.h>
#include <math.h>

#include "services/learning/recommend/bandit.h"
#include "unit/check.h"

/* Answers of a learner who forgets so, to items that were reviewed 1 to 8 times. */
static void answer_by(struct forgetting *f, const struct forgetting *learner, int n)
{
    uint64_t seed = 3;
    for (int i = 0; i < n; i++) {
        double predicted = 0.5 + 0.48 * bandit_uniform(&seed);
        struct forgetting_item item = { .recall = predicted,
                                        .days = 0.5 + 20 * bandit_uniform(&seed),
                                        .seen = 1 + i % 8,
                                        .recalled = i % 8 * (i % 5) / 4 };
        forgetting_learn(f, &item, bandit_uniform(&seed) < forgetting_recall(learner, &item));
    }
}

static double recall_of(const struct forgetting *f, double recall, int seen)
{
    struct forgetting_item item = { .recall = recall, .days = 5, .seen = seen, .recalled = seen };
    return forgetting_recall(f, &item);
}

static void how_a_learner_forgets_is_found_from_answers_and_followed(void **state)
{
    const struct forgetting usual = { .for_exponential = -FORGETTING_SURE },
                            fast = { { { 1.5, 0, 0 }, { { 0 } } },
                                     { .weights = { 0 } },
                                     -FORGETTING_SURE },
                            by_repetition = { { { 0.5, 0, -0.8 }, { { 0 } } },
                                              { .weights = { 0 } },
                                              -FORGETTING_SURE };
    struct forgetting f = { 0 };
    const double *weights = f.model.weights;
    (void)state;
    assert_true(fabs(recall_of(&f, 0.7, 5) - 0.7) < 0.02);
    assert_true(fabs(recall_of(&usual, 0.7, 5) - 0.7) < 1e-3);
    answer_by(&f, &usual, 1000);
    for (int i = 0; i < FORGETTING_TERMS; i++)
        assert_true(fabs(weights[i]) < 0.45);
    answer_by(&f, &fast, 1000);
    assert_true(fabs(weights[FORGETTING_RATE] - 1.5) < 0.5);
    assert_true(fabs(weights[FORGETTING_REPEATED]) < 0.45);
    answer_by(&f, &by_repetition, 1000);
    assert_true(weights[FORGETTING_REPEATED] < -0.4 && weights[FORGETTING_RATE] < 1);
    assert_true(recall_of(&f, 0.8, 1) < recall_of(&f, 0.8, 8) - 0.2);
    assert_true(forgetting_exponential(&f) < 0.01);
}

static void who_forgets_exponentially_is_told_from_who_forgets_as_the_model_says(void **state)
{
    const struct forgetting as_model = { .for_exponential = -FORGETTING_SURE },
                            exponential = { .for_exponential = FORGETTING_SURE };
    struct forgetting f = { 0 };
    (void)state;
    for (int round = 0; round < 2; round++) {
        answer_by(&f, &exponential, 600);
        assert_true(forgetting_exponential(&f) > 0.99);
        assert_true(fabs(recall_of(&f, 0.8, 1) - recall_of(&exponential, 0.8, 1)) < 0.1);
        assert_true(fabs(recall_of(&f, 0.8, 8) - recall_of(&exponential, 0.8, 8)) < 0.1);
        answer_by(&f, &as_model, 600);
        assert_true(forgetting_exponential(&f) < 0.01);
        assert_true(fabs(recall_of(&f, 0.8, 3) - 0.8) < 0.1);
    }
}

static void the_first_of_many_reviews_is_worth_what_they_bring_together(void **state)
{
    const struct forgetting exponential = { .for_exponential = FORGETTING_SURE },
                            as_model = { .for_exponential = -FORGETTING_SURE };
    const struct forgetting_item never = { 0 }, once = { .days = 1, .seen = 1 },
                                 often = { .days = 1, .seen = 60, .recalled = 58 };
    (void)state;
    assert_true(forgetting_invest(&exponential, &never, 0.2, 10) > 0.01);
    assert_true(forgetting_invest(&exponential, &once, 0.2, 10) > 0.01);
    assert_true(forgetting_invest(&exponential, &often, 0.99, 10) < 1e-9);
    assert_true(forgetting_invest(&as_model, &never, 0.2, 10) == 0);
}

static void ten_thousand_equal_answers_leave_forgetting_bounded_and_teachable(void **state)
{
    const struct forgetting fast = { { { 1, 0, 0 }, { { 0 } } },
                                     { .weights = { 0 } },
                                     -FORGETTING_SURE };
    double packed[FORGETTING_NUMBERS];
    struct forgetting f = { 0 }, again;
    (void)state;
    for (int recalled = 0; recalled < 2; recalled++) {
        for (int i = 0; i < 10000; i++) {
            struct forgetting_item item = { .recall = i % 2 ? 1e9 : (double)-INFINITY,
                                            .days = i % 5 ? 0 : (double)INFINITY,
                                            .seen = i % 3 ? 100000 : -1,
                                            .recalled = i % 7 ? -1 : INT_MAX };
            forgetting_learn(&f, &item, recalled);
        }
        forgetting_pack(&f, packed);
        for (int i = 0; i < FORGETTING_NUMBERS; i++)
            assert_true(fabs(packed[i]) < 100000);
        double p = recall_of(&f, 0.9, 3);
        assert_true(p >= 0 && p <= 1);
    }
    answer_by(&f, &fast, 2000);
    assert_true(fabs(f.model.weights[FORGETTING_RATE] - 1) < 0.6);
    forgetting_pack(&f, packed);
    forgetting_unpack(packed, &again);
    assert_memory_equal(&again, &f, sizeof f);
    packed[4] = (double)NAN;
    forgetting_unpack(packed, &again);
    assert_true(again.model.weights[0] == 0 && again.model.evidence[1][1] == 0);
    static const int places[] = { 0, 9, FORGETTING_NUMBERS - 1 };
    for (int i = 0; i < 3; i++) {
        forgetting_pack(&f, packed);
        packed[places[i]] = 99;
        forgetting_unpack(packed, &again);
        assert_true(again.model.weights[0] == 0 && again.for_exponential == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_learner_forgets_is_found_from_answers_and_followed),
        cmocka_unit_test(who_forgets_exponentially_is_told_from_who_forgets_as_the_model_says),
        cmocka_unit_test(the_first_of_many_reviews_is_worth_what_they_bring_together),
        cmocka_unit_test(ten_thousand_equal_answers_leave_forgetting_bounded_and_teachable),
    };
    return cmocka_run_group_tests_name("learning_forgetting", tests, NULL, NULL);
}
