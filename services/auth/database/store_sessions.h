/* services/auth/database/store_sessions.h -- sessions and their refresh tokens in the database. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/store.h"

#define STORE_TOKEN_HASH 65    /* SHA-256 in hexadecimal, with the NUL */
#define STORE_MAX_SESSIONS 100 /* of one user; a login over it ends the oldest */
#define STORE_USED_TOKENS \
    100                      /* of one session, by which a stolen one is known; older are refused */
#define STORE_GRACE_MS 30000 /* a used token gives its successor again for so long */

/* A refresh token as the database knows it; times in seconds since 1970. */
struct store_token {
    char hash[STORE_TOKEN_HASH];
    int64_t issued_s, expires_s;
};

/* A new session of user `id` with its first refresh token; removes the user's expired ones.
 * `updated_at`: of the account as it was read before its password was checked; LP_E_CONFLICT where
 * it was changed since (another password, role), is disabled or gone. All functions here: errors of
 * lp_db_run. Any thread. */
LP_MUST_USE int store_start_session(struct lp_db *db, const char *id, const char *updated_at,
                                    const struct store_token *token, const char *device,
                                    char ret_session[STORE_UUID], struct lp_error *err);

/* What became of a refresh token that was shown. */
struct store_rotation {
    struct store_user user; /* id, email, role; end it with store_user_done */
    char session[STORE_UUID];
    struct store_token successor; /* the one that is good now: the one given, or an earlier one */
    char reused_by[STORE_UUID];   /* LP_E_DENIED: whose session was revoked; "": nobody's */
};

/*
 * Uses up one refresh token and puts `fresh` in its place, at once. One that was used up to
 * STORE_GRACE_MS ago, and whose successor was not, gives that successor again: two tabs that
 * refresh at once, or an answer that got lost. LP_E_DENIED: unknown, expired, revoked, of a
 * disabled account, or used otherwise: then its session is revoked.
 */
LP_MUST_USE int store_rotate(struct lp_db *db, const char *old_hash,
                             const struct store_token *fresh, struct store_rotation *ret_rotation,
                             struct lp_error *err);

/* Ends the session of this refresh token; this session of user `id`; all of them. *ret_n: how many
 * ended (NULL: not asked). */
LP_MUST_USE int store_end_session_by_token(struct lp_db *db, const char *token_hash,
                                           unsigned long *ret_n, struct lp_error *err);
LP_MUST_USE int store_end_session(struct lp_db *db, const char *id, const char *session_id,
                                  unsigned long *ret_n, struct lp_error *err);
LP_MUST_USE int store_end_sessions_of(struct lp_db *db, const char *id, unsigned long *ret_n,
                                      struct lp_error *err);

/* The live sessions of user `id`, last used first, at most STORE_MAX_SESSIONS rows of id, device,
 * created, last used, expires (times as text); the caller's (PQclear). */
LP_MUST_USE int store_list_sessions(struct lp_db *db, const char *id, PGresult **ret_rows,
                                    struct lp_error *err);
