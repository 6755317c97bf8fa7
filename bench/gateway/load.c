/*
 * bench/gateway/load.c -- asks a server the same question over N kept plain connections, each as
 * soon as it has its answer, and prints what it saw as one line of JSON:
 *
 *   load PORT CONNECTIONS SECONDS PATH STATUS PID [HEADER...]
 *
 * STATUS is the answer wanted; what answers otherwise counts as an error. The processor time of PID
 * is read from /proc before and after. One thread, epoll.
 */
#include <stdbool.h>
#include <strings.h>

#include "measure.h"

#define ANSWER_BYTES 16384

struct connection {
    int fd;
    size_t len, whole; /* bytes of the answer so far; wanted, once the head is there */
    int64_t began_ns;
    char answer[ANSWER_BYTES];
};

static char request[8192];
static size_t request_len;
static struct figures figures;
static int wanted, port, epoll_fd;

static void ask(struct connection *c)
{
    c->len = c->whole = 0;
    c->began_ns = now_ns();
    if (send(c->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
        die("send");
}

static void open_connection(struct connection *c)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

    c->fd = connect_to(port);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &e);
    ask(c);
}

static void read_head(struct connection *c)
{
    c->answer[c->len] = '\0';
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = end ? strcasestr(c->answer, "\r\nContent-Length: ") : NULL;
    if (length)
        c->whole = (size_t)(end + 4 - c->answer) + strtoul(length + 18, NULL, 10);
}

static void take(void *connection)
{
    struct connection *c = connection;
    ssize_t n = recv(c->fd, c->answer + c->len, ANSWER_BYTES - 1 - c->len, 0);

    if (n <= 0) { /* counted, and opened anew: a server may end a connection */
        figures.errors += c->len > 0 || n < 0;
        close(c->fd);
        open_connection(c);
        return;
    }
    c->len += (size_t)n;
    if (c->whole == 0)
        read_head(c);
    if (c->whole == 0 || c->len < c->whole)
        return;
    if (strtol(c->answer + 9, NULL, 10) != wanted)
        figures.errors++;
    note_answer(&figures, c->began_ns);
    ask(c);
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS PATH STATUS PID [HEADER...]\n");
        return 2;
    }
    port = (int)strtol(argv[1], NULL, 10);
    int n = (int)strtol(argv[2], NULL, 10);
    double seconds = strtod(argv[3], NULL);
    wanted = (int)strtol(argv[5], NULL, 10);
    request_len =
        (size_t)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: g\r\n", argv[4]);
    for (int i = 7; i < argc; i++)
        request_len += (size_t)snprintf(request + request_len, sizeof request - request_len,
                                        "%s\r\n", argv[i]);
    request_len += (size_t)snprintf(request + request_len, sizeof request - request_len, "\r\n");
    figures.us = malloc(MAX_SAMPLES * sizeof *figures.us);
    struct connection *all = calloc((size_t)n, sizeof *all);
    epoll_fd = epoll_create1(0);
    for (int i = 0; i < n; i++)
        open_connection(&all[i]);
    measure(&figures, epoll_fd, take, argv[6], seconds);
    return 0;
}
