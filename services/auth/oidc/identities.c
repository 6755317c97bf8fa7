/* One statement each, as in database/store.c. Of accounts only id, role, password and verification.
 */
#include "services/auth/oidc/identities.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "postgres/rows.h"

static const struct lp_db_statement use_state = {
    "oidc_use_state",
    "INSERT INTO oidc_states (state_hash, expires_at)"
    " VALUES (decode($1, 'hex'), to_timestamp($2::bigint)) ON CONFLICT DO NOTHING RETURNING 1",
    2, false
};

static const struct lp_db_statement log_in = {
    "oidc_log_in",
    "WITH old AS (SELECT user_id, role FROM identities WHERE issuer = $1 AND subject = $2"
    "  FOR UPDATE),"
    " i AS (UPDATE identities SET last_login_at = now(), role = $3 FROM old"
    "  WHERE issuer = $1 AND subject = $2),"
    " u AS (UPDATE accounts SET role = coalesce($3, 'user'), updated_at = now() FROM old"
    "  WHERE accounts.id = old.user_id AND old.role IS DISTINCT FROM $3"
    "  AND accounts.role <> coalesce($3, 'user') RETURNING accounts.id),"
    " s AS (UPDATE sessions SET revoked_at = now() FROM u"
    "  WHERE sessions.user_id = u.id AND revoked_at IS NULL)"
    "SELECT old.user_id, EXISTS (SELECT FROM u) FROM old",
    3, false
};

static const struct lp_db_statement link_account = {
    "oidc_link",
    "WITH old AS (SELECT id, email_verified_at IS NULL AS unproven FROM accounts"
    "  WHERE id = $3::uuid AND role = $5 AND disabled_at IS NULL FOR UPDATE),"
    " made AS (INSERT INTO identities (issuer, subject, user_id, role)"
    "  SELECT $1, $2, id, $4 FROM old RETURNING user_id),"
    " u AS (UPDATE accounts SET updated_at = now(), role = coalesce($4, accounts.role),"
    "  password = CASE WHEN unproven THEN '' ELSE password END,"
    "  email_verified_at = coalesce(email_verified_at, now())"
    "  FROM old WHERE accounts.id = old.id),"
    " s AS (UPDATE sessions SET revoked_at = now() FROM old WHERE sessions.user_id = old.id"
    "  AND (unproven OR $4 <> $5) AND revoked_at IS NULL),"
    " c AS (UPDATE codes SET used_at = now() FROM old"
    "  WHERE codes.user_id = old.id AND unproven AND used_at IS NULL),"
    " m AS (DELETE FROM mails USING old"
    "  WHERE mails.user_id = old.id AND unproven AND sent_at IS NULL)"
    "SELECT unproven FROM old JOIN made ON made.user_id = old.id",
    5, false
};

int identities_use_state(struct lp_db *db, const char *state_hash, int64_t expires_s,
                         struct lp_error *err)
{
    char expires[24];
    PGresult *row = NULL;
    snprintf(expires, sizeof expires, "%" PRId64, expires_s);
    const char *params[] = { state_hash, expires };
    int r = lp_rows_first(db, &use_state, params, LP_E_DENIED, &row, err);
    if (r == 0)
        PQclear(row);
    return r;
}

int identities_log_in(struct lp_db *db, const struct identity_at *who, char ret_id[STORE_UUID],
                      bool *ret_role_changed, struct lp_error *err)
{
    PGresult *row = NULL;
    const char *params[] = { who->issuer, who->subject, who->role };
    int r = lp_rows_first(db, &log_in, params, LP_E_NOT_FOUND, &row, err);
    if (r < 0)
        return r;
    snprintf(ret_id, STORE_UUID, "%s", PQgetvalue(row, 0, 0));
    *ret_role_changed = *PQgetvalue(row, 0, 1) == 't';
    PQclear(row);
    return 0;
}

int identities_link(struct lp_db *db, const struct identity_at *who, const char *id,
                    const char *role_seen, bool *ret_taken_over, struct lp_error *err)
{
    PGresult *row = NULL;
    const char *params[] = { who->issuer, who->subject, id, who->role, role_seen };
    int r = lp_rows_first(db, &link_account, params, LP_E_NOT_FOUND, &row, err);
    if (r < 0)
        return r;
    *ret_taken_over = *PQgetvalue(row, 0, 0) == 't';
    PQclear(row);
    return 0;
}
