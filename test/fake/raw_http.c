/* test/fake/raw_http.c -- blocking sockets with a time-out. */
#include "fake/raw_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

int raw_connect(uint16_t port, int receive_buffer)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval limit = { .tv_sec = 30 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (receive_buffer > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        fail_msg("cannot connect to port %u: %s", port, strerror(errno));
    return fd;
}

bool raw_send(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

static ssize_t receive(int fd, struct lp_buf *out)
{
    char bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);

    if (n < 0 && errno == EAGAIN)
        fail_msg("nothing came for 30 s; so far: %.200s", out->ptr);
    if (n > 0)
        lp_buf_add(out, bytes, (size_t)n);
    return n;
}

bool raw_read_all(int fd, struct lp_buf *out)
{
    ssize_t n;

    while ((n = receive(fd, out)) > 0)
        continue;
    return n == 0;
}

static const char *head_end(const struct lp_buf *b)
{
    const char *end = b->len > 0 ? memmem(b->ptr, b->len, "\r\n\r\n", 4) : NULL;
    return end ? end + 4 : NULL;
}

bool raw_read_response(int fd, bool head_only, struct lp_buf *out)
{
    const char *end;

    while (!(end = head_end(out))) {
        if (receive(fd, out) <= 0)
            return false;
    }
    int status = raw_status(out);
    if (head_only || status == 204 || status == 304)
        return true;
    size_t head = (size_t)(end - out->ptr);
    const char *length = strcasestr(out->ptr, "\r\nContent-Length: ");
    if (length && length < end) {
        size_t whole = head + strtoull(length + 18, NULL, 10);
        while (out->len < whole) {
            if (receive(fd, out) <= 0)
                return false;
        }
        return true;
    }
    while (out->len < head + 5 || memcmp(out->ptr + out->len - 5, "0\r\n\r\n", 5) != 0) {
        if (receive(fd, out) <= 0)
            return false;
    }
    return true;
}

int raw_status(const struct lp_buf *b)
{
    return b->len > 12 && strncmp(b->ptr, "HTTP/1.1 ", 9) == 0 ? (int)strtol(b->ptr + 9, NULL, 10)
                                                               : 0;
}

const char *raw_body(const struct lp_buf *b)
{
    const char *end = head_end(b);
    return end ? end : "";
}

int raw_request(uint16_t port, const char *request, struct lp_buf *out)
{
    int fd = raw_connect(port, 0);

    raw_send(fd, request, strlen(request));
    raw_read_response(fd, strncmp(request, "HEAD ", 5) == 0, out);
    close(fd);
    return raw_status(out);
}
