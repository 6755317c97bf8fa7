/* One statement each, as in store.c. */
#include "services/auth/database/store_learner.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "postgres/rows.h"
#include "services/auth/database/person.h"

#define EXPORT_MAX ((size_t)8 << 20)

static const struct lp_db_statement export_user = {
    "export_user",
    "SELECT " STORE_USER_COLUMNS
    ", NULL, json_build_object('account', to_json(a), 'sessions', (SELECT coalesce(json_agg("
    "  json_build_object('created_at', s.created_at, 'last_used_at', s.last_used_at,"
    "  'expires_at', s.expires_at, 'device', s.device)), '[]') FROM sessions s"
    "  WHERE s.user_id = a.id), 'identities', (SELECT coalesce(json_agg(json_build_object("
    "  'issuer', i.issuer, 'subject', i.subject, 'role', i.role, 'created_at', i.created_at,"
    "  'last_login_at', i.last_login_at)), '[]') FROM identities i WHERE i.user_id = a.id),"
    " 'events', (SELECT coalesce(json_agg(json_build_object("
    "  'at', e.at, 'event', e.event, 'address', e.address, 'detail', e.detail)), '[]')"
    "  FROM (SELECT * FROM audit_events WHERE subject = $1::uuid ORDER BY id DESC LIMIT 10000) e)),"
    " users.phone, users.address, encode(users.sealed_phone, 'hex'),"
    " encode(users.sealed_address, 'hex') FROM personal.users users, LATERAL (SELECT users.id,"
    "  users.email, users.name, users.bio, users.avatar_url, users.phone, users.address,"
    "  users.role, users.email_verified_at, users.created_at, users.updated_at) a"
    " WHERE users.id = $1::uuid",
    1, true
};

static const struct lp_db_statement ask_erasure = {
    "ask_erasure",
    "WITH u AS (UPDATE accounts SET disabled_at = coalesce(disabled_at, now())"
    "  WHERE id = $1::uuid RETURNING id),"
    " ended AS (UPDATE sessions s SET revoked_at = now() FROM u"
    "  WHERE s.user_id = u.id AND s.revoked_at IS NULL),"
    " e AS (INSERT INTO erasures (user_id, asked_by) SELECT id, $2::uuid FROM u"
    "  ON CONFLICT (user_id) DO UPDATE SET due_at = now() RETURNING id)"
    "SELECT id FROM e UNION ALL SELECT id FROM erasures"
    " WHERE user_id = $1::uuid AND done_at IS NOT NULL LIMIT 1",
    2, true
};

static const struct lp_db_statement take_erasure = {
    "take_erasure",
    "WITH due AS (SELECT id FROM erasures WHERE swept_at IS NULL AND due_at <= now()"
    "  ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    "UPDATE erasures e SET attempts = attempts + 1,"
    " due_at = now() + least(3600, 15 * 2 ^ least(attempts, 10)) * interval '1 second'"
    " FROM due WHERE e.id = due.id RETURNING e.user_id",
    0, false
};

/* Done, but for learning, which was not there then. */
static const struct lp_db_statement take_left = {
    "take_left",
    "WITH due AS (SELECT id FROM erasures WHERE swept_at IS NOT NULL AND NOT learning_asked"
    "  AND due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    "UPDATE erasures e SET attempts = attempts + 1,"
    " due_at = now() + least(3600, 15 * 2 ^ least(attempts, 10)) * interval '1 second'"
    " FROM due WHERE e.id = due.id RETURNING e.user_id",
    0, false
};

/* Events stay, for what was done must be known; where from they came does not: neither of what was
 * done to the user, nor of what the user, an admin, did to others. */
static const struct lp_db_statement finish_erasure = {
    "finish_erasure",
    "WITH gone AS (DELETE FROM accounts WHERE id = $1::uuid),"
    " events AS (UPDATE audit_events SET address = NULL WHERE address IS NOT NULL AND"
    "  (subject = $1::uuid OR (actor = $1::uuid AND actor IS DISTINCT FROM subject))),"
    " noted AS (INSERT INTO audit_events (event, actor, subject)"
    "  SELECT 'account_erased', asked_by, user_id FROM erasures"
    "  WHERE user_id = $1::uuid AND done_at IS NULL)"
    "UPDATE erasures SET done_at = coalesce(done_at, now()), attempts = 0,"
    " learning_asked = $3::boolean,"
    " swept_at = coalesce(swept_at, CASE WHEN done_at IS NOT NULL THEN now() END),"
    " due_at = now() + $2::bigint * interval '1 millisecond'"
    " WHERE user_id = $1::uuid AND (swept_at IS NULL OR $3::boolean)",
    3, false
};

