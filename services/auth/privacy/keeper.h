/* services/auth/privacy/keeper.h -- brings personal fields and their keys to what the Secret says,
 * in agreement with the other pods. */
#pragma once

#include "base/error.h"
#include "postgres/db.h"
#include "services/auth/privacy/vault.h"

/* Opaque: hides a thread. */
struct keeper;

/* Both are borrowed until _free. */
struct keeper *keeper_new(struct lp_db *db, struct vault *vault);

/*
 * After the tables were made: reads what the database knows and opens the vault. LP_E_DENIED: the
 * database's fields are encrypted and the Secret has not the master key, the message says what to
 * do; no other try helps. Errors of lp_db_run. Beside no _step.
 */
LP_MUST_USE int keeper_open(struct keeper *k, struct lp_error *err);

/* A thread of steps: every five seconds, every second while there is more to do. LP_E_INTERNAL. */
LP_MUST_USE int keeper_start(struct keeper *k, struct lp_error *err);
void keeper_free(struct keeper *k);
