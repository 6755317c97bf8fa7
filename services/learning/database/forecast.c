/* services/learning/database/forecast.c -- see forecast.h. Called by the thread of the database's
 * watch alone. */
#include "services/learning/database/forecast.h"

#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"
#include "postgres/rows.h"

static struct lp_metric *due[FORECAST_HOURS];

static const struct lp_db_statement count_due = {
    "count_due",
    "SELECT greatest(0, (due_ms - $1::bigint) / 3600000), count(*) FROM states"
    " WHERE due_ms < $1::bigint + $2::bigint * 3600000 GROUP BY 1",
    2, true
};

void forecast_init(void)
{
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_GAUGE, "lp_learning_due",
                         "Reviews of all learners that come due so many hours from now; 0: what is "
                         "due already too",
                         "hour", NULL, 0);
    for (int i = 0; i < FORECAST_HOURS; i++) {
        char hour[12];
        snprintf(hour, sizeof hour, "%d", i);
        due[i] = lp_metric_with(f, hour);
    }
}

int forecast_update(struct lp_db *db, int64_t now_ms, struct lp_error *err)
{
    double counts[FORECAST_HOURS] = { 0 };
    char now[24], hours[12];
    PGresult *rows = NULL;
    snprintf(now, sizeof now, "%lld", (long long)now_ms);
    snprintf(hours, sizeof hours, "%d", FORECAST_HOURS);
    int r = lp_db_run(db, &count_due, (const char *[]){ now, hours }, &rows, err);
    if (r < 0)
        return r;
    for (int i = 0; i < PQntuples(rows); i++) {
        long long hour = lp_rows_number(rows, i, 0);
        if (hour < FORECAST_HOURS)
            counts[hour] = (double)lp_rows_number(rows, i, 1);
    }
    PQclear(rows);
    for (int i = 0; i < FORECAST_HOURS; i++)
        lp_metric_set(due[i], counts[i]);
    return 0;
}
