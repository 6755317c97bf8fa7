/* lib/http/client/mux.h -- for lib/http: many requests on few connections, in one thread of their
 * own. */
#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/stop.h"

/* One libcurl multi handle and its thread, which starts with the first transfer. Where the peer
 * speaks HTTP/2 its transfers are streams of one connection (RFC 9113). Opaque: hides a lock; any
 * thread, but the callbacks of a transfer: those must not wait. */
struct lp_http_mux;

struct lp_http_mux *lp_http_mux_new(void);
/* After the last transfer. NULL is fine. */
void lp_http_mux_free(struct lp_http_mux *m);

/* Whether sockets that are closed now are reset; for libcurl's close callback, while `m` lives. */
const bool *lp_http_mux_resets(const struct lp_http_mux *m);

enum lp_http_mux_end {
    LP_HTTP_MUX_DONE,     /* `result` says how */
    LP_HTTP_MUX_CHECKED,  /* check() ended it */
    LP_HTTP_MUX_GIVEN_UP, /* with its connection, on which another request failed or was left
                             without an answer: who stayed would keep it in use */
};

/* One request: an easy handle that is set up, and goes back to its owner at the end. */
struct lp_http_transfer {
    CURL *easy;
    struct lp_stop *stop; /* wakes the thread for check(); NULL: nothing does */
    /* Asked before anything is sent and then at least once a second: false ends the transfer, else
     * *ret_left_ms is when to ask again. In the mux's thread. */
    bool (*check)(void *user, int64_t *ret_left_ms);
    /* Of a transfer that has ended: whether its connection is to be given up. In that thread too.
     */
    bool (*blames_connection)(const struct lp_http_transfer *transfer);
    void *user;

    enum lp_http_mux_end end;
    CURLcode result;

    /* The mux's. */
    struct lp_http_transfer *next;
    pthread_cond_t ended;
    bool is_begun, is_over;
};

/* Blocks until the transfer's end, which is in it. */
void lp_http_mux_run(struct lp_http_mux *m, struct lp_http_transfer *transfer);
