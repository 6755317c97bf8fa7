/* services/auth/database/store_purge.h -- what is over leaves the database. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "postgres/db.h"

/*
 * Removes what is over: failures of half an hour ago, mails of yesterday, codes of an hour ago,
 * sessions that ended or expired a day ago, audit events of `audit_days` (from 1) ago. In
 * statements of at most 10,000 rows, at most twenty of each kind; the rest is left to the next
 * call. Errors of lp_db_run.
 */
LP_MUST_USE int store_purge(struct lp_db *db, int64_t audit_days, struct lp_error *err);
