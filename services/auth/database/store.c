/*
 * Every operation is one statement, so that it happens as a whole without a transaction of ours and
 * no connection is held between two of them (least of all while a password is hashed). All values
 * travel as parameters.
 */
#include "services/auth/database/store.h"

#include <stdio.h>
#include <string.h>

#define JS_TIME(column) \
    "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
#define USER_COLUMNS \
    "id, email, role, name, bio, avatar_url, " JS_TIME("created_at") ", " JS_TIME("updated_at")
#define LATER(parameter) "now() + " parameter "::bigint * interval '1 millisecond'"

static const struct db_statement find_by_email = {
    "find_by_email", "SELECT " USER_COLUMNS ", password FROM users WHERE lower(email) = lower($1)",
    1, true
};

static const struct db_statement find_by_id = {
    "find_by_id", "SELECT " USER_COLUMNS " FROM users WHERE id = $1::uuid", 1, true
};

static const struct db_statement create_user = {
    "create_user", "INSERT INTO users (email, password, name) VALUES ($1, $2, $3) RETURNING id", 3,
    false
};

static const struct db_statement replace_password = {
    "replace_password", "UPDATE users SET password = $3 WHERE id = $1::uuid AND password = $2", 3,
    true
};

/* Locks in no order with rows that others hold: they are skipped and fall to the next login. */
static const struct db_statement start_session = {
    "start_session",
    "WITH over AS (DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id IN ("
    "  (SELECT id FROM sessions WHERE user_id = $1::uuid AND expires_at < now() LIMIT 100)"
    "  UNION ALL"
    "  (SELECT id FROM sessions WHERE user_id = $1::uuid"
    "   ORDER BY created_at DESC OFFSET $4::int - 1 LIMIT 100)) FOR UPDATE SKIP LOCKED)),"
    " fresh AS (INSERT INTO sessions (user_id, expires_at) VALUES ($1::uuid, " LATER(
        "$3") ")"
              "  RETURNING id, expires_at)"
              "INSERT INTO refresh_tokens (token_hash, session_id, expires_at)"
              " SELECT decode($2, 'hex'), id, expires_at FROM fresh",
    4, false
};

static const struct db_statement rotate = {
    "rotate",
    "WITH old AS (UPDATE refresh_tokens t SET used_at = now() FROM sessions s"
    "  WHERE t.token_hash = decode($1, 'hex') AND t.used_at IS NULL AND t.expires_at > now()"
    "  AND s.id = t.session_id AND s.revoked_at IS NULL RETURNING s.id, s.user_id),"
    " longer AS (UPDATE sessions s SET expires_at = " LATER(
        "$3") " FROM old WHERE s.id = old.id),"
              " expired AS (DELETE FROM refresh_tokens t USING old"
              "  WHERE t.session_id = old.id AND t.expires_at < now()),"
              " fresh AS (INSERT INTO refresh_tokens (token_hash, session_id, expires_at)"
              "  SELECT decode($2, 'hex'), id, " LATER(
                  "$3") " FROM old)"
                        "SELECT u.id, u.email, u.role FROM old JOIN users u ON u.id = old.user_id",
    3, false
};

static const struct db_statement revoke_reused = {
    "revoke_reused",
    "UPDATE sessions s SET revoked_at = coalesce(s.revoked_at, now()) FROM refresh_tokens t"
    " WHERE t.token_hash = decode($1, 'hex') AND t.used_at IS NOT NULL AND s.id = t.session_id"
    " RETURNING s.user_id",
    1, true
};

static const struct db_statement end_session = {
    "end_session",
    "UPDATE sessions s SET revoked_at = now() FROM refresh_tokens t"
    " WHERE t.token_hash = decode($1, 'hex') AND s.id = t.session_id AND s.revoked_at IS NULL",
    1, true
};

static const struct db_statement end_sessions_of = {
    "end_sessions_of",
    "UPDATE sessions SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL", 1,
    true
};

void store_user_done(struct store_user *u)
{
    PQclear(u->row);
    *u = (struct store_user){ 0 };
}

/* The value of a column of the first row; NULL for SQL's NULL and for a column that was not asked
 * for. */
static const char *column(const PGresult *row, int i)
{
    return i < PQnfields(row) && !PQgetisnull(row, 0, i) ? PQgetvalue(row, 0, i) : NULL;
}

