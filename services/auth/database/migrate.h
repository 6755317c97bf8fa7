/* services/auth/database/migrate.h -- the tables, brought to the newest version at start. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"

/*
 * Applies what is missing (lp_db_migrate). Errors as lp_db_run.
 */
LP_MUST_USE int migrate_run(struct lp_db *db, struct lp_error *err);

/* The same up to a version, from 1: what a program of before has made. */
LP_MUST_USE int migrate_up_to(struct lp_db *db, size_t version, struct lp_error *err);
