/* lib/http/client/client.h -- HTTP requests by libcurl: blocking, kept-alive, every wait ends. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/stop.h"
#include "http/client/share.h"

/* One easy handle with its connections; one thread at a time. */
struct lp_http_client;

struct lp_http_client_options {
    int64_t connect_timeout_ms;     /* 0: 5,000 */
    int64_t idle_timeout_ms;        /* no byte for so long ends the request; 0: 30,000 */
    int64_t total_timeout_ms;       /* 0: 30,000; -1: none (watches) */
    size_t max_response;            /* bytes of a buffered body; 0: 8 MiB */
    const char *user_agent;         /* NULL: lp/<version> */
    const char *ca_pem;             /* PEM bytes; NULL: the system's trust store */
    const char *cert_pem, *key_pem; /* client certificate; NULL: none */
    bool insecure_skip_verify;
    struct lp_http_share *share; /* NULL: none; needed to multiplex */
    /* Requests are streams of one HTTP/2 connection with those of others that say so and have the
     * same `share`, where the server offers that by ALPN, made in a thread of the share's, which
     * calls sinks and until_ms() too: those must not wait. */
    bool multiplex;
    const char *proxy;      /* URL; NULL: none, whatever the environment says */
    const char *no_proxy;   /* hosts without `proxy`, as CURLOPT_NOPROXY takes them; NULL: none */
    const char *connect_to; /* "host:port" to connect to in place of the URL's; NULL: the URL's */
    struct lp_stop *stop;   /* ends a request at once; NULL: nothing does. Borrowed. */
};

/* Strings are copied. LP_E_INVALID for a certificate that cannot be read (found at the first
 * request). */
LP_MUST_USE int lp_http_client_new(const struct lp_http_client_options *options,
                                   struct lp_http_client **ret_client, struct lp_error *err);
void lp_http_client_free(struct lp_http_client *c);
#define lp_auto_http_client __attribute__((cleanup(lp_http_client_free_indirect)))
static inline void lp_http_client_free_indirect(struct lp_http_client **c)
{
    lp_http_client_free(*c);
}

struct lp_http_request {
    const char *method;         /* "GET", … */
    const char *url;            /* made with lp_url_* */
    const char *const *headers; /* "Name: value", ends with NULL; NULL: none */
    const void *body;           /* NULL: none */
    size_t body_len;
    int64_t total_timeout_ms;        /* 0: the client's */
    int64_t (*until_ms)(void *user); /* lp_clock_ms() at which it ends with LP_E_TIMEOUT: asked at
                                        least once a second and before each send. NULL: none */
    void *until_user;
};

/* What came back. `body` is the caller's: initialise with LP_HTTP_RESPONSE_INIT, end with _done. */
struct lp_http_response {
    int status;
    int http_version;   /* 10, 11 or 20; 0 without an answer */
    int retry_after_ms; /* RFC 9110 10.2.3, seconds or date; 0: absent; at most 1 h */
    char content_type[128];
    char etag[128];
    struct lp_buf body;
};
/* clang-format off */
#define LP_HTTP_RESPONSE_INIT { .body = LP_BUF_INIT(0) }
/* clang-format on */
#define lp_auto_http_response __attribute__((cleanup(lp_http_response_done)))
void lp_http_response_done(struct lp_http_response *r);

/*
 * Any answered status is success (0). LP_E_UNAVAILABLE (refused, reset, name not found, TLS),
 * LP_E_TIMEOUT, LP_E_TOO_LARGE, LP_E_CANCELED (stop), LP_E_INVALID (URL, certificate). The message
 * names host and what failed. After a time-out or a stop the connection is reset: what the kernel
 * still holds of the request is not sent any more.
 */
LP_MUST_USE int lp_http_do(struct lp_http_client *c, const struct lp_http_request *request,
                           struct lp_http_response *ret_response, struct lp_error *err);

/* Gets body bytes as they come, only of a 2xx answer; a negative return ends the request and is its
 * result. */
typedef int lp_http_sink(const char *bytes, size_t n, void *user, struct lp_error *err);

/* Like _do, but a 2xx body goes to `sink`; another status's body is in ret_response (up to
 * max_response). */
LP_MUST_USE int lp_http_stream(struct lp_http_client *c, const struct lp_http_request *request,
                               lp_http_sink *sink, void *user,
                               struct lp_http_response *ret_response, struct lp_error *err);
