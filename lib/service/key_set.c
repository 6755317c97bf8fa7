/* lib/service/key_set.c -- see the header. */
#include "service/key_set.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

struct lp_key_set *lp_key_set_new(struct lp_jwt_keys *keys)
{
    struct lp_key_set *s = lp_alloc(sizeof *s);

    s->keys = keys;
    atomic_init(&s->holders, 1);
    return s;
}

static void lp_key_set_release(struct lp_key_set *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) > 1)
        return;
    lp_jwt_keys_free(s->keys);
    free(s);
}

void lp_key_slot_init(struct lp_key_slot *slot)
{
    *slot = (struct lp_key_slot){ .set = NULL };
    pthread_mutex_init(&slot->lock, NULL);
}

void lp_key_slot_done(struct lp_key_slot *slot)
{
    lp_key_set_release(slot->set);
    pthread_mutex_destroy(&slot->lock);
}

/* A hold on it, which the caller releases. */
static struct lp_key_set *lp_key_slot_get(struct lp_key_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    struct lp_key_set *s = slot->set;
    atomic_fetch_add(&s->holders, 1);
    pthread_mutex_unlock(&slot->lock);
    return s;
}

bool lp_key_slot_put(struct lp_key_slot *slot, struct lp_key_set *set, uint64_t turn)
{
    pthread_mutex_lock(&slot->lock);
    struct lp_key_set *loser = set;
    bool taken = turn > slot->turn;
    if (taken) {
        loser = slot->set;
        slot->set = set;
        slot->turn = turn;
    }
    pthread_mutex_unlock(&slot->lock);
    lp_key_set_release(loser);
    return taken;
}

uint64_t lp_key_slot_turn(struct lp_key_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    uint64_t turn = slot->turn;
    pthread_mutex_unlock(&slot->lock);
    return turn;
}

int lp_key_slot_verify(struct lp_key_slot *slot, const char *token, size_t len, json_t **ret_claims,
                       struct lp_error *err)
{
    struct lp_key_set *s = lp_key_slot_get(slot);
    int r = lp_jwt_verify(s->keys, token, len, &lp_jwt_access, lp_clock_wall_ms() / 1000,
                          ret_claims, err);

    lp_key_set_release(s);
    return r;
}
