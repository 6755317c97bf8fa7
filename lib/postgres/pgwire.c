/*
 * libpq blocks for as long as the network likes; its asynchronous half with poll() does not. A
 * statement that outlives its time is ended by the server (statement_timeout); where even that does
 * not come back, the caller drops the connection. One connection belongs to one thread.
 */
#include "postgres/pgwire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

/* The server's time-out comes first, so that the connection survives it. */
#define GRACE_MS 1000

/* 1: ready; 0: the time is over. */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left = deadline_ms - lp_clock_ms();
        if (left <= 0)
            return 0;
        struct pollfd p = { .fd = fd, .events = events };
        int n = poll(&p, 1, (int)left);
        if (n > 0 || (n < 0 && errno != EINTR))
            return 1;
    }
}

/* libpq ends its messages with a newline and may put several lines into one. */
static int fail_connection(const PGconn *c, struct lp_error *err)
{
    char line[160];
    snprintf(line, sizeof line, "%s", PQerrorMessage(c));
    line[strcspn(line, "\n")] = '\0';
    return lp_error_set(err, LP_E_UNAVAILABLE, "%s", line[0] ? line : "connection failed");
}

static int finish_connect(PGconn *c, int64_t timeout_ms, struct lp_error *err)
{
    int64_t deadline = lp_clock_ms() + timeout_ms;
    PostgresPollingStatusType want = PGRES_POLLING_WRITING;
    while (want != PGRES_POLLING_OK) {
        if (want == PGRES_POLLING_FAILED)
            return fail_connection(c, err);
        short events = want == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for(PQsocket(c), events, deadline))
            return lp_error_set(err, LP_E_TIMEOUT, "no connection within %lld ms",
                                (long long)timeout_ms);
        want = PQconnectPoll(c);
    }
    return 0;
}

/* A plan for all parameters guesses rows by their mean, and then would rather read all of a learner
 * page by page than as many as are asked for in the order of an index, as if from a disk that
 * turns. */
#define PLAN_ONCE "; SET plan_cache_mode = force_generic_plan; SET random_page_cost = 1.1"

static int set_session(PGconn *c, int64_t query_timeout_ms, bool plan_once, struct lp_error *err)
{
    char sql[240];
    PGresult *result = NULL;
    snprintf(sql, sizeof sql,
             "SET statement_timeout = %lld; SET idle_in_transaction_session_timeout = %lld;"
             "SET jit = off%s", /* compiling takes seconds where rows are guessed too many */
             (long long)query_timeout_ms, (long long)query_timeout_ms * 2,
             plan_once ? PLAN_ONCE : "");
    if (PQsetnonblocking(c, 1) < 0 || !PQsendQuery(c, sql))
        return fail_connection(c, err);
    int r = lp_pgwire_result(c, "set_session", query_timeout_ms, &result, err);
    if (r == 0)
        PQclear(result);
    return r;
}

/* Notices may quote values, and stderr is for our log lines. */
static void ignore_notice(void *user, const PGresult *notice)
{
    (void)user;
    (void)notice;
}

int lp_pgwire_connect(const char *url, const char *application, int64_t timeout_ms,
                      int64_t query_timeout_ms, bool plan_once, PGconn **ret_connection,
                      struct lp_error *err)
{
    static const char *const keys[] = { "dbname",          "fallback_application_name",
                                        "client_encoding", "tcp_user_timeout",
                                        "keepalives_idle", NULL };
    const char *const values[] = { url, application, "UTF8", "10000", "30", NULL };
    PGconn *c = PQconnectStartParams(keys, values, 1);
    if (!c)
        return lp_error_set(err, LP_E_INTERNAL, "no memory for a connection");
    PQsetNoticeReceiver(c, ignore_notice, NULL);
    int r = PQstatus(c) == CONNECTION_BAD ? fail_connection(c, err)
                                          : finish_connect(c, timeout_ms, err);
    if (r == 0)
        r = set_session(c, query_timeout_ms, plan_once, err);
    if (r < 0) {
        PQfinish(c);
        return r;
    }
    *ret_connection = c;
    return 0;
}

int lp_pgwire_code_of(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        int code;
    } meanings[] = {
        { "23505", LP_E_EXISTS },
        { "23503", LP_E_NOT_FOUND },
        { "57014", LP_E_TIMEOUT },
        { "40001", LP_E_CONFLICT },
        { "40P01", LP_E_CONFLICT },
        { "08", LP_E_UNAVAILABLE },
        { "57P", LP_E_UNAVAILABLE },
        { "53", LP_E_UNAVAILABLE },
        { "25006", LP_E_UNAVAILABLE },
        { "58", LP_E_UNAVAILABLE },
        { "26000", LP_E_GONE },
        { "42P05", LP_E_GONE },
        { "55P03", LP_E_CONFLICT },
        /* a table or column is not there: the migration has yet to come (a first start, a database
         * that was replaced or is being restored) */
        { "42P01", LP_E_UNAVAILABLE },
        { "42703", LP_E_UNAVAILABLE },
        { "3F000", LP_E_UNAVAILABLE },
        { "3D000", LP_E_UNAVAILABLE },
    };
    for (size_t i = 0; i < LP_COUNT(meanings); i++)
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) == 0)
            return meanings[i].code;
    return LP_E_INTERNAL;
}

