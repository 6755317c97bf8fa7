/*
 * services/ai-worker/worker.c -- see worker.h.
 *
 * Threads: each of the workers has its own place; `lock` guards the job that stands there, which
 * the thread `ai-lease` reads to renew its lease. It is never held over I/O. A job's text and
 * result are its worker's alone. `beside`, which whoever has `taking` takes, is held over the work
 * on a job, whose deadline ends each wait for it: a job that perhaps ended a worker is done while
 * no other is, so that it takes none down with it again.
 */
#include "services/ai-worker/worker.h"

#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/jobs/queue.h"
#include "services/ai-feedback/spelling/model.h"
#include "services/ai-worker/speech/pronunciation.h"
#include "work/backoff.h"

#define IDLE_MS 1000   /* between two looks where nothing waits */
#define LEASE_MS 2000  /* between two renewals; a lease is JOBS_LEASE_MS */
#define FIRST_MS 100   /* between two looks until the backlog is known */
#define COUNT_MS 10000 /* a count that is older is none */

enum outcome { DONE, RETRIED, DEAD, LOST, RETURNED, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = { "done", "retried", "dead", "lost",
                                                     "returned" };

/* Of one worker thread. */
struct place {
    struct worker *w;
    pthread_t thread;
    bool started, busy; /* busy: `held` is a job of ours */
    struct job held;    /* id and lease only */
};

struct worker {
    struct worker_options options;
    pthread_rwlock_t beside; /* a suspect job writes: whom it ends had no other job under work */
    pthread_mutex_t taking;  /* from looking for a job until `beside` is held for it */
    pthread_mutex_t lock;
    struct place places[WORKER_MAX];
    pthread_t keeper;
    bool keeping;
    int64_t counted_ms; /* when the database last said lp_backlog, under `lock`; 0: never */
    struct lp_metric *backlog, *age, *outcomes[OUTCOMES], *seconds;
};

static void register_metrics(struct worker *w)
{
    struct lp_metric_family *jobs =
        lp_metric_family(LP_METRIC_COUNTER, "lp_ai_worker_jobs_total",
                         "Attempts at jobs, by what came of them.", "outcome", NULL, 0);

    for (size_t i = 0; i < OUTCOMES; i++)
        w->outcomes[i] = lp_metric_with(jobs, outcome_names[i]);
    w->backlog =
        lp_metric_with(lp_metric_family(LP_METRIC_GAUGE, "lp_backlog",
                                        "Jobs that are queued or under work.", "queue", NULL, 0),
                       "ai");
    w->age = lp_metric_with(lp_metric_family(LP_METRIC_GAUGE, "lp_backlog_age_seconds",
                                             "Since the oldest of these jobs was taken on.",
                                             "queue", NULL, 0),
                            "ai");
    w->seconds = lp_metric_single(lp_metric_family(LP_METRIC_HISTOGRAM, "lp_ai_worker_job_seconds",
                                                   "What an attempt at a job took.", "",
                                                   lp_metrics_seconds, lp_metrics_n_seconds));
}

/* ---- one job ---- */

static void hold(struct place *p, const struct job *job)
{
    pthread_mutex_lock(&p->w->lock);
    p->busy = job != NULL;
    if (job) {
        p->held = *job;
        p->held.text = NULL; /* its worker's alone */
    }
    pthread_mutex_unlock(&p->w->lock);
}

/* What came of a job. */
struct attempt {
    int result;         /* of the work; negative with `why` */
    struct lp_buf *out; /* the result, JSON */
    bool scored;        /* `score` and `feedback` are for its learner's progress */
    int score;
    char *feedback; /* owned, JSON: edits by category; NULL: of none */
    struct lp_error why;
};

static enum level level_of(const struct job *job)
{
    enum level level = LEVEL_NONE;
    struct lp_error ignored; /* the database takes no other */

