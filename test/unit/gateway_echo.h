/* test/unit/gateway_echo.h -- an upstream that echoes bodies while they come, and frames of
 * WebSockets. */
#pragma once

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "fake/raw_http.h"
#include "unit/check.h"

struct echo {
    int listener;
    char url[64];
    pthread_t thread;
};

/* Raw bytes back, `left` of them, or until the end (-1). */
static inline void echo_bytes(int fd, int64_t left)
{
    char block[65536];
    ssize_t n;

    while (left != 0 && (n = recv(fd, block, sizeof block, 0)) > 0) {
        if (!raw_send(fd, block, (size_t)n))
            return;
        left -= left > 0 ? n : 0;
    }
}

/* Each frame of the client (of less than 126 bytes) comes back as the server's: not masked. */
static inline void echo_frames(int fd)
{
    unsigned char head[6], frame[2 + 125];

    while (recv(fd, head, sizeof head, MSG_WAITALL) == (ssize_t)sizeof head) {
        size_t n = head[1] & 0x7f;
        if (n > 125 || recv(fd, frame + 2, n, MSG_WAITALL) != (ssize_t)n)
            return;
        frame[0] = head[0];
        frame[1] = (unsigned char)n;
        for (size_t i = 0; i < n; i++)
            frame[2 + i] ^= head[2 + i % 4];
        if (!raw_send(fd, frame, 2 + n))
            return;
    }
}

static inline void echo_one(int fd)
{
    char head[16384], reply[256];
    size_t n = 0;

    while (n + 1 < sizeof head && recv(fd, head + n, 1, 0) == 1) {
        head[++n] = '\0';
        if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
            break;
    }
    const char *length = strcasestr(head, "\r\nContent-Length: ");
    if (strcasestr(head, "\r\nUpgrade: websocket\r\n")) {
        static const char up[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                                 "Upgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\n\x81\x05"
                                 "first";
        raw_send(fd, up, sizeof up - 1);
        echo_frames(fd);
    } else if (length) {
        long long want = strtoll(length + 18, NULL, 10);
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", want);
        raw_send(fd, reply, strlen(reply));
        echo_bytes(fd, want);
    }
}

static inline void *echo_run(void *user)
{
    struct echo *e = user;
    int fd;

    while ((fd = accept(e->listener, NULL, NULL)) >= 0) {
        echo_one(fd);
        close(fd);
    }
    return NULL;
}

static inline void echo_up(struct echo *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;

    e->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(e->listener, (struct sockaddr *)(void *)&at, sizeof at), 0);
    assert_int_equal(listen(e->listener, 16), 0);
    getsockname(e->listener, (struct sockaddr *)(void *)&at, &len);
    snprintf(e->url, sizeof e->url, "http://127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&e->thread, NULL, echo_run, e), 0);
}

static inline void echo_down(struct echo *e)
{
    shutdown(e->listener, SHUT_RDWR);
    pthread_join(e->thread, NULL);
    close(e->listener);
}

/* Reads until what came holds `end`. */
static inline void await_bytes(int fd, struct lp_buf *out, const char *end)
{
    char block[4096];

    while (!strstr(out->ptr, end)) {
        ssize_t n = recv(fd, block, sizeof block, 0);
        if (n <= 0)
            fail_msg("ended before %s: %s", end, out->ptr);
        lp_buf_add(out, block, (size_t)n);
    }
}
