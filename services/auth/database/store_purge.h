/* services/auth/database/store_purge.h -- what is over leaves the database. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"

#define STORE_AUDIT_DAYS 365

/* At most 10,000 rows of each kind: failures of half an hour ago, mails of yesterday, codes of an
 * hour ago, sessions that ended or expired a day ago, audit events of STORE_AUDIT_DAYS ago. Errors
 * of lp_db_run. */
LP_MUST_USE int store_purge(struct lp_db *db, struct lp_error *err);
