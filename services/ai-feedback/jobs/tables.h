/* services/ai-feedback/jobs/tables.h -- the table of the jobs. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "postgres/db.h"

/* Applies what is missing (lp_db_migrate). Errors as lp_db_run. */
LP_MUST_USE int tables_migrate(struct lp_db *db, struct lp_error *err);

/* The same up to a version, from 1: what programs of before have. */
LP_MUST_USE int tables_migrate_to(struct lp_db *db, size_t version, struct lp_error *err);
