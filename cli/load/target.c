/* cli/load/target.c -- see target.h. */
#include "cli/load/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

static bool v4_is_private(uint32_t a)
{
    static const struct {
        uint32_t network;
        unsigned bits;
    } ranges[] = {
        { 0x7f000000, 8 },  /* 127.0.0.0/8 */
        { 0x0a000000, 8 },  /* 10.0.0.0/8 */
        { 0xac100000, 12 }, /* 172.16.0.0/12 */
        { 0xc0a80000, 16 }, /* 192.168.0.0/16 */
    };

    for (size_t i = 0; i < LP_COUNT(ranges); i++)
        if ((a ^ ranges[i].network) >> (32 - ranges[i].bits) == 0)
            return true;
    return false;
}

static bool v6_is_private(const struct in6_addr *a)
{
    uint32_t last;

    if (IN6_IS_ADDR_V4MAPPED(a)) {
        memcpy(&last, a->s6_addr + 12, sizeof last);
        return v4_is_private(ntohl(last));
    }
    return IN6_IS_ADDR_LOOPBACK(a) || (a->s6_addr[0] & 0xfe) == 0xfc;
}

bool target_is_private(const struct sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    switch (address->sa_family) {
    case AF_INET:
        memcpy(&v4, address, sizeof v4);
        return v4_is_private(ntohl(v4.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&v6, address, sizeof v6);
        return v6_is_private(&v6.sin6_addr);
    default:
        return false;
    }
}
