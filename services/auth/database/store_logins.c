/*
 * Failures are counted under hashes, so that the table holds neither addresses nor e-mails, and an
 * unknown account counts as a known one. Only account and address together are ever refused: who
 * could stop an account, or a school's address, with wrong passwords would have a weapon.
 */
#include "services/auth/database/store_logins.h"

#include <stdio.h>

#include "postgres/rows.h"
#include "services/auth/database/person.h"

#define KEPT "interval '1800 seconds'" /* STORE_KEPT_S */
/* How long failures of a pair block it, from the last one on: 5 are STORE_FREE_TRIES. */
#define BACKOFF "CASE WHEN failures < 5 THEN 0 ELSE least(900, 2 ^ least(failures - 5, 20)) END"
#define FREE_AT "last_at + interval '1 second' * " BACKOFF
#define LEFT_MS "ceil(extract(epoch FROM " FREE_AT " - now()) * 1000)::bigint"
#define COUNT(parameter)                                                 \
    "(SELECT failures FROM login_failures WHERE key = decode(" parameter \
    ", 'hex') AND last_at > now() - " KEPT ")"

/* From a place among the accounts that have a password; behind the last comes the first. */
#define DECOY(from) \
    "(SELECT password FROM accounts WHERE password <> '' " from " ORDER BY id LIMIT 1)"

static const struct lp_db_statement begin_login = {
    "begin_login",
    "SELECT " STORE_USER_COLUMNS ", users.password,"
    " (SELECT greatest(0, " LEFT_MS ") FROM login_failures WHERE key = decode($2, 'hex')),"
    " " COUNT("$2") ", " COUNT("$3") ", " COUNT(
        "$4") ","
              " CASE WHEN coalesce(users.password, '') = '' THEN"
              "  coalesce(" DECOY("AND id >= $6::uuid") ", " DECOY(
                  "") ") END"
                      " FROM (VALUES (1)) one"
                      " LEFT JOIN personal.users users ON users.id = " PERSON_BY_EMAIL("$1", "$5"),
    6, true
};

/* last_at moves on, so that the next request is blocked; of two at once one finds it moved. */
static const struct lp_db_statement take_try = {
    "take_try",
    "WITH taken AS (UPDATE login_failures SET last_at = now()"
    " WHERE key = decode($1, 'hex') AND " FREE_AT " <= now() RETURNING 1)"
    "SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 0 ELSE coalesce("
    "(SELECT greatest(1, " LEFT_MS ") FROM login_failures WHERE key = decode($1, 'hex')), 0) END",
    1, false
};

/* In the order of their keys, so that two at once wait for each other one way round only. */
static const struct lp_db_statement note_failure = {
    "note_failure",
    "WITH noted AS (INSERT INTO login_failures AS f (key, failures, last_at)"
    " SELECT key, 1, now() FROM (VALUES (decode($1, 'hex')), (decode($2, 'hex')),"
    "  (decode($3, 'hex'))) AS v (key) ORDER BY key"
    " ON CONFLICT (key) DO UPDATE SET last_at = now(), failures ="
    "  CASE WHEN f.last_at > now() - " KEPT " THEN f.failures + 1 ELSE 1 END"
    " RETURNING key, failures, last_at)"
    "SELECT " LEFT_MS " FROM noted WHERE key = decode($1, 'hex')",
    3, false
};

static const struct lp_db_statement forget_failures = {
    "forget_failures", "DELETE FROM login_failures WHERE key = decode($1, 'hex')", 1, true
};

int store_begin_login(struct lp_db *db, const char *email, const char *place,
                      const struct store_guess_keys *keys, struct store_user *ret_user,
                      struct store_guesses *ret_guesses, struct lp_error *err)
{
    PGresult *row = NULL;
    char lookup[SEAL_LOOKUP];
    const char *params[] = { email, keys->pair, keys->account, keys->address, NULL, place };
    int r = person_lookup(db, email, lookup, &params[4], err);
    if (r == 0)
        r = lp_rows_first(db, &begin_login, params, LP_E_INTERNAL, &row, err);
    if (r < 0)
        return r;
    *ret_guesses = (struct store_guesses){
        .blocked_ms = lp_rows_number(row, 0, STORE_USER_MORE + 1),
        .pair = lp_rows_number(row, 0, STORE_USER_MORE + 2),
        .account = lp_rows_number(row, 0, STORE_USER_MORE + 3),
        .address = lp_rows_number(row, 0, STORE_USER_MORE + 4),
    };
    r = store_user_take(db, ret_user, row, err);
    if (r == 0)
        ret_user->decoy = lp_rows_text(row, 0, STORE_USER_MORE + 5);
    return r;
}

static int run_for_ms(struct lp_db *db, const struct lp_db_statement *s, const char *const *params,
                      int64_t *ret_ms, struct lp_error *err)
{
    PGresult *row = NULL;
    int r = lp_rows_first(db, s, params, LP_E_INTERNAL, &row, err);
    if (r < 0)
        return r;
    *ret_ms = lp_rows_number(row, 0, 0);
    PQclear(row);
    return 0;
}

int store_take_try(struct lp_db *db, const struct store_guess_keys *keys, int64_t *ret_blocked_ms,
                   struct lp_error *err)
{
    return run_for_ms(db, &take_try, (const char *[]){ keys->pair }, ret_blocked_ms, err);
}

int store_note_failure(struct lp_db *db, const struct store_guess_keys *keys,
                       int64_t *ret_blocked_ms, struct lp_error *err)
{
    const char *params[] = { keys->pair, keys->account, keys->address };
    return run_for_ms(db, &note_failure, params, ret_blocked_ms, err);
}

int store_forget_failures(struct lp_db *db, const struct store_guess_keys *keys,
                          struct lp_error *err)
{
    return lp_rows_run(db, &forget_failures, (const char *[]){ keys->pair }, NULL, err);
}
