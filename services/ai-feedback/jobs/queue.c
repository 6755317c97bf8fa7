/* services/ai-feedback/jobs/queue.c -- see queue.h. No state: all of it is in the database, whose
 * clock is the only one that counts. */
#include "services/ai-feedback/jobs/queue.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "services/ai-feedback/jobs/job_scores.h"

#define TEXT(n) TEXT_OF(n)
#define TEXT_OF(n) #n
#define MS " * interval '1 millisecond'"
#define OURS " WHERE id = $1::uuid AND lease = $2::bigint AND state = 'running'"
#define MINE " WHERE id = $1::uuid AND ($2::text IS NULL OR owner = $2) AND expires_at > now()"
#define FIRST_DELAY_MS "2000" /* doubled with each attempt */
#define REASON 600            /* bytes */

#define ADD_PARAMS 14
#define ADD_AUDIO 10 /* which of them */

static const struct lp_db_statement add = {
    "add_job",
    "SELECT job, outcome FROM add_job($1, $2, $3, $4, $5::bigint, $6::bigint, $7::bigint,"
    " $8::bigint" MS ", $9, $10::jsonb, $11::bytea, $12, $13::bigint, $14::bigint)",
    ADD_PARAMS, false
};

#define CREATED LP_ROWS_TIME("created_at")
#define FINISHED LP_ROWS_TIME("finished_at")
#define EXPIRES LP_ROWS_TIME("expires_at")
#define VIEW                                                                                     \
    "json_strip_nulls(json_build_object('jobId', id, 'kind', kind, 'state', state,"              \
    " 'attempts', attempts, 'reason', reason, 'createdAt', " CREATED ", 'finishedAt', " FINISHED \
    ", 'expiresAt', " EXPIRES ", 'recordingBytes', octet_length(audio)"

/* The result is JSON already and goes behind the rest as it is. */
static const struct lp_db_statement read_job = { "read_job",
                                                 "SELECT " VIEW "))::text, result FROM jobs" MINE,
                                                 2, true };

static const struct lp_db_statement delete_job = { "delete_job", "DELETE FROM jobs" MINE, 2,
                                                   false };

/* Texts and results beyond $2 bytes stay in the database: all of one owner are more than a pod's
 * memory. */
static const struct lp_db_statement export_jobs = {
    "export_jobs",
    "SELECT " VIEW "))::text, CASE WHEN held <= $2::bigint THEN to_json(text)::text END,"
    " CASE WHEN held <= $2::bigint THEN result END"
    " FROM (SELECT *, sum(bytes - coalesce(octet_length(audio), 0)) OVER (ORDER BY created_at, id)"
    " AS held FROM jobs WHERE owner = $1) mine ORDER BY created_at, id",
    2, true
};

static const struct lp_db_statement erase_jobs = {
    "erase_jobs",
    "WITH others AS (UPDATE jobs SET learner = NULL WHERE learner #>> '{}' = $1 AND owner <> $1"
    "  AND audio IS NULL)"
    " DELETE FROM jobs WHERE owner = $1 OR (audio IS NOT NULL AND learner #>> '{}' = $1)",
    1, false
};

static const struct lp_db_statement take = {
    "take_job",
    "WITH next AS (SELECT id, state FROM jobs WHERE state IN ('queued', 'running')"
    "  AND expires_at > now() AND ready_at <= now() AND (state = 'queued' OR attempts < $2::int)"
    "  ORDER BY ready_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " UPDATE jobs j SET state = 'running', attempts = attempts + 1,"
    "  lease = nextval('job_leases'), lease_until = " LP_ROWS_LATER(
        "$1") " FROM next WHERE j.id = next.id RETURNING j.id, j.lease, j.attempts, j.text,"
              " j.level, j.kind <> 'text', j.l1, next.state = 'running'",
    2, false
};

static const struct lp_db_statement read_audio = { "read_job_audio", "SELECT audio FROM jobs" OURS,
                                                   2, true };

static const struct lp_db_statement renew = {
    "renew_jobs",
    "UPDATE jobs j SET lease_until = " LP_ROWS_LATER(
        "$3") " FROM unnest($1::uuid[], $2::bigint[]) AS ours (id, lease)"
              " WHERE j.id = ours.id AND j.lease = ours.lease AND j.state = 'running'",
    3, true
};

