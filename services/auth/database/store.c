/*
 * Every operation is one statement, so that it happens as a whole without a transaction of ours and
 * no connection is held between two of them (least of all while a password is hashed). All values
 * travel as parameters.
 */
#include "services/auth/database/store.h"

#include "postgres/rows.h"

static const struct lp_db_statement find_by_email = {
    "find_by_email",
    "SELECT " STORE_USER_COLUMNS ", password FROM users WHERE lower(email) = lower($1)", 1, true
};

static const struct lp_db_statement find_by_token = {
    "find_by_token",
    "SELECT " STORE_USER_COLUMNS " FROM users WHERE id = $1::uuid AND disabled_at IS NULL"
    " AND ($2::uuid IS NULL OR EXISTS (SELECT FROM sessions s WHERE s.id = $2::uuid"
    "  AND s.user_id = users.id AND s.revoked_at IS NULL))",
    2, true
};

static const struct lp_db_statement create_user = {
    "create_user",
    "WITH u AS (INSERT INTO users (email, password, name, mailed_at)"
    " VALUES ($1, $2, $3, ARRAY[now()]) RETURNING id),"
    " m AS (INSERT INTO mails (user_id, kind) SELECT id, 'verify' FROM u)"
    "SELECT id FROM u",
    3, false
};

static const struct lp_db_statement replace_password = {
    "replace_password", "UPDATE users SET password = $3 WHERE id = $1::uuid AND password = $2", 3,
    true
};

void store_user_done(struct store_user *u)
{
    PQclear(u->row);
    *u = (struct store_user){ 0 };
}

void store_user_take(struct store_user *u, PGresult *row)
{
    store_user_done(u);
    *u = (struct store_user){
        .row = row,
        .id = lp_rows_text(row, 0, 0),
        .email = lp_rows_text(row, 0, 1),
        .role = lp_rows_text(row, 0, 2),
        .name = lp_rows_text(row, 0, 3),
        .bio = lp_rows_text(row, 0, 4),
        .avatar_url = lp_rows_text(row, 0, 5),
        .created_at = lp_rows_text(row, 0, 6),
        .updated_at = lp_rows_text(row, 0, 7),
        .disabled_at = lp_rows_text(row, 0, 8),
        .verified_at = lp_rows_text(row, 0, 9),
        .password = lp_rows_text(row, 0, 10),
    };
}

static int find(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                struct store_user *ret_user, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, s, params, LP_E_NOT_FOUND, &row, err);
    if (r == 0)
        store_user_take(ret_user, row);
    return r;
}

int store_find_by_email(struct lp_db *db, const char *email, struct store_user *ret_user,
                        struct lp_error *err)
{
    return find(db, &find_by_email, (const char *[]){ email }, ret_user, err);
}

int store_find_by_token(struct lp_db *db, const char *id, const char *session_id,
                        struct store_user *ret_user, struct lp_error *err)
{
    const char *params[] = { id, session_id[0] ? session_id : NULL };
    return find(db, &find_by_token, params, ret_user, err);
}

int store_create_user(struct lp_db *db, const char *email, const char *password_hash,
                      const char *name, char ret_id[STORE_UUID], struct lp_error *err)
{
    const char *params[] = { email, password_hash, name };
    return lp_rows_value(db, &create_user, params, ret_id, STORE_UUID, err);
}

int store_replace_password(struct lp_db *db, const char *id, const char *old_hash,
                           const char *new_hash, struct lp_error *err)
{
    const char *params[] = { id, old_hash, new_hash };
    return lp_rows_run(db, &replace_password, params, NULL, err);
}
