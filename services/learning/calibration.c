/* services/learning/calibration.c -- reviews by tenth of predicted recall, and how many of them
 * were recalled: a model that is right has as many as the tenth says. */
#include "services/learning/calibration.h"

#include <stdio.h>

#include "metrics/metrics.h"

static struct lp_metric *by_rating[4], *reviews[10], *recalled[10];

void calibration_init(void)
{
    static const char *const ratings[] = { "again", "hard", "good", "easy" };
    struct lp_metric_family *logged =
        lp_metric_family(LP_METRIC_COUNTER, "lp_learning_reviews_total", "Reviews that were logged",
                         "rating", NULL, 0);
    struct lp_metric_family *all = lp_metric_family(
        LP_METRIC_COUNTER, "lp_learning_predicted_reviews_total",
        "Reviews by the recall that was predicted, rounded down to a tenth", "predicted", NULL, 0);
    struct lp_metric_family *good = lp_metric_family(
        LP_METRIC_COUNTER, "lp_learning_recalled_reviews_total",
        "Those of lp_learning_predicted_reviews_total that were recalled", "predicted", NULL, 0);

    for (int i = 0; i < 4; i++)
        by_rating[i] = lp_metric_with(logged, ratings[i]);
    for (int i = 0; i < 10; i++) {
        char tenth[8];
        snprintf(tenth, sizeof tenth, "0.%d", i);
        reviews[i] = lp_metric_with(all, tenth);
        recalled[i] = lp_metric_with(good, tenth);
    }
}

void calibration_observe(enum fsrs_rating rating, double predicted)
{
    lp_metric_add(by_rating[rating - 1], 1);
    if (predicted < 0)
        return;
    int tenth = predicted >= 1 ? 9 : (int)(predicted * 10);
    lp_metric_add(reviews[tenth], 1);
    if (rating != FSRS_AGAIN)
        lp_metric_add(recalled[tenth], 1);
}
