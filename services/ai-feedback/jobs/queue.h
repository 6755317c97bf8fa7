/* services/ai-feedback/jobs/queue.h -- jobs in PostgreSQL: put in, taken under a lease, done once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "postgres/db.h"
#include "postgres/rows.h"

#define JOBS_LEASE_MS 30000                  /* then another worker may take the job */
#define JOBS_ATTEMPTS 5                      /* after which it is a dead letter */
#define JOBS_OF_OWNER 50                     /* rows of one owner, those that are over among them */
#define JOBS_AT_ALL 10000                    /* rows */
#define JOBS_BYTES ((int64_t)256 << 20)      /* texts, recordings and results of all */
#define JOBS_AUDIO 5825536                   /* bytes of a recording: 30 s at 48 kHz in stereo */
#define JOBS_OWNER_AUDIO ((int64_t)12 << 20) /* of one owner's recordings that wait */
#define JOBS_ALL_AUDIO ((int64_t)192 << 20)  /* of all; what is left of JOBS_BYTES is for texts */
#define JOBS_WAIT_MS ((int64_t)86400000)     /* a job that is not done by then goes */
#define JOBS_KEEP_MS ((int64_t)3600000)      /* and one that is over, with its result */
#define JOBS_RESULT ((size_t)(5 << 20))      /* bytes of one */
#define JOBS_LEVEL 3                         /* "A1" to "C2", with the NUL */
#define JOBS_L1 36                           /* bytes of a first language's tag, with the NUL */

/* Every function: any thread; errors as lp_db_run, and those that it names. */

/* All borrowed. */
struct jobs_request {
    const char *owner;   /* 1..256 bytes */
    const char *key;     /* Idempotency-Key, at most 255 bytes; NULL: none */
    const char *text;    /* UTF-8 */
    const char *level;   /* "A1" to "C2"; NULL: not said */
    const char *learner; /* whose progress the score goes to, a JSON string or number; NULL: none */
    const void *audio;   /* the text as it was read aloud, any bytes; NULL: a text alone */
    size_t audio_len;    /* 1..JOBS_AUDIO */
    const char *l1;      /* the reader's first language, 2..35 bytes; NULL: not said */
};

/*
 * Puts a job in, or finds the one that this owner put in under the same key (*ret_repeated).
 * LP_E_CONFLICT: the job under that key has another text, recording, level, first language or
 * learner; LP_E_TOO_LARGE: the owner has JOBS_OF_OWNER or JOBS_OWNER_AUDIO; LP_E_UNAVAILABLE:
 * JOBS_AT_ALL, JOBS_BYTES or JOBS_ALL_AUDIO are there (http_status 503), or no database.
 */
LP_MUST_USE int jobs_add(struct lp_db *db, const struct jobs_request *request,
                         char ret_id[LP_ROWS_UUID], bool *ret_repeated, struct lp_error *err);

/*
 * What there is of a job, as JSON appended to `ret_json`: {"jobId","kind","state","attempts",
 * "createdAt","finishedAt","expiresAt","reason","result"}, the last four where there is one.
 * LP_E_NOT_FOUND for what is no job of `owner` (NULL: anybody's) or has expired.
 */
LP_MUST_USE int jobs_read(struct lp_db *db, const char *id, const char *owner,
                          struct lp_buf *ret_json, struct lp_error *err);

/* The job goes, whatever its state; who works on it is told when it next renews its lease.
 * LP_E_NOT_FOUND as jobs_read. */
LP_MUST_USE int jobs_delete(struct lp_db *db, const char *id, const char *owner,
                            struct lp_error *err);

/* All of an owner, as a JSON array of what jobs_read gives with "text" beside it, for exports. What
 * `ret_json` has no room for is left out, the results of the newest first. */
LP_MUST_USE int jobs_export(struct lp_db *db, const char *owner, struct lp_buf *ret_json,
                            struct lp_error *err);
/* All of an owner goes, and recordings of them whoever sent these; a text that is under work for
 * another owner is no longer logged for this one. */
LP_MUST_USE int jobs_erase(struct lp_db *db, const char *owner, unsigned long *ret_n,
                           struct lp_error *err);

/* ---- for workers ---- */

struct job {
    char id[LP_ROWS_UUID];
    char lease[24];         /* no other taking has the same */
    int attempt;            /* 1 and more */
    char *text;             /* owned */
    char level[JOBS_LEVEL]; /* "": not said */
    bool spoken;            /* it was read aloud: jobs_audio() */
    char l1[JOBS_L1];       /* "": not said */
    bool suspect;           /* who had it before ended, perhaps by it: do no other beside it */
};
#define auto_job __attribute__((cleanup(job_done)))
void job_done(struct job *job);

/* The job that waits longest, for JOBS_LEASE_MS. LP_E_NOT_FOUND: none waits. Two workers never get
 * the same. Initialise with {0}. */
LP_MUST_USE int jobs_take(struct lp_db *db, struct job *ret_job, struct lp_error *err);

/* The recording of a job that is ours; the caller's. LP_E_CONFLICT: it is ours no more. */
LP_MUST_USE int jobs_audio(struct lp_db *db, const struct job *job, unsigned char **ret_audio,
                           size_t *ret_len, struct lp_error *err);

#define JOBS_RENEWED 64 /* at a time */
/* The leases of `n` jobs, at most JOBS_RENEWED, begin anew, of those that are still ours: *ret_n.
 */
LP_MUST_USE int jobs_renew(struct lp_db *db, const struct job *jobs, unsigned n,
                           unsigned long *ret_n, struct lp_error *err);

/* What a job's result counts for in its learner's progress. */
struct job_score {
    int score;            /* 0..100 */
    const char *feedback; /* a JSON object: how many edits of each category there were */
};

/* The job is done with this result, JSON, and where it has a learner, its `score` (NULL: none)
 * waits to be logged (job_scores.h), both or neither. Twice is as good as once. LP_E_CONFLICT, here
 * and below: it is no longer ours. LP_E_TOO_LARGE: JOBS_BYTES would be exceeded; it is still
 * running. Those that end at the same moment may exceed it together by a result each. */
LP_MUST_USE int jobs_finish(struct lp_db *db, const struct job *job, const char *result,
                            const struct job_score *score, struct lp_error *err);

/* It did not work: the job waits 2, 4, 8, 16 s for another attempt, or is a dead letter after
 * JOBS_ATTEMPTS, or at once where `final`. *ret_dead says which. */
LP_MUST_USE int jobs_fail(struct lp_db *db, const struct job *job, const char *reason, bool final,
                          bool *ret_dead, struct lp_error *err);

/* It was not tried: it waits as if it had not been taken. */
LP_MUST_USE int jobs_give_back(struct lp_db *db, const struct job *job, struct lp_error *err);

/* Jobs whose last attempt's lease ran out become dead letters: who tried them ended each time.
 * *ret_n how many. */
LP_MUST_USE int jobs_bury(struct lp_db *db, unsigned long *ret_n, struct lp_error *err);
/* What has expired goes. */
LP_MUST_USE int jobs_purge(struct lp_db *db, struct lp_error *err);
/* Jobs that are queued or running. */
LP_MUST_USE int jobs_backlog(struct lp_db *db, int64_t *ret_n, struct lp_error *err);
/* Seconds since the oldest of those was added; 0 where there is none. */
LP_MUST_USE int jobs_oldest(struct lp_db *db, int64_t *ret_s, struct lp_error *err);
