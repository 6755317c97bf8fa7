/* services/auth/passwords/password.h -- hashes of passwords: argon2id (RFC 9106) made and checked,
 * bcrypt checked. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PASSWORD_HASH_MAX 128 /* bytes of a stored hash, with its NUL */

/* Memory in KiB, passes; one lane. */
struct password_params {
    uint32_t memory_kib, passes;
};

/* The values of PASSWORD_HASH, ending with NULL: auto, then OWASP's argon2id settings, which are
 * equally strong (Password Storage Cheat Sheet). */
extern const char *const password_settings[];

/*
 * Parameters of one of password_settings. auto: those that cost least CPU where the pod has under
 * one CPU (7 MiB and 5 passes take half the time of 19 MiB and 2), else 19 MiB and 2 passes.
 * `cpu_quota`: as cpu_quota().
 */
struct password_params password_params_of(const char *setting, double cpu_quota);

/* The same form, with a hash that nothing matches: random bytes, at the cost of none. Compared with
 * it a password takes as long as with a real one. LP_E_INTERNAL. */
LP_MUST_USE int password_of_nobody(const struct password_params *params,
                                   char ret_hash[PASSWORD_HASH_MAX], struct lp_error *err);

/* A PHC string "$argon2id$v=19$m=…,t=…,p=1$salt$hash" with a new salt. LP_E_INTERNAL. */
LP_MUST_USE int password_hash(const struct password_params *params, const char *password,
                              char ret_hash[PASSWORD_HASH_MAX], struct lp_error *err);

/*
 * Compares in constant time. `hash`: argon2id as above, or bcrypt $2a$, $2b$, $2y$ of cost 4..14.
 * *ret_matches is set where it succeeds. LP_E_INVALID: a hash of another kind or out of limits (the
 * message does not hold it).
 */
LP_MUST_USE int password_verify(const char *hash, const char *password, bool *ret_matches,
                                struct lp_error *err);

/* True where `hash` was not made with `params`: hash again once the password is known. */
bool password_is_outdated(const struct password_params *params, const char *hash);