    if (*job->level && level_read(job->level, &level, &ignored) < 0)
        return LEVEL_NONE;
    return level;
}

static void keep_to_limit(struct attempt *a)
{
    if (a->result == 0 && a->out->overflowed)
        a->result =
            lp_error_set(&a->why, LP_E_INVALID, "the answer is over %zu bytes", JOBS_RESULT);
}

/* At a level, so many hints as there would be reasons of one sentence; the first ones. */
static void cut_hints(json_t *result, enum level level)
{
    json_t *hints = json_object_get(result, "hints");

    while (json_array_size(hints) > level_edits(level))
        json_array_remove(hints, json_array_size(hints) - 1);
    if (level != LEVEL_NONE)
        lp_json_set_str(result, "level", level_name(level));
}

/* How the text was read aloud. Where nothing was recognised there is no score. */
static void listen(const struct worker *w, const struct job *job, struct attempt *a)
{
    lp_auto_free unsigned char *audio = NULL;
    json_auto_t *result = NULL;
    struct pronunciation_request request = { .text = job->text,
                                             .first_language = *job->l1 ? job->l1 : NULL,
                                             .stop = w->options.stop,
                                             .deadline_ms = lp_clock_ms() + w->options.job_ms };

    if (!w->options.speech) {
        a->result = lp_error_set(&a->why, LP_E_INVALID, "this worker has no speech model");
        return;
    }
    a->result = jobs_audio(w->options.db, job, &audio, &request.size, &a->why);
    request.wav = audio;
    /* What texts read of their model gives room to what listening takes, and that is given back. */
    model_let_go(spelling_model(w->options.speller));
    if (a->result == 0)
        a->result = pronunciation_assess(w->options.speech, &request, &result, &a->why);
    malloc_trim(0);
    if (a->result < 0)
        return;
    cut_hints(result, level_of(job));
    lp_json_write_unsorted(result, a->out);
    a->scored = strcmp(lp_json_str(result, "recognitionStatus", NULL), "Success") == 0;
    a->score = (int)(json_number_value(json_object_get(result, "pronScore")) + 0.5);
    keep_to_limit(a);
}

static void check(const struct worker *w, const struct job *job, struct attempt *a)
{
    size_t by_category[CATEGORIES] = { 0 };
    const struct feedback_request request = { .text = job->text,
                                              .deadline_ms = lp_clock_ms() + w->options.job_ms,
                                              .grammar = w->options.grammar,
                                              .dialect = w->options.dialect,
                                              .level = level_of(job),
                                              .by_category = by_category,
                                              .stop = w->options.stop };

    a->result = feedback_check(w->options.speller, &request, a->out, &a->score, &a->why);
    keep_to_limit(a);
    json_auto_t *counts = feedback_counts(by_category);
    a->feedback = json_dumps(counts, JSON_COMPACT);
    a->scored = true;
}

/* Tells the queue what came of the job, once. Where there is no room for its result, `a->why` says
 * so and it is tried again later. */
static int tell(const struct worker *w, const struct job *job, struct attempt *a,
                enum outcome *ret_outcome, struct lp_error *err)
{
    const struct job_score score = { a->score, a->feedback ? a->feedback : "{}" };
    bool dead = false;
    int r;

    if (a->result == 0) {
        *ret_outcome = DONE;
        r = jobs_finish(w->options.db, job, a->out->ptr, a->scored ? &score : NULL, err);
        if (r != LP_E_TOO_LARGE)
            return r;
        a->why = *err;
    }
    if (a->result == LP_E_CANCELED) {
        *ret_outcome = RETURNED;
        return jobs_give_back(w->options.db, job, err);
    }
    r = jobs_fail(w->options.db, job, a->why.msg, a->result == LP_E_INVALID, &dead, err);
    *ret_outcome = dead ? DEAD : RETRIED;
    return r;
}

/* Tells it until the queue has heard it, or the lease would be over: somebody else does the job
 * then. */
static void settle(struct worker *w, const struct job *job, struct attempt *a)
{
    struct lp_backoff backoff = { .base_ms = 100, .max_ms = 2000 };
    int64_t until_ms = lp_clock_ms() + JOBS_LEASE_MS;
    enum outcome outcome = LOST;
    struct lp_error err = { 0 };
    bool last = false;
    int r = tell(w, job, a, &outcome, &err);

    while (r < 0 && r != LP_E_CONFLICT && !last && lp_clock_ms() < until_ms) {
        last = lp_stop_wait(w->options.stop, lp_backoff_next(&backoff));
        r = tell(w, job, a, &outcome, &err);
    }
    outcome = r < 0 ? LOST : outcome;
    lp_metric_add(w->outcomes[outcome], 1);
    if (outcome == LOST)
        lp_log_warn("a job was done for nothing", "job", job->id, "error", err.msg);
    else if (outcome != DONE)
        lp_log_info("a job is not done", "job", job->id, "outcome", outcome_names[outcome], "why",
                    a->why.msg);
}

/* Holds `beside` where there is one. Nobody takes a job while a suspect one is done, or waits to
 * be: it would lose an attempt with it. */
static int take(struct place *p, struct job *job, struct lp_error *err)
{
    struct worker *w = p->w;

    pthread_mutex_lock(&w->taking);
    pthread_rwlock_rdlock(&w->beside);
    int r = jobs_take(w->options.db, job, err);
    if (r == 0)
        hold(p, job);
    if (r < 0 || job->suspect)
        pthread_rwlock_unlock(&w->beside);
    if (r == 0 && job->suspect)
        pthread_rwlock_wrlock(&w->beside);
    pthread_mutex_unlock(&w->taking);
    return r;
}

static void do_job(struct place *p, const struct job *job)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(JOBS_RESULT);
    int64_t began_ms = lp_clock_ms();
    struct attempt attempt = { .out = &out };

