/*
 * bench/gateway/websocket.c -- both ends of WebSockets that echo (RFC 6455), one thread each:
 *
 *   websocket echo PORT                                      the upstream
 *   websocket load PORT CONNECTIONS SECONDS PATH PID [HEADER...]
 *
 * Each client sends a text of 64 bytes as soon as it has the last one back; what was seen is one
 * line of JSON, as load.c prints it. The key of the handshake is that of RFC 6455, 1.3.
 */
#include <stdbool.h>

#include "measure.h"

#define TEXT 64
#define ASKED (2 + 4 + TEXT) /* masked */
#define TOLD (2 + TEXT)

struct connection {
    int fd;
    bool open; /* the handshake is over */
    size_t len;
    int64_t began_ns;
    unsigned char in[4096];
};

static const char switched[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static int epoll_fd;
static struct figures figures;

static void put(const struct connection *c, const void *bytes, size_t n)
{
    if (send(c->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
        die("send");
}

static void drop(struct connection *c, size_t n)
{
    c->len -= n;
    memmove(c->in, c->in + n, c->len);
}

/* Bytes of a head that is whole, or 0. */
static size_t head_of(struct connection *c)
{
    c->in[c->len] = '\0';
    const char *end = strstr((const char *)c->in, "\r\n\r\n");
    return end ? (size_t)(end + 4 - (const char *)c->in) : 0;
}

/* False: the connection is over. */
static bool receive(struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->len, sizeof c->in - 1 - c->len, 0);
    if (n <= 0)
        return false;
    c->len += (size_t)n;
    return true;
}

/* ---- the upstream ---- */

static void echo_one(struct connection *c)
{
    unsigned char answer[TOLD] = { 0x81, TEXT };

    for (size_t i = 0; i < TEXT; i++)
        answer[2 + i] = c->in[6 + i] ^ c->in[2 + i % 4];
    put(c, answer, sizeof answer);
    drop(c, ASKED);
}

static void echo_take(struct connection *c)
{
    if (!receive(c)) {
        close(c->fd);
        free(c);
        return;
    }
    size_t head = c->open ? 0 : head_of(c);
    if (head > 0) {
        c->open = true;
        drop(c, head);
        put(c, switched, sizeof switched - 1);
    }
    while (c->open && c->len >= ASKED)
        echo_one(c);
}

static void accept_one(int listener)
{
    struct connection *c = calloc(1, sizeof *c);
    int one = 1;

    c->fd = accept(listener, NULL, NULL);
    if (c->fd < 0)
        die("accept");
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void echo(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct epoll_event events[256], e = { .events = EPOLLIN };
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 4096) < 0)
        die("listen");
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                echo_take(events[i].data.ptr);
            else
                accept_one(listener);
        }
    }
}

/* ---- the clients ---- */

static void ask(struct connection *c)
{
    unsigned char frame[ASKED] = { 0x81, 0x80 | TEXT, 1, 2, 3, 4 };

    for (size_t i = 0; i < TEXT; i++)
        frame[6 + i] = 'x' ^ frame[2 + i % 4];
    c->began_ns = now_ns();
    put(c, frame, sizeof frame);
}

static void open_one(struct connection *c, int port, const char *head)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };
    size_t n = 0;

    c->fd = connect_to(port);
    put(c, head, strlen(head));
    while ((n = head_of(c)) == 0)
        if (!receive(c))
            die("handshake");
    if (memcmp(c->in, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "%s\n", (const char *)c->in);
        die("no WebSocket");
    }
    drop(c, n);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void take(void *connection)
{
    struct connection *c = connection;
    if (!receive(c))
        die("a WebSocket ended");
    while (c->len >= TOLD) {
        figures.errors += c->in[0] != 0x81 || c->in[1] != TEXT || c->in[2 + TEXT - 1] != 'x';
        drop(c, TOLD);
        note_answer(&figures, c->began_ns);
        ask(c);
    }
}

static int load(int argc, char **argv)
{
    int port = (int)strtol(argv[2], NULL, 10), n = (int)strtol(argv[3], NULL, 10);
    double seconds = strtod(argv[4], NULL);
    char head[8192];
    int len = snprintf(head, sizeof head,
                       "GET %s HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                       argv[5]);
    for (int i = 7; i < argc; i++)
        len += snprintf(head + len, sizeof head - (size_t)len, "%s\r\n", argv[i]);
    snprintf(head + len, sizeof head - (size_t)len, "\r\n");
    struct connection *all = calloc((size_t)n, sizeof *all);
    for (int i = 0; i < n; i++)
        open_one(&all[i], port, head);
    for (int i = 0; i < n; i++)
        ask(&all[i]);
    measure(&figures, epoll_fd, take, argv[6], seconds);
    return 0;
}

int main(int argc, char **argv)
{
    figures.us = malloc(MAX_SAMPLES * sizeof *figures.us);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (argc == 3 && strcmp(argv[1], "echo") == 0)
        echo((int)strtol(argv[2], NULL, 10)); /* does not come back */
    if (argc >= 7 && strcmp(argv[1], "load") == 0)
        return load(argc, argv);
    fprintf(stderr, "usage: websocket echo PORT | load PORT CONNECTIONS SECONDS PATH PID "
                    "[HEADER...]\n");
    return 2;
}
