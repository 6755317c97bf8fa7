/* services/auth/database/store_learner.h -- what is stored of one person here, and its erasure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "services/auth/database/store.h"

/* {account, sessions, events} of everything but password and picture bytes; the caller's.
 * LP_E_NOT_FOUND; all functions here: errors of lp_db_run. Any thread. */
LP_MUST_USE int store_export_user(struct lp_db *db, const char *id, json_t **ret_data,
                                  struct lp_error *err);

/*
 * Begins the erasure of user `id`, asked for by `by`: from now on the account is disabled and its
 * sessions have ended. Asked again it is the same one, due at once. LP_E_NOT_FOUND: no such user,
 * and none that was erased.
 */
LP_MUST_USE int store_ask_erasure(struct lp_db *db, const char *id, const char *by,
                                  char ret_receipt[STORE_UUID], struct lp_error *err);

/* Takes the next one that is due: no other pod has it until its next attempt, 15 s later, doubled
 * up to an hour, for ever. `learning`: that service can be asked, so one that is done but for it
 * is taken too, where no other is due. LP_E_NOT_FOUND. */
LP_MUST_USE int store_take_erasure(struct lp_db *db, bool learning, char ret_user_id[STORE_UUID],
                                   struct lp_error *err);

/* The other services have erased their part: ours goes, and the receipt says so. It is due once
 * more in `sweep_ms`; after that this says that it was swept. `learning`: that service was one of
 * them. */
LP_MUST_USE int store_finish_erasure(struct lp_db *db, const char *user_id, int64_t sweep_ms,
                                     bool learning, struct lp_error *err);

/* Times as text, "" for what is to come. LP_E_NOT_FOUND. */
struct store_receipt {
    char asked_at[32], done_at[32], swept_at[32];
    bool learning_left_out; /* it is done, and there was no such service */
};
LP_MUST_USE int store_find_receipt(struct lp_db *db, const char *receipt,
                                   struct store_receipt *ret_receipt, struct lp_error *err);
