/* services/ai-feedback/jobs/job_scores.h -- scores of jobs that are done, until the progress
 * service has them. They outlive their jobs; jobs_finish() puts them in. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "postgres/db.h"
#include "postgres/rows.h"

#define JOB_SCORES_WAITING 20000           /* of all learners; one more is not kept */
#define JOB_SCORES_LEASE_MS "30000"        /* then another may send it */
#define JOB_SCORES_KEEP "interval '1 day'" /* then it goes unsent */

struct job_score_due {
    char id[LP_ROWS_UUID]; /* of the job: under which it is logged once, however often it is sent */
    char *activity;        /* owned: what lp-progress takes, JSON */
};

/* Every function: any thread; errors as lp_db_run, and those that it names. */

/* The one that waits longest, for JOB_SCORES_LEASE_MS. LP_E_NOT_FOUND: none waits. */
LP_MUST_USE int job_scores_take(struct lp_db *db, struct job_score_due *ret_due,
                                struct lp_error *err);
/* It has arrived, or is refused for good: it goes. */
LP_MUST_USE int job_scores_done(struct lp_db *db, const char *id, struct lp_error *err);

/* Those that nobody took within JOB_SCORES_KEEP go, as an erasure may not have met them while this
 * database was not in use. */
LP_MUST_USE int job_scores_purge(struct lp_db *db, unsigned long *ret_n, struct lp_error *err);

LP_MUST_USE int job_scores_count(struct lp_db *db, int64_t *ret_n, struct lp_error *err);

/* What waits for a learner: a JSON array of activities, appended to `ret_json`; and its end. What
 * is on its way at this moment may still arrive. */
LP_MUST_USE int job_scores_export(struct lp_db *db, const char *learner, struct lp_buf *ret_json,
                                  struct lp_error *err);
LP_MUST_USE int job_scores_erase(struct lp_db *db, const char *learner, unsigned long *ret_n,
                                 struct lp_error *err);
