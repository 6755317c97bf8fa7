/* services/auth/passwords/checks.h -- is this the password: at the least cost that is safe. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "services/auth/passwords/hashpool.h"
#include "services/auth/passwords/verified.h"

/* Opaque: hides a lock. Any thread. */
struct checks;

/* Both are borrowed until _free. */
struct checks *checks_new(struct hashpool *pool, struct verified *verified);
/* Nobody may be inside checks_verify. */
void checks_free(struct checks *c);

/* What the database has of an account; borrowed. */
struct checks_stored {
    const char *email;
    const char *hash;  /* NULL: no such account; "": one without a password */
    const char *decoy; /* another account's hash, or NULL */
};

/*
 * Whether `password` is that of the account. Where it has none nothing matches, at the cost of the
 * decoy: accounts that are not there cost what those that are there cost, whatever their hashes
 * were made with. A password verified lately
 * costs nothing; requests with the same account, hash and password at the same time share one hash.
 * Else a place of the pool is needed: LP_E_UNAVAILABLE at once where none is free. Other errors and
 * ret_newer: as hashpool_verify; only one of those who share gets ret_newer.
 */
LP_MUST_USE int checks_verify(struct checks *c, const struct checks_stored *stored,
                              const char *password, const struct hashpool_patience *patience,
                              bool *ret_matches, char ret_newer[PASSWORD_HASH_MAX],
                              struct lp_error *err);

/* `password` is right for `hash`: it was just made of it. */
void checks_remember(struct checks *c, const char *hash, const char *password);
