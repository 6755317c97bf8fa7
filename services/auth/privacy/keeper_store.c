/* services/auth/privacy/keeper_store.c -- see keeper_store.h. One statement each, any thread. */
#include "services/auth/privacy/keeper_store.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "postgres/rows.h"

const char *const keeper_columns[KEEPER_FIELDS] = { "email", "name", "phone", "address" };

static const struct lp_db_statement beat = {
    "keeper_beat",
    "WITH gone AS (DELETE FROM personal_keys.pods WHERE seen_at < now() - interval '1 hour')"
    "INSERT INTO personal_keys.pods (id, masters, ready, seen_at)"
    " VALUES ($1::uuid, ARRAY[$2::text, $3::text], $4::boolean, now()) ON CONFLICT (id) DO UPDATE"
    " SET masters = excluded.masters, ready = excluded.ready, seen_at = now()",
    4, true
};
static const struct lp_db_statement leave = { "keeper_leave",
                                              "DELETE FROM personal_keys.pods WHERE id = $1::uuid",
                                              1, true };

/* Programs of before this version call themselves lp-auth; this one lp-auth-2 (main.c). */
#define LIVE "seen_at > now() - interval '30 seconds'"
static const struct lp_db_statement look = {
    "keeper_look",
    "SELECT l.master, encode(l.wrapped, 'hex'), l.begun_at IS NOT NULL,"
    " NOT EXISTS (SELECT FROM personal_keys.pods WHERE " LIVE " AND NOT $1 = ANY (masters))"
    "  AND NOT EXISTS (SELECT FROM pg_stat_activity"
    "   WHERE datname = current_database() AND application_name = 'lp-auth'),"
    " NOT EXISTS (SELECT FROM personal_keys.pods WHERE " LIVE " AND NOT ready)"
    " FROM (VALUES (1)) one LEFT JOIN personal_keys.lookup l ON true",
    1, true
};
static const struct lp_db_statement foreign = {
    "keeper_foreign",
    "SELECT master FROM personal_keys.keys WHERE master <> $1 AND master <> $2 LIMIT 1", 2, true
};
static const struct lp_db_statement put_lookup = {
    "keeper_put_lookup",
    "INSERT INTO personal_keys.lookup (master, wrapped) VALUES ($1, decode($2, 'hex'))"
    " ON CONFLICT DO NOTHING",
    2, true
};
static const struct lp_db_statement change_lookup = {
    "keeper_change_lookup",
    "UPDATE personal_keys.lookup SET master = $1, wrapped = decode($2, 'hex')"
    " WHERE wrapped = decode($3, 'hex')",
    3, true
};
static const struct lp_db_statement begin = {
    "keeper_begin", "UPDATE personal_keys.lookup SET begun_at = now() WHERE begun_at IS NULL", 0,
    true
};
static const struct lp_db_statement drop_view = { "keeper_drop_view", "DROP VIEW IF EXISTS users",
                                                  0, true };
static const struct lp_db_statement plain_rows = {
    "keeper_plain",
    "SELECT user_id, email, name, phone, address FROM personal.people WHERE sealed_email IS NULL"
    " ORDER BY user_id LIMIT 100",
    0, true
};
static const struct lp_db_statement old_keys = {
    "keeper_old_keys",
    "SELECT user_id, master, encode(wrapped, 'hex') FROM personal_keys.keys"
    " WHERE master < $1 OR master > $1 LIMIT 100",
    1, true
};
static const struct lp_db_statement seal = {
    "keeper_seal",
    "WITH s AS (UPDATE personal.people SET lookup = decode($2, 'hex'),"
    "  sealed_email = decode($3, 'hex'), sealed_name = decode($4, 'hex'),"
    "  sealed_phone = decode($5, 'hex'), sealed_address = decode($6, 'hex'),"
    "  email = NULL, name = NULL, phone = NULL, address = NULL"
    "  WHERE user_id = $1::uuid AND sealed_email IS NULL AND email = $7"
    "  AND name IS NOT DISTINCT FROM $8 AND phone IS NOT DISTINCT FROM $9"
    "  AND address IS NOT DISTINCT FROM $10 RETURNING user_id)"
    "INSERT INTO personal_keys.keys (user_id, master, wrapped)"
    " SELECT user_id, $11, decode($12, 'hex') FROM s ON CONFLICT (user_id) DO UPDATE"
    " SET master = excluded.master, wrapped = excluded.wrapped",
    12, true
};
static const struct lp_db_statement change_key = {
    "keeper_change_key",
    "UPDATE personal_keys.keys SET master = $2, wrapped = decode($3, 'hex')"
    " WHERE user_id = $1::uuid AND wrapped = decode($4, 'hex')",
    4, true
};

