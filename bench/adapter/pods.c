/*
 * The metrics ports of many pods: one server, asked under any loopback address. The pod is the
 * address 127.A.B.C that a connection goes to, its number B * 256 + C.
 *   pods PORT
 * Each line on stdin "NUMBER VALUE" sets what that pod has waiting, and is answered "ok" on stdout;
 * the end of stdin ends it. Pages are as long as those of lp-auth.
 *
 * One thread, epoll.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define PODS 65536u
#define REST_BYTES 4096

static int waiting[PODS];
static char rest[REST_BYTES]; /* the part of a page that is equal in all */
static size_t rest_len;

static void die(const char *what)
{
    fprintf(stderr, "pods: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void add(const char *text)
{
    size_t n = strlen(text);
    if (rest_len + n < sizeof rest) {
        memcpy(rest + rest_len, text, n);
        rest_len += n;
    }
}

static void make_rest(void)
{
    static const char *const bounds[] = { "0.001", "0.0025", "0.005", "0.01", "0.025",
                                          "0.05",  "0.1",    "0.25",  "0.5",  "1",
                                          "2.5",   "5",      "10",    "30",   "+Inf" };
    static const char *const routes[] = { "login", "refresh", "logout" };
    char line[200];
    add("lp_requests_in_flight 1\nlp_request_slots 8\n");
    for (unsigned r = 0; r < 3; r++) {
        snprintf(line, sizeof line,
                 "lp_requests_total{service=\"auth\",route=\"%s\",code=\"200\"} 1000\n", routes[r]);
        add(line);
        for (unsigned b = 0; b < sizeof bounds / sizeof *bounds; b++) {
            snprintf(line, sizeof line,
                     "lp_request_seconds_bucket{service=\"auth\",route=\"%s\",le=\"%s\"} %u\n",
                     routes[r], bounds[b], 500 + b);
            add(line);
        }
        snprintf(line, sizeof line,
                 "lp_request_seconds_sum{service=\"auth\",route=\"%s\"} 12.5\n"
                 "lp_request_seconds_count{service=\"auth\",route=\"%s\"} 1000\n",
                 routes[r], routes[r]);
        add(line);
    }
}

static unsigned pod_of(int fd)
{
    struct sockaddr_in a = { 0 };
    socklen_t n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    return (ntohl(a.sin_addr.s_addr) & 0xffffff) % PODS;
}

static void answer(int fd)
{
    char request[4096], page[REST_BYTES + 64], head[128];
    ssize_t n = recv(fd, request, sizeof request, 0);
    if (n <= 0) {
        close(fd);
        return;
    }
    int first = snprintf(page, 64, "lp_requests_waiting %d\n", waiting[pod_of(fd)]);
    memcpy(page + first, rest, rest_len);
    size_t len = (size_t)first + rest_len;
    int h =
        snprintf(head, sizeof head,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", len);
    if (send(fd, head, (size_t)h, MSG_MORE | MSG_NOSIGNAL) < 0 ||
        send(fd, page, len, MSG_NOSIGNAL) < 0)
        close(fd);
}

static void obey(void)
{
    static char line[65536];
    static size_t len;
    ssize_t n = read(0, line + len, sizeof line - 1 - len);
    if (n <= 0)
        exit(0);
    len += (size_t)n;
    line[len] = '\0';
    char *at = line;
    for (char *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        char *value;
        unsigned long pod = strtoul(at, &value, 10);
        waiting[pod % PODS] = (int)strtol(value, NULL, 10);
        if (write(1, "ok\n", 3) != 3)
            die("write");
    }
    len -= (size_t)(at - line);
    memmove(line, at, len);
}

int main(int argc, char **argv)
{
    const int on = 1;
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)(argc > 1 ? strtoul(argv[1], NULL, 10) : 0)) };
    inet_pton(AF_INET, "0.0.0.0", &a.sin_addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
        poll = epoll_create1(EPOLL_CLOEXEC);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 1024) < 0)
        die("listen");
    make_rest();
    struct epoll_event e = { .events = EPOLLIN, .data.fd = listener }, events[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &e);
    e.data.fd = 0;
    epoll_ctl(poll, EPOLL_CTL_ADD, 0, &e);
    for (;;) {
        int n = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) {
                obey();
            } else if (fd == listener) {
                e.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                setsockopt(e.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                epoll_ctl(poll, EPOLL_CTL_ADD, e.data.fd, &e);
            } else {
                answer(fd);
            }
        }
    }
}
