/*
 * services/gateway/upstream_curl.c -- the upstream client by libcurl: one multi handle whose
 * sockets and timer live in the worker's epoll loop. Names are resolved by libcurl's own threads,
 * so the loop never blocks, and are looked up again after 5 s; connections are kept for at most 20
 * s, so that new pods behind a name get their share. One thread.
 *
 * libcurl itself sends a request again whose kept connection died before any byte of an answer. For
 * methods that are not idempotent, and bodies that cannot be sent twice, `refuse_rewind` and a
 * fresh connection prevent that.
 */
#include "services/gateway/upstream.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

#define MAX_HEAD LP_LIMIT_HTTP_HEADERS
#define MAX_IDLE 64

struct curl_client {
    struct upstream_client base;
    CURLM *multi;
    int epoll_fd;
    uint64_t tag;
    int64_t timer_at; /* lp_clock_ms(), -1: none */
    CURL *idle[MAX_IDLE];
    size_t n_idle;
};

/* `length` is -1 until a Content-Length came; `fields` is the head of the answer so far. */
struct upstream_call {
    struct curl_client *client;
    CURL *easy;
    struct curl_slist *lines;
    const struct upstream_events *events;
    void *user;
    struct lp_buf fields;
    int64_t length;
    int status;
    bool head_given, receive_paused, send_paused;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    struct curl_client *c = user;
    struct epoll_event e = { .data.u64 = c->tag | (uint64_t)fd };
    (void)easy;

    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* libcurl may have closed it already */
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    if (what != CURL_POLL_OUT)
        e.events |= EPOLLIN;
    if (what != CURL_POLL_IN)
        e.events |= EPOLLOUT;
    if (epoll_ctl(c->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) < 0)
        return -1;
    curl_multi_assign(c->multi, fd, c);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    struct curl_client *c = user;
    (void)multi;
    c->timer_at = ms < 0 ? -1 : lp_clock_ms() + ms;
    return 0;
}

/* One line of the head; a status line begins it anew, as after 100 Continue. */
static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    struct upstream_call *call = user;
    size_t len = n * size, whole = len;

    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0) {
        lp_buf_reset(&call->fields);
        call->length = -1;
        return whole;
    }
    const char *colon = memchr(line, ':', len);
    if (!colon || call->head_given) /* the empty line, or a trailer */
        return whole;
    size_t name = (size_t)(colon - line), at = name + 1;
    while (at < len && (line[at] == ' ' || line[at] == '\t'))
        at++;
    lp_buf_add(&call->fields, line, name);
    lp_buf_char(&call->fields, '\0');
    lp_buf_add(&call->fields, line + at, len - at);
    lp_buf_char(&call->fields, '\0');
    return call->fields.overflowed ? 0 : whole;
}

static void give_head(struct upstream_call *call)
{
    long status = 0;
    curl_off_t length = -1;

    if (call->head_given)
        return;
    call->head_given = true;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    call->events->head(call->user, (int)status, call->fields.ptr, call->fields.len, length);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    struct upstream_call *call = user;

    give_head(call);
    if (call->events->body(call->user, bytes, n * size))
        return n * size;
    call->receive_paused = true;
    return CURL_WRITEFUNC_PAUSE;
}

static size_t on_read(char *to, size_t size, size_t n, void *user)
{
    struct upstream_call *call = user;
    bool end = false;
    size_t got = call->events->read(call->user, to, n * size, &end);

    if (got > 0 || end)
        return got;
    call->send_paused = true;
    return CURL_READFUNC_PAUSE;
}

static int refuse_rewind(void *user, curl_off_t offset, int origin)
{
    (void)user;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static void set_lines(struct upstream_call *call, const struct upstream_request *r)
{
    static const char *const silenced[] = { "Expect:", "Accept:", "User-Agent:" };
    const char *line = r->fields, *end = line + r->fields_len;
    bool given[LP_COUNT(silenced)] = { false };

    for (; line < end; line += strlen(line) + 1) {
        size_t name = strcspn(line, ":");
        for (size_t i = 0; i < LP_COUNT(silenced); i++)
            given[i] |= strncasecmp(line, silenced[i], name + 1) == 0;
        if (line[name] && line[name + 1] && !line[name + 2]) { /* libcurl's way to say "empty" */
            lp_auto_free char *empty = lp_sprintf("%.*s;", (int)name, line);
            call->lines = curl_slist_append(call->lines, empty);
        } else {
            call->lines = curl_slist_append(call->lines, line);
        }
    }
    for (size_t i = 0; i < LP_COUNT(silenced); i++) {
        if (!given[i])
            call->lines = curl_slist_append(call->lines, silenced[i]);
    }
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->lines);
}

