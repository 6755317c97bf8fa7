/* autoscaler/chain/chain_proxy.h -- requests that the previous metrics API answers: a bounded
 * queue, few threads, one token. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "autoscaler/base/group.h"
#include "autoscaler/chain/chain_backend.h"
#include "base/error.h"
#include "base/stop.h"
#include "http/server/server.h"

#define CHAIN_PROXY_TIMEOUT_MS INT64_C(5000) /* of a request, waiting for a thread included */
#define CHAIN_PROXY_MAX_BYTES ((size_t)4 * 1024 * 1024) /* of an answer */
#define CHAIN_PROXY_THREADS 4
#define CHAIN_PROXY_WAITING 64

struct chain_proxy; /* opaque: hides a lock and threads */

/* Strings are borrowed until _free. */
struct chain_proxy_options {
    const char *ns, *service; /* ours: the name under which we pass on, in the header Via */
    const char *account;      /* whose token is sent, for messages */
    const char *connect_to;   /* "host:port" in place of every backend's; NULL: its DNS name */
    struct lp_stop *stop;     /* ends requests under way */
    int64_t timeout_ms;       /* 0: CHAIN_PROXY_TIMEOUT_MS */
    size_t max_bytes;         /* 0: CHAIN_PROXY_MAX_BYTES */
    /* The backend refused the token; and what a list that was asked for gave (NULL: nothing, and
     * why not). Any thread. */
    void (*refused)(void *user);
    void (*listed)(enum metrics_version v, json_t *resources, const char *why, void *user);
    void *user;
};

LP_MUST_USE int chain_proxy_start(const struct chain_proxy_options *options,
                                  struct chain_proxy **ret_proxy, struct lp_error *err);

/* The backend of this version from now on; copied. NULL: there is none. One thread. Until both
 * versions were given so, requests are answered 503. */
void chain_proxy_backend(struct chain_proxy *p, enum metrics_version v,
                         const struct chain_backend *backend);
/* The bearer token that is sent from now on; NULL: none is to be had. */
void chain_proxy_token(struct chain_proxy *p, const char *token);

/*
 * Passes the request of `x` on, and answers it then; the caller has made sure that who asks may.
 * False, and nothing is done, where there is nobody to ask, or the request has been here before.
 * `ours`: what we say to it, for where the backend does not have it either (NULL: it alone is
 * asked); copied.
 */
bool chain_proxy_pass(struct chain_proxy *p, enum metrics_version v, struct lp_http_exchange *x,
                      const char *ours);

/* Asks for the APIResourceList of this version; `listed` gets it. */
void chain_proxy_list(struct chain_proxy *p, enum metrics_version v);

/* After the stop was requested: what waits is answered 503, the threads end; later ones are
 * answered 503 at once. */
void chain_proxy_close(struct chain_proxy *p);
void chain_proxy_free(struct chain_proxy *p); /* after _close. NULL is fine */