static const struct lp_db_statement find_receipt = {
    "find_receipt",
    "SELECT " LP_ROWS_TIME("asked_at") ", " LP_ROWS_TIME("done_at") ", " LP_ROWS_TIME(
        "swept_at") ", CASE WHEN learning_asked THEN 0 ELSE 1 END FROM erasures WHERE id = "
                    "$1::uuid",
    1, true
};

/* The fields that are sealed in the row, opened; `row` outlives the user. */
static int add_opened(struct lp_db *db, const struct store_user *user, const PGresult *row,
                      json_t *account, struct lp_error *err)
{
    static const char *const columns[] = { "phone", "address" };
    const char *const sealed[] = { lp_rows_text(row, 0, STORE_USER_MORE + 4),
                                   lp_rows_text(row, 0, STORE_USER_MORE + 5) };
    const struct person_key key = { user->id, user->master, user->wrapped };
    char *texts[] = { NULL, NULL };
    if (!user->opened[0])
        return 0;
    int r = person_open(db, &key, 2, columns, sealed, texts, err);
    if (r < 0)
        return r;
    lp_json_set_str(account, "email", user->email);
    lp_json_set_str(account, "name", user->name);
    for (int i = 0; i < 2; i++) {
        if (texts[i])
            lp_json_set_str(account, columns[i], texts[i]);
        free(texts[i]);
    }
    return 0;
}

int store_export_user(struct lp_db *db, const char *id, json_t **ret_data, struct lp_error *err)
{
    PGresult *row = NULL;
    store_auto_user struct store_user user = { 0 };
    json_auto_t *data = NULL;
    int r = lp_rows_first(db, &export_user, (const char *[]){ id }, LP_E_NOT_FOUND, &row, err);
    if (r == 0)
        r = store_user_take(db, &user, row, err);
    if (r < 0)
        return r;
    const char *text = PQgetvalue(row, 0, STORE_USER_MORE + 1);
    r = lp_json_parse(text, strlen(text), EXPORT_MAX, "export", &data, err);
    if (r == 0)
        r = add_opened(db, &user, row, json_object_get(data, "account"), err);
    if (r == 0)
        *ret_data = lp_take(data);
    return r;
}

static int run_for_uuid(struct lp_db *db, const struct lp_db_statement *s,
                        const char *const *params, char ret_id[STORE_UUID], struct lp_error *err)
{
    int r = lp_rows_value(db, s, params, ret_id, STORE_UUID, err);
    if (r == 0 && !ret_id[0])
        return lp_error_set(err, LP_E_NOT_FOUND, "%s: no such row", s->name);
    return r;
}

int store_ask_erasure(struct lp_db *db, const char *id, const char *by,
                      char ret_receipt[STORE_UUID], struct lp_error *err)
{
    return run_for_uuid(db, &ask_erasure, (const char *[]){ id, by }, ret_receipt, err);
}

int store_take_erasure(struct lp_db *db, bool learning, char ret_user_id[STORE_UUID],
                       struct lp_error *err)
{
    int r = run_for_uuid(db, &take_erasure, NULL, ret_user_id, err);
    return r == LP_E_NOT_FOUND && learning ? run_for_uuid(db, &take_left, NULL, ret_user_id, err)
                                           : r;
}

int store_finish_erasure(struct lp_db *db, const char *user_id, int64_t sweep_ms, bool learning,
                         struct lp_error *err)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)sweep_ms);
    const char *params[] = { user_id, text, learning ? "true" : "false" };
    return lp_rows_run(db, &finish_erasure, params, NULL, err);
}

int store_find_receipt(struct lp_db *db, const char *receipt, struct store_receipt *ret_receipt,
                       struct lp_error *err)
{
    PGresult *row = NULL;
    int r =
        lp_rows_first(db, &find_receipt, (const char *[]){ receipt }, LP_E_NOT_FOUND, &row, err);
    if (r < 0)
        return r;
    const char *done = lp_rows_text(row, 0, 1), *swept = lp_rows_text(row, 0, 2);
    snprintf(ret_receipt->asked_at, sizeof ret_receipt->asked_at, "%s", PQgetvalue(row, 0, 0));
    snprintf(ret_receipt->done_at, sizeof ret_receipt->done_at, "%s", done ? done : "");
    snprintf(ret_receipt->swept_at, sizeof ret_receipt->swept_at, "%s", swept ? swept : "");
    ret_receipt->learning_left_out = done && lp_rows_number(row, 0, 3) > 0;
    PQclear(row);
    return 0;
}
