/* lib/postgres/db.h -- a bounded pool of PostgreSQL connections; every wait on them ends.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Opaque: hides a lock and connections. Any thread. */
struct lp_db;
struct lp_db_connection; /* one, taken; belongs to one thread until given back */

struct lp_db_options {
    const char *url;                                  /* PostgreSQL URI; borrowed */
    const char *application;                          /* as which the server knows it: "lp-auth" */
    const char *connections_metric, *failures_metric; /* names of a gauge and of a counter */
    unsigned max_connections;                         /* 1..64 */
    int64_t
        connect_timeout_ms;   /* for the connection; name resolution has its own, the resolver's */
    int64_t query_timeout_ms; /* one statement, on both sides */
    void *context;            /* what the program's statements need beside it; borrowed */
    /* Each statement is planned once on a connection, whatever its parameters: where the plan is
     * the same for all of them, and planning takes as long as the rest. Plans lean to indexes. */
    bool plan_once;
};

/* Connects to nothing yet. */
struct lp_db *lp_db_new(const struct lp_db_options *options);
/* All connections must have been given back. */
void lp_db_free(struct lp_db *db);
/* The context of its options. */
void *lp_db_context(const struct lp_db *db);

/* Static; prepared on each connection at its first use there. */
struct lp_db_statement {
    const char *name, *sql;
    int n_params;
    bool repeatable; /* twice is as good as once: runs again where the connection was lost */
};

/*
 * Runs a prepared statement; parameters are text, NULL is SQL's. The caller owns *ret_result
 * (PQclear). LP_E_EXISTS a unique key is taken; LP_E_NOT_FOUND a row it refers to is not there;
 * LP_E_UNAVAILABLE no connection; LP_E_TIMEOUT; LP_E_CONFLICT serialisation or deadlock;
 * LP_E_INTERNAL anything else. Messages hold the SQLSTATE and the statement's name, never values.
 */
LP_MUST_USE int lp_db_run(struct lp_db *db, const struct lp_db_statement *statement,
                          const char *const *params, PGresult **ret_result, struct lp_error *err);

#define LP_DB_BULK_PARAMS 32 /* of a statement at most */
struct lp_db_bulk {
    const int *sizes; /* of each parameter: that many bytes, sent as they are; 0: text. NULL: all */
    bool binary;      /* columns come as the server has them: bytea as PQgetlength() bytes */
};
/* As lp_db_run, for megabytes: outside of a transaction the connection is not kept, as libpq keeps
 * its buffers as large as they once were. */
LP_MUST_USE int lp_db_run_bulk(struct lp_db *db, const struct lp_db_statement *statement,
                               const char *const *params, const struct lp_db_bulk *bulk,
                               PGresult **ret_result, struct lp_error *err);

/* One of several statements that run together. */
struct lp_db_call {
    const struct lp_db_statement *statement; /* repeatable */
    const char *const *params;
    bool binary; /* columns come as the server has them, which rows.h reads alike */
};
#define LP_DB_CALLS 4
/*
 * Runs 1..LP_DB_CALLS statements in their order and in one round trip, outside of a transaction as
 * one of their own; one after the other, each by itself, where a pooler keeps no prepared ones. The
 * caller owns all of `ret_results`, which are NULL after an error: that of the first that failed.
 */
LP_MUST_USE int lp_db_run_all(struct lp_db *db, const struct lp_db_call *calls, int n,
                              PGresult **ret_results, struct lp_error *err);

/*
 * A transaction: a handle as the pool's, of one thread, on one connection; lp_db_run and what is
 * made of it take it, lp_db_take and lp_db_begin do not. No statement runs again by itself; after
 * one that failed nothing but lp_db_rollback is of use. Between two statements no time should pass:
 * the server ends a transaction that does nothing for twice the query_timeout_ms.
 */
LP_MUST_USE int lp_db_begin(struct lp_db *db, struct lp_db **ret_transaction, struct lp_error *err);
/* Both free it. A commit that fails has written nothing, but LP_E_UNAVAILABLE and LP_E_TIMEOUT: it
 * is not known. */
LP_MUST_USE int lp_db_commit(struct lp_db *transaction, struct lp_error *err);
void lp_db_rollback(struct lp_db *transaction);

/* For several statements without parameters in one transaction: migrations. A broken connection may
 * be given back. */
LP_MUST_USE int lp_db_take(struct lp_db *db, struct lp_db_connection **ret_connection,
                           struct lp_error *err);
void lp_db_give(struct lp_db *db, struct lp_db_connection *c);
/* Drops the connection instead of keeping it, and with it an open transaction. */
void lp_db_drop(struct lp_db *db, struct lp_db_connection *c);

/* SQL without parameters, one or more statements; the last result. `what` names it in messages. It
 * is waited for for `timeout_ms`; the server ends it after the query_timeout_ms of the options,
 * unless the SQL of the transaction says otherwise. */
LP_MUST_USE int lp_db_execute(struct lp_db_connection *c, const char *what, const char *sql,
                              int64_t timeout_ms, PGresult **ret_result, struct lp_error *err);
