/* autoscaler/adapter.h -- the custom metrics API (custom.metrics.k8s.io), served by every replica.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/policy/traffic.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/stop.h"
#include "kube/config.h"

#define ADAPTER_CONFLICT 256

/* What we do about the APIServices of custom.metrics.k8s.io. */
enum adapter_mode {
    ADAPTER_OWN,   /* ours, unless they lead to another's Service: these are left alone */
    ADAPTER_CHAIN, /* ours too where they lead to another's: it is asked for what we do not know */
    ADAPTER_NONE,  /* none leads to us; one that did is given back */
};

/* Strings are borrowed until adapter_join. Start from ADAPTER_CONFIG_DEFAULTS. */
struct adapter_config {
    const char *ns;      /* where we run: of the Service, the Secret and the Deployment */
    const char *address; /* to listen on; NULL: all */
    uint16_t port;       /* HTTPS; 0: chosen by the system */
    const char
        *service; /* the Service in front of us, named in the APIServices and the certificate */
    uint16_t service_port; /* its port; 0: the port that we listen on */
    const char *secret;    /* where CA and serving certificate are kept */
    const char
        *deployment; /* ours: without it, or in a dying namespace, the APIServices go with us */
    uint16_t pod_metrics_port;     /* of the scraped pods */
    int64_t warm_up_ms;            /* for which a pod must have been Ready to count */
    unsigned threads;              /* event loops of the HTTPS server */
    const char *const *namespaces; /* whose pods are watched */
    unsigned n_namespaces;         /* 0: all of them */
    enum adapter_mode mode;
    bool serve; /* false: it scrapes for adapter_queue_depth alone, with no right but to see pods,
                   ReplicaSets, Deployments and HPAs */
    const char *chain_account;    /* whose token the other adapter gets (ADAPTER_CHAIN) */
    const char *chain_connect_to; /* "host:port" where it is; NULL: by its Service's DNS name */
    int64_t ca_s, leaf_s;         /* seconds that CA and certificate last; 0: as in certs.h */
};
#define ADAPTER_CONFIG_DEFAULTS                                                                  \
    {                                                                                            \
        .port = 8443, .service = "lp-metrics", .service_port = 443, .secret = "lp-metrics-tls",  \
        .deployment = "lp-operator", .pod_metrics_port = 9090, .warm_up_ms = 2000, .threads = 1, \
        .chain_account = "lp-metrics-chain", .serve = true                                       \
    }

struct adapter; /* its threads: HTTPS, scraper, informers, reviews, and one that keeps certificate
                   and APIServices */

/*
 * Starts all threads and returns; an API server that is not there yet is waited for in the
 * background. `stop` and `kube` must outlive adapter_join. LP_E_UNAVAILABLE where the port is
 * taken.
 */
LP_MUST_USE int adapter_start(const struct adapter_config *config, struct lp_kube_config *kube,
                              struct lp_stop *stop, struct adapter **ret_adapter,
                              struct lp_error *err);

/* True while a whole sweep over the pods is at most 5 s old and the certificate is in place; else
 * `why` says what is missing, in one sentence. Any thread. */
bool adapter_ready(struct adapter *a, char why[128]);

/* False where its HTTPS server has not answered our own request for two minutes. Any thread. */
bool adapter_serves(struct adapter *a, char why[128]);

/* False where the aggregator has not reached us for a minute though there are ready replicas; `why`
 * is what its APIService says. Any thread. */
bool adapter_available(struct adapter *a, char why[128]);

/* True where an APIService of our group leads to another's Service, as seen at most half a minute
 * ago: `why` says which one and whose, in one sentence. Any thread. */
bool adapter_conflict(struct adapter *a, char why[ADAPTER_CONFLICT]);

/* What services/<service>/queue_depth is now, in thousandths; false where it is not known. Any
 * thread. */
bool adapter_queue_depth(struct adapter *a, const char *ns, const char *service,
                         int64_t *ret_milli);

/* What the service has to do now. Any thread. */
void adapter_traffic(struct adapter *a, const char *ns, const char *service,
                     struct traffic *ret_traffic);

/* What was measured of the service. Any thread. */
void adapter_measured(struct adapter *a, const char *ns, const char *service,
                      struct measured *ret_measured);

/* As samples_pressure (samples/pressure.h) says it. Any thread. */
struct adapter_load {
    bool known;
    int64_t need_milli, wait_ms, current, ready, arrivals_milli;
};
void adapter_load(struct adapter *a, const char *ns, const char *service,
                  struct adapter_load *ret_load);

/* Appends the pods that it knows, as samples_targets. Any thread; `a` is a struct adapter. */
bool adapter_targets(void *a, struct lp_buf *out);

/* The port that it listens on, where it serves. */
uint16_t adapter_port(const struct adapter *a);

/*
 * After the stop was requested: where our Deployment or namespace is being deleted, deletes the
 * APIServices that name our Service (5 s at most); then ends the threads and frees. NULL is fine.
 */
void adapter_join(struct adapter *a);
