/* services/ai-feedback/jobs/job_scores.c -- see job_scores.h. No state: all of it is in the
 * database. */
#include "services/ai-feedback/jobs/job_scores.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

#define ACTIVITY                                                                      \
    "json_build_object('userId', learner, 'activityName', CASE kind WHEN 'text' THEN" \
    " 'AI feedback' ELSE 'AI pronunciation' END, 'score', score, 'feedback', feedback)"

static const struct lp_db_statement take = {
    "take_job_score",
    "WITH next AS (SELECT id FROM job_scores WHERE due_at <= now()"
    "  AND created_at > now() - " JOB_SCORES_KEEP
    "  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " UPDATE job_scores s SET due_at = " LP_ROWS_LATER("$1") " FROM next WHERE s.id = next.id"
                                                             " RETURNING s.id, " ACTIVITY "::text",
    1, false
};

static const struct lp_db_statement done = { "job_score_done",
                                             "DELETE FROM job_scores WHERE id = $1::uuid", 1,
                                             true };

static const struct lp_db_statement export_scores = {
    "export_job_scores",
    "SELECT coalesce(json_agg(activity), '[]')::text FROM (SELECT " ACTIVITY " AS activity"
    " FROM job_scores WHERE learner #>> '{}' = $1 ORDER BY created_at, id LIMIT 1000) mine",
    1, true
};

static const struct lp_db_statement erase_scores = {
    "erase_job_scores", "DELETE FROM job_scores WHERE learner #>> '{}' = $1", 1, false
};

static const struct lp_db_statement purge = {
    "purge_job_scores", "DELETE FROM job_scores WHERE created_at <= now() - " JOB_SCORES_KEEP, 0,
    true
};

int job_scores_purge(struct lp_db *db, unsigned long *ret_n, struct lp_error *err)
{
    return lp_rows_run(db, &purge, NULL, ret_n, err);
}

static const struct lp_db_statement count = { "count_job_scores", "SELECT count(*) FROM job_scores",
                                              0, true };

int job_scores_count(struct lp_db *db, int64_t *ret_n, struct lp_error *err)
{
    char text[24] = "";

    int r = lp_rows_value(db, &count, NULL, text, sizeof text, err);
    if (r == 0)
        *ret_n = strtoll(text, NULL, 10);
    return r;
}

int job_scores_take(struct lp_db *db, struct job_score_due *ret_due, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, &take, (const char *[]){ JOB_SCORES_LEASE_MS }, LP_E_NOT_FOUND, &row,
                          err);

    if (r < 0)
        return r;
    snprintf(ret_due->id, sizeof ret_due->id, "%s", lp_rows_text(row, 0, 0));
    ret_due->activity = lp_strdup(lp_rows_text(row, 0, 1));
    PQclear(row);
    return 0;
}

int job_scores_done(struct lp_db *db, const char *id, struct lp_error *err)
{
    unsigned long n = 0;
    return lp_rows_run(db, &done, &id, &n, err);
}

int job_scores_export(struct lp_db *db, const char *learner, struct lp_buf *ret_json,
                      struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, &export_scores, &learner, LP_E_INTERNAL, &row, err);

    if (r < 0)
        return r;
    lp_buf_str(ret_json, lp_rows_text(row, 0, 0));
    PQclear(row);
    return 0;
}

int job_scores_erase(struct lp_db *db, const char *learner, unsigned long *ret_n,
                     struct lp_error *err)
{
    return lp_rows_run(db, &erase_scores, &learner, ret_n, err);
}