/* Its learner goes with the first time, and so does the score, once. */
static const struct lp_db_statement finish = {
    "finish_job",
    "WITH mine AS (SELECT id, learner, kind FROM jobs WHERE id = $1::uuid AND lease = $2::bigint"
    "  AND state IN ('running', 'done') FOR UPDATE),"
    " over AS (UPDATE jobs j SET state = 'done', result = $3, bytes = octet_length($3),"
    "  text = NULL, finished_at = now(), expires_at = " LP_ROWS_LATER(
        "$4") " FROM mine WHERE j.id = mine.id"
              "  AND octet_length($3) + (SELECT coalesce(sum(bytes), 0) FROM jobs"
              "   WHERE id <> $1::uuid AND expires_at > now()) <= $5::bigint"
              "  RETURNING j.id, mine.learner, mine.kind),"
              " logged AS (INSERT INTO job_scores (id, learner, score, feedback, kind)"
              "  SELECT id, learner, $6::int, $7::jsonb, kind FROM over"
              "  WHERE learner IS NOT NULL AND $6::int IS NOT NULL"
              "  AND (SELECT count(*) FROM job_scores) < $8::int)"
              " SELECT id FROM over",
    8, true
};

/* A result is not taken for one of two reasons. */
static const struct lp_db_statement is_ours = {
    "job_is_ours",
    "SELECT id FROM jobs WHERE id = $1::uuid AND lease = $2::bigint"
    " AND state IN ('running', 'done')",
    2, true
};

#define DEAD "state = 'failed', text = NULL, bytes = 0, finished_at = now(), expires_at = now() +"

static const struct lp_db_statement bury_one = {
    "bury_job", "UPDATE jobs SET reason = $3, " DEAD " $4::bigint" MS OURS, 4, false
};

static const struct lp_db_statement retry = {
    "retry_job",
    "UPDATE jobs SET state = 'queued', run_at = now() + " FIRST_DELAY_MS " * 2 ^ (attempts - 1)" MS
    ", reason = $3" OURS " AND attempts < $4::int",
    4, false
};

static const struct lp_db_statement give_back = {
    "give_job_back",
    "UPDATE jobs SET state = 'queued', attempts = attempts - 1, run_at = least(run_at, now())" OURS,
    2, false
};

static const struct lp_db_statement bury_lost = {
    "bury_lost_jobs",
    "UPDATE jobs SET reason = 'each worker that tried this ended before it was done', " DEAD
    " $2::bigint" MS " WHERE id IN (SELECT id FROM jobs WHERE state = 'running'"
    " AND ready_at <= now() AND attempts >= $1::int LIMIT 1000 FOR UPDATE SKIP LOCKED)",
    2, true
};

static const struct lp_db_statement purge = {
    "purge_jobs",
    "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE expires_at <= now()"
    " LIMIT 1000 FOR UPDATE SKIP LOCKED)",
    0, true
};

static const struct lp_db_statement count = {
    "count_jobs",
    "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running') AND expires_at > now()", 0, true
};

static const struct lp_db_statement oldest = {
    "oldest_job",
    "SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::bigint FROM jobs"
    " WHERE state IN ('queued', 'running') AND expires_at > now()",
    0, true
};

static int number_text(char to[24], int64_t n)
{
    return snprintf(to, 24, "%lld", (long long)n);
}

static int refused(const char *outcome, struct lp_error *err)
{
    if (strcmp(outcome, "other") == 0)
        return lp_error_set(err, LP_E_CONFLICT,
                            "Idempotency-Key was used with another text or recording before");
    if (strcmp(outcome, "owner") == 0)
        return lp_error_set(err, LP_E_TOO_LARGE,
                            "at most %d jobs of one user: delete some that are done, or wait",
                            JOBS_OF_OWNER);
    if (strcmp(outcome, "audio") == 0)
        return lp_error_set(
            err, LP_E_TOO_LARGE,
            "at most %lld MB of one user's recordings wait: ask again when some are "
            "done",
            (long long)(JOBS_OWNER_AUDIO >> 20));
    lp_error_set(err, LP_E_UNAVAILABLE,
                 "the queue of jobs is full: at most %d jobs and %lld MB, %lld MB of them "
                 "recordings",
                 JOBS_AT_ALL, (long long)(JOBS_BYTES >> 20), (long long)(JOBS_ALL_AUDIO >> 20));
    err->http_status = 503;
    return err->code;
}

