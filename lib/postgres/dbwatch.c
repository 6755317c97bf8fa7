/*
 * The service starts without its database and goes on trying; until the tables are there it is not
 * ready. Later it is ready as long as the database answers: a short restart of it, or a pool whose
 * connections are all busy, changes nothing, so that pods do not leave their Service for what is
 * over in a moment.
 *
 * Threads: the watch writes, the probes' thread reads, under `lock`.
 */
#include "postgres/dbwatch.h"

#include <pthread.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "work/backoff.h"

#define PING_MS 2000
#define AWAY_MS 5000
#define PURGE_MS 600000

struct lp_dbwatch {
    struct lp_db *db;
    struct lp_stop *stop;
    const struct lp_dbwatch_options *options;
    pthread_t thread;
    struct lp_metric *up;
    pthread_mutex_t lock;
    int64_t away_since_ms; /* 0: it is there */
    char why[100];
};

/* Fails too where the database was replaced by an empty one: then it is migrated again. */
static const struct lp_db_statement ping = { "ping", "SELECT max(version) FROM schema_migrations",
                                             0, true };

static void dbwatch_observe(struct lp_dbwatch *w, int result, const struct lp_error *err)
{
    bool away = result < 0;
    pthread_mutex_lock(&w->lock);
    bool changed = away != (w->away_since_ms != 0);
    if (away && changed)
        w->away_since_ms = lp_clock_ms();
    else if (!away)
        w->away_since_ms = 0;
    snprintf(w->why, sizeof w->why, "%s", away ? err->msg : "");
    pthread_mutex_unlock(&w->lock);
    lp_metric_set(w->up, away ? 0 : 1);
    if (changed && away)
        lp_log_warn("database away", "error", err->msg);
    else if (changed)
        lp_log_info("database there");
}

static int look(struct lp_dbwatch *w, bool there, struct lp_error *err)
{
    PGresult *result = NULL;
    if (!there)
        return w->options->migrate(w->db, w->options->user, err);
    int r = lp_db_run(w->db, &ping, NULL, &result, err);
    if (r == 0)
        PQclear(result);
    return r;
}

static void purge(const struct lp_dbwatch *w)
{
    struct lp_error err;
    if (w->options->purge(w->db, w->options->user, &err) < 0)
        lp_log_warn("old rows not removed", "error", err.msg);
}

static void *watch(void *arg)
{
    struct lp_dbwatch *w = arg;
    struct lp_backoff backoff = { .base_ms = 200, .max_ms = PING_MS };
    struct lp_error err;
    bool there = false;
    int64_t purge_at_ms = 0;
    int64_t every_ms = w->options->purge_ms > 0 ? w->options->purge_ms : PURGE_MS;
    do {
        int r = look(w, there, &err);
        if (there && r == LP_E_TIMEOUT)
            continue; /* busy, not away */
        dbwatch_observe(w, r, &err);
        there = r == 0;
        if (there)
            lp_backoff_reset(&backoff);
        if (there && lp_clock_ms() >= purge_at_ms) {
            purge(w);
            purge_at_ms = lp_clock_ms() + lp_jitter(every_ms, 10);
        }
    } while (!lp_stop_wait(w->stop, there ? PING_MS : lp_backoff_next(&backoff)));
    return NULL;
}

int lp_dbwatch_new(struct lp_db *db, const struct lp_dbwatch_options *options, struct lp_stop *stop,
                   struct lp_dbwatch **ret_watch, struct lp_error *err)
{
    struct lp_dbwatch *w = lp_alloc(sizeof *w);
    w->db = db;
    w->stop = stop;
    w->options = options;
    w->away_since_ms = 1; /* long ago */
    snprintf(w->why, sizeof w->why, "not reached yet");
    w->up = lp_metric_single(lp_metric_family(LP_METRIC_GAUGE, options->up_metric,
                                              "1 while the database answers", "", NULL, 0));
    pthread_mutex_init(&w->lock, NULL);
    if (pthread_create(&w->thread, NULL, watch, w) != 0) {
        pthread_mutex_destroy(&w->lock);
        free(w);
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the database thread");
    }
    pthread_setname_np(w->thread, options->thread);
    *ret_watch = w;
    return 0;
}

void lp_dbwatch_free(struct lp_dbwatch *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

bool lp_dbwatch_is_ready(struct lp_dbwatch *w, char ret_why[128])
{
    pthread_mutex_lock(&w->lock);
    bool away = w->away_since_ms != 0 && lp_clock_ms() - w->away_since_ms >= AWAY_MS;
    if (away)
        snprintf(ret_why, 128, "%s", w->why);
    pthread_mutex_unlock(&w->lock);
    return !away;
}
