/* services/ai-feedback/score_sender.h -- scores of jobs on their way from the jobs' database to the
 * progress service. */
#pragma once

#include "base/error.h"
#include "base/stop.h"
#include "postgres/db.h"
#include "services/ai-feedback/outbox.h"

/* Opaque: hides a thread. */
struct score_sender;

/*
 * Starts the thread `ai-scores`: until the stop it takes a score that waits (jobs/job_scores.h) and
 * has the outbox deliver it under the job's id, so that it is logged once though it may be sent
 * twice. While the progress service or the database is away it tries again with back-off (1 s to
 * 30 s). Pods share the work. All are borrowed until _free. LP_E_INTERNAL.
 */
LP_MUST_USE int score_sender_new(struct lp_db *db, struct outbox *outbox, struct lp_stop *stop,
                                 struct score_sender **ret_sender, struct lp_error *err);
/* After the stop; waits for the thread. NULL is fine. */
void score_sender_free(struct score_sender *s);
