/* services/auth/database/dbwatch.h -- makes the database ready to use, and knows whether it is
 * there. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/stop.h"
#include "services/auth/database/db.h"

/* Opaque: hides a lock and a thread. */
struct dbwatch;

/*
 * Starts a thread that migrates, as often as it takes, and then asks the database for a sign of
 * life every two seconds, and every ten minutes removes what is over, until `stop`. Both are
 * borrowed until _free. LP_E_INTERNAL.
 */
LP_MUST_USE int dbwatch_new(struct db *db, struct lp_stop *stop, struct dbwatch **ret_watch,
                            struct lp_error *err);
/* After the stop; waits for the thread. */
void dbwatch_free(struct dbwatch *w);

/* False before the migration, and once the database has been away for five seconds. */
bool dbwatch_is_ready(struct dbwatch *w, char ret_why[128]);
