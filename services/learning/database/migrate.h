/* services/learning/database/migrate.h -- the tables of lp-learning. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"

/* Applies what is missing (lp_db_migrate). Errors as lp_db_run. */
LP_MUST_USE int migrate_run(struct lp_db *db, struct lp_error *err);
