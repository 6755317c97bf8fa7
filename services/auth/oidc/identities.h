/* services/auth/oidc/identities.h -- which account is whose at the issuer, and which logins ended.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/store.h"

/* Somebody at an issuer; `role` is what the map gives them now, NULL: nothing. */
struct identity_at {
    const char *issuer, *subject, *role;
};

/* All functions here: errors of lp_db_run. Any thread. */

/* Marks the state of a login as used, until it expires. LP_E_DENIED: it was used before. */
LP_MUST_USE int identities_use_state(struct lp_db *db, const char *state_hash, int64_t expires_s,
                                     struct lp_error *err);

/*
 * A login of who is linked already: the id of their account. A role that the map gave before and
 * gives no longer ends, a new one comes; both end the account's sessions, as store_set_role does,
 * and *ret_role_changed says so. A role that an admin gave meanwhile stays until the map's changes.
 * LP_E_NOT_FOUND: nobody is.
 */
LP_MUST_USE int identities_log_in(struct lp_db *db, const struct identity_at *who,
                                  char ret_id[STORE_UUID], bool *ret_role_changed,
                                  struct lp_error *err);

/*
 * Links them with account `id`, whose role still is `role_seen`, and gives it the map's role if
 * there is one. The issuer says that the address is theirs: where the account has not shown that
 * itself, its password, sessions, codes and mails end, as whoever made it may be another, and its
 * address counts as verified from now on (*ret_taken_over). LP_E_NOT_FOUND: no such account any
 * more, it is disabled, or its role is another by now. LP_E_EXISTS: they are linked already, or the
 * account is with somebody else of that issuer.
 */
LP_MUST_USE int identities_link(struct lp_db *db, const struct identity_at *who, const char *id,
                                const char *role_seen, bool *ret_taken_over, struct lp_error *err);
