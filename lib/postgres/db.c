/*
 * The pool. DESIGN: a fixed array of slots; a taken slot belongs to one thread. A connection is
 * made when a free one is not at hand and a slot is. After a failed attempt the whole pool waits
 * (100 ms, doubled, at most 5 s) before the next; meanwhile requests fail at once, which is what
 * their clients want to know. A pooler in transaction mode (PgBouncer) gives each statement another
 * connection of the server, where what was prepared is missing (26000) or somebody else's (42P05):
 * from the first such answer on statements are sent whole, as are those of a connection that has
 * MAX_PREPARED already. An idle connection that became readable
 * was closed by the server (a restart) and is replaced before anybody trusts it.
 *
 * Threads: `lock` guards the slots' states and the back-off; it is never held over I/O.
 */
#include "postgres/db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "metrics/metrics.h"
#include "postgres/pgwire.h"
#include "work/backoff.h"

#define MAX_CONNECTIONS 64
#define MAX_PREPARED 64

struct lp_db_connection {
    PGconn *pg; /* NULL: closed */
    bool taken;
    bool open; /* what `pg` was when it was last given or taken; of the pool's lock */
    const struct lp_db_statement *prepared[MAX_PREPARED];
    unsigned n_prepared;
};

struct lp_db {
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct lp_db_options options;
    struct lp_backoff backoff;
    int64_t retry_at_ms; /* 0: nothing failed lately */
    char last_failure[160];
    struct lp_db_connection slots[MAX_CONNECTIONS];
    atomic_bool unprepared; /* statements are sent whole; never false again */
    struct lp_metric *open, *busy, *failures;
    /* Of a transaction, which uses nothing else: */
    struct lp_db *pool;
    struct lp_db_connection *pinned;
    bool broken; /* the connection, not the transaction alone */
};

struct lp_db *lp_db_new(const struct lp_db_options *options)
{
    struct lp_db *db = lp_alloc(sizeof *db);
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->given, NULL);
    db->options = *options;
    db->backoff = (struct lp_backoff){ .base_ms = 100, .max_ms = 5000 };
    struct lp_metric_family *connections =
        lp_metric_family(LP_METRIC_GAUGE, options->connections_metric,
                         "Connections to the database", "state", NULL, 0);
    db->open = lp_metric_with(connections, "open");
    db->busy = lp_metric_with(connections, "busy");
    db->failures = lp_metric_single(
        lp_metric_family(LP_METRIC_COUNTER, options->failures_metric,
                         "Attempts to connect to the database that failed", "", NULL, 0));
    return db;
}

static void close_slot(struct lp_db_connection *c)
{
    PQfinish(c->pg);
    c->pg = NULL;
    c->n_prepared = 0;
}

void lp_db_free(struct lp_db *db)
{
    if (!db)
        return;
    for (unsigned i = 0; i < db->options.max_connections; i++)
        close_slot(&db->slots[i]);
    pthread_cond_destroy(&db->given);
    pthread_mutex_destroy(&db->lock);
    free(db);
}

void *lp_db_context(const struct lp_db *db)
{
    return db->options.context;
}

/*
 * The best free slot: an open connection before a closed slot; NULL where there is none. While
 * attempts wait for their back-off, a closed slot is one only if no connection is open: else those
 * are worth waiting for.
 */
static struct lp_db_connection *free_slot_locked(struct lp_db *db)
{
    struct lp_db_connection *closed = NULL;
    bool any_open = false;
    for (unsigned i = 0; i < db->options.max_connections; i++) {
        struct lp_db_connection *c = &db->slots[i];
        if (!c->taken && c->pg)
            return c;
        any_open = any_open || (c->taken && c->open);
        if (!c->taken && !closed)
            closed = c;
    }
    return any_open && lp_clock_ms() < db->retry_at_ms ? NULL : closed;
}

static void publish_locked(struct lp_db *db)
{
    unsigned open = 0, busy = 0;
    for (unsigned i = 0; i < db->options.max_connections; i++) {
        open += db->slots[i].open;
        busy += db->slots[i].taken;
    }
    lp_metric_set(db->open, open);
    lp_metric_set(db->busy, busy);
}

