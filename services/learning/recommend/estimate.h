/* services/learning/recommend/estimate.h -- what another policy would have been worth, from what
 * was logged (Dudik, Langford, Li: Doubly Robust Policy Evaluation and Learning, ICML 2011). Pure.
 */
#pragma once

#include "services/learning/recommend/choose.h"

#define ESTIMATE_WEIGHT 20.0 /* no answer counts more than so often */

/* One new item that was offered and answered. */
struct logged {
    double x[BANDIT_D], reward, propensity;
    int place, slots, fresh; /* its place, and those of struct choice */
    double mean_x[BANDIT_D], first_x[BANDIT_D];
};

/* Mean reward of a new item, with standard errors. `logging`: of what was done. */
struct estimate {
    int n;
    double logging, ips, ips_error, dr, dr_error;
};

/* `target`: bandit (what was done, as far as it was the bandit), fsrs or random. All 0 for n = 0.
 */
void estimate_value(const struct logged *rows, int n, enum policy target,
                    struct estimate *ret_estimate);
