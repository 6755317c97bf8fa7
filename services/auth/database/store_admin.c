/* One statement each, as in store.c. */
#include "services/auth/database/store_admin.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "postgres/rows.h"

static const struct lp_db_statement find_profile = {
    "find_profile", "SELECT " STORE_USER_COLUMNS " FROM users WHERE id = $1::uuid", 1, true
};

#define CHANGE(column, set, value) \
    column " = CASE WHEN " set "::boolean THEN " value " ELSE " column " END"

static const struct lp_db_statement change_profile = {
    "change_profile",
    "UPDATE users SET " CHANGE("name", "$2", "$3") ", " CHANGE("bio", "$4", "$5") ", " CHANGE(
        "avatar_url", "$6",
        "$7") ", " CHANGE("phone", "$8",
                          "$9") ", " CHANGE("address", "$10",
                                            "$11") ", updated_at = now() WHERE id = $1::uuid "
                                                   "RETURNING " STORE_USER_COLUMNS,
    11, true
};

static const struct lp_db_statement delete_user = { "delete_user",
                                                    "DELETE FROM users WHERE id = $1::uuid", 1,
                                                    true };

#define END_SESSIONS                                                                             \
    ", ended AS (UPDATE sessions s SET revoked_at = now() FROM users WHERE s.user_id = $1::uuid" \
    " AND users.id = s.user_id AND s.revoked_at IS NULL)"

static const struct lp_db_statement set_role = {
    "set_role",
    "WITH u AS (UPDATE users SET role = $2, updated_at = "
    "now() WHERE id = $1::uuid RETURNING *)" END_SESSIONS " SELECT " STORE_USER_COLUMNS
    " FROM u AS users",
    2, true
};

static const struct lp_db_statement set_disabled = {
    "set_disabled",
    "WITH u AS (UPDATE users SET updated_at = now(), disabled_at ="
    " CASE WHEN $2::boolean THEN coalesce(disabled_at, now()) END WHERE id = $1::uuid RETURNING "
    "*)" END_SESSIONS " SELECT " STORE_USER_COLUMNS " FROM u AS users",
    2, true
};

static const struct lp_db_statement make_admin = {
    "make_admin",
    "UPDATE users SET role = 'admin', updated_at = now() WHERE lower(email) = lower($1)"
    " RETURNING id",
    1, true
};

/* strpos, not LIKE: what is searched for has no wild cards. */
static const struct lp_db_statement list_users = {
    "list_users",
    "SELECT id, email, name, role, disabled_at IS NOT NULL, email_verified_at IS NOT NULL,"
    " " LP_ROWS_TIME(
        "created_at") " FROM users"
                      " WHERE ($1 = '' OR strpos(lower(email), lower($1)) > 0 OR "
                      "strpos(lower(name), lower($1)) > 0)"
                      " AND ($2::uuid IS NULL OR (created_at, id) >"
                      "  (SELECT a.created_at, a.id FROM users a WHERE a.id = $2::uuid))"
                      " ORDER BY created_at, id LIMIT $3::int",
    3, true
};

static const struct lp_db_statement put_picture = {
    "put_picture",
    "WITH fresh AS (SELECT gen_random_uuid() AS id),"
    " p AS (INSERT INTO pictures AS o (id, user_id, type, bytes)"
    "  SELECT id, $1::uuid, $2, $3::bytea FROM fresh ON CONFLICT (user_id) DO UPDATE"
    "  SET id = excluded.id, type = excluded.type, bytes = excluded.bytes RETURNING o.id)"
    "UPDATE users SET avatar_url = $4 || p.id, updated_at = now() FROM p WHERE users.id = $1::uuid"
    " RETURNING " STORE_USER_COLUMNS,
    4, true
};

static const struct lp_db_statement find_picture = {
    "find_picture", "SELECT type, bytes FROM pictures WHERE id = $1::uuid", 1, true
};

static const struct lp_db_statement add_event = {
    "add_event",
    "INSERT INTO audit_events (event, actor, subject, address, request_id, detail)"
    " VALUES ($1, $2::uuid, $3::uuid, $4, $5, $6)",
    6, false
};

static const struct lp_db_statement list_events = {
    "list_events",
    "SELECT id, " LP_ROWS_TIME(
        "at") ", event, actor, subject, address, request_id, detail"
              " FROM audit_events WHERE ($1::uuid IS NULL OR subject = $1::uuid)"
              " AND ($2::bigint = 0 OR id < $2::bigint) ORDER BY id DESC LIMIT $3::int",
    3, true
};