    (job->spoken ? listen : check)(p->w, job, &attempt);
    pthread_rwlock_unlock(&p->w->beside);
    settle(p->w, job, &attempt);
    hold(p, NULL);
    free(attempt.feedback);
    lp_metric_observe(p->w->seconds, (double)(lp_clock_ms() - began_ms) / 1000);
}

static void *work(void *user)
{
    struct place *p = user;
    struct worker *w = p->w;
    struct lp_backoff backoff = { .base_ms = 200, .max_ms = 5000 };
    struct lp_error err;

    while (!lp_stop_requested(w->options.stop)) {
        auto_job struct job job = { 0 };
        int r = take(p, &job, &err);
        if (r == 0)
            do_job(p, &job);
        else /* the thread that watches the database says why */
            lp_stop_wait(w->options.stop,
                         r == LP_E_NOT_FOUND ? IDLE_MS : lp_backoff_next(&backoff));
        if (r == 0 || r == LP_E_NOT_FOUND)
            lp_backoff_reset(&backoff);
    }
    return NULL;
}

/* ---- leases ---- */

static bool held_by(struct worker *w, unsigned at, struct job *ret_job)
{
    pthread_mutex_lock(&w->lock);
    bool busy = w->places[at].busy;
    *ret_job = w->places[at].held;
    pthread_mutex_unlock(&w->lock);
    return busy;
}

static void renew(struct worker *w)
{
    struct job held[WORKER_MAX] = { { .attempt = 0 } };
    unsigned long renewed = 0;
    unsigned n = 0;
    struct lp_error err = { 0 };

    for (unsigned i = 0; i < w->options.threads; i++)
        n += held_by(w, i, &held[n]);
    if (jobs_renew(w->options.db, held, n, &renewed, &err) < 0 || renewed < n)
        lp_log_debug("leases were not renewed", "error", err.msg);
}

/* What fails here is tried again two seconds later; who has lost a lease is told at the end. */
static void look(struct worker *w)
{
    unsigned long buried = 0;
    int64_t waiting = 0, age_s = 0;
    struct lp_error err;

    renew(w);
    if (jobs_bury(w->options.db, &buried, &err) == 0 && buried > 0) {
        lp_metric_add(w->outcomes[DEAD], (double)buried);
        lp_log_warn("jobs ended each worker that tried them");
    }
    if (jobs_backlog(w->options.db, &waiting, &err) < 0 ||
        jobs_oldest(w->options.db, &age_s, &err) < 0)
        return;
    lp_metric_set(w->backlog, (double)waiting);
    lp_metric_set(w->age, (double)age_s);
    pthread_mutex_lock(&w->lock);
    w->counted_ms = lp_clock_ms();
    pthread_mutex_unlock(&w->lock);
}

bool worker_has_counted(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    bool counted = w->counted_ms > 0 && lp_clock_ms() - w->counted_ms < COUNT_MS;
    pthread_mutex_unlock(&w->lock);
    return counted;
}

static void *keep(void *user)
{
    struct worker *w = user;

    do
        look(w);
    while (!lp_stop_wait(w->options.stop, w->counted_ms > 0 ? LEASE_MS : FIRST_MS));
    return NULL;
}

/* ---- start and end ---- */

/* Who waits to be alone comes before those who come later. */
static void make_beside(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t how;

    pthread_rwlockattr_init(&how);
    pthread_rwlockattr_setkind_np(&how, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &how);
    pthread_rwlockattr_destroy(&how);
}

static int start(struct worker *w, struct lp_error *err)
{
    w->keeping = pthread_create(&w->keeper, NULL, keep, w) == 0;
    if (!w->keeping)
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the lease thread");
    pthread_setname_np(w->keeper, "ai-lease");
    for (unsigned i = 0; i < w->options.threads; i++) {
        struct place *p = &w->places[i];
        p->w = w;
        p->started = pthread_create(&p->thread, NULL, work, p) == 0;
        if (!p->started)
            return lp_error_set(err, LP_E_INTERNAL, "cannot start worker thread %u", i + 1);
        pthread_setname_np(p->thread, "ai-work");
    }
    return 0;
}

int worker_new(const struct worker_options *options, struct worker **ret_worker,
               struct lp_error *err)
{
    struct worker *w = lp_alloc(sizeof *w);

    w->options = *options;
    pthread_mutex_init(&w->lock, NULL);
    pthread_mutex_init(&w->taking, NULL);
    make_beside(&w->beside);
    register_metrics(w);
    int r = start(w, err);
    if (r < 0) {
        lp_stop_request(options->stop);
        worker_free(w);
        return r;
    }
    *ret_worker = w;
    return 0;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < w->options.threads; i++)
        if (w->places[i].started)
            pthread_join(w->places[i].thread, NULL);
    if (w->keeping)
        pthread_join(w->keeper, NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_mutex_destroy(&w->taking);
    pthread_rwlock_destroy(&w->beside);
    free(w);
}
