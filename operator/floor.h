/* operator/floor.h -- the leader lifts the minReplicas of HPAs, from second to second: in bursts,
 * while metrics are lost, and by the queue depth where there is no metrics API. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/adapter.h"
#include "base/stop.h"
#include "kube/config.h"
#include "operator/cache/cache.h"
#include "operator/floor_history.h"

struct floor_options {
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    struct adapter *adapter;                /* knows the depths */
    bool (*leads)(void *user);              /* whether we are the one who writes; any thread */
    int64_t (*writes_until_ms)(void *user); /* as in kube/client.h */
    void *user;                             /* of both */
    struct informer_cache *cache;           /* knows the HPAs and whose they are */
};

/* One thread, which looks into the cache twice a second. Everything must outlive floor_join. */
struct floor;
LP_MUST_USE int floor_start(const struct floor_options *options, struct floor **ret_floor,
                            struct lp_error *err);
/* After the stop was requested. NULL is fine. */
void floor_join(struct floor *f);
