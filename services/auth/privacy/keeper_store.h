/* services/auth/privacy/keeper_store.h -- the keeper's statements: which pods live and what they
 * know, wrapped keys, fields that are not sealed yet. */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"
#include "postgres/db.h"
#include "services/auth/privacy/vault.h"

#define KEEPER_BATCH 100 /* rows of one look */

/* What the database and the other pods know. */
struct keeper_state {
    bool has_lookup;
    struct vault_key lookup;
    bool begun; /* new fields are sealed */
    bool all_know, all_ready;
};

/* All functions here: errors of lp_db_run. This pod `id` lives, has these master keys ("": none),
 * and is ready: it finds by lookups and opens what is sealed. */
LP_MUST_USE int keeper_beat(struct lp_db *db, const char *id, const char *current,
                            const char *previous, bool ready, struct lp_error *err);
void keeper_leave(struct lp_db *db, const char *id);

/* all_know: each pod of the last half a minute has the master key `current`, and none of before
 * this version is connected. all_ready: each is ready. */
LP_MUST_USE int keeper_look(struct lp_db *db, const char *current, struct keeper_state *ret_state,
                            struct lp_error *err);
/* A master key that keys are wrapped by and that is neither of the two; "": there is none. */
LP_MUST_USE int keeper_foreign(struct lp_db *db, const char *current, const char *previous,
                               char ret_master[SEAL_ID], struct lp_error *err);

/* The first one wins; another pod's stays. */
LP_MUST_USE int keeper_put_lookup(struct lp_db *db, const struct vault_key *lookup,
                                  struct lp_error *err);
/* In place of `old` alone. */
LP_MUST_USE int keeper_change_lookup(struct lp_db *db, const struct vault_key *old,
                                     const struct vault_key *lookup, struct lp_error *err);
/* From now on new fields are sealed, and what served pods of before this version is gone. */
LP_MUST_USE int keeper_begin(struct lp_db *db, struct lp_error *err);

/* Up to KEEPER_BATCH rows; the caller's. Of people that are not sealed: id, email, name, phone,
 * address. Of keys that another master key than `current` wraps: id, master, wrapped. */
LP_MUST_USE int keeper_plain(struct lp_db *db, PGresult **ret_rows, struct lp_error *err);
LP_MUST_USE int keeper_old_keys(struct lp_db *db, const char *current, PGresult **ret_rows,
                                struct lp_error *err);

/* Fields in the order email, name, phone, address; NULL: there is none. */
#define KEEPER_FIELDS 4
extern const char *const keeper_columns[KEEPER_FIELDS];
/* Does nothing where a field is not `plain` any longer. */
LP_MUST_USE int keeper_seal(struct lp_db *db, const char *id, const char *lookup,
                            const char *const plain[KEEPER_FIELDS],
                            const char *const sealed[KEEPER_FIELDS], const struct vault_key *key,
                            struct lp_error *err);
LP_MUST_USE int keeper_change_key(struct lp_db *db, const char *id, const struct vault_key *old,
                                  const struct vault_key *key, struct lp_error *err);
