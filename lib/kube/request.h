/* lib/kube/request.h -- one authenticated request to the API server, for client.c, watch.c and
 * lease.c. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/limits.h"
#include "http/client/client.h"
#include "kube/connection.h"

/* A client with other limits than the verbs want; 0 where a field's default is good. */
struct lp_kube_limits {
    int64_t idle_timeout_ms, total_timeout_ms;
    bool multiplex; /* with all others of this configuration that say so (http/client/client.h) */
};
LP_MUST_USE int lp_kube_client_new_with(struct lp_kube_config *config,
                                        const struct lp_kube_client_options *options,
                                        const struct lp_kube_limits *limits,
                                        struct lp_kube_client **ret_client, struct lp_error *err);

/* When the request to this cluster began that was last left without any answer, of whichever
 * client; 0: none. */
int64_t lp_kube_unanswered_ms(const struct lp_kube_client *c);

struct lp_kube_call {
    const char *method;
    const struct lp_buf *path;       /* from lp_kube_path, with the query */
    const char *content_type;        /* of the body */
    const json_t *body;              /* NULL: none */
    int64_t total_timeout_ms;        /* 0: the client's */
    int64_t (*until_ms)(void *user); /* as in lp_http_request; of a GET */
    lp_http_sink *sink;              /* gets a 2xx body; NULL: it goes to the response */
    void *user;                      /* of both */
};

/* Appends the path of a kind's collection, or of one object (`name` not NULL). `ns` is left out
 * where NULL. */
void lp_kube_path(const struct lp_kube_kind *kind, const char *ns, const char *name,
                  const char *subresource, struct lp_buf *b);
#define LP_AUTO_PATH(b) lp_auto_buf struct lp_buf b = LP_BUF_INIT(LP_LIMIT_HTTP_TARGET)

/* 0 for a 2xx answer; else an error as kube/client.h says. Handles 401 and 429. */
LP_MUST_USE int lp_kube_call(struct lp_kube_client *c, const struct lp_kube_call *call,
                             struct lp_http_response *response, struct lp_error *err);

/* Fills `err` from an answer that is not 2xx: a Status, or whatever came instead of one. */
int lp_kube_status_error(const struct lp_http_response *response, struct lp_error *err);
/* The code of an HTTP status and a Status.reason (may be NULL). */
int lp_kube_status_code(int http_status, const char *reason);
