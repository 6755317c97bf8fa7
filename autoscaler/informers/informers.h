/* autoscaler/informers/informers.h -- keeps the samples' pods and services as the API server has
 * them. */
#pragma once

#include "autoscaler/samples/samples.h"
#include "autoscaler/samples/scraper.h"
#include "base/error.h"
#include "base/stop.h"
#include "kube/config.h"

/* All borrowed until informers_join. */
struct informers_options {
    struct samples *samples;
    struct scraper *scraper; /* woken for a new pod */
    struct lp_kube_config *kube;
    struct lp_stop *stop;
    const char *const *namespaces;
    unsigned n_namespaces; /* 0: all */
};

struct informers; /* a thread for each kind and namespace */

/* Pods, ReplicaSets, Deployments and HPAs. On failure too, *ret_informers is to be joined. */
LP_MUST_USE int informers_start(const struct informers_options *options,
                                struct informers **ret_informers, struct lp_error *err);

/* After the stop was requested: waits for the threads, and frees. NULL is fine. */
void informers_join(struct informers *all);
