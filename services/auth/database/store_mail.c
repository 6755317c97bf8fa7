/* One statement each, as in store.c. */
#include "services/auth/database/store_mail.h"

#include <stdio.h>
#include <string.h>

#include "postgres/rows.h"
#include "services/auth/database/person.h"
#include "services/auth/database/store_admin.h"

/* The lock: an account that is deleted meanwhile goes before this statement or after it. */
static const struct lp_db_statement ask_mail = {
    "ask_mail",
    "WITH u AS (SELECT id FROM accounts WHERE id = " PERSON_BY_EMAIL(
        "$1", "$3") " AND disabled_at IS NULL AND ($2 <> 'verify' OR email_verified_at IS NULL)"
                    "  FOR KEY SHARE), " PERSON_MAY_MAIL(
                        "$1",
                        "$3") " INSERT INTO mails (user_id, kind) SELECT id, $2 FROM u, may_mail",
    3, false
};

static const struct lp_db_statement take_mail = {
    "take_mail",
    "WITH due AS (SELECT id FROM mails WHERE sent_at IS NULL AND due_at <= now()"
    "  AND attempts < 12 ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED),"
    " taken AS (UPDATE mails m SET attempts = attempts + 1,"
    "  due_at = now() + least(3600, 15 * 2 ^ attempts) * interval '1 second'"
    "  FROM due WHERE m.id = due.id RETURNING m.id, m.kind, m.user_id)"
    "SELECT " STORE_USER_COLUMNS ", NULL, t.id, t.kind"
    " FROM taken t JOIN personal.users users ON users.id = t.user_id",
    0, false
};

static const struct lp_db_statement mail_sent = {
    "mail_sent", "UPDATE mails SET sent_at = now() WHERE id = $1::bigint", 1, true
};

static const struct lp_db_statement add_code = {
    "add_code",
    "INSERT INTO codes (code_hash, user_id, kind, expires_at)"
    " VALUES (decode($1, 'hex'), $2::uuid, $3, now() + interval '15 minutes')",
    3, false
};

#define GOOD_CODE \
    "code_hash = decode($1, 'hex') AND kind = $2 AND used_at IS NULL AND expires_at > now()"

static const struct lp_db_statement peek_code = { "peek_code",
                                                  "SELECT 1 FROM codes WHERE " GOOD_CODE, 2, true };

static const struct lp_db_statement use_verify = {
    "use_verify",
    "WITH c AS (UPDATE codes SET used_at = now() WHERE " GOOD_CODE " RETURNING user_id)"
    "UPDATE accounts u SET email_verified_at = coalesce(email_verified_at, now())"
    " FROM c WHERE u.id = c.user_id AND disabled_at IS NULL RETURNING u.id",
    2, false
};

/* Who can read the mail has the address: it is verified too. */
static const struct lp_db_statement use_reset = {
    "use_reset",
    "WITH c AS (UPDATE codes SET used_at = now() WHERE " GOOD_CODE " RETURNING user_id),"
    " others AS (UPDATE codes o SET used_at = now() FROM c WHERE o.user_id = c.user_id"
    "  AND o.used_at IS NULL AND o.code_hash <> decode($1, 'hex')),"
    " ended AS (UPDATE sessions s SET revoked_at = now() FROM c"
    "  WHERE s.user_id = c.user_id AND s.revoked_at IS NULL)"
    "UPDATE accounts u SET password = $3, updated_at = now(),"
    " email_verified_at = coalesce(email_verified_at, now())"
    " FROM c WHERE u.id = c.user_id AND disabled_at IS NULL RETURNING u.id",
    3, false
};

static const char *const kinds[] = { [STORE_MAIL_VERIFY] = "verify", [STORE_MAIL_RESET] = "reset" };

int store_ask_mail(struct lp_db *db, enum store_mail_kind kind, const char *email,
                   struct lp_error *err)
{
    char lookup[SEAL_LOOKUP];
    const char *params[] = { email, kinds[kind], NULL };
    int r = person_lookup(db, email, lookup, &params[2], err);
    return r < 0 ? r : lp_rows_run(db, &ask_mail, params, NULL, err);
}

int store_take_mail(struct lp_db *db, struct store_mail *ret_mail, struct lp_error *err)
{
    PGresult *row = NULL;
    struct store_mail mail = { .kind = STORE_MAIL_VERIFY };
    int r = lp_rows_first(db, &take_mail, NULL, LP_E_NOT_FOUND, &row, err);
    if (r == 0)
        r = store_user_take(db, &mail.user, row, err);
    if (r < 0)
        return r;
    mail.id = PQgetvalue(row, 0, STORE_USER_MORE + 1);
    if (strcmp(PQgetvalue(row, 0, STORE_USER_MORE + 2), kinds[STORE_MAIL_RESET]) == 0)
        mail.kind = STORE_MAIL_RESET;
    *ret_mail = mail;
    return 0;
}

int store_mail_sent(struct lp_db *db, const char *mail_id, struct lp_error *err)
{
    return lp_rows_run(db, &mail_sent, (const char *[]){ mail_id }, NULL, err);
}

int store_add_code(struct lp_db *db, enum store_mail_kind kind, const char *user_id,
                   const char *code_hash, struct lp_error *err)
{
    const char *params[] = { code_hash, user_id, kinds[kind] };
    return lp_rows_run(db, &add_code, params, NULL, err);
}

int store_peek_code(struct lp_db *db, enum store_mail_kind kind, const char *code_hash,
                    struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, &peek_code, (const char *[]){ code_hash, kinds[kind] }, LP_E_DENIED,
                          &row, err);
    if (r == 0)
        PQclear(row);
    return r;
}

int store_use_verify(struct lp_db *db, const char *code_hash, char ret_id[STORE_UUID],
                     struct lp_error *err)
{
    const char *params[] = { code_hash, kinds[STORE_MAIL_VERIFY] };
    int r = lp_rows_value(db, &use_verify, params, ret_id, STORE_UUID, err);
    if (r == 0 && !ret_id[0])
        return lp_error_set(err, LP_E_DENIED, "the code is unknown, used or expired");
    return r;
}

int store_use_reset(struct lp_db *db, const char *code_hash, const char *password_hash,
                    struct store_owner *ret_owner, struct lp_error *err)
{
    const char *params[] = { code_hash, kinds[STORE_MAIL_RESET], password_hash };
    struct lp_error why;
    store_auto_user struct store_user user = { 0 };
    int r = lp_rows_value(db, &use_reset, params, ret_owner->id, STORE_UUID, err);
    if (r < 0)
        return r;
    if (!ret_owner->id[0])
        return lp_error_set(err, LP_E_DENIED, "the code is unknown, used or expired");
    /* the password is another one now, whether this can be read or not */
    bool known = store_find_profile(db, ret_owner->id, &user, &why) == 0;
    snprintf(ret_owner->email, sizeof ret_owner->email, "%s", known ? user.email : "");
    return 0;
}
