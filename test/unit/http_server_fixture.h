/* test/unit/http_server_fixture.h -- a real server on a free port that tells what it was asked, and
 * clients that are plain sockets; for the tests of http/server. */
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "http/server/server.h"
#include "unit/check.h"

#define MAX_BODY 1000

/* What the handler of these tests saw last, and whom it left unanswered. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct lp_http_exchange *later;
    int refused;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static inline bool count_value(const char *value, void *user)
{
    lp_buf_printf(user, "[%s]", value);
    return true;
}

/* Tells in the body what it was asked. */
static inline void echo(struct lp_http_exchange *x, void *user)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4096);
    size_t len;
    (void)user;

    if (strncmp(lp_http_path(x), "/later", 6) == 0) {
        pthread_mutex_lock(&seen.lock);
        seen.later = x;
        pthread_cond_signal(&seen.changed);
        pthread_mutex_unlock(&seen.lock);
        return;
    }
    if (strncmp(lp_http_path(x), "/status/", 8) == 0) {
        int status = (int)strtol(lp_http_path(x) + 8, NULL, 10);
        lp_http_reply(x, status, NULL, "ok", status == 204 || status == 304 ? 0 : 2);
        return;
    }
    const char *body = lp_http_body(x, &len);
    const char *q = lp_http_query(x, "q"), *again = lp_http_query(x, "q");
    lp_buf_printf(&b, "%s %s path=%s q=%s%s len=%zu body=%.20s peer=%s x=", lp_http_method(x),
                  lp_http_target(x), lp_http_path(x), q ? q : "-", again == q ? "" : "?", len, body,
                  lp_http_peer(x));
    lp_http_headers(x, "x-many", count_value, &b);
    lp_http_reply_header(x, "X-First", "1");
    lp_http_reply_header(x, "X-Bad", "a\r\nX-Injected: b");
    lp_http_reply_buf(x, 200, "text/plain", &b);
}

static inline const char *count_refusal(int status, const char *why, void *user)
{
    (void)why, (void)user;
    seen.refused = status;
    return status == 413 ? "{\"error\":\"too much\"}" : NULL;
}

static inline struct lp_http_exchange *wait_for_later(void)
{
    pthread_mutex_lock(&seen.lock);
    while (!seen.later)
        pthread_cond_wait(&seen.changed, &seen.lock);
    struct lp_http_exchange *x = seen.later;
    seen.later = NULL;
    pthread_mutex_unlock(&seen.lock);
    return x;
}

static inline int start(void **state)
{
    struct lp_http_server_options o = { .address = "127.0.0.1",
                                        .name = "test",
                                        .max_body = MAX_BODY,
                                        .header_timeout_s = 1,
                                        .handler = echo,
                                        .refusal = count_refusal };
    struct lp_http_server *s;
    struct lp_error err;
    if (lp_http_server_start(&o, &s, &err) < 0)
        return -1;
    *state = s;
    return 0;
}

static inline int stop(void **state)
{
    lp_http_server_stop(*state);
    return 0;
}

static inline int dial(const struct lp_http_server *s)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(lp_http_server_port(s)) };
    struct timeval limit = { .tv_sec = 20 };
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Reads until `until` was seen (NULL: until the end of the stream). */
static inline void read_reply(int fd, const char *until, struct lp_buf *reply)
{
    char bytes[4096];
    ssize_t n;
    while ((!until || !strstr(reply->ptr, until)) && (n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        lp_buf_add(reply, bytes, (size_t)n);
}

/* One request on one connection, read to its end. */
static inline void ask_n(const struct lp_http_server *s, const void *bytes, size_t n,
                         struct lp_buf *reply)
{
    lp_auto_fd int fd = dial(s);
    lp_buf_reset(reply);
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
    read_reply(fd, NULL, reply);
}

static inline void ask(const struct lp_http_server *s, const char *text, struct lp_buf *reply)
{
    ask_n(s, text, strlen(text), reply);
}

#define CLOSE "Host: a\r\nConnection: close\r\n"
