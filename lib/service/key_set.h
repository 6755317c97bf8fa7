/* lib/service/key_set.h -- keys that are exchanged while they are used. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "service/jwt.h"

/* Keys that never change; freed with their last holder. */
struct lp_key_set {
    atomic_uint holders;
    struct lp_jwt_keys *keys;
};

/* Takes over `keys`; one holder, the caller. */
struct lp_key_set *lp_key_set_new(struct lp_jwt_keys *keys);

/* The set that is in use now. Hides a lock; any thread. */
struct lp_key_slot {
    pthread_mutex_t lock;
    struct lp_key_set *set; /* never NULL between the first _put and _done */
    uint64_t turn;          /* of the set: what _put was given */
};
void lp_key_slot_init(struct lp_key_slot *slot);
void lp_key_slot_done(struct lp_key_slot *slot);

/* Takes over `set`, which takes the place of one of a smaller `turn` (from 1); else it is released,
 * and false is returned: what was begun later knows better. */
bool lp_key_slot_put(struct lp_key_slot *slot, struct lp_key_set *set, uint64_t turn);

/* Grows with every exchange. */
uint64_t lp_key_slot_turn(struct lp_key_slot *slot);

/* lp_jwt_verify of an access token with the keys of the slot. */
LP_MUST_USE int lp_key_slot_verify(struct lp_key_slot *slot, const char *token, size_t len,
                                   json_t **ret_claims, struct lp_error *err);
