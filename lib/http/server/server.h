/* lib/http/server/server.h -- an HTTP/1.1 server by libmicrohttpd: whole requests in, answers out.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "http/server/tls.h"

struct lp_http_server;

/*
 * One request, whole. The handler answers it with lp_http_reply*, at once or later from any thread
 * (the connection waits suspended meanwhile, without a thread); exactly one reply per exchange,
 * which ends it: the pointer is dead afterwards. All strings are borrowed and live until the reply.
 */
struct lp_http_exchange;
typedef void lp_http_handler(struct lp_http_exchange *x, void *user);

/* What of each body is always taken, up to its own limit. */
#define LP_HTTP_SMALL_BODY ((size_t)64 * 1024)

struct lp_http_server_options {
    const char *address;      /* NULL: all, IPv4 and IPv6 where there is */
    uint16_t port;            /* 0: chosen by the system */
    unsigned threads;         /* event loop threads; 0: 1 */
    bool turned;              /* without TLS: none of its own, callers turn it (turn.h) */
    unsigned max_connections; /* 0: 512 */
    unsigned
        header_timeout_s; /* a connection idle or in its headers for so long is closed; 0: 30 */
    unsigned answer_timeout_s; /* so long an answer may take, no less than header_timeout_s; 0: four
                                  times that */
    int64_t stream_stall_ms;   /* of lp_http_stream_write; 0: 10 s */
    size_t max_body;           /* over it: 413; 0: none taken (any body is 413) */
    /* Bytes of all bodies in memory at once, LP_HTTP_SMALL_BODY of each aside; one more is answered
     * 503 with Retry-After. 0: LP_LIMIT_HTTP_BODIES. At least one of max_body has room. */
    size_t max_bodies;
    const struct lp_http_tls *tls; /* NULL: plain */
    const char *name;              /* for error messages: "metrics API"; borrowed until _stop */
    lp_http_handler *handler;
    void *user;
    /*
     * Called with the headers of a request that has a body: its limit in bytes, at most max_body.
     * Over it 413 is answered, before the body is read where Content-Length tells. Runs in an event
     * loop. NULL: max_body always.
     */
    size_t (*body_limit)(const struct lp_http_exchange *x, void *user);
    /*
     * Called for each request that the server itself refuses (400, 413, 414, 415, 417, 431, 503,
     * 505); gives the JSON body, a literal, or NULL for {"error":why}. Runs in an event loop or the
     * acceptor's thread. NULL: that body always.
     */
    const char *(*refusal)(int status, const char *why, void *user);
    /*
     * Called once for each exchange, right after its reply was handed over, in the thread that
     * replied; the exchange is dead already. `context` is what lp_http_set_context left, NULL for
     * refused requests; `len` bytes of body.
     */
    void (*answered)(void *context, int status, size_t len, void *user);
};

/* Listens when it returns. LP_E_UNAVAILABLE "metrics API: cannot listen on port 9090: Address
 * already in use". Headers over LP_LIMIT_HTTP_HEADERS are answered 431. What server_check.c names
 * as left to libmicrohttpd it answers as HTML, and without `refusal`. */
LP_MUST_USE int lp_http_server_start(const struct lp_http_server_options *options,
                                     struct lp_http_server **ret_server, struct lp_error *err);
uint16_t lp_http_server_port(const struct lp_http_server *s);

/* New certificate for handshakes from now on. Any thread. */
LP_MUST_USE int lp_http_server_set_certificate(struct lp_http_server *s,
                                               const struct lp_http_tls *tls, struct lp_error *err);

/* Refuses new connections, goes on with what is open. */
void lp_http_server_quiesce(struct lp_http_server *s);

/* Every exchange has been answered: waits until the replies have left, 5 s at most. */
void lp_http_server_flush(struct lp_http_server *s);

/* Every exchange must have been answered. Lets the replies leave (5 s at most), closes, frees. One
 * that is turned: after lp_http_server_flush, once nobody turns it any more. */
void lp_http_server_stop(struct lp_http_server *s);

const char *lp_http_method(const struct lp_http_exchange *x);
/* As sent: "/a%2Fb?c=d"; of an absolute target without "http://host", which is what
 * lp_http_header(x, "Host") says then (RFC 9112, 3.2.2). */
const char *lp_http_target(const struct lp_http_exchange *x);
const char *
lp_http_path(const struct lp_http_exchange *x); /* as sent, without the query, not decoded */
/* Decoded value of the first such parameter ('+' is a space); NULL where absent. */
const char *lp_http_query(struct lp_http_exchange *x, const char *name);
const char *lp_http_header(const struct lp_http_exchange *x,
                           const char *name); /* first; any case */
/* All values of a header in order; false from `each` ends it. */
void lp_http_headers(const struct lp_http_exchange *x, const char *name,
                     bool (*each)(const char *value, void *user), void *user);
/* Every header in order, for names that are known by their beginning only. */
void lp_http_each_header(const struct lp_http_exchange *x,
                         bool (*each)(const char *name, const char *value, void *user), void *user);
const char *lp_http_body(const struct lp_http_exchange *x, size_t *ret_len);
const char *lp_http_peer(const struct lp_http_exchange *x);   /* address without port */
int64_t lp_http_arrived_ms(const struct lp_http_exchange *x); /* lp_clock_ms() at the last byte */
/* True once the client has closed its connection (as far as the kernel knows). */
bool lp_http_client_gone(const struct lp_http_exchange *x);
/* Its socket, to wait for that: open until the reply, not to be read. */
int lp_http_client_fd(const struct lp_http_exchange *x);
/* gnutls_session_t of the connection, NULL on plain ones. Only inside the handler, before a later
 * reply. */
void *lp_http_tls_session(const struct lp_http_exchange *x);

/* What `answered` gets; before the reply. */
void lp_http_set_context(struct lp_http_exchange *x, void *context);

/* Before the reply; copied. */
void lp_http_reply_header(struct lp_http_exchange *x, const char *name, const char *value);
/* Bytes are copied. content_type NULL: none. HEAD gets the headers only. */
void lp_http_reply(struct lp_http_exchange *x, int status, const char *content_type,
                   const void *body, size_t len);
/* The same without a copy: takes the content of `body`, which is empty afterwards. */
void lp_http_reply_buf(struct lp_http_exchange *x, int status, const char *content_type,
                       struct lp_buf *body);
void lp_http_reply_text(struct lp_http_exchange *x, int status, const char *text);
/* Takes over one reference of `o`. */
void lp_http_reply_json(struct lp_http_exchange *x, int status, json_t *o);

/*
 * A reply whose length nobody knows yet. It ends the exchange as the others do, but `answered` is
 * called at its end. One thread writes.
 */
struct lp_http_stream;
struct lp_http_stream *lp_http_reply_stream(struct lp_http_exchange *x, int status,
                                            const char *content_type);
/*
 * Waits while the client is 256 kB behind. LP_E_UNAVAILABLE once it has gone (it also has where it
 * took longer for the whole reply than four header time-outs), or reads too slowly for a writer to
 * be kept for it: under 128 KiB while the writer waited for stream_stall_ms. _end is still to be
 * called.
 */
LP_MUST_USE int lp_http_stream_write(struct lp_http_stream *s, const void *bytes, size_t n,
                                     struct lp_error *err);
/* Not `complete`: the connection is cut, so that the client does not take a part for the whole. */
void lp_http_stream_end(struct lp_http_stream *s, bool complete);
