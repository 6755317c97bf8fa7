/* One statement each, as in store.c. */
#include "services/auth/database/store_admin.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "postgres/rows.h"
#include "services/auth/database/person.h"
#include "services/auth/database/store_sessions.h"

static const struct lp_db_statement find_profile = {
    "find_profile", "SELECT " STORE_USER_COLUMNS " FROM personal.users users WHERE id = $1::uuid",
    1, true
};

/* $2: whether the fields are sealed, which they may be since the key was read. Of each field:
 * whether it is set, as it is, sealed. */
static const struct lp_db_statement change_profile = {
    "change_profile",
    "WITH p AS (UPDATE personal.people SET"
    "  name = CASE WHEN $3::boolean THEN $4 ELSE name END,"
    "  sealed_name = CASE WHEN $3::boolean THEN decode($5, 'hex') ELSE sealed_name END,"
    "  phone = CASE WHEN $6::boolean THEN $7 ELSE phone END,"
    "  sealed_phone = CASE WHEN $6::boolean THEN decode($8, 'hex') ELSE sealed_phone END,"
    "  address = CASE WHEN $9::boolean THEN $10 ELSE address END,"
    "  sealed_address = CASE WHEN $9::boolean THEN decode($11, 'hex') ELSE sealed_address END"
    "  WHERE user_id = $1::uuid AND (sealed_email IS NOT NULL) = $2::boolean RETURNING user_id)"
    "UPDATE accounts SET bio = CASE WHEN $12::boolean THEN $13 ELSE bio END,"
    " avatar_url = CASE WHEN $14::boolean THEN $15 ELSE avatar_url END, updated_at = now()"
    " FROM p WHERE id = p.user_id",
    15, true
};

static const struct lp_db_statement delete_user = { "delete_user",
                                                    "DELETE FROM accounts WHERE id = $1::uuid", 1,
                                                    true };

#define END_SESSIONS                                                                     \
    "WITH ended AS (UPDATE sessions SET revoked_at = now() WHERE user_id = $1::uuid AND" \
    " revoked_at IS NULL)"

static const struct lp_db_statement set_role = {
    "set_role",
    END_SESSIONS "UPDATE accounts SET role = $2, updated_at = now() WHERE id = $1::uuid", 2, true
};

static const struct lp_db_statement set_disabled = {
    "set_disabled",
    END_SESSIONS "UPDATE accounts SET updated_at = now(), disabled_at ="
                 " CASE WHEN $2::boolean THEN coalesce(disabled_at, now()) END WHERE id = $1::uuid",
    2, true
};

static const struct lp_db_statement make_admin = {
    "make_admin",
    "UPDATE accounts SET role = 'admin', updated_at = now() WHERE id = " PERSON_BY_EMAIL(
        "$1", "$2") " RETURNING id",
    2, true
};

/* strpos, not LIKE: what is searched for has no wild cards. */
static const struct lp_db_statement list_users = {
    "list_users",
    "SELECT " STORE_USER_COLUMNS " FROM personal.users users"
    " WHERE ($1 = '' OR strpos(lower(email), lower($1)) > 0 OR strpos(lower(name), lower($1)) > 0"
    "  OR id::text = lower($1) OR id = " PERSON_BY_EMAIL(
        "$1", "$4") ")"
                    " AND ($2::uuid IS NULL OR (created_at, id) >"
                    "  (SELECT a.created_at, a.id FROM accounts a WHERE a.id = $2::uuid))"
                    " ORDER BY created_at, id LIMIT $3::int",
    4, true
};

