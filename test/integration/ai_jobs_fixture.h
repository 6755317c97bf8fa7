/* test/integration/ai_jobs_fixture.h -- the queue of AI jobs on a real PostgreSQL. */
#pragma once

#include "base/error.h"
#include "integration/auth_fixture.h"
#include "postgres/db.h"
#include "services/ai-feedback/jobs/queue.h"
#include "unit/check.h"

extern const char *url; /* of the database */
extern struct lp_db *db;
extern struct lp_error refused; /* of calls that are to fail */

/* Of the group; the database has the name of the program. */
int jobs_begin(void **state);
int jobs_end(void **state);
/* Of each test: no jobs and no scores. */
int jobs_empty(void **state);

/* Another pool on the database; the caller's. */
struct lp_db *jobs_pool(unsigned connections);

/* What the statement gives must be `wanted`. */
void expect_sql(const char *sql, const char *wanted);

/* 0: added, 1: it was there, or what jobs_add says; then `refused` has it. */
int add(const char *owner, const char *key, const char *text, char id[LP_ROWS_UUID]);
