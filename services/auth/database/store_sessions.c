/* One statement each, as in store.c. A session ends by revoked_at; its tokens go with its row. */
#include "services/auth/database/store_sessions.h"

#include <stdio.h>

#include "postgres/rows.h"

/* Locks in no order with rows that others hold: they are skipped and fall to the next login. $7:
 * what the account's updated_at must still be. The lock: whoever changes the account comes before
 * this statement, which then sees it, or after it. */
static const struct lp_db_statement start_session = {
    "start_session",
    "WITH over AS (DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id IN ("
    "  (SELECT id FROM sessions WHERE user_id = $1::uuid AND expires_at < now() LIMIT 100)"
    "  UNION ALL"
    "  (SELECT id FROM sessions WHERE user_id = $1::uuid"
    "   ORDER BY created_at DESC OFFSET $5::int - 1 LIMIT 100)) FOR UPDATE SKIP LOCKED)),"
    " fresh AS (INSERT INTO sessions (user_id, expires_at, device, last_used_at)"
    "  SELECT id, to_timestamp($4::bigint), $6, now() FROM accounts WHERE id = $1::uuid"
    "  AND disabled_at IS NULL AND " LP_ROWS_TIME(
        "updated_at") " = $7 FOR SHARE RETURNING id, expires_at)"
                      "INSERT INTO refresh_tokens (token_hash, session_id, expires_at, issued_s, "
                      "expires_s)"
                      " SELECT decode($2, 'hex'), id, expires_at, $3::bigint, $4::bigint FROM fresh"
                      " RETURNING session_id",
    7, false
};

/* Two at once: the second waits for the first one's row and then finds it used. Of used tokens the
 * last hundred stay (STORE_USED_TOKENS), so that a client that does nothing else fills no disk:
 * each is compared with one time, however many there are. */
static const struct lp_db_statement rotate = {
    "rotate",
    "WITH old AS (UPDATE refresh_tokens t SET used_at = now(), successor = decode($2, 'hex')"
    "  FROM sessions s JOIN accounts u ON u.id = s.user_id"
    "  WHERE t.token_hash = decode($1, 'hex') AND t.used_at IS NULL AND t.expires_at > now()"
    "  AND s.id = t.session_id AND s.revoked_at IS NULL AND u.disabled_at IS NULL"
    "  RETURNING s.id, s.user_id),"
    " longer AS (UPDATE sessions s SET expires_at = to_timestamp($4::bigint), last_used_at = now()"
    "  FROM old WHERE s.id = old.id),"
    " surplus AS (SELECT o.used_at FROM refresh_tokens o JOIN old ON o.session_id = old.id"
    "  WHERE o.used_at IS NOT NULL ORDER BY o.used_at DESC OFFSET 99 LIMIT 1),"
    " expired AS (DELETE FROM refresh_tokens t USING old"
    "  WHERE t.session_id = old.id"
    "  AND (t.expires_at < now() OR t.used_at <= (SELECT used_at FROM surplus))),"
    " fresh AS (INSERT INTO refresh_tokens"
    "  (token_hash, session_id, expires_at, issued_s, expires_s)"
    "  SELECT decode($2, 'hex'), id, to_timestamp($4::bigint), $3::bigint, $4::bigint FROM old)"
    "SELECT " STORE_USER_COLUMNS ", NULL, old.id, $2, $3::bigint, $4::bigint"
    " FROM old JOIN personal.users users ON users.id = old.user_id",
    4, false
};

static const struct lp_db_statement successor_again = {
    "successor_again",
    "SELECT " STORE_USER_COLUMNS ", NULL, s.id, encode(n.token_hash, 'hex'), n.issued_s,"
    " n.expires_s FROM refresh_tokens t JOIN refresh_tokens n ON n.token_hash = t.successor"
    " JOIN sessions s ON s.id = t.session_id"
    " JOIN personal.users users ON users.id = s.user_id"
    " WHERE t.token_hash = decode($1, 'hex') AND s.revoked_at IS NULL"
    " AND users.disabled_at IS NULL AND n.used_at IS NULL AND n.expires_at > now()"
    " AND t.used_at > now() - $2::bigint * interval '1 millisecond'",
    2, true
};

static const struct lp_db_statement revoke_reused = {
    "revoke_reused",
    "UPDATE sessions s SET revoked_at = now() FROM refresh_tokens t"
    " WHERE t.token_hash = decode($1, 'hex') AND t.used_at IS NOT NULL AND s.id = t.session_id"
    " AND s.revoked_at IS NULL RETURNING s.user_id",
    1, true
};

static const struct lp_db_statement end_session_by_token = {
    "end_session_by_token",
    "UPDATE sessions s SET revoked_at = now() FROM refresh_tokens t"
    " WHERE t.token_hash = decode($1, 'hex') AND s.id = t.session_id AND s.revoked_at IS NULL",
    1, true
};

