/*
 * An HTTP/1.1 server on libmicrohttpd.
 *
 * The library calls on_request several times for one request: with the headers (here it is checked,
 * and refused before a body is read), with each piece of the body (collected), and at its end (the
 * handler is called; a handler that does not answer at once leaves the connection suspended,
 * without a thread, and the library calls again after the reply).
 *
 * Without TLS acceptor.c accepts, and gives the library no connection whose first head is refused.
 *
 * Threads: libmicrohttpd's event loops (epoll), or those of the caller that turn it (turn.c); the
 * acceptor's, the guard's. The handler runs in an event loop; replies come from any thread.
 */
#include "http/server/server_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"

/* The read buffer is half of it, and must hold LP_LIMIT_HTTP_HEADERS. Touched pages only cost
 * memory. */
#define CONNECTION_MEMORY ((size_t)48 * 1024)
#define EVENT_LOOP_STACK ((size_t)512 * 1024)

/* How long a stop waits for replies to leave. */
#define STOP_MS 5000
#define STREAM_STALL_MS 10000

/* The path stays as it was sent. */
static size_t leave_escaped(void *user, struct MHD_Connection *c, char *text)
{
    (void)user, (void)c;
    return strlen(text);
}

static struct lp_http_connection *connection_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct lp_http_connection *connection_new(struct lp_http_server *s, struct MHD_Connection *c)
{
    struct lp_http_connection *n = lp_alloc(sizeof *n);
    int fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    n->guarded = lp_http_guard_add(s->guard, fd, s->header_ms);
    return n;
}

static void connection_free(struct lp_http_server *s, struct lp_http_connection *n)
{
    lp_http_guard_remove(s->guard, n->guarded);
    free(n);
    if (s->acceptor)
        lp_http_acceptor_closed(s->acceptor);
}

/* The library took the connection that this thread adds: it tells of its end too. */
static _Thread_local bool started;

static void on_connection(void *user, struct MHD_Connection *c, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct lp_http_server *s = user;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = connection_new(s, c);
        started = true;
    } else {
        connection_free(s, *socket_context);
        *socket_context = NULL;
    }
}

/* Bytes of "http://host:port" at the front of an absolute target (RFC 9112, 3.2.2), 0 where it is
 * none; *ret_authority is where the host begins. */
static size_t origin_of(const char *target, const char **ret_authority)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;

    *ret_authority = target + scheme;
    return scheme == 0 ? 0 : scheme + strcspn(target + scheme, "/?");
}

/* The request line is there. What this returns is `*context` of the calls below. */
static void *on_target(void *user, const char *target, struct MHD_Connection *c)
{
    struct lp_http_exchange *x = lp_alloc(sizeof *x);
    const char *sent = target ? target : "", *authority;
    size_t origin = origin_of(sent, &authority);

    x->server = user;
    x->connection = c;
    x->on = connection_of(c);
    x->sent_target = strlen(sent);
    if (origin > 0)
        x->authority = lp_strndup(authority, (size_t)(sent + origin - authority));
    x->target = lp_sprintf("%s%s", origin > 0 && sent[origin] != '/' ? "/" : "", sent + origin);
    x->path = lp_strndup(x->target, strcspn(x->target, "?"));
    x->body = (struct lp_buf)LP_BUF_INIT(x->server->options.max_body);
    return x;
}

/* Without TLS libmicrohttpd misses an end of the client's bytes that came with the last of them,
 * and would keep the connection until it is idle for too long: it is woken once more. */
static void tell_end(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;

    if (info && recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        shutdown(info->connect_fd, SHUT_RD);
}

static void on_completed(void *user, struct MHD_Connection *c, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct lp_http_server *s = user;
    struct lp_http_exchange *x = *context;
    lp_http_stir(s);
    if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK && !s->tls)
        tell_end(c);
    if (!x)
        return;
    if (x->on)
        lp_http_guard_allow(x->on->guarded, s->header_ms);
    if (x->handed) {
        pthread_mutex_lock(&s->reply_lock);
        if (--s->unsent == 0)
            pthread_cond_broadcast(&s->all_sent);
        pthread_mutex_unlock(&s->reply_lock);
    }
    lp_http_exchange_free(x);
    *context = NULL;
}

