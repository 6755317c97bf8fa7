/* services/ai-feedback/jobs/tables.h -- the table of the jobs. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"

/* Applies what is missing (lp_db_migrate). Errors as lp_db_run. */
LP_MUST_USE int tables_migrate(struct lp_db *db, struct lp_error *err);
