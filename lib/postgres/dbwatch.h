/* lib/postgres/dbwatch.h -- makes the database ready to use, and knows whether it is
 * there. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"
#include "postgres/db.h"

/* Opaque: hides a lock and a thread. */
struct lp_dbwatch;

/* Lives as long as the watch; the two are called by its thread alone, with `user`. */
struct lp_dbwatch_options {
    const char *thread;    /* its name, at most 15 bytes */
    const char *up_metric; /* gauge: 1 while the database answers */
    int (*migrate)(struct lp_db *db, void *user, struct lp_error *err);
    int (*purge)(struct lp_db *db, void *user, struct lp_error *err); /* removes what is over */
    int64_t purge_ms; /* between two of these, give or take a tenth; 0: ten minutes */
    void *user;
};

/*
 * Starts a thread that migrates, as often as it takes, and then asks the database for a sign of
 * life every two seconds, and every options->purge_ms, with the sign of life that is next, removes
 * what is over, until `stop`. All are borrowed until _free. LP_E_INTERNAL.
 */
LP_MUST_USE int lp_dbwatch_new(struct lp_db *db, const struct lp_dbwatch_options *options,
                               struct lp_stop *stop, struct lp_dbwatch **ret_watch,
                               struct lp_error *err);
/* After the stop; waits for the thread. */
void lp_dbwatch_free(struct lp_dbwatch *w);

/* False before the migration, and once the database has been away for five seconds. */
bool lp_dbwatch_is_ready(struct lp_dbwatch *w, char ret_why[128]);