static void refuse(struct lp_http_exchange *x, unsigned status, const char *why)
{
    const struct lp_http_server_options *o = &x->server->options;
    const char *body = o->refusal ? o->refusal((int)status, why, o->user) : NULL;
    char limit[64];

    lp_http_guard_linger(x->on->guarded);
    lp_http_reply_header(x, "Connection", "close");
    if (status == 413) {
        snprintf(limit, sizeof limit, "request body over %zu bytes", x->max_body);
        why = limit;
    }
    if (status == 415)
        lp_http_reply_header(x, "Accept-Encoding", "identity");
    if (status == 503)
        lp_http_reply_header(x, "Retry-After", "1");
    if (body)
        lp_http_reply(x, (int)status, "application/json", body, strlen(body));
    else
        lp_http_reply_json(x, (int)status, lp_json_make("{s:s}", "error", why));
}

static enum MHD_Result send_reply(struct lp_http_exchange *x)
{
    lp_http_guard_allow(x->on->guarded, x->server->answer_ms);
    return MHD_queue_response(x->connection, x->status, x->response);
}

static enum MHD_Result on_headers(struct lp_http_exchange *x, const char *url, const char *version)
{
    const char *why = NULL;
    unsigned status = lp_http_check(x, url, version, &why);

    x->checked = true;
    if (status == 0) {
        lp_http_guard_allow(x->on->guarded, x->server->body_ms);
        return MHD_YES;
    }
    refuse(x, status, why);
    return send_reply(x);
}

/* What is over a limit is dropped as it comes, so that its sender gets to see the answer whatever
 * the length; the time for a body ends it. */
static enum MHD_Result on_body(struct lp_http_exchange *x, const char *bytes, size_t *n)
{
    if (x->dropped == 0 && *n > x->body.max - x->body.len)
        x->dropped = 413;
    if (x->dropped == 0 && !lp_http_body_fits(x, *n))
        x->dropped = 503;
    if (x->dropped == 0)
        lp_buf_add(&x->body, bytes, *n);
    else
        lp_http_body_drop(x);
    *n = 0;
    return MHD_YES;
}

static void note_peer(struct lp_http_exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;

    if (a && a->sa_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(in6))
            inet_ntop(AF_INET, in6->s6_addr + 12, x->peer, sizeof x->peer);
        else
            inet_ntop(AF_INET6, in6, x->peer, sizeof x->peer);
    } else if (a && a->sa_family == AF_INET) {
        const struct in_addr *in = &((const struct sockaddr_in *)(const void *)a)->sin_addr;
        inet_ntop(AF_INET, in, x->peer, sizeof x->peer);
    }
}

/* The request is whole. */
static void hand_over(struct lp_http_exchange *x)
{
    struct lp_http_server *s = x->server;

    pthread_mutex_lock(&s->reply_lock);
    s->unsent++;
    pthread_mutex_unlock(&s->reply_lock);
    x->handed = true;
    x->arrived_ms = lp_clock_ms();
    if (x->dropped != 0) {
        refuse(x, x->dropped, x->dropped == 413 ? "request body too large" : LP_HTTP_NO_ROOM);
        return;
    }
    note_peer(x);
    lp_http_guard_allow(x->on->guarded, 0);
    s->options.handler(x, s->options.user);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context)
{
    struct lp_http_server *s = user;
    struct lp_http_exchange *x = *context;
    (void)c;

    lp_http_stir(s);
    x->method = method;
    if (!x->checked)
        return on_headers(x, url, version);
    if (*upload_size > 0)
        return on_body(x, upload, upload_size);
    if (!x->handed)
        hand_over(x);

    pthread_mutex_lock(&s->reply_lock);
    bool answered = x->response != NULL;
    if (!answered) {
        MHD_suspend_connection(x->connection);
        x->suspended = true;
    }
    pthread_mutex_unlock(&s->reply_lock);
    return answered ? send_reply(x) : MHD_YES;
}