static const struct lp_db_statement end_session = {
    "end_session",
    "UPDATE sessions SET revoked_at = now()"
    " WHERE user_id = $1::uuid AND id = $2::uuid AND revoked_at IS NULL",
    2, true
};

static const struct lp_db_statement end_sessions_of = {
    "end_sessions_of",
    "UPDATE sessions SET revoked_at = now() WHERE user_id = $1::uuid AND revoked_at IS NULL", 1,
    true
};

static const struct lp_db_statement list_sessions = {
    "list_sessions",
    "SELECT id, device, " LP_ROWS_TIME("created_at") ", " LP_ROWS_TIME(
        "coalesce(last_used_at, "
        "created_at)") ", " LP_ROWS_TIME("expires_at") " FROM sessions"
                                                       " WHERE user_id = $1::uuid AND revoked_at "
                                                       "IS "
                                                       "NULL AND expires_at > now()"
                                                       " ORDER BY coalesce(last_used_at, "
                                                       "created_at) "
                                                       "DESC, id LIMIT $2::int",
    2, true
};

struct times {
    char issued[24], expires[24];
};

static struct times text_of(const struct store_token *t)
{
    struct times text;
    snprintf(text.issued, sizeof text.issued, "%lld", (long long)t->issued_s);
    snprintf(text.expires, sizeof text.expires, "%lld", (long long)t->expires_s);
    return text;
}

int store_start_session(struct lp_db *db, const char *id, const char *updated_at,
                        const struct store_token *token, const char *device,
                        char ret_session[STORE_UUID], struct lp_error *err)
{
    char most[12];
    struct times times = text_of(token);
    snprintf(most, sizeof most, "%d", STORE_MAX_SESSIONS);
    const char *params[] = {
        id, token->hash, times.issued, times.expires, most, device, updated_at
    };
    int r = lp_rows_value(db, &start_session, params, ret_session, STORE_UUID, err);
    if (r == 0 && !ret_session[0])
        return lp_error_set(err, LP_E_CONFLICT,
                            "start_session: the account has changed or is gone");
    return r;
}

static int fill_rotation(struct lp_db *db, struct store_rotation *rotation, PGresult *row,
                         struct lp_error *err)
{
    struct store_token *t = &rotation->successor;
    int r = store_user_take(db, &rotation->user, row, err);
    if (r < 0)
        return r;
    snprintf(rotation->session, STORE_UUID, "%s", PQgetvalue(row, 0, STORE_USER_MORE + 1));
    snprintf(t->hash, STORE_TOKEN_HASH, "%s", PQgetvalue(row, 0, STORE_USER_MORE + 2));
    t->issued_s = lp_rows_number(row, 0, STORE_USER_MORE + 3);
    t->expires_s = lp_rows_number(row, 0, STORE_USER_MORE + 4);
    return 0;
}

int store_rotate(struct lp_db *db, const char *old_hash, const struct store_token *fresh,
                 struct store_rotation *ret_rotation, struct lp_error *err)
{
    char grace[12];
    PGresult *row = NULL;
    struct times times = text_of(fresh);
    snprintf(grace, sizeof grace, "%d", STORE_GRACE_MS);
    ret_rotation->reused_by[0] = '\0';
    const char *params[] = { old_hash, fresh->hash, times.issued, times.expires };
    int r = lp_rows_first(db, &rotate, params, LP_E_DENIED, &row, err);
    if (r == LP_E_DENIED)
        r = lp_rows_first(db, &successor_again, (const char *[]){ old_hash, grace }, LP_E_DENIED,
                          &row, err);
    if (r == 0)
        return fill_rotation(db, ret_rotation, row, err);
    if (r != LP_E_DENIED)
        return r;
    int revoked =
        lp_rows_value(db, &revoke_reused, params, ret_rotation->reused_by, STORE_UUID, err);
    return revoked < 0 ? revoked : lp_error_set(err, LP_E_DENIED, "refresh token not valid");
}

int store_end_session_by_token(struct lp_db *db, const char *token_hash, unsigned long *ret_n,
                               struct lp_error *err)
{
    return lp_rows_run(db, &end_session_by_token, (const char *[]){ token_hash }, ret_n, err);
}

int store_end_session(struct lp_db *db, const char *id, const char *session_id,
                      unsigned long *ret_n, struct lp_error *err)
{
    return lp_rows_run(db, &end_session, (const char *[]){ id, session_id }, ret_n, err);
}

int store_end_sessions_of(struct lp_db *db, const char *id, unsigned long *ret_n,
                          struct lp_error *err)
{
    return lp_rows_run(db, &end_sessions_of, (const char *[]){ id }, ret_n, err);
}

int store_list_sessions(struct lp_db *db, const char *id, PGresult **ret_rows, struct lp_error *err)
{
    char most[12];
    snprintf(most, sizeof most, "%d", STORE_MAX_SESSIONS);
    return lp_db_run(db, &list_sessions, (const char *[]){ id, most }, ret_rows, err);
}
