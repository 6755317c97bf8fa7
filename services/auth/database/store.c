/*
 * Every operation is one statement, so that it happens as a whole without a transaction of ours and
 * no connection is held between two of them (least of all while a password is hashed). All values
 * travel as parameters.
 */
#include "services/auth/database/store.h"

#include "base/alloc.h"
#include "postgres/rows.h"
#include "services/auth/database/person.h"

static const struct lp_db_statement find_by_email = {
    "find_by_email",
    "SELECT " STORE_USER_COLUMNS
    ", password FROM personal.users users WHERE id = " PERSON_BY_EMAIL("$1", "$2"),
    2, true
};

static const struct lp_db_statement find_by_token = {
    "find_by_token",
    "SELECT " STORE_USER_COLUMNS
    " FROM personal.users users WHERE id = $1::uuid AND disabled_at IS NULL"
    " AND ($2::uuid IS NULL OR EXISTS (SELECT FROM sessions s WHERE s.id = $2::uuid"
    "  AND s.user_id = users.id AND s.revoked_at IS NULL))",
    2, true
};

static const struct lp_db_statement create_user = {
    "create_user",
    "WITH u AS (INSERT INTO accounts (id, password) VALUES ($1::uuid, $2) RETURNING id),"
    " p AS (INSERT INTO personal.people (user_id, lookup, email, name, sealed_email, sealed_name)"
    "  SELECT id, decode($3, 'hex'), $4, $5, decode($6, 'hex'), decode($7, 'hex') FROM u),"
    " k AS (INSERT INTO personal_keys.keys (user_id, master, wrapped)"
    "  SELECT id, $8, decode($9, 'hex') FROM u WHERE $8::text IS NOT NULL),"
    " " PERSON_MAY_MAIL(
        "$4", "$3") ","
                    " m AS (INSERT INTO mails (user_id, kind) SELECT id, 'verify' FROM u, may_mail)"
                    "SELECT id FROM u",
    9, false
};

static const struct lp_db_statement replace_password = {
    "replace_password", "UPDATE accounts SET password = $3 WHERE id = $1::uuid AND password = $2",
    3, true
};

void store_user_done(struct store_user *u)
{
    PQclear(u->row);
    free(u->opened[0]);
    free(u->opened[1]);
    *u = (struct store_user){ 0 };
}

int store_user_read(struct lp_db *db, struct store_user *u, const PGresult *rows, int i,
                    struct lp_error *err)
{
    static const char *const columns[] = { "email", "name" };
    store_user_done(u);
    *u = (struct store_user){
        .id = lp_rows_text(rows, i, 0),
        .email = lp_rows_text(rows, i, 1),
        .role = lp_rows_text(rows, i, 2),
        .name = lp_rows_text(rows, i, 3),
        .bio = lp_rows_text(rows, i, 4),
        .avatar_url = lp_rows_text(rows, i, 5),
        .created_at = lp_rows_text(rows, i, 6),
        .updated_at = lp_rows_text(rows, i, 7),
        .disabled_at = lp_rows_text(rows, i, 8),
        .verified_at = lp_rows_text(rows, i, 9),
        .master = lp_rows_text(rows, i, 12),
        .wrapped = lp_rows_text(rows, i, 13),
        .password = lp_rows_text(rows, i, STORE_USER_MORE),
    };
    if (!u->id || u->email)
        return 0;
    const char *const sealed[] = { lp_rows_text(rows, i, 10), lp_rows_text(rows, i, 11) };
    const struct person_key key = { u->id, u->master, u->wrapped };
    int r = person_open(db, &key, 2, columns, sealed, u->opened, err);
    if (r < 0) {
        store_user_done(u);
        return r;
    }
    u->email = u->opened[0];
    u->name = u->opened[1];
    return 0;
}

int store_user_take(struct lp_db *db, struct store_user *u, PGresult *row, struct lp_error *err)
{
    int r = store_user_read(db, u, row, 0, err);
    if (r < 0)
        PQclear(row);
    else
        u->row = row;
    return r;
}

static int find(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                struct store_user *ret_user, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, s, params, LP_E_NOT_FOUND, &row, err);
    return r < 0 ? r : store_user_take(db, ret_user, row, err);
}

int store_find_by_email(struct lp_db *db, const char *email, struct store_user *ret_user,
                        struct lp_error *err)
{
    char lookup[SEAL_LOOKUP];
    const char *params[] = { email, NULL };
    int r = person_lookup(db, email, lookup, &params[1], err);
    return r < 0 ? r : find(db, &find_by_email, params, ret_user, err);
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
    static const char *const columns[] = { "email", "name" };
    const char *const texts[] = { email, name };
    char id[SEAL_UUID], lookup[SEAL_LOOKUP], *sealed[2] = { NULL, NULL };
    const char *params[9] = { id, password_hash };
    struct vault_key key;
    bool seals = person_seals(db);

    seal_make_uuid(id);
    int r = person_lookup(db, email, lookup, &params[2], err);
    if (r == 0 && seals)
        r = person_seal_new(db, id, 2, columns, texts, &key, sealed, err);
    params[seals ? 5 : 3] = seals ? sealed[0] : email;
    params[seals ? 6 : 4] = seals ? sealed[1] : name;
    params[7] = seals ? key.master : NULL;
    params[8] = seals ? key.wrapped : NULL;
    if (r == 0)
        r = lp_rows_value(db, &create_user, params, ret_id, STORE_UUID, err);
    free(sealed[0]);
    free(sealed[1]);
    return r;
}

int store_replace_password(struct lp_db *db, const char *id, const char *old_hash,
                           const char *new_hash, struct lp_error *err)
{
    const char *params[] = { id, old_hash, new_hash };
    return lp_rows_run(db, &replace_password, params, NULL, err);
}
