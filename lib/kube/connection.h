/* lib/kube/connection.h -- kinds, and a client of one cluster; the verbs are in kube/client.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"

/* What an API type is called on the wire. Static tables; see kube/kinds.h. */
struct lp_kube_kind {
    const char *group;   /* "" for the core group */
    const char *version; /* "v1" */
    const char *kind;    /* "Deployment" */
    const char *plural;  /* "deployments" */
    bool cluster_scoped;
};

/* Where the cluster is and who we are; made by kube/config.h, shared by clients, thread-safe. */
struct lp_kube_config;

/* One connection of one thread. */
struct lp_kube_client;
struct lp_kube_client_options {
    const char *user_agent;   /* NULL: the configuration's */
    int64_t total_timeout_ms; /* 0: 30,000 */
    struct lp_stop *stop;     /* borrowed; NULL: none */
    /* The fence of whoever may write only while it leads: lp_clock_ms() until which writes may be
     * under way. Asked before each is sent and while it is: none begins later (LP_E_UNAVAILABLE),
     * what is under way ends then (LP_E_TIMEOUT). Any thread. NULL: writes are free. */
    int64_t (*writes_until_ms)(void *user);
    void *fence_user;
};
LP_MUST_USE int lp_kube_client_new(struct lp_kube_config *config,
                                   const struct lp_kube_client_options *options,
                                   struct lp_kube_client **ret_client, struct lp_error *err);
void lp_kube_client_free(struct lp_kube_client *c);
/* Sent with each request from now on as Audit-ID, with a number behind it: what the audit log of
 * the API server calls the request. Borrowed until changed, at most 48 characters; NULL: the server
 * makes one up. */
void lp_kube_client_audit_id(struct lp_kube_client *c, const char *id);
static inline void lp_kube_client_free_indirect(struct lp_kube_client **c)
{
    lp_kube_client_free(*c);
}
#define lp_auto_kube_client __attribute__((cleanup(lp_kube_client_free_indirect)))
