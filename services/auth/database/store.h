/* services/auth/database/store.h -- accounts in the database. */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/error.h"
#include "postgres/db.h"

#define STORE_UUID 37 /* with the NUL */

/* An account; the strings belong to `row`, or where they are sealed there, to `opened`; NULL where
 * SQL has none. Initialise with { 0 }, end with _done. */
struct store_user {
    PGresult *row; /* NULL: another one's */
    char *opened[2];
    const char *id, *email, *name, *bio, *avatar_url, *role, *created_at, *updated_at;
    const char *disabled_at, *verified_at;
    const char *master, *wrapped; /* of the user's key; NULL: fields are not sealed */
    const char *password;         /* its hash; only from _find_by_email and _begin_login */
    const char *decoy; /* only from _begin_login, where it has no password: some account's hash */
};
void store_user_done(struct store_user *u);
#define store_auto_user __attribute__((cleanup(store_user_done)))

/* The columns that fill a store_user from column 0 on; more begin at STORE_USER_MORE, the first of
 * which is the password or NULL. `users` is personal.users. */
#define STORE_USER_COLUMNS                                                                       \
    "users.id, users.email, users.role, users.name, users.bio, users.avatar_url, " LP_ROWS_TIME( \
        "users.created_at") ", " LP_ROWS_TIME("users.updated_at") ", users.disabled_at, "        \
                                                                  "users.email_verified_at, "    \
                                                                  "encode(users.sealed_email, "  \
                                                                  "'hex'), "                     \
                                                                  "encode(users.sealed_name, "   \
                                                                  "'hex'), users.master, "       \
                                                                  "encode(users.wrapped, 'hex')"
#define STORE_USER_MORE 14
/* _take takes `row` over in any case; _read leaves it to the caller, who keeps it as long. Errors
 * of person_open. */
LP_MUST_USE int store_user_take(struct lp_db *db, struct store_user *u, PGresult *row,
                                struct lp_error *err);
LP_MUST_USE int store_user_read(struct lp_db *db, struct store_user *u, const PGresult *rows, int i,
                                struct lp_error *err);

/* LP_E_NOT_FOUND; all functions here: errors of lp_db_run. Any thread. */
LP_MUST_USE int store_find_by_email(struct lp_db *db, const char *email,
                                    struct store_user *ret_user, struct lp_error *err);

/*
 * Whose access token this is: user `id`, who is not disabled and, where `session_id` is not "",
 * whose session was not ended. Both are uuids. LP_E_NOT_FOUND.
 */
LP_MUST_USE int store_find_by_token(struct lp_db *db, const char *id, const char *session_id,
                                    struct store_user *ret_user, struct lp_error *err);

/* With the mail that asks to confirm the address, unless it was sent three within the hour.
 * LP_E_EXISTS: it is taken, in whatever case. */
LP_MUST_USE int store_create_user(struct lp_db *db, const char *email, const char *password_hash,
                                  const char *name, char ret_id[STORE_UUID], struct lp_error *err);

/* Replaces the hash if it is still `old_hash`. */
LP_MUST_USE int store_replace_password(struct lp_db *db, const char *id, const char *old_hash,
                                       const char *new_hash, struct lp_error *err);
