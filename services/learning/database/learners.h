/* services/learning/database/learners.h -- what a recommendation is made from, and what is kept of
 * it. Errors as lp_db_run. */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"
#include "postgres/db.h"
#include "services/learning/recommend/choose.h"
#include "services/learning/recommend/estimate.h"
#include "services/learning/recommend/forgetting.h"

#define LEARNERS_LOG_DAYS 90 /* decisions are kept */

/* Of a learner, who need not be known yet. */
struct learner {
    double level;
    struct bandit bandit;
    struct forgetting forgetting;
    int64_t due;       /* reviews that are due */
    int64_t day_ms;    /* spent on exercises today (UTC) */
    char *last_phrase; /* owned; NULL: none */
};
#define auto_learner __attribute__((cleanup(learner_done)))
void learner_done(struct learner *l);

/* Candidates and the rows that their texts are borrowed from. Initialise with {0}. */
struct candidates {
    PGresult *rows[2];
    struct candidate due[CHOOSE_DUE], fresh[CHOOSE_FRESH];
    int n_due, n_fresh;
};
void candidates_done(struct candidates *c);

/* Whose, and which. */
struct wanted {
    const char *learner;
    enum policy policy;
    int64_t now_ms, until_ms; /* reviews that come due by then, now_ms or later */
    bool fresh;               /* new items too */
};

/*
 * The learner and candidates, in one round trip: of the reviews that are due, or were not practised
 * within CHOOSE_REST_MS, the CHOOSE_DUE that are due first. With POLICY_BANDIT and new items too:
 * of 240 that are due first 20, and 60 of the others: those practised longest ago, or of who is
 * believed to forget exponentially those whose recall by the model is nearest to a half; with
 * POLICY_LOWEST_AVERAGE those with the lowest average, whenever they are due.
 */
LP_MUST_USE int candidates_read(struct lp_db *db, const struct wanted *wanted,
                                struct learner *ret_learner, struct candidates *ret,
                                struct lp_error *err);
/* New items: around the learner's level, whose prerequisites are known. */
LP_MUST_USE int candidates_new(struct lp_db *db, const char *learner, struct candidates *ret,
                               struct lp_error *err);

/* Keeps which new items were offered; nothing where there were none. A crash of the database may
 * lose the last second of it. */
LP_MUST_USE int learner_log(struct lp_db *db, const char *learner, enum policy policy,
                            const char *arm, const struct choice *choice, struct lp_error *err);

/* Forgets what the bandit learned, the level, and how fast they forget; of all learners where
 * `learner` is NULL. *ret_n learners. */
LP_MUST_USE int learner_reset(struct lp_db *db, const char *learner, unsigned long *ret_n,
                              struct lp_error *err);

/* The newest 20,000 answered offers of the last `days`; *ret_rows is the caller's (free()). */
LP_MUST_USE int learners_logged(struct lp_db *db, int days, struct logged **ret_rows, int *ret_n,
                                struct lp_error *err);

/* Decisions older than LEARNERS_LOG_DAYS go, 200,000 at most, in batches; any number of pods may do
 * it at once. */
LP_MUST_USE int learners_purge(struct lp_db *db, struct lp_error *err);
