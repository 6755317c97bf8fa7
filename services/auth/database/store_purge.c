/* Any number of pods may do it at once: rows that another one holds are skipped. */
#include "services/auth/database/store_purge.h"

#include <stdio.h>

#include "base/alloc.h"
#include "postgres/rows.h"

#define BATCH 10000 /* rows of one statement, so that it is over in time */
#define MAX_BATCHES 20

#define PURGE(name, table, key, over, n_params)                                                 \
    {                                                                                           \
        name,                                                                                   \
            "DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " WHERE " over \
            " LIMIT 10000 FOR UPDATE SKIP LOCKED)",                                             \
            n_params, true                                                                      \
    }

static const struct lp_db_statement purges[] = {
    PURGE("purge_failures", "login_failures", "key", "last_at < now() - interval '30 minutes'", 0),
    PURGE("purge_mails", "mails", "id", "created_at < now() - interval '1 day'", 0),
    PURGE("purge_addresses", "mailed_addresses", "key",
          "mailed_at[cardinality(mailed_at)] < now() - interval '1 hour'", 0),
    PURGE("purge_codes", "codes", "code_hash", "expires_at < now() - interval '1 hour'", 0),
    PURGE("purge_sessions", "sessions", "id",
          "least(revoked_at, expires_at) < now() - interval '1 day'", 0),
    PURGE("purge_oidc_states", "oidc_states", "state_hash", "expires_at < now()", 0),
    PURGE("purge_audit", "audit_events", "id", "at < now() - $1::int * interval '1 day'", 1),
};

static int purge_all(struct lp_db *db, const struct lp_db_statement *s, const char *days,
                     struct lp_error *err)
{
    unsigned long n = BATCH;
    int r = 0;
    for (int i = 0; r == 0 && n == BATCH && i < MAX_BATCHES; i++)
        r = lp_rows_run(db, s, (const char *[]){ days }, &n, err);
    return r;
}

int store_purge(struct lp_db *db, int64_t audit_days, struct lp_error *err)
{
    char days[24];
    snprintf(days, sizeof days, "%lld", (long long)audit_days);
    for (size_t i = 0; i < LP_COUNT(purges); i++) {
        int r = purge_all(db, &purges[i], days, err);
        if (r < 0)
            return r;
    }
    return 0;
}
