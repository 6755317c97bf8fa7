/* autoscaler/watched.h -- what the adapter watches in the API server, for samples.h and auth.h. */
#pragma once

#include "autoscaler/adapter.h"
#include "autoscaler/auth/auth.h"
#include "autoscaler/samples/samples.h"
#include "autoscaler/samples/scraper.h"
#include "base/error.h"
#include "base/stop.h"
#include "kube/client.h"

/* All borrowed until watched_join. */
struct watched_options {
    struct samples *samples;
    struct scraper *scraper; /* woken for a new pod */
    struct auth *auth;       /* gets the ConfigMap of trust; NULL: it is not looked at */
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    const char *const *namespaces; /* at most ADAPTER_NAMESPACES */
    unsigned n_namespaces;         /* 0: all */
};

struct watched; /* its threads */
struct watched *watched_new(const struct watched_options *options);

/* Pods, ReplicaSets and Deployments. Once. */
LP_MUST_USE int watched_start(struct watched *w, struct lp_error *err);

/* Reads whom to trust once, before watched_more keeps it up. Any thread, before _start too. */
LP_MUST_USE int watched_read_trust(struct watched *w, struct lp_kube_client *client,
                                   struct lp_error *err);

/* HPAs and the ConfigMap of trust. To be called again where it failed. */
LP_MUST_USE int watched_more(struct watched *w, struct lp_error *err);

/* After the stop was requested: waits for the threads, and frees. NULL is fine. */
void watched_join(struct watched *w);
