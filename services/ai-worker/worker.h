/* services/ai-worker/worker.h -- threads that take jobs, do them, and say what came of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "postgres/db.h"
#include "services/ai-feedback/engines/engine.h"
#include "services/ai-feedback/spelling/spelling.h"
#include "services/ai-worker/speech/pronunciation.h"

#define WORKER_MAX 16

/* All borrowed until worker_free. */
struct worker_options {
    struct lp_db *db; /* at least `threads` + 1 connections */
    const struct spelling *speller;
    struct engine *grammar;       /* a second opinion on texts; NULL: none */
    const char *dialect;          /* of that */
    struct pronunciation *speech; /* NULL: recordings are refused */
    struct lp_stop *stop;
    unsigned threads; /* 1..WORKER_MAX */
    int64_t job_ms;   /* what one attempt may take */
};

struct worker;

/*
 * Starts the threads; they go on until the stop, and give back what they have then. The database
 * need not be there yet. Announces lp_backlog{queue="ai"} (jobs queued and running),
 * lp_backlog_age_seconds{queue="ai"} (since when the oldest is), lp_ai_worker_jobs_total{outcome}
 * (done, retried, dead, lost, returned) and lp_ai_worker_job_seconds. LP_E_INTERNAL.
 */
LP_MUST_USE int worker_new(const struct worker_options *options, struct worker **ret_worker,
                           struct lp_error *err);
/* Whether lp_backlog is what the database said in the last 10 s: before the first time its 0 means
 * nothing, and later it is an old number. */
bool worker_has_counted(struct worker *w);
/* After the stop; waits for the threads. NULL is fine. */
void worker_free(struct worker *w);