static void fill_user(struct store_user *u, PGresult *row)
{
    store_user_done(u);
    *u = (struct store_user){
        .row = row,
        .id = column(row, 0),
        .email = column(row, 1),
        .role = column(row, 2),
        .name = column(row, 3),
        .bio = column(row, 4),
        .avatar_url = column(row, 5),
        .created_at = column(row, 6),
        .updated_at = column(row, 7),
        .password = column(row, 8),
    };
}

static int run_and_forget(struct db *db, const struct db_statement *s, const char *const *params,
                          struct lp_error *err)
{
    PGresult *result = NULL;
    int r = db_run(db, s, params, &result, err);
    if (r == 0)
        PQclear(result);
    return r;
}

/* One user, or `missing` where no row came. */
static int run_for_user(struct db *db, const struct db_statement *s, const char *const *params,
                        int missing, struct store_user *ret_user, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = db_run(db, s, params, &row, err);
    if (r < 0)
        return r;
    if (PQntuples(row) == 0) {
        PQclear(row);
        return lp_error_set(err, missing, "%s: no such row", s->name);
    }
    fill_user(ret_user, row);
    return 0;
}

/* The id in the first row, "" where no row came. */
static int run_for_id(struct db *db, const struct db_statement *s, const char *const *params,
                      char ret_id[STORE_UUID], struct lp_error *err)
{
    PGresult *row = NULL;
    int r = db_run(db, s, params, &row, err);
    if (r < 0)
        return r;
    snprintf(ret_id, STORE_UUID, "%s", PQntuples(row) > 0 ? PQgetvalue(row, 0, 0) : "");
    PQclear(row);
    return 0;
}

int store_find_by_email(struct db *db, const char *email, struct store_user *ret_user,
                        struct lp_error *err)
{
    return run_for_user(db, &find_by_email, (const char *[]){ email }, LP_E_NOT_FOUND, ret_user,
                        err);
}

int store_find_by_id(struct db *db, const char *id, struct store_user *ret_user,
                     struct lp_error *err)
{
    return run_for_user(db, &find_by_id, (const char *[]){ id }, LP_E_NOT_FOUND, ret_user, err);
}

int store_create_user(struct db *db, const char *email, const char *password_hash, const char *name,
                      char ret_id[STORE_UUID], struct lp_error *err)
{
    const char *params[] = { email, password_hash, name };
    return run_for_id(db, &create_user, params, ret_id, err);
}

int store_replace_password(struct db *db, const char *id, const char *old_hash,
                           const char *new_hash, struct lp_error *err)
{
    const char *params[] = { id, old_hash, new_hash };
    return run_and_forget(db, &replace_password, params, err);
}

int store_start_session(struct db *db, const char *id, const char *token_hash, int64_t ttl_ms,
                        struct lp_error *err)
{
    char ttl[24], most[12];
    snprintf(ttl, sizeof ttl, "%lld", (long long)ttl_ms);
    snprintf(most, sizeof most, "%d", STORE_MAX_SESSIONS);
    const char *params[] = { id, token_hash, ttl, most };
    return run_and_forget(db, &start_session, params, err);
}

int store_rotate(struct db *db, const char *old_hash, const char *new_hash, int64_t ttl_ms,
                 struct store_user *ret_user, char ret_reused_by[STORE_UUID], struct lp_error *err)
{
    char ttl[24];
    snprintf(ttl, sizeof ttl, "%lld", (long long)ttl_ms);
    const char *params[] = { old_hash, new_hash, ttl };
    ret_reused_by[0] = '\0';
    int r = run_for_user(db, &rotate, params, LP_E_DENIED, ret_user, err);
    if (r != LP_E_DENIED)
        return r;
    int revoked = run_for_id(db, &revoke_reused, params, ret_reused_by, err);
    return revoked < 0 ? revoked : lp_error_set(err, LP_E_DENIED, "refresh token not valid");
}

int store_end_session(struct db *db, const char *token_hash, struct lp_error *err)
{
    return run_and_forget(db, &end_session, (const char *[]){ token_hash }, err);
}

int store_end_sessions_of(struct db *db, const char *id, struct lp_error *err)
{
    return run_and_forget(db, &end_sessions_of, (const char *[]){ id }, err);
}
