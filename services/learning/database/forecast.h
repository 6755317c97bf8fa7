/* services/learning/database/forecast.h -- reviews that come due, over all learners. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"

#define FORECAST_HOURS 168

/* Announces lp_learning_due{hour="0".."167"}: what is due by now and in this hour, and in each of
 * those that follow. Once. */
void forecast_init(void);
/* Sets these gauges from all states. Errors as lp_db_run; then they stay. */
LP_MUST_USE int forecast_update(struct lp_db *db, int64_t now_ms, struct lp_error *err);