/* What the queue answered to a job. */
static int read_added(const PGresult *row, char ret_id[LP_ROWS_UUID], bool *ret_repeated,
                      struct lp_error *err)
{
    const char *id = lp_rows_text(row, 0, 0), *outcome = lp_rows_text(row, 0, 1);

    if (!outcome)
        return lp_error_set(err, LP_E_INTERNAL, "add_job: no such row");
    *ret_repeated = strcmp(outcome, "repeated") == 0;
    if (!*ret_repeated && strcmp(outcome, "added") != 0)
        return refused(outcome, err);
    snprintf(ret_id, LP_ROWS_UUID, "%s", id);
    return 0;
}

int jobs_add(struct lp_db *db, const struct jobs_request *q, char ret_id[LP_ROWS_UUID],
             bool *ret_repeated, struct lp_error *err)
{
    char of_owner[24], at_all[24], bytes[24], wait[24], owner_audio[24], all_audio[24];
    const int sizes[ADD_PARAMS] = { [ADD_AUDIO] = (int)q->audio_len };
    const struct lp_db_bulk bulk = { .sizes = sizes };
    PGresult *row = NULL;

    number_text(of_owner, JOBS_OF_OWNER);
    number_text(at_all, JOBS_AT_ALL);
    number_text(bytes, JOBS_BYTES);
    number_text(wait, JOBS_WAIT_MS);
    number_text(owner_audio, JOBS_OWNER_AUDIO);
    number_text(all_audio, JOBS_ALL_AUDIO);
    const char *params[ADD_PARAMS] = { q->owner,    q->audio ? "pronunciation" : "text",
                                       q->key,      q->text,
                                       of_owner,    at_all,
                                       bytes,       wait,
                                       q->level,    q->learner,
                                       q->audio,    q->l1,
                                       owner_audio, all_audio };
    int r = lp_db_run_bulk(db, &add, params, q->audio ? &bulk : NULL, &row, err);
    if (r < 0)
        return r;
    r = read_added(row, ret_id, ret_repeated, err);
    PQclear(row);
    return r;
}

