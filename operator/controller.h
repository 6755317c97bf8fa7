/* operator/controller.h -- queue, workers and leadership around reconcile.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/policy/traffic.h"
#include "base/stop.h"
#include "kube/config.h"
#include "operator/cache/cache.h"
#include "operator/hold/journal.h"
#include "platform/plan.h"

struct controller_options {
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    const struct plan_images *images;
    const struct scope *scope; /* must outlive the controller, as all of these */
    const char *instance;      /* our pod */
    unsigned workers;
    int64_t resync_ms; /* how often each platform is looked at without any change, +-10 % */
    bool (*metrics_conflict)(void *user, char why[256]); /* as in reconcile.h */
    /* What a service has to do now; NULL: nobody knows. */
    void (*traffic)(void *user, const char *ns, const char *service, struct traffic *ret_traffic);
    void (*measured)(void *user, const char *ns, const char *service,
                     struct measured *ret_measured);
    void *metrics_user;                     /* of both */
    struct journal *journal;                /* borrowed; NULL: none */
    int64_t (*writes_until_ms)(void *user); /* the workers' fence, as in kube/client.h */
    void *fence_user;
};

/* Every replica watches; only the leader reconciles. Opaque: hides locks and threads. */
struct controller;
LP_MUST_USE int controller_start(const struct controller_options *options,
                                 struct controller **ret_controller, struct lp_error *err);

/* From now on we reconcile, beginning with every platform. Any thread. */
void controller_lead(struct controller *c);
/* From now on another may: keys are dropped; what is under work ends at the fence. Any thread. */
void controller_follow(struct controller *c);
/* Every platform is reconciled anew, behind what users change: what all of them tell of changed. */
void controller_refresh(struct controller *c);
bool controller_leads(const struct controller *c);
/* True where the platforms have been listed, so that the CRD is there. */
bool controller_synced(struct controller *c);
/* What the watches have delivered; the controller's. */
struct informer_cache *controller_cache(const struct controller *c);

/* False where a worker has been on one platform for over two minutes; `why` says which. */
bool controller_alive(struct controller *c, char why[128]);
/* False where a watch has not listed or has heard nothing for too long. */
bool controller_ready(struct controller *c, char why[128]);

/* {"leads","queue":{"ready"},"cache":[...]}, cache as cache_stats says; the caller's. */
json_t *controller_stats(struct controller *c);

/* After the stop was requested: waits until the workers have ended with what they are at, 5 s at
 * most. NULL is fine. */
void controller_drain(struct controller *c);
/* Then: ends the watches and frees. NULL is fine. */
void controller_free(struct controller *c);
