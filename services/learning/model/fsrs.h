/* services/learning/model/fsrs.h -- what a learner remembers of an item: FSRS-6, as py-fsrs 6.3.2
 * computes it (https://github.com/open-spaced-repetition/py-fsrs, MIT; formulas in its wiki "The
 * Algorithm"). Pure. */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define FSRS_PARAMETERS 21
#define FSRS_MODEL "fsrs-6/1" /* what a stored state was computed by: formulas and parameters */
#define FSRS_DAY_MS ((int64_t)86400000)
#define FSRS_MAX_DAYS 36500

enum fsrs_rating { FSRS_AGAIN = 1, FSRS_HARD, FSRS_GOOD, FSRS_EASY };
enum fsrs_stage { FSRS_LEARNING = 1, FSRS_REVIEW, FSRS_RELEARNING };

/* Parameters of a model and what follows from them; made by fsrs_init. */
struct fsrs {
    double w[FSRS_PARAMETERS];
    double retention; /* an item is due when recall has fallen to it */
    double decay, factor;
};

extern const double fsrs_defaults[FSRS_PARAMETERS];

/* `w` NULL: fsrs_defaults. LP_E_INVALID names the parameter that is outside of py-fsrs's bounds, or
 * the retention outside of 0.7..0.99. */
LP_MUST_USE int fsrs_init(const double *w, double retention, struct fsrs *ret_model,
                          struct lp_error *err);

/* One learner and one item. All 0: never reviewed. Times are wall milliseconds. */
struct fsrs_state {
    double difficulty; /* 1..10 */
    double stability;  /* days until recall is 0.9; 0.001..1e12 */
    enum fsrs_stage stage;
    int step; /* of learning (1 and 10 minutes) and relearning (10 minutes) */
    int64_t last_ms, due_ms;
};

/* The state after a review at `at_ms`; a rating of 1..4. One before `last_ms` counts as at once. */
void fsrs_review(const struct fsrs *f, struct fsrs_state *state, enum fsrs_rating rating,
                 int64_t at_ms);

/* Probability of recall after `days` (0 or more, fractions too). */
double fsrs_recall(const struct fsrs *f, double stability, double days);
/* The same of a state, by whole days as py-fsrs counts them; 0 where it was never reviewed. */
double fsrs_retrievability(const struct fsrs *f, const struct fsrs_state *state, int64_t at_ms);
/* Whole days until recall has fallen to the retention, 1..FSRS_MAX_DAYS. */
int64_t fsrs_interval_days(const struct fsrs *f, double stability);
