/* lib/http/client/client_parts.h -- the inside of client.h, shared by client*.c. */
#pragma once

#include <curl/curl.h>

#include "http/client/client.h"
#include "http/client/mux.h"
#include "http/client/share_parts.h"

struct lp_http_client {
    CURL *easy;
    CURLM *multi;            /* its own; NULL: its requests are the mux's */
    struct lp_http_mux *mux; /* the share's */
    struct curl_slist *connect_to;
    struct lp_http_share *share;
    char *ca_pem, *cert_pem, *key_pem; /* curl borrows them */
    int64_t idle_ms, total_ms;
    size_t max_response;
    struct lp_stop *stop;
    bool reset; /* sockets that are closed now are reset */
    char why[CURL_ERROR_SIZE];
};

/* What the callbacks of one request share. `failed` holds the code that a callback failed with. */
struct exchange {
    struct lp_http_client *c;
    struct lp_http_response *response;
    lp_http_sink *sink;
    void *user;
    struct lp_error *err;
    const char *url;
    int failed;
    size_t header_bytes;
    curl_off_t moved;
    int64_t active_ms;
};

/* What libcurl calls, with CURLOPT_WRITEDATA and so on an exchange; in client_callbacks.c. */
void lp_http_client_callbacks(struct lp_http_client *c);
/* Until its end, within its times; in client_drive.c. */
int lp_http_client_drive(struct exchange *x, const struct lp_http_request *request);
