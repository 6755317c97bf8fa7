/*
 * A non-blocking TCP connection per pod, found by the id of the pod's life.
 *
 * One epoll holds them all: while a connection is connecting it waits to be writable, from then on
 * to be readable, so that the end of an idle one is an event as well. Threads: the scraper's alone.
 */
#include "autoscaler/samples/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

int connections_init(struct connections *c, uint16_t port, struct lp_error *err)
{
    *c = (struct connections){ .port = port, .epoll = epoll_create1(EPOLL_CLOEXEC) };
    if (c->epoll < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "scraper: no epoll: %s", strerror(errno));
    return 0;
}

void connections_done(struct connections *c)
{
    for (unsigned i = 0; i < CONNECTIONS_KEPT; i++)
        while (c->buckets[i])
            connections_close(c, c->buckets[i]);
    if (c->epoll >= 0)
        close(c->epoll);
}

static struct connection **bucket_of(struct connections *c, uint64_t id)
{
    return &c->buckets[id % CONNECTIONS_KEPT];
}

struct connection *connections_idle(struct connections *c, uint64_t id)
{
    struct connection *n = *bucket_of(c, id);

    while (n && (n->id != id || n->user))
        n = n->next;
    return n;
}

/* Its length; 0: no address. */
static socklen_t address_of(const char *ip, uint16_t port, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret;

    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    errno = EINVAL;
    return 0;
}

static bool watch(const struct connections *c, struct connection *n, int how, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = n };
    return epoll_ctl(c->epoll, how, n->fd, &event) == 0;
}

/* A socket on its way; -1 with errno. */
static int begin_connect(const char *ip, uint16_t port)
{
    const int on = 1;
    struct sockaddr_storage address;
    socklen_t len = address_of(ip, port, &address);

    if (len == 0)
        return -1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, len) == 0 || errno == EINPROGRESS)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

struct connection *connections_open(struct connections *c, const struct samples_target *target)
{
    struct connection **bucket = bucket_of(c, target->id), *n;
    int fd = begin_connect(target->ip, c->port);

    if (fd < 0)
        return NULL;
    n = lp_alloc(sizeof *n);
    *n = (struct connection){ .id = target->id, .fd = fd, .connecting = true, .next = *bucket };
    *bucket = n;
    c->n++;
    if (watch(c, n, EPOLL_CTL_ADD, EPOLLOUT))
        return n;
    int why = errno;
    connections_close(c, n);
    errno = why;
    return NULL;
}

int connections_connected(struct connections *c, struct connection *n)
{
    int why = 0;
    socklen_t len = sizeof why;

    if (getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0)
        return errno;
    if (why != 0)
        return why;
    n->connecting = false;
    return watch(c, n, EPOLL_CTL_MOD, EPOLLIN | EPOLLRDHUP) ? 0 : errno;
}

bool connections_ask(const struct connections *c, const struct connection *n, const char *ip)
{
    char request[256];
    bool v6 = strchr(ip, ':') != NULL;
    int len = snprintf(request, sizeof request,
                       "GET /metrics HTTP/1.1\r\nHost: %s%s%s:%u\r\n"
                       "User-Agent: lp-adapter/" LP_VERSION "\r\n"
                       "Accept: text/plain;version=0.0.4\r\n\r\n",
                       v6 ? "[" : "", ip, v6 ? "]" : "", c->port);
    ssize_t sent = send(n->fd, request, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0 && sent < len)
        errno = ENOBUFS;
    return sent == len;
}

void connections_keep(struct connections *c, struct connection *n, int64_t now_ms)
{
    n->user = NULL;
    n->used = true;
    n->idle_ms = now_ms;
    if (c->n > CONNECTIONS_KEPT)
        connections_close(c, n);
}

void connections_close(struct connections *c, struct connection *n)
{
    struct connection **at = bucket_of(c, n->id);

    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    c->n--;
    close(n->fd); /* leaves the epoll with it */
    free(n);
}

void connections_expire(struct connections *c, int64_t now_ms, int64_t ms)
{
    for (unsigned i = 0; i < CONNECTIONS_KEPT; i++) {
        struct connection *n = c->buckets[i];
        while (n) {
            struct connection *next = n->next;
            if (!n->user && now_ms - n->idle_ms > ms)
                connections_close(c, n);
            n = next;
        }
    }
}
