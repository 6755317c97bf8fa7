/* services/auth/privacy/vault.h -- the keys of personal fields, as long as the program runs. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "services/auth/privacy/master.h"
#include "services/auth/privacy/seal.h"

/* A wrapped key in hexadecimal, with the NUL. */
#define VAULT_WRAPPED (2 * (SEAL_KEY + SEAL_EXTRA) + 1)

/* Opaque: hides a lock and keys. Any thread. */
struct vault;

/* `dir` as masters_read(), "": no master key; borrowed. LP_E_INVALID. */
LP_MUST_USE int vault_new(const char *dir, struct vault **ret_vault, struct lp_error *err);
void vault_free(struct vault *v);

/* Reads the folder again; true where the keys are others now. What is wrong, and keys without the
 * one in use, is LP_E_INVALID, and the former keys stay. */
LP_MUST_USE int vault_reread(struct vault *v, bool *ret_changed, struct lp_error *err);

/* The names of its master keys; "" where there is none. */
void vault_names(struct vault *v, char ret_current[SEAL_ID], char ret_previous[SEAL_ID]);

/* Of the user `user`, wrapped by a master key. */
struct vault_key {
    char master[SEAL_ID], wrapped[VAULT_WRAPPED];
};

/* What the database says (keeper.c): the key of lookups (NULL: there is none), whether new fields
 * are to be sealed, and which master key wraps new keys. From then on it is open. LP_E_DENIED: the
 * key of lookups is wrapped by no master key of ours. */
LP_MUST_USE int vault_open(struct vault *v, const struct vault_key *lookup, bool seals,
                           const char *active, struct lp_error *err);
bool vault_is_open(struct vault *v);
bool vault_seals(struct vault *v);
/* False where fields are found as they are; else how this e-mail is found. */
bool vault_lookup(struct vault *v, const char *email, char ret_hex[SEAL_LOOKUP]);

/* A new key, wrapped for `owner` (a uuid, or VAULT_LOOKUP) by the active master key. LP_E_INTERNAL.
 */
#define VAULT_LOOKUP "lookup"
LP_MUST_USE int vault_make(struct vault *v, const char *owner, unsigned char ret_key[SEAL_KEY],
                           struct vault_key *ret_wrapped, struct lp_error *err);
/* LP_E_UNAVAILABLE: no master key of ours wrapped it (yet: a pod that has read the Secret's change
 * before us did); LP_E_DENIED: it was changed. */
LP_MUST_USE int vault_unwrap(struct vault *v, const char *owner, const char *master,
                             const char *wrapped, unsigned char ret_key[SEAL_KEY],
                             struct lp_error *err);
/* The same key, wrapped by the current master key. Errors of both. */
LP_MUST_USE int vault_rewrap(struct vault *v, const char *owner, const struct vault_key *old,
                             struct vault_key *ret_new, struct lp_error *err);
