/*
 * Hashing a password is the one expensive thing that this service does. DESIGN: H threads, as many
 * as the pod has CPUs, take jobs from one list in order of arrival; more would only share the same
 * CPU and hold 19 MiB each. The caller, a worker of the service, sleeps meanwhile; its job lives on
 * its stack. Admission is counted apart from the list, so that a login is refused before it costs a
 * query.
 *
 * Threads: `lock` guards all of struct hashpool and of the jobs in its list but `work`, which
 * belongs to the hash thread from the moment the job leaves the list until `finished`.
 */
#include "services/auth/passwords/hashpool.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "services/auth/passwords/cpu.h"
#include "services/auth/passwords/pace.h"

/* How much of a CPU quota goes to hashes while there are any; the rest is for all other requests.
 */
#define HASH_PART 0.75

/* Where there is no quota, or room in it, a hash takes its CPU after the threads that answer /me
 * and /health: nice values of threads count within a pod alone. */
#define HASH_NICE 10

struct work {
    const char *password;
    const char *hash; /* NULL: make one */
    bool refuse;      /* whatever the hash says */
    bool matches;
    char made[PASSWORD_HASH_MAX]; /* the hash made, or the newer one, or "" */
    int result;
    struct lp_error err;
};

struct job {
    struct job *next;
    struct work work;
    const struct hashpool_patience *patience;
    int64_t queued_ms;
    bool queued, finished;
    pthread_cond_t changed;
};

struct hashpool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **last; /* last: where the next one is linked */
    unsigned admitted, max_admitted, running;
    bool stopping;
    struct password_params params;
    char nobody[PASSWORD_HASH_MAX];
    double share; /* of a CPU, for each thread; 0: all of it */
    unsigned n_threads;
    pthread_t threads[64];
    struct lp_metric *waiting, *in_flight, *wait_seconds, *seconds;
    struct lp_metric *full, *late, *gone;
};

static void make_metrics(struct hashpool *p, unsigned workers)
{
    struct lp_metric_family *rejected =
        lp_metric_family(LP_METRIC_COUNTER, "lp_auth_hash_rejected_total",
                         "Password hashes that were asked for and not made", "reason", NULL, 0);
    p->full = lp_metric_with(rejected, "full");
    p->late = lp_metric_with(rejected, "deadline");
    p->gone = lp_metric_with(rejected, "client_gone");
    p->waiting = lp_metric_single(lp_metric_family(
        LP_METRIC_GAUGE, "lp_auth_hash_waiting",
        "Requests admitted for a password hash that no thread works on", "", NULL, 0));
    p->in_flight = lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, "lp_auth_hash_in_flight",
                                                     "Password hashes being made", "", NULL, 0));
    p->wait_seconds = lp_metric_single(
        lp_metric_family(LP_METRIC_HISTOGRAM, "lp_auth_hash_wait_seconds", "Wait for a hash thread",
                         "", lp_metrics_seconds, lp_metrics_n_seconds));
    p->seconds = lp_metric_single(lp_metric_family(LP_METRIC_HISTOGRAM, "lp_auth_hash_seconds",
                                                   "Making or checking one password hash", "",
                                                   lp_metrics_seconds, lp_metrics_n_seconds));
    lp_metric_set(lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, "lp_auth_hash_workers",
                                                    "Threads that hash passwords", "", NULL, 0)),
                  workers);
}

static void publish_locked(struct hashpool *p)
{
    lp_metric_set(p->waiting, p->admitted > p->running ? p->admitted - p->running : 0);
    lp_metric_set(p->in_flight, p->running);
}

/* What cannot be read costs what a hash of ours costs, and is no password of anybody. */
static int compare(const struct hashpool *p, struct work *w)
{
    int r = password_verify(w->hash, w->password, &w->matches, &w->err);
    if (r == LP_E_INVALID) {
        lp_log_error("a password is refused: what is stored of it cannot be read", "error",
                     w->err.msg);
        w->refuse = true;
        r = password_verify(p->nobody, w->password, &w->matches, &w->err);
    }
    if (w->refuse)
        w->matches = false;
    return r;
}

static void do_work(const struct hashpool *p, struct work *w)
{
    w->made[0] = '\0';
    if (!w->hash) {
        w->result = password_hash(&p->params, w->password, w->made, &w->err);
        return;
    }
    w->result = compare(p, w);
    if (w->result == 0 && w->matches && password_is_outdated(&p->params, w->hash))
        w->result = password_hash(&p->params, w->password, w->made, &w->err);
}

/* Before the work begins: false where nobody wants the result any more. */
static bool is_wanted(struct hashpool *p, struct job *j)
{
    if (lp_clock_ms() >= j->patience->deadline_ms) {
        lp_metric_add(p->late, 1);
        j->work.result = lp_error_set(&j->work.err, LP_E_TIMEOUT, "no hash thread in time");
        return false;
    }
    if (j->patience->gone && j->patience->gone(j->patience->user)) {
        lp_metric_add(p->gone, 1);
        j->work.result = lp_error_set(&j->work.err, LP_E_CANCELED, "the client is gone");
        return false;
    }
    return true;
}

static struct job *next_locked(struct hashpool *p)
{
    while (!p->first && !p->stopping)
        pthread_cond_wait(&p->more, &p->lock);
    struct job *j = p->first;
    if (!j)
        return NULL;
    p->first = j->next;
    if (!p->first)
        p->last = &p->first;
    j->queued = false;
    p->running++;
    publish_locked(p);
    return j;
}

