/*
 * lib/http/server/listen.c -- the listening socket: the given address, or both families where there
 * is IPv6. No state.
 */
#include "http/server/server_parts.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/limits.h"

static int bind_one(const struct addrinfo *a)
{
    const int on = 1, off = 0;
    lp_auto_fd int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, 512) < 0)
        return -errno;
    return lp_http_take_fd(&fd);
}

int lp_http_listen(const struct lp_http_server_options *o, int *ret_fd, struct lp_error *err)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                              .ai_socktype = SOCK_STREAM };
    const char *hosts[] = { o->address ? o->address : "::", o->address ? NULL : "0.0.0.0" };
    const char *name = o->name ? o->name : "server";
    char port[8];
    int fd = -EADDRNOTAVAIL;

    snprintf(port, sizeof port, "%u", o->port);
    for (size_t i = 0; i < LP_COUNT(hosts) && hosts[i] && fd < 0; i++) {
        struct addrinfo *list;
        if (getaddrinfo(hosts[i], port, &hints, &list) != 0)
            return lp_error_set(err, LP_E_INVALID, "%s: \"%s\" is not an IP address", name,
                                hosts[i]);
        fd = bind_one(list);
        freeaddrinfo(list);
    }
    if (fd < 0)
        return lp_error_set(err, LP_E_UNAVAILABLE, "%s: cannot listen on port %u: %s", name,
                            o->port, strerror(-fd));
    *ret_fd = fd;
    return 0;
}

uint16_t lp_http_port_of(int fd)
{
    struct sockaddr_in6 a = { 0 }; /* the port of both families lies at the same place */
    socklen_t n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    return ntohs(a.sin6_port);
}

_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
               "lp_http_port_of reads both");