/* Whether PostgreSQL takes it for a uuid is for it to say; what cannot be one is no job's id. */
static bool is_id(const char *id)
{
    if (strlen(id) != LP_ROWS_UUID - 1 || strspn(id, "0123456789abcdefABCDEF-") != LP_ROWS_UUID - 1)
        return false;
    for (size_t i = 0; id[i]; i++)
        if ((id[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
            return false;
    return true;
}

static int no_such_job(struct lp_error *err)
{
    return lp_error_set(err, LP_E_NOT_FOUND, "no such job");
}

static void write_member(struct lp_buf *to, const char *name, const char *json)
{
    lp_buf_printf(to, ",\"%s\":", name);
    lp_buf_str(to, json);
}

/* The object of a row: `view` with a member more, where `json` is not NULL. */
static void write_view(const char *view, const char *name, const char *json, struct lp_buf *to)
{
    lp_buf_add(to, view, strlen(view) - 1);
    if (json)
        write_member(to, name, json);
    lp_buf_char(to, '}');
}

int jobs_read(struct lp_db *db, const char *id, const char *owner, struct lp_buf *ret_json,
              struct lp_error *err)
{
    PGresult *row = NULL;

    if (!is_id(id))
        return no_such_job(err);
    int r = lp_rows_first(db, &read_job, (const char *[]){ id, owner }, LP_E_NOT_FOUND, &row, err);
    if (r < 0)
        return r == LP_E_NOT_FOUND ? no_such_job(err) : r;
    write_view(lp_rows_text(row, 0, 0), "result", lp_rows_text(row, 0, 1), ret_json);
    PQclear(row);
    return 0;
}

int jobs_delete(struct lp_db *db, const char *id, const char *owner, struct lp_error *err)
{
    unsigned long n = 0;

    if (!is_id(id))
        return no_such_job(err);
    int r = lp_rows_run(db, &delete_job, (const char *[]){ id, owner }, &n, err);
    return r < 0 || n > 0 ? r : no_such_job(err);
}

int jobs_export(struct lp_db *db, const char *owner, struct lp_buf *ret_json, struct lp_error *err)
{
    const size_t views = (size_t)JOBS_OF_OWNER * 1024; /* without text and result */
    char room[24];
    PGresult *rows = NULL;

    number_text(room, (int64_t)(ret_json->max - ret_json->len));
    int r = lp_db_run(db, &export_jobs, (const char *[]){ owner, room }, &rows, err);
    if (r < 0)
        return r;
    lp_buf_char(ret_json, '[');
    for (int i = 0; i < PQntuples(rows); i++) {
        const char *text = lp_rows_text(rows, i, 1), *result = lp_rows_text(rows, i, 2);
        const char *more = text ? text : result;
        bool fits = more && ret_json->len + strlen(more) + views < ret_json->max;
        if (i > 0)
            lp_buf_char(ret_json, ',');
        write_view(lp_rows_text(rows, i, 0), text ? "text" : "result", fits ? more : NULL,
                   ret_json);
    }
    lp_buf_char(ret_json, ']');
    PQclear(rows);
    return 0;
}

int jobs_erase(struct lp_db *db, const char *owner, unsigned long *ret_n, struct lp_error *err)
{
    return lp_rows_run(db, &erase_jobs, &owner, ret_n, err);
}

static int no_longer_ours(struct lp_error *err)
{
    return lp_error_set(err, LP_E_CONFLICT, "the job is no longer ours");
}

void job_done(struct job *job)
{
    free(job->text);
    *job = (struct job){ 0 };
}

int jobs_take(struct lp_db *db, struct job *ret_job, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, &take, (const char *[]){ TEXT(JOBS_LEASE_MS), TEXT(JOBS_ATTEMPTS) },
                          LP_E_NOT_FOUND, &row, err);

    if (r < 0)
        return r;
    const char *level = lp_rows_text(row, 0, 4);
    snprintf(ret_job->id, sizeof ret_job->id, "%s", lp_rows_text(row, 0, 0));
    snprintf(ret_job->lease, sizeof ret_job->lease, "%s", lp_rows_text(row, 0, 1));
    snprintf(ret_job->level, sizeof ret_job->level, "%s", level ? level : "");
    ret_job->attempt = (int)lp_rows_number(row, 0, 2);
    ret_job->text = lp_strdup(lp_rows_text(row, 0, 3));
    ret_job->spoken = strcmp(lp_rows_text(row, 0, 5), "t") == 0;
    const char *l1 = lp_rows_text(row, 0, 6);
    snprintf(ret_job->l1, sizeof ret_job->l1, "%s", l1 ? l1 : "");
    ret_job->suspect = strcmp(lp_rows_text(row, 0, 7), "t") == 0;
    PQclear(row);
    return 0;
}

int jobs_audio(struct lp_db *db, const struct job *job, unsigned char **ret_audio, size_t *ret_len,
               struct lp_error *err)
{
    static const struct lp_db_bulk binary = { .binary = true };
    PGresult *row = NULL;
    int r = lp_db_run_bulk(db, &read_audio, (const char *[]){ job->id, job->lease }, &binary, &row,
                           err);

    if (r < 0)
        return r;
    if (PQntuples(row) == 0 || PQgetisnull(row, 0, 0)) {
        r = no_longer_ours(err);
    } else {
        *ret_len = (size_t)PQgetlength(row, 0, 0);
        *ret_audio = lp_alloc(*ret_len + 1);
        memcpy(*ret_audio, PQgetvalue(row, 0, 0), *ret_len);
    }
    PQclear(row);
    return r;
}

/* Runs a statement that touches the job's row where it is still ours. */
static int on_ours(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                   struct lp_error *err)
{
    unsigned long n = 0;
    int r = lp_rows_run(db, s, params, &n, err);

    if (r < 0 || n > 0)
        return r;
    return no_longer_ours(err);
}

int jobs_renew(struct lp_db *db, const struct job *jobs, unsigned n, unsigned long *ret_n,
               struct lp_error *err)
{
    lp_auto_buf struct lp_buf ids = LP_BUF_INIT(4096), leases = LP_BUF_INIT(4096);

    for (unsigned i = 0; i < n; i++) {
        lp_buf_printf(&ids, "%s%s", i > 0 ? "," : "{", jobs[i].id);
        lp_buf_printf(&leases, "%s%s", i > 0 ? "," : "{", jobs[i].lease);
    }
    *ret_n = 0;
    if (n == 0)
        return 0;
    lp_buf_char(&ids, '}');
    lp_buf_char(&leases, '}');
    return lp_rows_run(db, &renew, (const char *[]){ ids.ptr, leases.ptr, TEXT(JOBS_LEASE_MS) },
                       ret_n, err);
}

int jobs_finish(struct lp_db *db, const struct job *job, const char *result,
                const struct job_score *score, struct lp_error *err)
{
    char keep[24], bytes[24], points[24], id[LP_ROWS_UUID];
    struct lp_error why;

    number_text(keep, JOBS_KEEP_MS);
    number_text(bytes, JOBS_BYTES);
    number_text(points, score ? score->score : 0);
    const char *params[] = { job->id,
                             job->lease,
                             result,
                             keep,
                             bytes,
                             score ? points : NULL,
                             score ? score->feedback : NULL,
                             TEXT(JOB_SCORES_WAITING) };
    int r = on_ours(db, &finish, params, err);
    if (r != LP_E_CONFLICT)
        return r;
    r = lp_rows_value(db, &is_ours, (const char *[]){ job->id, job->lease }, id, sizeof id, &why);
    if (r < 0) {
        *err = why;
        return r;
    }
    if (!*id)
        return LP_E_CONFLICT;
    return lp_error_set(err, LP_E_TOO_LARGE,
                        "the queue has no room for the result: at most %lld MB of texts and "
                        "results; ask again later",
                        (long long)(JOBS_BYTES >> 20));
}

int jobs_fail(struct lp_db *db, const struct job *job, const char *reason, bool final,
              bool *ret_dead, struct lp_error *err)
{
    char keep[24], cut[REASON + 1];

    number_text(keep, JOBS_KEEP_MS);
    snprintf(cut, sizeof cut, "%s", reason);
    lp_utf8_repair(cut);
    *ret_dead = final || job->attempt >= JOBS_ATTEMPTS;
    if (*ret_dead)
        return on_ours(db, &bury_one, (const char *[]){ job->id, job->lease, cut, keep }, err);
    return on_ours(db, &retry, (const char *[]){ job->id, job->lease, cut, TEXT(JOBS_ATTEMPTS) },
                   err);
}

int jobs_give_back(struct lp_db *db, const struct job *job, struct lp_error *err)
{
    return on_ours(db, &give_back, (const char *[]){ job->id, job->lease }, err);
}

int jobs_bury(struct lp_db *db, unsigned long *ret_n, struct lp_error *err)
{
    char keep[24];

    number_text(keep, JOBS_KEEP_MS);
    return lp_rows_run(db, &bury_lost, (const char *[]){ TEXT(JOBS_ATTEMPTS), keep }, ret_n, err);
}

int jobs_purge(struct lp_db *db, struct lp_error *err)
{
    unsigned long n = 1;
    int r = 0;

    for (int i = 0; r == 0 && n > 0 && i < JOBS_AT_ALL / 1000 + 1; i++)
        r = lp_rows_run(db, &purge, NULL, &n, err);
    return r;
}

static int read_number(struct lp_db *db, const struct lp_db_statement *s, int64_t *ret_n,
                       struct lp_error *err)
{
    char text[24] = "";
    int r = lp_rows_value(db, s, NULL, text, sizeof text, err);

    if (r == 0)
        *ret_n = strtoll(text, NULL, 10);
    return r;
}

int jobs_backlog(struct lp_db *db, int64_t *ret_n, struct lp_error *err)
{
    return read_number(db, &count, ret_n, err);
}

int jobs_oldest(struct lp_db *db, int64_t *ret_s, struct lp_error *err)
{
    return read_number(db, &oldest, ret_s, err);
}
