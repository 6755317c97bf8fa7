/* lib/http/client/share_parts.h -- the inside of share.h, for client*.c. */
#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http/client/mux.h"
#include "http/client/share.h"

struct lp_http_share {
    CURLSH *curl;
    struct lp_http_mux *mux; /* NULL: nobody has asked for it; under `lock` */
    atomic_uint users;       /* who made it, and each client */
    pthread_mutex_t lock;    /* libcurl takes it around each use of the sessions */
};

/* Made at the first call; lives as long as the share. So who shows another certificate has other
 * connections. Any thread. */
struct lp_http_mux *lp_http_share_mux(struct lp_http_share *s);

/* libcurl's own, once in a process; any thread. */
void lp_http_global_init(void);