int keeper_beat(struct lp_db *db, const char *id, const char *current, const char *previous,
                bool ready, struct lp_error *err)
{
    const char *params[] = { id, current, previous, ready ? "t" : "f" };
    return lp_rows_run(db, &beat, params, NULL, err);
}

void keeper_leave(struct lp_db *db, const char *id)
{
    struct lp_error err; /* else it is forgotten in half a minute */
    if (lp_rows_run(db, &leave, (const char *[]){ id }, NULL, &err) < 0)
        return;
}

int keeper_look(struct lp_db *db, const char *current, struct keeper_state *ret_state,
                struct lp_error *err)
{
    PGresult *row = NULL;
    struct keeper_state s = { 0 };
    int r = lp_rows_first(db, &look, (const char *[]){ current }, LP_E_INTERNAL, &row, err);
    if (r < 0)
        return r;
    const char *master = lp_rows_text(row, 0, 0), *wrapped = lp_rows_text(row, 0, 1);
    s.has_lookup = master && wrapped;
    snprintf(s.lookup.master, sizeof s.lookup.master, "%s", master ? master : "");
    snprintf(s.lookup.wrapped, sizeof s.lookup.wrapped, "%s", wrapped ? wrapped : "");
    s.begun = *PQgetvalue(row, 0, 2) == 't';
    s.all_know = *PQgetvalue(row, 0, 3) == 't';
    s.all_ready = *PQgetvalue(row, 0, 4) == 't';
    PQclear(row);
    *ret_state = s;
    return 0;
}

int keeper_foreign(struct lp_db *db, const char *current, const char *previous,
                   char ret_master[SEAL_ID], struct lp_error *err)
{
    const char *params[] = { current, previous };
    return lp_rows_value(db, &foreign, params, ret_master, SEAL_ID, err);
}

int keeper_put_lookup(struct lp_db *db, const struct vault_key *lookup, struct lp_error *err)
{
    const char *params[] = { lookup->master, lookup->wrapped };
    return lp_rows_run(db, &put_lookup, params, NULL, err);
}

int keeper_change_lookup(struct lp_db *db, const struct vault_key *old,
                         const struct vault_key *lookup, struct lp_error *err)
{
    const char *params[] = { lookup->master, lookup->wrapped, old->wrapped };
    return lp_rows_run(db, &change_lookup, params, NULL, err);
}

int keeper_begin(struct lp_db *db, struct lp_error *err)
{
    int r = lp_rows_run(db, &drop_view, NULL, NULL, err);
    return r < 0 ? r : lp_rows_run(db, &begin, NULL, NULL, err);
}

int keeper_plain(struct lp_db *db, PGresult **ret_rows, struct lp_error *err)
{
    return lp_db_run(db, &plain_rows, NULL, ret_rows, err);
}

int keeper_old_keys(struct lp_db *db, const char *current, PGresult **ret_rows,
                    struct lp_error *err)
{
    return lp_db_run(db, &old_keys, (const char *[]){ current }, ret_rows, err);
}

int keeper_seal(struct lp_db *db, const char *id, const char *lookup,
                const char *const plain[KEEPER_FIELDS], const char *const sealed[KEEPER_FIELDS],
                const struct vault_key *key, struct lp_error *err)
{
    const char *params[] = { id,       lookup,   sealed[0], sealed[1], sealed[2],   sealed[3],
                             plain[0], plain[1], plain[2],  plain[3],  key->master, key->wrapped };
    return lp_rows_run(db, &seal, params, NULL, err);
}

int keeper_change_key(struct lp_db *db, const char *id, const struct vault_key *old,
                      const struct vault_key *key, struct lp_error *err)
{
    const char *params[] = { id, key->master, key->wrapped, old->wrapped };
    return lp_rows_run(db, &change_key, params, NULL, err);
}
