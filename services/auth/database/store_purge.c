/* Any number of pods may do it at once: rows that another one holds are skipped. */
#include "services/auth/database/store_purge.h"

#include "base/alloc.h"
#include "postgres/rows.h"

#define PURGE(name, table, key, over)                                                           \
    {                                                                                           \
        name,                                                                                   \
            "DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " WHERE " over \
            " LIMIT 10000 FOR UPDATE SKIP LOCKED)",                                             \
            0, true                                                                             \
    }

static const struct lp_db_statement purges[] = {
    PURGE("purge_failures", "login_failures", "key", "last_at < now() - interval '30 minutes'"),
    PURGE("purge_mails", "mails", "id", "created_at < now() - interval '1 day'"),
    PURGE("purge_codes", "codes", "code_hash", "expires_at < now() - interval '1 hour'"),
    PURGE("purge_sessions", "sessions", "id",
          "least(revoked_at, expires_at) < now() - interval '1 day'"),
    PURGE("purge_audit", "audit_events", "id", "at < now() - interval '365 days'"),
};

int store_purge(struct lp_db *db, struct lp_error *err)
{
    for (size_t i = 0; i < LP_COUNT(purges); i++) {
        int r = lp_rows_run(db, &purges[i], NULL, NULL, err);
        if (r < 0)
            return r;
    }
    return 0;
}