/* Waits until PQgetResult does not block. */
static int await(PGconn *c, const char *what, int64_t deadline_ms, struct lp_error *err)
{
    for (;;) {
        int unsent = PQflush(c);
        if (unsent == 0 && !PQisBusy(c))
            return 0;
        if (unsent < 0 || PQstatus(c) != CONNECTION_OK)
            break;
        if (!wait_for(PQsocket(c), (short)(unsent ? POLLIN | POLLOUT : POLLIN), deadline_ms))
            return lp_error_set(err, LP_E_TIMEOUT, "database: %s: no answer in time", what);
        if (!PQconsumeInput(c))
            break;
    }
    return lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", what);
}

static int check(const PGconn *c, const PGresult *result, const char *what, struct lp_error *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return 0;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQstatus(c) != CONNECTION_OK || !sqlstate)
        return lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", what);
    const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
    return lp_error_set(err, lp_pgwire_code_of(sqlstate), "database: %s: SQLSTATE %s%s%s", what,
                        sqlstate, constraint ? " " : "", constraint ? constraint : "");
}

int lp_pgwire_result(PGconn *c, const char *what, int64_t timeout_ms, PGresult **ret_result,
                     struct lp_error *err)
{
    int64_t deadline = lp_clock_ms() + timeout_ms + GRACE_MS;
    PGresult *last = NULL;
    int result = 0;
    for (;;) {
        int r = await(c, what, deadline, err);
        if (r < 0) {
            PQclear(last);
            return r;
        }
        PGresult *next = PQgetResult(c);
        if (!next)
            break;
        PQclear(last);
        last = next;
        if (result == 0)
            result = check(c, next, what, err);
    }
    if (result == 0 && !last)
        result = lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", what);
    if (result < 0)
        PQclear(last);
    else
        *ret_result = last;
    return result;
}

/* The next result of a pipeline. Behind that of a statement, not of the sync, comes a NULL. */
static int next_result(PGconn *c, const char *what, int64_t deadline_ms, PGresult **ret_result,
                       struct lp_error *err)
{
    int r = await(c, what, deadline_ms, err);
    if (r < 0)
        return r;
    *ret_result = PQgetResult(c);
    return *ret_result || PQstatus(c) == CONNECTION_OK
               ? 0
               : lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: connection lost", what);
}

static int end_pipeline(PGconn *c, const char *what, int64_t deadline_ms, struct lp_error *err)
{
    PGresult *sync = NULL;
    int r = next_result(c, what, deadline_ms, &sync, err);
    if (r == 0 && (PQresultStatus(sync) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(c)))
        r = lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: no end of the answers", what);
    PQclear(sync);
    return r;
}

/* Of the statements behind one that failed there are results too, which say nothing. */
static int take_results(PGconn *c, const char *const *names, int n, int64_t deadline_ms,
                        PGresult **ret_results, struct lp_error *err)
{
    int result = 0;
    for (int i = 0; i < n; i++) {
        PGresult *end = NULL;
        int r = next_result(c, names[i], deadline_ms, &ret_results[i], err);
        if (r == 0)
            r = next_result(c, names[i], deadline_ms, &end, err);
        if (r == 0 && (end || !ret_results[i]))
            r = lp_error_set(err, LP_E_UNAVAILABLE, "database: %s: not one answer", names[i]);
        PQclear(end);
        if (r < 0)
            return r;
        if (result == 0)
            result = check(c, ret_results[i], names[i], err);
    }
    int r = end_pipeline(c, names[n - 1], deadline_ms, err);
    return r < 0 ? r : result;
}

int lp_pgwire_results(PGconn *c, const char *const *names, int n, int64_t timeout_ms,
                      PGresult **ret_results, struct lp_error *err)
{
    int64_t deadline = lp_clock_ms() + timeout_ms * n + GRACE_MS;
    for (int i = 0; i < n; i++)
        ret_results[i] = NULL;
    int r = take_results(c, names, n, deadline, ret_results, err);
    for (int i = 0; r < 0 && i < n; i++) {
        PQclear(ret_results[i]);
        ret_results[i] = NULL;
    }
    return r;
}

bool lp_pgwire_is_stale(PGconn *c)
{
    struct pollfd p = { .fd = PQsocket(c), .events = POLLIN };
    return PQstatus(c) != CONNECTION_OK || p.fd < 0 || poll(&p, 1, 0) != 0;
}