static int take_slot(struct lp_db *db, struct lp_db_connection **ret_connection,
                     struct lp_error *err)
{
    struct timespec deadline = lp_clock_deadline(db->options.query_timeout_ms);
    int r = 0;
    pthread_mutex_lock(&db->lock);
    struct lp_db_connection *c = free_slot_locked(db);
    while (!c && r == 0) {
        r = pthread_cond_clockwait(&db->given, &db->lock, CLOCK_MONOTONIC, &deadline);
        c = free_slot_locked(db);
    }
    if (!c) {
        r = lp_error_set(err, LP_E_TIMEOUT, "database: all %u connections are busy",
                         db->options.max_connections);
    } else if (!c->pg && lp_clock_ms() < db->retry_at_ms) {
        r = lp_error_set(err, LP_E_UNAVAILABLE, "database: %s", db->last_failure);
    } else {
        c->taken = true;
        c->open = c->pg != NULL;
        *ret_connection = c;
        r = 0;
    }
    publish_locked(db);
    pthread_mutex_unlock(&db->lock);
    return r;
}

void lp_db_give(struct lp_db *db, struct lp_db_connection *c)
{
    if (c->pg && PQstatus(c->pg) != CONNECTION_OK)
        close_slot(c);
    pthread_mutex_lock(&db->lock);
    c->taken = false;
    c->open = c->pg != NULL;
    publish_locked(db);
    pthread_cond_signal(&db->given);
    pthread_mutex_unlock(&db->lock);
}

void lp_db_drop(struct lp_db *db, struct lp_db_connection *c)
{
    close_slot(c);
    lp_db_give(db, c);
}

static void note_attempt(struct lp_db *db, struct lp_db_connection *c, int result,
                         const struct lp_error *err)
{
    pthread_mutex_lock(&db->lock);
    c->open = result == 0;
    if (result == 0) {
        db->retry_at_ms = 0;
        lp_backoff_reset(&db->backoff);
    } else {
        db->retry_at_ms = lp_clock_ms() + lp_backoff_next(&db->backoff);
        snprintf(db->last_failure, sizeof db->last_failure, "%s", err->msg);
        lp_metric_add(db->failures, 1);
    }
    pthread_mutex_unlock(&db->lock);
}

int lp_db_take(struct lp_db *db, struct lp_db_connection **ret_connection, struct lp_error *err)
{
    struct lp_db_connection *c = NULL;
    int r = take_slot(db, &c, err);
    if (!c)
        return r;
    if (c->pg && lp_pgwire_is_stale(c->pg))
        close_slot(c);
    if (!c->pg) {
        r = lp_pgwire_connect(db->options.url, db->options.application,
                              db->options.connect_timeout_ms, db->options.query_timeout_ms,
                              db->options.plan_once, &c->pg, err);
        note_attempt(db, c, r, err);
    }
    if (r < 0) {
        lp_db_give(db, c);
        return lp_error_wrap(err, "database");
    }
    *ret_connection = c;
    return 0;
}

int lp_db_execute(struct lp_db_connection *c, const char *what, const char *sql, int64_t timeout_ms,
                  PGresult **ret_result, struct lp_error *err)
{
    if (!PQsendQuery(c->pg, sql))
        return lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", what);
    return lp_pgwire_result(c->pg, what, timeout_ms, ret_result, err);
}

static bool is_prepared(const struct lp_db_connection *c, const struct lp_db_statement *s)
{
    for (unsigned i = 0; i < c->n_prepared; i++)
        if (c->prepared[i] == s)
            return true;
    return false;
}

static int prepare(struct lp_db *db, struct lp_db_connection *c, const struct lp_db_statement *s,
                   struct lp_error *err)
{
    if (!PQsendPrepare(c->pg, s->name, s->sql, s->n_params, NULL))
        return lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", s->name);
    PGresult *result = NULL;
    int r = lp_pgwire_result(c->pg, s->name, db->options.query_timeout_ms, &result, err);
    if (r < 0)
        return r;
    PQclear(result);
    c->prepared[c->n_prepared++] = s;
    return 0;
}

/* A statement with its parameters. */
struct call {
    const struct lp_db_statement *statement;
    const char *const *params;
    const int *sizes; /* NULL: text */
    bool binary;      /* columns */
    bool large;       /* the connection is not kept */
};

static int send(struct lp_db *db, struct lp_db_connection *c, const struct call *call,
                struct lp_error *err)
{
    const struct lp_db_statement *s = call->statement;
    const int *sizes = call->sizes;
    int formats[LP_DB_BULK_PARAMS] = { 0 }, binary = call->binary;
    const int *how = sizes ? formats : NULL;
    bool prepared = is_prepared(c, s);
    bool whole = atomic_load(&db->unprepared) || (!prepared && c->n_prepared == MAX_PREPARED);
    int r = prepared || whole ? 0 : prepare(db, c, s, err);

