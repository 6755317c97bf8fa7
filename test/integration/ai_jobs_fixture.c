/* test/integration/ai_jobs_fixture.c -- see the header. */
#include "integration/ai_jobs_fixture.h"

#include <errno.h>

#include "services/ai-feedback/jobs/tables.h"

const char *url;
struct lp_db *db;
struct lp_error refused;

struct lp_db *jobs_pool(unsigned connections)
{
    const struct lp_db_options options = { .url = url,
                                           .application = "test",
                                           .connections_metric = "test_connections",
                                           .failures_metric = "test_failures",
                                           .max_connections = connections,
                                           .connect_timeout_ms = 5000,
                                           .query_timeout_ms = 20000 };
    return lp_db_new(&options);
}

int jobs_begin(void **state)
{
    (void)state;
    url = fixture_database(program_invocation_short_name);
    db = jobs_pool(8);
    ok(tables_migrate(db, &err));
    return 0;
}

int jobs_end(void **state)
{
    (void)state;
    lp_db_free(db);
    return 0;
}

int jobs_empty(void **state)
{
    (void)state;
    free(fixture_sql(url, "TRUNCATE jobs, job_scores"));
    return 0;
}

void expect_sql(const char *sql, const char *wanted)
{
    lp_auto_free char *value = fixture_sql(url, sql);
    assert_string_equal(value ? value : "NULL", wanted);
}

int add(const char *owner, const char *key, const char *text, char id[LP_ROWS_UUID])
{
    const struct jobs_request request = { .owner = owner, .key = key, .text = text };
    bool repeated = false;
    int r = jobs_add(db, &request, id, &repeated, &refused);
    return r < 0 ? r : repeated;
}
