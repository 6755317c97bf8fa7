/* lib/postgres/migrations.c -- a pod that dies in the middle leaves nothing behind: the transaction
 * holds the lock. No state. */
#include "postgres/migrations.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

#define VERSION_MS 600000 /* of one version, which may write every row anew; of its end on disk */
#define LOCK_MS 5000      /* for each lock: who waits for a table holds all others back from it */

static int execute(struct lp_db_connection *c, const char *sql, int64_t timeout_ms,
                   struct lp_error *err)
{
    PGresult *result = NULL;
    int r = lp_db_execute(c, "migration", sql, timeout_ms, &result, err);
    if (r == 0)
        PQclear(result);
    return r;
}

static int begin(struct lp_db_connection *c, int lock, struct lp_error *err)
{
    char sql[160];
    snprintf(sql, sizeof sql,
             "BEGIN; SET LOCAL statement_timeout = %d; SET LOCAL lock_timeout = %d;"
             "SELECT pg_advisory_xact_lock(%d)",
             VERSION_MS, LOCK_MS, lock);
    return execute(c, sql, LOCK_MS, err);
}

static int read_version(struct lp_db_connection *c, unsigned long *ret_version,
                        struct lp_error *err)
{
    PGresult *result = NULL;
    int r = lp_db_execute(
        c, "migration",
        "CREATE TABLE IF NOT EXISTS schema_migrations ("
        " version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());"
        "SELECT coalesce(max(version), 0) FROM schema_migrations",
        LOCK_MS, &result, err);
    if (r < 0)
        return r;
    *ret_version = strtoul(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return 0;
}

static int apply(struct lp_db_connection *c, const struct lp_migrations *m, struct lp_error *err)
{
    unsigned long have = 0;
    int r = begin(c, m->lock, err);
    if (r == 0)
        r = read_version(c, &have, err);
    for (size_t i = have; r == 0 && i < m->n; i++) {
        char note[96];
        r = execute(c, m->versions[i], VERSION_MS, err);
        if (r < 0)
            return lp_error_wrap(err, "version %zu", i + 1);
        snprintf(note, sizeof note, "INSERT INTO schema_migrations (version) VALUES (%zu)", i + 1);
        r = execute(c, note, LOCK_MS, err);
    }
    if (r == 0)
        r = execute(c, "COMMIT", VERSION_MS, err);
    if (r == 0 && have < m->n) {
        char text[24];
        snprintf(text, sizeof text, "%zu", m->n);
        lp_log_info("database migrated", "migration", text);
    }
    return r;
}

int lp_db_migrate(struct lp_db *db, const struct lp_migrations *m, struct lp_error *err)
{
    struct lp_db_connection *c = NULL;
    int r = lp_db_take(db, &c, err);
    if (!c)
        return r;
    r = apply(c, m, err);
    if (r < 0)
        lp_db_drop(db, c); /* and its transaction with it */
    else
        lp_db_give(db, c);
    return r;
}
