/* operator/state/context.h -- what the parts of one reconcile share. */
#pragma once

#include <stdbool.h>

#include "autoscaler/policy/calendar.h"
#include "autoscaler/policy/traffic.h"
#include "kube/client.h"
#include "operator/cache/cache.h"
#include "operator/state/platform_state.h"
#include "platform/plan.h"
#include "work/thread_pool.h"

/* What a worker has; `client` and `id` are its own, the rest is shared. */
struct reconciler {
    struct lp_kube_client *client;
    struct lp_thread_pool *pool; /* its contexts are clients; NULL: the worker writes alone */
    const char *id;              /* of this reconcile, for logs and the audit log; NULL: none */
    struct informer_cache *cache;
    struct platform_states *states;
    const struct plan_images *images;
    const char *instance; /* our pod, named in Events */
    /* True where the metrics API belongs to another adapter, as `why` says; NULL: nobody asks. */
    bool (*metrics_conflict)(void *user, char why[256]);
    void *metrics_user;
    /* What a service has to do now; NULL: nobody knows. */
    void (*traffic)(void *user, const char *ns, const char *service, struct traffic *ret_traffic);
    /* What was measured of it over minutes; NULL: nothing. */
    void (*measured)(void *user, const char *ns, const char *service,
                     struct measured *ret_measured);
    const struct lp_stop *stop;
    unsigned deaths; /* of processes while they had this platform under work */
};

/* The plan's children as the API server has them, index by index; owned. NULL: not there. */
struct observed {
    json_t *objects[PLAN_MAX_CHILDREN];
    bool tried[PLAN_MAX_CHILDREN];          /* written in this reconcile, or refused */
    int64_t generations[PLAN_MAX_CHILDREN]; /* of our own last write, as far as we remember */
};
void observed_done(struct observed *o);

/* One reconcile. Borrowed but for `read`, `writes` and the failure. */
struct reconcile_context {
    const struct reconciler *r;
    struct platform_state *state;
    const json_t *object; /* the LearningPlatform */
    json_t *read;         /* children by kind and name, as context_child found them; owned */
    const struct platform *platform;
    bool is_new;       /* nobody has written a status of it yet */
    bool spec_changed; /* this generation has not been reconciled before */
    bool status_known; /* the cache has the status that we wrote */
    unsigned writes;
    int64_t again_ms;       /* 0: nothing to wait for */
    struct figures figures; /* of the status that will be written */
    struct calendar calendar;
    struct lp_error failure; /* the first one; code 0: none */
    char failed_child[128];  /* "Deployment english-auth" */
    char name_conflict[768]; /* the first object of somebody else under a child's name; "": none */
    unsigned name_conflicts; /* how many */
    unsigned lost_secrets;   /* that pods had and that are to be made anew, as bits (secrets.c) */
    char new_mark[24];       /* on the pods that get them */
};

struct reconcile_result {
    unsigned writes;
    int64_t again_ms; /* 0: at the next resync */
    bool gone;        /* there is no such platform (any more) */
    bool terminal;    /* something is wrong that no retry repairs; the status says what */
};

/* cache_child of the platform's namespace; what was there once stays as it was until the end of the
 * reconcile, so that it is parsed once. The caller's. */
json_t *context_child(struct reconcile_context *ctx, enum child_kind kind, const char *name);

/* lp_thread_pool_run, with the clients of worker and pool under the name of this reconcile. */
void context_run(const struct reconcile_context *ctx, unsigned n, lp_thread_pool_job *job,
                 void *user);

/* Something is to be looked at again in so many ms, or before; at once where `ms` is below 1. */
void context_again(struct reconcile_context *ctx, int64_t ms);
#define CONTEXT_PODS_MS 30000 /* while pods may not come up: no watch tells of them */

/* Notes that an object of somebody else has the name of a child, as `text` says; it is looked at
 * again every CONTEXT_CONFLICT_MS, as no watch tells of it. */
#define CONTEXT_CONFLICT_MS 30000
void context_name_conflict(struct reconcile_context *ctx, const char *text);

/* Notes a failure on `kind` `name`, the first of a reconcile, and logs it. */
void context_fail(struct reconcile_context *ctx, const struct lp_kube_kind *kind, const char *name,
                  const struct lp_error *err);