/* `fd` -1: connections come by MHD_add_connection, from an acceptor that counts them. Any one event
 * loop may get all, and one more while it tells of one that it has closed. */
static struct MHD_Daemon *start_daemon(struct lp_http_server *s, int fd)
{
    const struct lp_http_server_options *o = &s->options;
    unsigned loops = o->threads > 1 ? o->threads : 1;
    unsigned limit = fd < 0 ? (o->max_connections + 1) * loops : o->max_connections;
    struct MHD_OptionItem tls[LP_HTTP_TLS_OPTIONS] = { { MHD_OPTION_END, 0, NULL } };
    struct MHD_OptionItem pool[] = { { MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)o->threads, NULL },
                                     { MHD_OPTION_END, 0, NULL } };
    struct MHD_OptionItem socket[] = { { MHD_OPTION_LISTEN_SOCKET, fd, NULL },
                                       { MHD_OPTION_END, 0, NULL } };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;

    if (!o->turned)
        flags |= MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC;
    if (fd < 0)
        flags |= MHD_USE_NO_LISTEN_SOCKET;
    if (s->tls) {
        flags |= MHD_USE_TLS;
        lp_http_tls_options(s->tls, tls);
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, fd < 0 ? socket + 1 : socket,
        MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_TIMEOUT, o->header_timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE,
        EVENT_LOOP_STACK, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_ARRAY, tls, MHD_OPTION_ARRAY,
        o->threads > 1 ? pool : pool + 1, MHD_OPTION_END);
}

static void server_free(struct lp_http_server *s)
{
    lp_http_turns_free(s->turns);
    lp_http_acceptor_free(s->acceptor);
    lp_http_guard_free(s->guard);
    lp_http_tls_free(s->tls);
    pthread_cond_destroy(&s->all_sent);
    pthread_mutex_destroy(&s->reply_lock);
    free(s);
}

static struct lp_http_server *server_new(const struct lp_http_server_options *options)
{
    struct lp_http_server *s = lp_alloc(sizeof *s);
    s->options = *options;
    s->quiesced_fd = s->listen_fd = -1;
    if (s->options.max_connections == 0)
        s->options.max_connections = 512;
    if (s->options.header_timeout_s == 0)
        s->options.header_timeout_s = 30;
    if (s->options.stream_stall_ms == 0)
        s->options.stream_stall_ms = STREAM_STALL_MS;
    s->max_large = s->options.max_bodies ? s->options.max_bodies : (size_t)LP_LIMIT_HTTP_BODIES;
    if (s->max_large < s->options.max_body)
        s->max_large = s->options.max_body;
    s->header_ms = (int64_t)s->options.header_timeout_s * 1000;
    s->body_ms = s->header_ms * 4;
    s->answer_ms =
        options->answer_timeout_s ? (int64_t)options->answer_timeout_s * 1000 : s->body_ms;
    pthread_mutex_init(&s->reply_lock, NULL);
    pthread_cond_init(&s->all_sent, NULL);
    return s;
}

static int cannot_start(const struct lp_http_server *s, struct lp_error *err)
{
    return lp_error_set(err, LP_E_UNAVAILABLE, "%s: the HTTP server does not start: %s",
                        s->options.name ? s->options.name : "server", strerror(errno));
}

/* The library accepts. */
static int serve_tls(struct lp_http_server *s, int *fd, const struct lp_http_tls *tls,
                     struct lp_error *err)
{
    int r = lp_http_tls_new(tls, &s->tls, err);
    if (r < 0)
        return r;
    lp_http_tls_listening(s->tls, s->port);
    s->daemon = start_daemon(s, *fd);
    if (!s->daemon)
        return cannot_start(s, err);
    lp_http_take_fd(fd);
    return 0;
}

