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
#include "services/gateway/upstream_curl.h"

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

/* `lines_in` is the head of the answer so far, without its first line. */
struct upstream_call {
    struct curl_client *client;
    CURL *easy;
    struct curl_slist *lines;
    const struct upstream_events *events;
    void *user;
    struct lp_buf lines_in;
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
    size_t len = n * size;

    if (call->head_given) /* a trailer */
        return len;
    if (len >= 5 && strncmp(line, "HTTP/", 5) == 0)
        lp_buf_reset(&call->lines_in);
    else
        lp_buf_add(&call->lines_in, line, len);
    return call->lines_in.overflowed ? 0 : len;
}

/* False where the fields are not sound; `whole`: no body came. */
static bool give_head(struct upstream_call *call, bool whole)
{
    long status = 0;
    struct lp_fields fields;
    struct lp_refusal refusal;
    struct upstream_head head = { .length = -1, .bodiless = whole, .fields = &fields };

    if (call->head_given)
        return true;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!lp_fields_read(call->lines_in.ptr, call->lines_in.len, &fields, &refusal))
        return false;
    const struct lp_field *length = lp_fields_find(&fields, "Content-Length");
    if (length && !lp_fields_read_length(length, &head.length))
        return false;
    head.status = (unsigned)status;
    call->head_given = true;
    call->events->head(call->user, &head);
    return true;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    struct upstream_call *call = user;

    if (!give_head(call, false))
        return CURL_WRITEFUNC_ERROR;
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

/* One line, in libcurl's spelling of an empty value where it has none. */
static void add_line(struct upstream_call *call, const char *line, size_t n)
{
    lp_auto_free char *text = n > 2 && memcmp(line + n - 2, ": ", 2) == 0
                                  ? lp_sprintf("%.*s;", (int)n - 2, line)
                                  : lp_strndup(line, n);
    call->lines = curl_slist_append(call->lines, text);
}

static void set_lines(struct upstream_call *call, const struct upstream_request *r)
{
    static const char *const silenced[] = { "Expect:", "Accept:", "User-Agent:" };
    const char *line = r->fields, *end = line + r->fields_len;
    bool given[LP_COUNT(silenced)] = { false };

    while (line < end) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));
        size_t n = (size_t)((stop ? stop : end) - line);
        for (size_t i = 0; i < LP_COUNT(silenced); i++)
            given[i] |= strncasecmp(line, silenced[i], strlen(silenced[i])) == 0;
        add_line(call, line, n);
        line += n + 2;
    }
    for (size_t i = 0; i < LP_COUNT(silenced); i++) {
        if (!given[i])
            call->lines = curl_slist_append(call->lines, silenced[i]);
    }
    if (r->says_length && r->body_length == 0)
        call->lines = curl_slist_append(call->lines, "Content-Length: 0");
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
        .lines_in = LP_BUF_INIT(MAX_HEAD),
    };
    set_common(call->easy);
    set_callbacks(call);
    set_method(call->easy, r);
    set_lines(call, r);
    curl_easy_setopt(call->easy, CURLOPT_URL, r->origin);
    curl_easy_setopt(call->easy, CURLOPT_REQUEST_TARGET, r->target);
    curl_easy_setopt(call->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms);
    curl_multi_add_handle(c->multi, call->easy);
    return call;
}

static void free_call(struct upstream_call *call)
{
    struct curl_client *c = call->client;

    curl_multi_remove_handle(c->multi, call->easy);
    curl_slist_free_all(call->lines);
    lp_buf_done(&call->lines_in);
    if (c->n_idle < MAX_IDLE) {
        curl_easy_reset(call->easy);
        c->idle[c->n_idle++] = call->easy;
    } else {
        curl_easy_cleanup(call->easy);
    }
    free(call);
}

static void curl_cancel(struct upstream_call *call, bool overdue)
{
    (void)overdue; /* libcurl chooses the address */
    free_call(call);
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
        if (result == CURLE_OK && !give_head(call, true))
            result = CURLE_WEIRD_SERVER_REPLY;
        const struct upstream_events *events = call->events;
        void *user = call->user;
        enum upstream_result how =
            result == CURLE_OK ? UPSTREAM_COMPLETE
            : call->head_given ? UPSTREAM_CUT
            : result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST
                ? UPSTREAM_UNREACHED
                : UPSTREAM_UNANSWERED;
        free_call(call);
        if (result == CURLE_OK)
            events->whole(user);
        events->end(user, how, result == CURLE_OK ? NULL : curl_easy_strerror(result));
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
        .cancel = curl_cancel,
        .ready = curl_ready,
        .timers = curl_timers,
        .timeout_ms = curl_timeout_ms,
        .free = curl_end,
    };
    struct curl_client *c = lp_alloc(sizeof *c);

    *c = (struct curl_client){ { .ops = &ops }, curl_multi_init(), epoll_fd, tag, .timer_at = -1 };
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