    if (r < 0)
        return r;
    for (int i = 0; sizes && i < s->n_params; i++)
        formats[i] = sizes[i] > 0;
    int sent =
        whole
            ? PQsendQueryParams(c->pg, s->sql, s->n_params, NULL, call->params, sizes, how, binary)
            : PQsendQueryPrepared(c->pg, s->name, s->n_params, call->params, sizes, how, binary);
    if (!sent)
        return lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", s->name);
    return 0;
}

static void note_unprepared(struct lp_db *db)
{
    if (!atomic_exchange(&db->unprepared, true))
        lp_log_info("database: a pooler keeps no prepared statements, sending them whole");
}

/* After what ended with `result`. */
static void give_back(struct lp_db *db, struct lp_db_connection *c, int result, bool drop)
{
    if (drop || result == LP_E_UNAVAILABLE || result == LP_E_TIMEOUT)
        lp_db_drop(db, c);
    else
        lp_db_give(db, c);
}

/* *ret_again: the statement may be tried on another connection, or in another way. */
static int run_once(struct lp_db *db, const struct call *call, PGresult **ret_result,
                    bool *ret_again, struct lp_error *err)
{
    const struct lp_db_statement *s = call->statement;
    struct lp_db_connection *c = NULL;
    *ret_again = false;
    int r = lp_db_take(db, &c, err);
    if (!c)
        return r;
    r = send(db, c, call, err);
    if (r == 0)
        r = lp_pgwire_result(c->pg, s->name, db->options.query_timeout_ms, ret_result, err);
    if (r == LP_E_GONE) { /* refused before it ran, so it may run again whatever it does */
        *ret_again = true;
        note_unprepared(db);
    }
    if (r == LP_E_UNAVAILABLE || r == LP_E_TIMEOUT)
        *ret_again = r == LP_E_UNAVAILABLE && s->repeatable;
    give_back(db, c, r, call->large);
    return r;
}

/* In a transaction. What a pooler refused is sent whole by who begins anew. */
static int run_pinned(struct lp_db *tx, const struct call *call, PGresult **ret_result,
                      struct lp_error *err)
{
    const char *name = call->statement->name;
    int r = send(tx->pool, tx->pinned, call, err);

    if (r == 0)
        r = lp_pgwire_result(tx->pinned->pg, name, tx->pool->options.query_timeout_ms, ret_result,
                             err);
    if (r == LP_E_GONE) {
        atomic_store(&tx->pool->unprepared, true);
        r = lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: not prepared", name);
    }
    tx->broken = tx->broken || r == LP_E_UNAVAILABLE || r == LP_E_TIMEOUT;
    return r;
}

static int run(struct lp_db *db, const struct call *call, PGresult **ret_result,
               struct lp_error *err)
{
    bool again = false;

    if (db->pinned)
        return run_pinned(db, call, ret_result, err);
    int r = run_once(db, call, ret_result, &again, err);
    if (r < 0 && again)
        r = run_once(db, call, ret_result, &again, err);
    return r == LP_E_GONE ? lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: not prepared",
                                         call->statement->name)
                          : r;
}

int lp_db_run_bulk(struct lp_db *db, const struct lp_db_statement *statement,
                   const char *const *params, const struct lp_db_bulk *bulk, PGresult **ret_result,
                   struct lp_error *err)
{
    const struct call call = { statement, params, bulk ? bulk->sizes : NULL, bulk && bulk->binary,
                               bulk != NULL };

    if (call.sizes && statement->n_params > LP_DB_BULK_PARAMS)
        return lp_error_set(err, LP_E_INTERNAL, "database: %s: %d parameters, %d at most",
                            statement->name, statement->n_params, LP_DB_BULK_PARAMS);
    return run(db, &call, ret_result, err);
}

int lp_db_run(struct lp_db *db, const struct lp_db_statement *statement, const char *const *params,
              PGresult **ret_result, struct lp_error *err)
{
    const struct call call = { .statement = statement, .params = params };
    return run(db, &call, ret_result, err);
}

/* ---- several in one round trip ---- */

static int run_in_turn(struct lp_db *db, const struct lp_db_call *calls, int n,
                       PGresult **ret_results, struct lp_error *err)
{
    int r = 0, i = 0;
    for (; r == 0 && i < n; i++) {
        const struct call call = { .statement = calls[i].statement,
                                   .params = calls[i].params,
                                   .binary = calls[i].binary };
        r = run(db, &call, &ret_results[i], err);
    }
    while (r < 0 && i > 0) {
        PQclear(ret_results[--i]);
        ret_results[i] = NULL;
    }
    return r;
}