static void set_method(CURL *easy, const struct upstream_request *r)
{
    if (strcmp(r->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (r->body_length != 0)
        curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (r->body_length > 0)
        curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_length);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    if (!r->idempotent && r->body_length == 0)
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_common(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 5L);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, 20L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 15L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                     1L); /* a cancelled look-up does not block the loop */
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
}

static void set_callbacks(struct upstream_call *call)
{
    curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(call->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(call->easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(call->easy, CURLOPT_READDATA, call);
    curl_easy_setopt(call->easy, CURLOPT_SEEKFUNCTION, refuse_rewind);
}

static struct upstream_call *curl_start(struct upstream_client *base,
                                        const struct upstream_request *r)
{
    struct curl_client *c = (struct curl_client *)base;
    struct upstream_call *call = lp_alloc(sizeof *call);

    *call = (struct upstream_call){
        .client = c,
        .easy = c->n_idle > 0 ? c->idle[--c->n_idle] : curl_easy_init(),
        .events = r->events,
        .user = r->user,
        .fields = LP_BUF_INIT(MAX_HEAD),
        .length = -1,
    };
    set_common(call->easy);
    set_callbacks(call);
    set_method(call->easy, r);
    set_lines(call, r);
    curl_easy_setopt(call->easy, CURLOPT_URL, r->origin);
    curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, r->target);
    curl_multi_add_handle(c->multi, call->easy);
    return call;
}

static void free_call(struct upstream_call *call)
{
    struct curl_client *c = call->client;

    curl_multi_remove_handle(c->multi, call->easy);
    curl_slist_free_all(call->lines);
    lp_buf_done(&call->fields);
    if (c->n_idle < MAX_IDLE) {
        curl_easy_reset(call->easy);
        c->idle[c->n_idle++] = call->easy;
    } else {
        curl_easy_cleanup(call->easy);
    }
    free(call);
}

static void unpause(struct upstream_call *call)
{
    curl_easy_pause(call->easy, (call->receive_paused ? CURLPAUSE_RECV : 0) |
                                    (call->send_paused ? CURLPAUSE_SEND : 0));
}

static void curl_resume_receive(struct upstream_call *call)
{
    if (call->receive_paused) {
        call->receive_paused = false;
        unpause(call);
    }
}

static void curl_resume_send(struct upstream_call *call)
{
    if (call->send_paused) {
        call->send_paused = false;
        unpause(call);
    }
}

static void finish(struct curl_client *c)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(c->multi, &left))) {
        struct upstream_call *call = NULL;
        CURLcode result = msg->data.result;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        if (result == CURLE_OK)
            give_head(call);
        const struct upstream_events *events = call->events;
        void *user = call->user;
        free_call(call);
        events->end(user, result == CURLE_OK, curl_easy_strerror(result));
    }
}

static void curl_ready(struct upstream_client *base, int fd, uint32_t epoll_events)
{
    struct curl_client *c = (struct curl_client *)base;
    int what = 0, running;

    if (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        what |= CURL_CSELECT_IN;
    if (epoll_events & EPOLLOUT)
        what |= CURL_CSELECT_OUT;
    if (epoll_events & EPOLLERR)
        what |= CURL_CSELECT_ERR;
    curl_multi_socket_action(c->multi, fd, what, &running);
    finish(c);
}

static void curl_timers(struct upstream_client *base)
{
    struct curl_client *c = (struct curl_client *)base;
    int running;

    c->timer_at = -1;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish(c);
}

static int64_t curl_timeout_ms(const struct upstream_client *base)
{
    const struct curl_client *c = (const struct curl_client *)base;
    int64_t left = c->timer_at < 0 ? -1 : c->timer_at - lp_clock_ms();
    return c->timer_at >= 0 && left < 0 ? 0 : left;
}

static void curl_end(struct upstream_client *base)
{
    struct curl_client *c = (struct curl_client *)base;

    while (c->n_idle > 0)
        curl_easy_cleanup(c->idle[--c->n_idle]);
    curl_multi_cleanup(c->multi);
    free(c);
}

struct upstream_client *upstream_curl_new(int epoll_fd, uint64_t tag)
{
    static const struct upstream_ops ops = {
        .start = curl_start,
        .resume_receive = curl_resume_receive,
        .resume_send = curl_resume_send,
        .cancel = free_call,
        .ready = curl_ready,
        .timers = curl_timers,
        .timeout_ms = curl_timeout_ms,
        .free = curl_end,
    };
    struct curl_client *c = lp_alloc(sizeof *c);

    *c = (struct curl_client){ { &ops }, curl_multi_init(), epoll_fd, tag, .timer_at = -1 };
    if (!c->multi) {
        free(c);
        return NULL;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return &c->base;
}