static void pass_on(int fd, const struct sockaddr *peer, socklen_t len, void *user)
{
    struct lp_http_server *s = user;

    if (s->turns)
        lp_http_turns_pass(s->turns, fd, peer, len);
    else
        lp_http_add_connection(s, fd, peer, len);
}

/* The library closes what it cannot take, and then nobody else says so. */
void lp_http_add_connection(struct lp_http_server *s, int fd, const struct sockaddr *peer,
                            socklen_t len)
{
    started = false;
    if (MHD_add_connection(s->daemon, fd, peer, len) != MHD_YES && !started)
        lp_http_acceptor_closed(s->acceptor);
}

static int serve_plain(struct lp_http_server *s, int *fd, struct lp_error *err)
{
    struct lp_http_acceptor_options o = { .listen_fd = *fd,
                                          .max_connections = s->options.max_connections,
                                          .head_ms = s->header_ms,
                                          .pass = pass_on,
                                          .refuse = lp_http_refuse_head,
                                          .user = s };
    s->daemon = start_daemon(s, -1);
    if (!s->daemon)
        return cannot_start(s, err);
    int r = s->options.turned ? lp_http_turns_new(s, &s->turns, err) : 0;
    if (r == 0)
        r = lp_http_acceptor_new(&o, &s->acceptor, err);
    if (r < 0) {
        MHD_stop_daemon(s->daemon);
        return r;
    }
    s->listen_fd = lp_http_take_fd(fd);
    return 0;
}

int lp_http_server_start(const struct lp_http_server_options *options,
                         struct lp_http_server **ret_server, struct lp_error *err)
{
    struct lp_http_server *s = server_new(options);
    lp_auto_fd int fd = -1;

    int r = lp_http_listen(options, &fd, err);
    if (r == 0)
        r = lp_http_guard_new(s->header_ms, &s->guard, err);
    if (r == 0) {
        s->port = lp_http_port_of(fd);
        r = options->tls ? serve_tls(s, &fd, options->tls, err) : serve_plain(s, &fd, err);
    }
    if (r < 0) {
        server_free(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

uint16_t lp_http_server_port(const struct lp_http_server *s)
{
    return s->port;
}

int lp_http_server_set_certificate(struct lp_http_server *s, const struct lp_http_tls *tls,
                                   struct lp_error *err)
{
    if (!s->tls)
        return lp_error_set(err, LP_E_INVALID, "a server without TLS takes no certificate");
    return lp_http_tls_replace(s->tls, tls, err);
}

void lp_http_server_quiesce(struct lp_http_server *s)
{
    if (s->acceptor)
        lp_http_acceptor_quiesce(s->acceptor);
    else if (s->quiesced_fd < 0)
        s->quiesced_fd = MHD_quiesce_daemon(s->daemon);
    /* What waits in its queue is refused, not left hanging. */
    shutdown(s->acceptor ? s->listen_fd : s->quiesced_fd, SHUT_RD);
}

void lp_http_server_flush(struct lp_http_server *s)
{
    struct timespec until = lp_clock_deadline(STOP_MS);
    int r = 0;

    pthread_mutex_lock(&s->reply_lock);
    while (s->unsent > 0 && r == 0)
        r = pthread_cond_clockwait(&s->all_sent, &s->reply_lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&s->reply_lock);
}

void lp_http_server_stop(struct lp_http_server *s)
{
    if (!s)
        return;
    if (!s->turns) /* else nobody turns the loop any more */
        lp_http_server_flush(s);
    lp_http_acceptor_stop(s->acceptor);
    MHD_stop_daemon(s->daemon);
    if (s->quiesced_fd >= 0)
        close(s->quiesced_fd);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    server_free(s);
}
