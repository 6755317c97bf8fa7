/* services/learning/recommend/experiment.h -- which learner gets which policy. Pure. */
#pragma once

#include "base/error.h"
#include "services/learning/recommend/choose.h"

/* Shares in percent, which add up to 100; `name` "" where there is no experiment. */
struct experiment {
    char name[33];
    int percent[POLICIES];
};

/* "" (all get the bandit), or "NAME:POLICY=PERCENT,…" as in "autumn:bandit=80,fsrs=20".
 * LP_E_INVALID with what is wrong. */
LP_MUST_USE int experiment_read(const char *text, struct experiment *ret, struct lp_error *err);

/* The same for a learner as long as the experiment's name stays: by a hash of both. */
enum policy experiment_policy(const struct experiment *e, const char *learner);

/* POLICIES where `name` is none. */
enum policy policy_of(const char *name);