/* LP_E_GONE: this connection has room for no more that are prepared. */
static int send_all(struct lp_db *db, struct lp_db_connection *c, const struct lp_db_call *calls,
                    int n, struct lp_error *err)
{
    for (int i = 0; i < n; i++) {
        const struct lp_db_statement *s = calls[i].statement;
        bool prepared = is_prepared(c, s);
        int r = prepared                        ? 0
                : c->n_prepared == MAX_PREPARED ? lp_error_set(err, LP_E_GONE, "not prepared")
                                                : prepare(db, c, s, err);
        if (r < 0)
            return r;
    }
    bool sent = PQenterPipelineMode(c->pg);
    for (int i = 0; sent && i < n; i++)
        sent = PQsendQueryPrepared(c->pg, calls[i].statement->name, calls[i].statement->n_params,
                                   calls[i].params, NULL, NULL, calls[i].binary);
    if (!sent || !PQpipelineSync(c->pg))
        return lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost",
                            calls[0].statement->name);
    return 0;
}

/* *ret_again: the connection was lost. */
static int pipeline_once(struct lp_db *db, const struct lp_db_call *calls, int n,
                         PGresult **ret_results, bool *ret_again, struct lp_error *err)
{
    const char *names[LP_DB_CALLS] = { 0 };
    struct lp_db_connection *c = NULL;
    *ret_again = false;
    int r = lp_db_take(db, &c, err);
    if (!c)
        return r;
    for (int i = 0; i < n; i++)
        names[i] = calls[i].statement->name;
    r = send_all(db, c, calls, n, err);
    if (r == 0) {
        r = lp_pgwire_results(c->pg, names, n, db->options.query_timeout_ms, ret_results, err);
        if (r == LP_E_GONE)
            note_unprepared(db);
    }
    *ret_again = r == LP_E_UNAVAILABLE;
    give_back(db, c, r, false);
    return r;
}

int lp_db_run_all(struct lp_db *db, const struct lp_db_call *calls, int n, PGresult **ret_results,
                  struct lp_error *err)
{
    bool again = false;

    for (int i = 0; i < n; i++)
        ret_results[i] = NULL; /* who could not begin leaves them so */
    if (db->pinned || atomic_load(&db->unprepared))
        return run_in_turn(db, calls, n, ret_results, err);
    int r = pipeline_once(db, calls, n, ret_results, &again, err);
    if (again)
        r = pipeline_once(db, calls, n, ret_results, &again, err);
    return r == LP_E_GONE ? run_in_turn(db, calls, n, ret_results, err) : r;
}

/* Gives the connection back, or drops it. */
static void end(struct lp_db *tx)
{
    if (tx->broken)
        lp_db_drop(tx->pool, tx->pinned);
    else
        lp_db_give(tx->pool, tx->pinned);
    free(tx);
}

/* BEGIN, COMMIT or ROLLBACK; LP_E_CONFLICT where it was rolled back instead. */
static int mark(struct lp_db *tx, const char *sql, struct lp_error *err)
{
    PGresult *result = NULL;
    int r = lp_db_execute(tx->pinned, sql, sql, tx->pool->options.query_timeout_ms, &result, err);
    if (r == 0 && strcmp(PQcmdStatus(result), sql) != 0)
        r = lp_error_set(err, LP_E_CONFLICT, "database: %s: was rolled back", sql);
    else if (r < 0)
        tx->broken = true;
    PQclear(result);
    return r;
}

int lp_db_begin(struct lp_db *db, struct lp_db **ret_transaction, struct lp_error *err)
{
    struct lp_db *tx = lp_alloc(sizeof *tx);
    tx->pool = db;
    int r = lp_db_take(db, &tx->pinned, err);
    if (r < 0) {
        free(tx);
        return r;
    }
    r = mark(tx, "BEGIN", err);
    if (r < 0) {
        end(tx);
        return r;
    }
    *ret_transaction = tx;
    return 0;
}

int lp_db_commit(struct lp_db *transaction, struct lp_error *err)
{
    int r = mark(transaction, "COMMIT", err);
    end(transaction);
    return r;
}

void lp_db_rollback(struct lp_db *transaction)
{
    struct lp_error err;
    if (!transaction->broken)
        (void)!mark(transaction, "ROLLBACK", &err);
    end(transaction);
}
