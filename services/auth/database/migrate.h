/* services/auth/database/migrate.h -- the tables, brought to the newest version at start. */
#pragma once

#include "base/error.h"
#include "services/auth/database/db.h"

/*
 * Applies what is missing, in one transaction under an advisory lock, so that any number of pods
 * may start at once. A database that is newer than this program is left as it is. Errors as db_run.
 */
LP_MUST_USE int migrate_run(struct db *db, struct lp_error *err);
