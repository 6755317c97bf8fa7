/* services/auth/database/store.h -- what the service asks its database. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/db.h"

#define STORE_UUID 37          /* with the NUL */
#define STORE_TOKEN_HASH 65    /* SHA-256 in hexadecimal, with the NUL */
#define STORE_MAX_SESSIONS 100 /* of one user; a login over it ends the oldest */

/* A row; the strings belong to `row`, NULL where SQL has none. Initialise with { 0 }, end with
 * _done. */
struct store_user {
    PGresult *row;
    const char *id, *email, *name, *bio, *avatar_url, *role, *created_at, *updated_at;
    const char *password; /* its hash; only from _find_by_email */
};
void store_user_done(struct store_user *u);
#define store_auto_user __attribute__((cleanup(store_user_done)))

/* LP_E_NOT_FOUND; all functions here: errors of db_run. Any thread. */
LP_MUST_USE int store_find_by_email(struct db *db, const char *email, struct store_user *ret_user,
                                    struct lp_error *err);
/* `id` is a uuid. */
LP_MUST_USE int store_find_by_id(struct db *db, const char *id, struct store_user *ret_user,
                                 struct lp_error *err);

/* LP_E_EXISTS: the e-mail address is taken, in whatever case. */
LP_MUST_USE int store_create_user(struct db *db, const char *email, const char *password_hash,
                                  const char *name, char ret_id[STORE_UUID], struct lp_error *err);

/* Replaces the hash if it is still `old_hash`. */
LP_MUST_USE int store_replace_password(struct db *db, const char *id, const char *old_hash,
                                       const char *new_hash, struct lp_error *err);

/* A new session of user `id` with its first refresh token; removes the user's expired ones.
 * LP_E_NOT_FOUND: no such user. */
LP_MUST_USE int store_start_session(struct db *db, const char *id, const char *token_hash,
                                    int64_t ttl_ms, struct lp_error *err);

/*
 * Uses up one refresh token and puts `new_hash` in its place, at once; ret_user has id, email and
 * role. LP_E_DENIED: unknown, expired, revoked or used. A used one revokes its session:
 * *ret_reused_by is then the user's id, else "".
 */
LP_MUST_USE int store_rotate(struct db *db, const char *old_hash, const char *new_hash,
                             int64_t ttl_ms, struct store_user *ret_user,
                             char ret_reused_by[STORE_UUID], struct lp_error *err);

/* Ends the session of this refresh token; all sessions of a user. Fine where there is none. */
LP_MUST_USE int store_end_session(struct db *db, const char *token_hash, struct lp_error *err);
LP_MUST_USE int store_end_sessions_of(struct db *db, const char *id, struct lp_error *err);
