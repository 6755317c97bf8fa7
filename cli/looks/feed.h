/* cli/looks/feed.h -- the watches of an HPA, its Deployment and its pods, and what they told that
 * nobody has taken yet. */
#pragma once

#include <jansson.h>

#include "base/stop.h"
#include "kube/client.h"

/* Of the HPA as it became, with what else was there when that came. Owned by who takes it. */
struct feed_item {
    json_t *hpa;  /* NULL: nothing came in the time */
    bool gone;    /* the HPA was deleted */
    json_t *pods; /* by name */
    int64_t at_ms;
    int64_t spec, spec_before; /* as in cli/looks/rows.h */
};
void feed_item_done(struct feed_item *item);
#define feed_auto_item __attribute__((cleanup(feed_item_done)))

/* Opaque: hides a lock; one thread takes. */
struct feed;

/* `name` of the HPA and of the Deployment, whose pods `selector` chooses. The stop ends every wait,
 * and the watches. */
LP_MUST_USE int feed_start(struct lp_kube_config *config, struct lp_stop *stop, const char *ns,
                           const char *name, const char *selector, struct feed **ret_feed,
                           struct lp_error *err);
/* After the stop was requested. */
void feed_join(struct feed *feed);

/* Waits until all of it was listed once: the HPA as it is then. LP_E_TIMEOUT or LP_E_DENIED
 * with why a watch fails; LP_E_NOT_FOUND: there is no such HPA; LP_E_CANCELED. */
LP_MUST_USE int feed_wait(struct feed *feed, int64_t timeout_ms, struct feed_item *ret_first,
                          struct lp_error *err);

/* The oldest change of the HPA, waiting for it until lp_clock_wall_ms() is until_ms or the stop is
 * requested; without one what is there now. */
void feed_take(struct feed *feed, int64_t until_ms, struct feed_item *ret_item);
