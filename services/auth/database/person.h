/* services/auth/database/person.h -- personal fields between the rows and the program: as they are,
 * or sealed by the vault, which is the database's context. Any thread. */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"
#include "postgres/db.h"
#include "services/auth/privacy/vault.h"

/*
 * How the account of an e-mail is found: *ret_param is `lookup`, or NULL where fields are not
 * sealed. LP_E_UNAVAILABLE: what the database holds was not read yet.
 */
LP_MUST_USE int person_lookup(struct lp_db *db, const char *email, char lookup[SEAL_LOOKUP],
                              const char **ret_param, struct lp_error *err);

/* The id of the one account whose e-mail it is, given and as its lookup: a value in SQL. */
#define PERSON_BY_EMAIL(email, lookup)                                              \
    "(SELECT user_id FROM personal.people WHERE lower(email) = lower(" email        \
    ") UNION ALL SELECT user_id FROM personal.people WHERE lookup = decode(" lookup \
    ", 'hex') LIMIT 1)"

/* A user's key, as a row has it. */
struct person_key {
    const char *id, *master, *wrapped; /* borrowed; master NULL: fields are as they are */
};

/*
 * The part `may_mail` of a statement that has `u`, the account that a mail is to go to: it has a
 * row where no more than two mails were asked for within the last hour to that address, given as
 * to PERSON_BY_EMAIL and the same in whatever case that finds it, whatever became of accounts with
 * it. A row's lock makes two at once come one after the other, and the second sees the first.
 */
#define PERSON_MAY_MAIL(email, lookup)                                                   \
    "may_mail AS (INSERT INTO mailed_addresses AS a (key, mailed_at)"                    \
    "  SELECT coalesce(decode(" lookup ", 'hex'),"                                       \
    "   sha256(convert_to(lower(" email "), 'UTF8'))), ARRAY[now()] FROM u"              \
    "  ON CONFLICT (key) DO UPDATE SET"                                                  \
    "  mailed_at = (a.mailed_at || now())[greatest(1, cardinality(a.mailed_at) - 1):]"   \
    "  WHERE cardinality(a.mailed_at) < 3 OR a.mailed_at[1] < now() - interval '1 hour'" \
    "  RETURNING 1)"

/* The texts of `sealed` (hexadecimal, NULL: none) in `columns`; the caller's, NULL for none. Errors
 * of vault_unwrap and seal_open, the latter as LP_E_INTERNAL: what is stored was changed. */
LP_MUST_USE int person_open(struct lp_db *db, const struct person_key *key, size_t n,
                            const char *const *columns, const char *const *sealed, char **ret_texts,
                            struct lp_error *err);

/* The other way round, under a key that is there. */
LP_MUST_USE int person_seal(struct lp_db *db, const struct person_key *key, size_t n,
                            const char *const *columns, const char *const *texts, char **ret_sealed,
                            struct lp_error *err);
/* Under a new key. */
LP_MUST_USE int person_seal_new(struct lp_db *db, const char *id, size_t n,
                                const char *const *columns, const char *const *texts,
                                struct vault_key *ret_key, char **ret_sealed, struct lp_error *err);
/* Whether a new person's fields are to be sealed. */
bool person_seals(struct lp_db *db);