static int run_for_user(struct lp_db *db, const struct lp_db_statement *s,
                        const char *const *params, struct store_user *ret_user,
                        struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, s, params, LP_E_NOT_FOUND, &row, err);
    if (r == 0)
        store_user_take(ret_user, row);
    return r;
}

int store_find_profile(struct lp_db *db, const char *id, struct store_user *ret_user,
                       struct lp_error *err)
{
    return run_for_user(db, &find_profile, (const char *[]){ id }, ret_user, err);
}

static const char *truth(bool value)
{
    return value ? "t" : "f";
}

int store_change_profile(struct lp_db *db, const char *id, const struct store_profile *p,
                         struct store_user *ret_user, struct lp_error *err)
{
    const char *params[] = { id,
                             truth(p->name.set),
                             p->name.value,
                             truth(p->bio.set),
                             p->bio.value,
                             truth(p->avatar_url.set),
                             p->avatar_url.value,
                             truth(p->phone.set),
                             p->phone.value,
                             truth(p->address.set),
                             p->address.value };
    return run_for_user(db, &change_profile, params, ret_user, err);
}

int store_delete_user(struct lp_db *db, const char *id, struct lp_error *err)
{
    return lp_rows_run(db, &delete_user, (const char *[]){ id }, NULL, err);
}

int store_set_role(struct lp_db *db, const char *id, const char *role, struct store_user *ret_user,
                   struct lp_error *err)
{
    return run_for_user(db, &set_role, (const char *[]){ id, role }, ret_user, err);
}

int store_set_disabled(struct lp_db *db, const char *id, bool disabled, struct store_user *ret_user,
                       struct lp_error *err)
{
    return run_for_user(db, &set_disabled, (const char *[]){ id, truth(disabled) }, ret_user, err);
}

int store_make_admin(struct lp_db *db, const char *email, char ret_id[STORE_UUID],
                     struct lp_error *err)
{
    int r = lp_rows_value(db, &make_admin, (const char *[]){ email }, ret_id, STORE_UUID, err);
    if (r == 0 && !ret_id[0])
        return lp_error_set(err, LP_E_NOT_FOUND, "no account has this e-mail address");
    return r;
}

int store_list_users(struct lp_db *db, const char *search, const char *after, int limit,
                     PGresult **ret_rows, struct lp_error *err)
{
    char most[12];
    snprintf(most, sizeof most, "%d", limit);
    const char *params[] = { search, after[0] ? after : NULL, most };
    return lp_db_run(db, &list_users, params, ret_rows, err);
}

int store_put_picture(struct lp_db *db, const char *user_id, const char *type, const void *bytes,
                      size_t n, const char *url_base, struct store_user *ret_user,
                      struct lp_error *err)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    lp_auto_free char *hex = lp_alloc(2 * n + 3); /* \x and the digits */
    hex[0] = '\\';
    hex[1] = 'x';
    for (size_t i = 0; i < n; i++) {
        hex[2 * i + 2] = digits[from[i] >> 4];
        hex[2 * i + 3] = digits[from[i] & 15];
    }
    const char *params[] = { user_id, type, hex, url_base };
    return run_for_user(db, &put_picture, params, ret_user, err);
}

int store_find_picture(struct lp_db *db, const char *picture_id, PGresult **ret_row,
                       struct lp_error *err)
{
    return lp_rows_first(db, &find_picture, (const char *[]){ picture_id }, LP_E_NOT_FOUND, ret_row,
                         err);
}

int store_add_event(struct lp_db *db, const struct store_event *event, struct lp_error *err)
{
    const char *params[] = { event->event,   event->actor,      event->subject,
                             event->address, event->request_id, event->detail };
    return lp_rows_run(db, &add_event, params, NULL, err);
}

int store_list_events(struct lp_db *db, const char *subject, int64_t before, int limit,
                      PGresult **ret_rows, struct lp_error *err)
{
    char from[24], most[12];
    snprintf(from, sizeof from, "%lld", (long long)before);
    snprintf(most, sizeof most, "%d", limit);
    const char *params[] = { subject[0] ? subject : NULL, from, most };
    return lp_db_run(db, &list_events, params, ret_rows, err);
}
