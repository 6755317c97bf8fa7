/* lib/http/server/server_parts.h -- what the files of the server share. Nobody else includes it. */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "http/server/acceptor.h"
#include "http/server/server.h"
#include "http/server/server_guard.h"
#include "http/server/server_tls.h"

#define LP_HTTP_NO_ROOM "too many long request bodies at once"

/* `reply_lock` orders a reply from another thread with the event loop that suspends the connection.
 */
struct lp_http_server {
    struct MHD_Daemon *daemon;
    struct lp_http_server_options options; /* address, tls: not used after the start */
    struct lp_http_guard *guard;
    struct lp_http_acceptor *acceptor; /* NULL with TLS: the library accepts */
    int listen_fd;                     /* of the acceptor, else -1 */
    struct lp_http_tls_state *tls;
    int64_t header_ms, body_ms, answer_ms;
    pthread_mutex_t reply_lock;
    pthread_cond_t all_sent; /* under reply_lock */
    unsigned unsent;         /* whole requests whose reply has not left yet; under reply_lock */
    atomic_size_t large;     /* bytes of all bodies in memory, LP_HTTP_SMALL_BODY of each aside */
    size_t max_large;
    uint16_t port;
    int quiesced_fd;             /* the listening socket after _quiesce, else -1 */
    struct lp_http_turns *turns; /* where callers turn the event loop; else NULL */
};

/* Hands the descriptor over: the local's cleanup does nothing then. */
static inline int lp_http_take_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* The listening socket, not blocking; LP_E_UNAVAILABLE, LP_E_INVALID (address). */
LP_MUST_USE int lp_http_listen(const struct lp_http_server_options *o, int *ret_fd,
                               struct lp_error *err);
uint16_t lp_http_port_of(int fd);

/* In the event loop; takes the socket over. */
void lp_http_add_connection(struct lp_http_server *s, int fd, const struct sockaddr *peer,
                            socklen_t len);

/* ---- turn.c ---- */
struct lp_http_turns;
LP_MUST_USE int lp_http_turns_new(struct lp_http_server *s, struct lp_http_turns **ret_turns,
                                  struct lp_error *err);
void lp_http_turns_free(struct lp_http_turns *t);
/* Takes the socket over and has the next turn add it. The acceptor's thread. */
void lp_http_turns_pass(struct lp_http_turns *t, int fd, const struct sockaddr *peer,
                        socklen_t len);
/* The library has called us: this turn is not in vain. In the event loop. */
void lp_http_stir(struct lp_http_server *s);
/* A suspended connection goes on. Any thread. */
void lp_http_resume(struct lp_http_server *s, struct MHD_Connection *c);
/* The same, but where this thread holds its reply, when it lets it go. */
void lp_http_resume_held(struct lp_http_server *s, struct MHD_Connection *c);

/* The server's part of a connection, from its start to its end. */
struct lp_http_connection {
    struct lp_http_guarded *guarded;
};

/* A text that lives as long as its exchange: reply headers (name and value), decoded query values.
 */
struct lp_http_text {
    struct lp_http_text *next;
    const char *name;
    char value[];
};

/*
 * Made when the request line is there, freed when libmicrohttpd is done with the request.
 * `response` appears once, under reply_lock; while `suspended` only the replying thread touches the
 * exchange.
 */
struct lp_http_exchange {
    struct lp_http_server *server;
    struct MHD_Connection *connection;
    struct lp_http_connection *on;
    char *target, *path;
    size_t sent_target; /* bytes of the target as it was sent: of an absolute one, more */
    char *authority;    /* of an absolute target: counts instead of Host; NULL: none */
    const char *method;
    char peer[64];
    struct lp_buf body;
    size_t max_body;  /* of this request */
    size_t large;     /* its part of the server's */
    unsigned dropped; /* the status to answer, as the body did not fit: its rest is dropped; or 0 */
    bool checked, handed; /* the headers were looked at; the request is whole */
    bool suspended;
    int64_t arrived_ms;
    struct lp_http_text *reply_headers, *query;
    struct MHD_Response *response;
    void *context;
    unsigned status;
};

/*
 * Is this request, whose headers are complete, one that every HTTP implementation reads alike (RFC
 * 9112)? 0, or the status to refuse it with. `url` and `version` as libmicrohttpd gives them to the
 * handler.
 */
unsigned lp_http_check(struct lp_http_exchange *x, const char *url, const char *version,
                       const char **ret_why);

/* Of the acceptor (`user`: the server): answers the head that is refused, and lets its sender read
 * that before the socket is closed. */
void lp_http_refuse_head(int fd, const char *head, size_t n, const struct lp_refusal *refusal,
                         void *user);

/* Takes the server's memory for `n` more bytes of the body; false where it has none. */
bool lp_http_body_fits(struct lp_http_exchange *x, size_t n);
/* Lets go of the body and of its memory. */
void lp_http_body_drop(struct lp_http_exchange *x);

void lp_http_exchange_free(struct lp_http_exchange *x);

/* Hands `response` to the event loop, with the reply headers, and tells it so by `resume`. The
 * exchange is dead afterwards. */
void lp_http_exchange_reply(struct lp_http_exchange *x, int status, struct MHD_Response *response,
                            void (*resume)(struct lp_http_server *, struct MHD_Connection *));
