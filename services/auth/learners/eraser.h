/* services/auth/learners/eraser.h -- carries out erasures until every service has done its part. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"
#include "services/auth/learners/peer.h"

/* Opaque: hides a lock and a thread. */
struct eraser;

/* Starts a thread that carries out what is due, now when woken and every ten seconds, and each once
 * more after `sweep_ms`, for what was written meanwhile; any number of pods share the table. Both
 * are borrowed until _free. LP_E_INTERNAL. */
LP_MUST_USE int eraser_new(struct lp_db *db, const struct peer *peer, int64_t sweep_ms,
                           struct eraser **ret_eraser, struct lp_error *err);
void eraser_free(struct eraser *e);

/* There is a new one. Any thread. */
void eraser_wake(struct eraser *e);
