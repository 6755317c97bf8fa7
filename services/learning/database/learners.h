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
#define LEARNERS_DUE 128     /* reviews that are looked at where only what is due may come */

/* Of a learner, who need not be known yet. */
struct learner {
    double level;
    struct bandit bandit;
    struct forgetting forgetting;
    int64_t due;       /* reviews that are due, of candidates_due() */
    int64_t day_ms;    /* spent on exercises today (UTC) */
    char *last_phrase; /* owned; NULL: none */
};
#define auto_learner __attribute__((cleanup(learner_done)))
void learner_done(struct learner *l);

LP_MUST_USE int learner_read(struct lp_db *db, const char *learner, int64_t now_ms,
                             struct learner *ret_learner, struct lp_error *err);

/* Candidates and the rows that their texts are borrowed from. Initialise with {0}. */
struct candidates {
    PGresult *rows[2];
    struct candidate due[CHOOSE_DUE], fresh[CHOOSE_FRESH];
    int n_due, n_fresh;
    int most_due; /* so many reviews were asked for */
};
void candidates_done(struct candidates *c);

/* Reviews: those due until `until_ms`, longest due first, LEARNERS_DUE of them where that is now,
 * else CHOOSE_DUE; with POLICY_LOWEST_AVERAGE those with the lowest average. */
LP_MUST_USE int candidates_reviews(struct lp_db *db, const char *learner, enum policy policy,
                                   int64_t now_ms, int64_t until_ms, struct candidates *ret,
                                   struct lp_error *err);
/* New items: around `level`, whose prerequisites are known. */
LP_MUST_USE int candidates_new(struct lp_db *db, const char *learner, double level,
                               struct candidates *ret, struct lp_error *err);

/* How many reviews are due at `now_ms`: counted among the candidates where they are all that may
 * be, else by the database. */
LP_MUST_USE int candidates_due(struct lp_db *db, const char *learner, const struct candidates *c,
                               int64_t now_ms, int64_t *ret_n, struct lp_error *err);

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