static const struct lp_db_statement put_picture = {
    "put_picture",
    "WITH fresh AS (SELECT gen_random_uuid() AS id),"
    " p AS (INSERT INTO pictures AS o (id, user_id, type, bytes)"
    "  SELECT id, $1::uuid, $2, $3::bytea FROM fresh ON CONFLICT (user_id) DO UPDATE"
    "  SET id = excluded.id, type = excluded.type, bytes = excluded.bytes RETURNING o.id)"
    "UPDATE accounts SET avatar_url = $4 || p.id, updated_at = now() FROM p"
    " WHERE accounts.id = $1::uuid",
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

int store_find_profile(struct lp_db *db, const char *id, struct store_user *ret_user,
                       struct lp_error *err)
{
    PGresult *row = NULL;
    const char *params[] = { id };
    int r = lp_rows_first(db, &find_profile, params, LP_E_NOT_FOUND, &row, err);
    return r < 0 ? r : store_user_take(db, ret_user, row, err);
}

/* Changes the account params[0], and reads it. */
static int run_for_user(struct lp_db *db, const struct lp_db_statement *s,
                        const char *const *params, struct store_user *ret_user,
                        struct lp_error *err)
{
    int r = lp_rows_run(db, s, params, NULL, err);
    return r < 0 ? r : store_find_profile(db, params[0], ret_user, err);
}

static const char *truth(bool value)
{
    return value ? "t" : "f";
}

#define PERSONAL 3
#define TRIES 3 /* fields are sealed once */

/* One try; *ret_n 0: the fields were sealed since `user` was read, or the account is gone. */
static int change_as_read(struct lp_db *db, const struct store_user *user,
                          const struct store_profile *p, unsigned long *ret_n, struct lp_error *err)
{
    static const char *const columns[PERSONAL] = { "name", "phone", "address" };
    const struct store_change *changes[PERSONAL] = { &p->name, &p->phone, &p->address };
    const char *texts[PERSONAL], *params[15] = { user->id, truth(user->master != NULL) };
    const struct person_key key = { user->id, user->master, user->wrapped };
    char *sealed[PERSONAL] = { NULL };
    int r = 0;

    for (int i = 0; i < PERSONAL; i++)
        texts[i] = changes[i]->set ? changes[i]->value : NULL;
    if (user->master)
        r = person_seal(db, &key, PERSONAL, columns, texts, sealed, err);
    for (int i = 0; i < PERSONAL; i++) {
        params[2 + 3 * i] = truth(changes[i]->set);
        params[3 + 3 * i] = user->master ? NULL : texts[i];
        params[4 + 3 * i] = sealed[i];
    }
    params[11] = truth(p->bio.set);
    params[12] = p->bio.value;
    params[13] = truth(p->avatar_url.set);
    params[14] = p->avatar_url.value;
    if (r == 0)
        r = lp_rows_run(db, &change_profile, params, ret_n, err);
    for (int i = 0; i < PERSONAL; i++)
        free(sealed[i]);
    return r;
}

int store_change_profile(struct lp_db *db, const char *id, const struct store_profile *p,
                         struct store_user *ret_user, struct lp_error *err)
{
    unsigned long n = 0;
    int r = 0;
    for (int i = 0; i < TRIES && n == 0 && r == 0; i++) {
        store_auto_user struct store_user user = { 0 };
        r = store_find_profile(db, id, &user, err);
        if (r == 0)
            r = change_as_read(db, &user, p, &n, err);
    }
    if (r == 0 && n == 0)
        return lp_error_set(err, LP_E_CONFLICT, "change_profile: changed by others each time");
    return r < 0 ? r : store_find_profile(db, id, ret_user, err);
}

int store_delete_user(struct lp_db *db, const char *id, struct lp_error *err)
{
    return lp_rows_run(db, &delete_user, (const char *[]){ id }, NULL, err);
}

/* The statement ends the sessions that it sees; those that began while it waited for the account
 * end here, and none begins with the former role after that (store_start_session). */
int store_set_role(struct lp_db *db, const char *id, const char *role, struct store_user *ret_user,
                   struct lp_error *err)
{
    int r = lp_rows_run(db, &set_role, (const char *[]){ id, role }, NULL, err);
    if (r == 0)
        r = store_end_sessions_of(db, id, NULL, err);
    return r < 0 ? r : store_find_profile(db, id, ret_user, err);
}

int store_set_disabled(struct lp_db *db, const char *id, bool disabled, struct store_user *ret_user,
                       struct lp_error *err)
{
    return run_for_user(db, &set_disabled, (const char *[]){ id, truth(disabled) }, ret_user, err);
}

int store_make_admin(struct lp_db *db, const char *email, char ret_id[STORE_UUID],
                     struct lp_error *err)
{
    char lookup[SEAL_LOOKUP];
    const char *params[] = { email, NULL };
    int r = person_lookup(db, email, lookup, &params[1], err);
    if (r == 0)
        r = lp_rows_value(db, &make_admin, params, ret_id, STORE_UUID, err);
    if (r == 0 && !ret_id[0])
        return lp_error_set(err, LP_E_NOT_FOUND, "no account has this e-mail address");
    return r;
}

void store_page_done(struct store_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        store_user_done(&p->users[i]);
    free(p->users);
    PQclear(p->rows);
    *p = (struct store_page){ 0 };
}

static int read_page(struct lp_db *db, PGresult *rows, struct store_page *ret_page,
                     struct lp_error *err)
{
    size_t n = (size_t)PQntuples(rows);
    struct store_page page = { rows, lp_alloc(n * sizeof *page.users + 1), n };
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i++)
        r = store_user_read(db, &page.users[i], rows, (int)i, err);
    if (r < 0)
        store_page_done(&page);
    else
        *ret_page = page;
    return r;
}

int store_list_users(struct lp_db *db, const char *search, const char *after, int limit,
                     struct store_page *ret_page, struct lp_error *err)
{
    char most[12], lookup[SEAL_LOOKUP];
    PGresult *rows = NULL;
    snprintf(most, sizeof most, "%d", limit);
    const char *params[] = { search, after[0] ? after : NULL, most, NULL };
    int r = person_lookup(db, search, lookup, &params[3], err);
    if (r == 0)
        r = lp_db_run(db, &list_users, params, &rows, err);
    return r < 0 ? r : read_page(db, rows, ret_page, err);
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
