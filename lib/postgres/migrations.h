/* lib/postgres/migrations.h -- a program's tables, brought to the newest version at start. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "postgres/db.h"

/*
 * Versions are numbered from 1; each is SQL that is applied once and never changed afterwards. New
 * versions only add, so that pods of the version before go on working while a Deployment rolls.
 */
struct lp_migrations {
    int lock; /* advisory lock, told from those of other programs in the same database */
    const char *const *versions;
    size_t n;
};

/*
 * Applies what is missing, in one transaction under the lock, so that any number of pods
 * may start at once. A version may take ten minutes, whatever query_timeout_ms is; each lock is
 * waited for for five seconds, and then it is LP_E_CONFLICT: try again. A database that is newer
 * than this program is left as it is. Errors as lp_db_run.
 */
LP_MUST_USE int lp_db_migrate(struct lp_db *db, const struct lp_migrations *m,
                              struct lp_error *err);