static void *hash_thread(void *arg)
{
    struct hashpool *p = arg;
    /* Of this thread, on Linux; it may always be nicer. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), HASH_NICE);
    pace_thread(p->share);
    pthread_mutex_lock(&p->lock);
    for (struct job *j = next_locked(p); j; j = next_locked(p)) {
        pthread_mutex_unlock(&p->lock);
        int64_t start = lp_clock_ms();
        lp_metric_observe(p->wait_seconds, (double)(start - j->queued_ms) / 1e3);
        if (is_wanted(p, j)) {
            do_work(p, &j->work);
            lp_metric_observe(p->seconds, (double)(lp_clock_ms() - start) / 1e3);
        }
        pthread_mutex_lock(&p->lock);
        p->running--;
        publish_locked(p);
        j->finished = true;
        pthread_cond_signal(&j->changed); /* the job may be gone once the lock is */
    }
    pthread_mutex_unlock(&p->lock);
    pace_thread_end();
    return NULL;
}

int hashpool_new(const struct hashpool_options *options, struct hashpool **ret_pool,
                 struct lp_error *err)
{
    struct hashpool *p = lp_alloc(sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    p->last = &p->first;
    p->max_admitted = options->max_admitted;
    p->params = options->params;
    unsigned workers = options->workers ? options->workers : cpu_workers(options->cpu_quota);
    if (workers > LP_COUNT(p->threads))
        workers = LP_COUNT(p->threads);
    p->share = options->cpu_quota * HASH_PART / workers;
    make_metrics(p, workers);

    int r = password_of_nobody(&p->params, p->nobody, err);
    while (r == 0 && p->n_threads < workers) {
        if (pthread_create(&p->threads[p->n_threads], NULL, hash_thread, p) != 0)
            r = lp_error_set(err, LP_E_INTERNAL, "cannot start hash thread %u", p->n_threads);
        else
            pthread_setname_np(p->threads[p->n_threads++], "auth-hash");
    }
    if (r < 0) {
        hashpool_free(p);
        return r;
    }
    *ret_pool = p;
    return 0;
}

void hashpool_free(struct hashpool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int hashpool_admit(struct hashpool *p, struct lp_error *err)
{
    pthread_mutex_lock(&p->lock);
    bool full = p->admitted >= p->max_admitted;
    if (!full)
        p->admitted++;
    publish_locked(p);
    pthread_mutex_unlock(&p->lock);
    if (!full)
        return 0;
    lp_metric_add(p->full, 1);
    return lp_error_set(err, LP_E_UNAVAILABLE, "%u requests wait for a password hash already",
                        p->max_admitted);
}

void hashpool_leave(struct hashpool *p)
{
    pthread_mutex_lock(&p->lock);
    p->admitted--;
    publish_locked(p);
    pthread_mutex_unlock(&p->lock);
}

static void unlink_locked(struct hashpool *p, struct job *j)
{
    struct job **at = &p->first;
    while (*at != j)
        at = &(*at)->next;
    *at = j->next;
    if (!*at)
        p->last = at;
    j->queued = false;
}

/* Queues `j` and sleeps until it is finished, or its deadline passed with no thread on it. */
static int wait_for(struct hashpool *p, struct job *j)
{
    int64_t now = lp_clock_ms();
    struct timespec deadline =
        lp_clock_deadline(j->patience->deadline_ms > now ? j->patience->deadline_ms - now : 0);

    pthread_cond_init(&j->changed, NULL);
    pthread_mutex_lock(&p->lock);
    j->queued_ms = now;
    j->queued = true;
    *p->last = j;
    p->last = &j->next;
    pthread_cond_signal(&p->more);
    while (!j->finished) {
        if (!j->queued) {
            pthread_cond_wait(&j->changed, &p->lock);
        } else if (pthread_cond_clockwait(&j->changed, &p->lock, CLOCK_MONOTONIC, &deadline) != 0 &&
                   j->queued) {
            unlink_locked(p, j);
            lp_metric_add(p->late, 1);
            j->work.result = lp_error_set(&j->work.err, LP_E_TIMEOUT, "no hash thread in time");
            break;
        }
    }
    pthread_mutex_unlock(&p->lock);
    pthread_cond_destroy(&j->changed);
    return j->work.result;
}

int hashpool_hash(struct hashpool *p, const char *password,
                  const struct hashpool_patience *patience, char ret_hash[PASSWORD_HASH_MAX],
                  struct lp_error *err)
{
    struct job j = { .work = { .password = password }, .patience = patience };
    int r = wait_for(p, &j);
    if (r < 0)
        *err = j.work.err;
    else
        snprintf(ret_hash, PASSWORD_HASH_MAX, "%s", j.work.made);
    return r;
}

int hashpool_verify(struct hashpool *p, const char *hash, const char *password,
                    const struct hashpool_patience *patience, bool *ret_matches,
                    char ret_newer[PASSWORD_HASH_MAX], struct lp_error *err)
{
    struct job j = { .work = { .password = password, .hash = hash }, .patience = patience };
    int r = wait_for(p, &j);
    if (r < 0) {
        *err = j.work.err;
        return r;
    }
    *ret_matches = j.work.matches;
    snprintf(ret_newer, PASSWORD_HASH_MAX, "%s", *ret_matches ? j.work.made : "");
    return 0;
}

int hashpool_refuse(struct hashpool *p, const char *like, const char *password,
                    const struct hashpool_patience *patience, struct lp_error *err)
{
    struct job j = {
        .work = { .password = password, .hash = like && *like ? like : p->nobody, .refuse = true },
        .patience = patience
    };
    int r = wait_for(p, &j);
    if (r < 0)
        *err = j.work.err;
    return r;
}
