/* lib/postgres/pgwire.h -- libpq's calls that wait, each with a time-out. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/*
 * Connects in `timeout_ms`, non-blocking, UTF-8, with the server's statement time-out set to
 * `query_timeout_ms`, and `plan_once` as in lp_db_options. The caller owns *ret_connection
 * (PQfinish). LP_E_UNAVAILABLE with libpq's reason (host, not password), LP_E_TIMEOUT.
 */
LP_MUST_USE int lp_pgwire_connect(const char *url, const char *application, int64_t timeout_ms,
                                  int64_t query_timeout_ms, bool plan_once, PGconn **ret_connection,
                                  struct lp_error *err);

/*
 * What the query that was just sent gives: its last result, owned by the caller. Codes as
 * lp_db_run; after LP_E_UNAVAILABLE and LP_E_TIMEOUT the connection is of no further use.
 */
LP_MUST_USE int lp_pgwire_result(PGconn *c, const char *what, int64_t timeout_ms,
                                 PGresult **ret_result, struct lp_error *err);

/*
 * The same of each of `n` statements (called `names`) that were sent in a pipeline with one sync
 * behind them, in their order; the pipeline ends. After an error, that of the first that failed,
 * all are NULL. Each may take `timeout_ms`.
 */
LP_MUST_USE int lp_pgwire_results(PGconn *c, const char *const *names, int n, int64_t timeout_ms,
                                  PGresult **ret_results, struct lp_error *err);

/*
 * True where the server has something to say on this idle connection: it closes it, or (rarely,
 * after a changed setting) sends what a new connection would learn too. Does not wait.
 */
bool lp_pgwire_is_stale(PGconn *c);

/* What a SQLSTATE means to a caller; LP_E_GONE: a prepared statement is not there, or is another.
 */
int lp_pgwire_code_of(const char *sqlstate);
