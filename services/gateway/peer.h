/* services/gateway/peer.h -- who the client is: an address, and the proxies that are believed. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "http/message/fields.h"

#define PEER_NETWORKS_MAX 64

/* IPv4 as ::ffff:a.b.c.d. */
struct peer_network {
    struct in6_addr address;
    unsigned bits; /* 0..128 */
};

struct peer_networks {
    struct peer_network list[PEER_NETWORKS_MAX];
    size_t n;
};

/* "10.0.0.0/8, 2001:db8::/32, 192.0.2.1" or "". LP_E_INVALID names the part that is none. */
LP_MUST_USE int peer_networks_read(const char *list, struct peer_networks *ret,
                                   struct lp_error *err);

/* What accept() gave, IPv4 as above. */
void peer_from_socket(const struct sockaddr_in6 *address, struct in6_addr *ret);

/* a.b.c.d or the IPv6 text (RFC 5952). */
void peer_text(const struct in6_addr *address, char ret[INET6_ADDRSTRLEN]);

/*
 * The client behind a connection: the peer itself, or, where that is in `trusted`, the last hop of
 * the X-Forwarded-For fields (all of them, as one list) that is not. A hop that is no address ends
 * the walk at the one before it, as nobody vouches for what is left of it. At most 32 hops.
 */
void peer_client(const struct peer_networks *trusted, const struct in6_addr *peer,
                 const struct lp_fields *fields, struct in6_addr *ret_client);

bool peer_is_trusted(const struct peer_networks *trusted, const struct in6_addr *address);
