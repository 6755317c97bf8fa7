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

/*
 * Whether `password` is that of the account `email` with the stored `hash` (NULL: no such account,
 * "": one without a password; both cost the same and match nothing). A password verified lately
 * costs nothing; requests with the same account, hash and password at the same time share one hash.
 * Else a place of the pool is needed: LP_E_UNAVAILABLE at once where none is free. Other errors and
 * ret_newer: as hashpool_verify; only one of those who share gets ret_newer.
 */
LP_MUST_USE int checks_verify(struct checks *c, const char *email, const char *hash,
                              const char *password, const struct hashpool_patience *patience,
                              bool *ret_matches, char ret_newer[PASSWORD_HASH_MAX],
                              struct lp_error *err);

/* `password` is right for `hash`: it was just made of it. */
void checks_remember(struct checks *c, const char *hash, const char *password);
