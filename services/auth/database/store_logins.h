/* services/auth/database/store_logins.h -- who logs in, and how often that went wrong lately. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/store.h"

#define STORE_FREE_TRIES 5 /* of account and address together, before any back-off */
#define STORE_KEPT_S 1800  /* half an hour without a failure forgets them */
#define STORE_GUESS_KEY 65 /* SHA-256 in hexadecimal, with the NUL */

/* Whose failures: of an account and an address together, of the account, of the address. */
struct store_guess_keys {
    char pair[STORE_GUESS_KEY], account[STORE_GUESS_KEY], address[STORE_GUESS_KEY];
};

/* What is known before the password is looked at. */
struct store_guesses {
    int64_t blocked_ms;             /* of the pair: nothing more is tried for so long; 0: go on */
    int64_t pair, account, address; /* failures that still count */
};

/* The account (as store_find_by_email; where there is none, of ret_user the decoy alone) and its
 * failures.
 * `place`, a uuid: where among the accounts the decoy comes from. Errors of lp_db_run. Any thread.
 */
LP_MUST_USE int store_begin_login(struct lp_db *db, const char *email, const char *place,
                                  const struct store_guess_keys *keys, struct store_user *ret_user,
                                  struct store_guesses *ret_guesses, struct lp_error *err);

/*
 * For a pair beyond its free tries, whose back-off (1 s, doubled with each failure, at most 15
 * minutes) is over: takes the one try that its back-off leaves. *ret_blocked_ms is
 * 0, or how long to wait, as another request took it.
 */
LP_MUST_USE int store_take_try(struct lp_db *db, const struct store_guess_keys *keys,
                               int64_t *ret_blocked_ms, struct lp_error *err);

/* One failure more of all three. *ret_blocked_ms: the back-off that begins; 0: none. */
LP_MUST_USE int store_note_failure(struct lp_db *db, const struct store_guess_keys *keys,
                                   int64_t *ret_blocked_ms, struct lp_error *err);

/* The right password came: the pair begins anew. */
LP_MUST_USE int store_forget_failures(struct lp_db *db, const struct store_guess_keys *keys,
                                      struct lp_error *err);
