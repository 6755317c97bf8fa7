/* services/gateway/peer.c -- addresses and networks. No state, any thread. */
#include "services/gateway/peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define HOPS_MAX 32

static bool read_address(const char *s, size_t n, struct in6_addr *ret, bool *ret_v4)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr v4;

    if (n == 0 || n >= sizeof text)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    *ret_v4 = inet_pton(AF_INET, text, &v4) == 1;
    if (*ret_v4) {
        memset(ret, 0, sizeof *ret);
        ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
        memcpy(&ret->s6_addr[12], &v4, sizeof v4);
        return true;
    }
    return inet_pton(AF_INET6, text, ret) == 1;
}

static bool read_bits(const char *s, size_t n, unsigned max, unsigned *ret)
{
    unsigned bits = 0;

    if (n == 0 || n > 3)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(s[i] - '0');
    }
    *ret = bits;
    return bits <= max;
}

static bool read_network(const char *s, size_t n, struct peer_network *ret)
{
    const char *slash = memchr(s, '/', n);
    size_t len = slash ? (size_t)(slash - s) : n;
    bool v4 = false;
    unsigned bits;

    if (!read_address(s, len, &ret->address, &v4))
        return false;
    bits = v4 ? 32 : 128;
    if (slash && !read_bits(slash + 1, n - len - 1, bits, &bits))
        return false;
    ret->bits = v4 ? bits + 96 : bits;
    return true;
}

int peer_networks_read(const char *list, struct peer_networks *ret, struct lp_error *err)
{
    ret->n = 0;
    for (;;) {
        list += strspn(list, ", ");
        size_t n = strcspn(list, ", ");
        if (n == 0)
            return 0;
        if (ret->n == PEER_NETWORKS_MAX)
            return lp_error_set(err, LP_E_INVALID, "TRUSTED_PROXIES: more than %d networks",
                                PEER_NETWORKS_MAX);
        if (!read_network(list, n, &ret->list[ret->n]))
            return lp_error_set(err, LP_E_INVALID,
                                "TRUSTED_PROXIES: \"%.*s\" is no address and no network such as "
                                "10.0.0.0/8 or 2001:db8::/32",
                                (int)(n < 64 ? n : 64), list);
        ret->n++;
        list += n;
    }
}

void peer_from_socket(const struct sockaddr_in6 *address, struct in6_addr *ret)
{
    const struct sockaddr_in *in = (const void *)address;

    if (address->sin6_family == AF_INET6) {
        *ret = address->sin6_addr;
        return;
    }
    memset(ret, 0, sizeof *ret);
    ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
    memcpy(&ret->s6_addr[12], &in->sin_addr, 4);
}

/* inet_ntop is a printf: 1,500 instructions of a proxied request, where this takes 120. */
static void write_v4(const uint8_t bytes[4], char *at)
{
    for (unsigned i = 0; i < 4; i++) {
        if (bytes[i] >= 100)
            *at++ = (char)('0' + bytes[i] / 100);
        if (bytes[i] >= 10)
            *at++ = (char)('0' + bytes[i] / 10 % 10);
        *at++ = (char)('0' + bytes[i] % 10);
        *at++ = i < 3 ? '.' : '\0';
    }
}

void peer_text(const struct in6_addr *address, char ret[INET6_ADDRSTRLEN])
{
    if (IN6_IS_ADDR_V4MAPPED(address))
        write_v4(&address->s6_addr[12], ret);
    else
        inet_ntop(AF_INET6, address, ret, INET6_ADDRSTRLEN);
}

static bool holds(const struct peer_network *net, const struct in6_addr *a)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;

    if (memcmp(net->address.s6_addr, a->s6_addr, whole) != 0)
        return false;
    return rest == 0 || (net->address.s6_addr[whole] ^ a->s6_addr[whole]) >> (8 - rest) == 0;
}

bool peer_is_trusted(const struct peer_networks *trusted, const struct in6_addr *address)
{
    for (size_t i = 0; i < trusted->n; i++) {
        if (holds(&trusted->list[i], address))
            return true;
    }
    return false;
}

/* A hop as proxies write it: an address, in brackets and with a port or without. */
static bool read_hop(const char *s, size_t n, struct in6_addr *ret)
{
    bool v4;

    while (n > 0 && (*s == ' ' || *s == '\t')) {
        s++;
        n--;
    }
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    if (n > 1 && s[0] == '[') {
        const char *close = memchr(s, ']', n);
        return close && read_address(s + 1, (size_t)(close - s) - 1, ret, &v4);
    }
    const char *colon = memchr(s, ':', n);
    if (colon && memchr(s, '.', n) && !memchr(colon + 1, ':', n - (size_t)(colon - s) - 1))
        n = (size_t)(colon - s); /* a.b.c.d:port */
    return read_address(s, n, ret, &v4);
}

/* From the last hop of one field to its first; true where the client is known for good. */
static bool walk(const struct peer_networks *trusted, const struct lp_field *f, unsigned *io_hops,
                 struct in6_addr *io_client)
{
    size_t end = f->value_len;

    for (;;) {
        size_t start = end;
        struct in6_addr hop;
        while (start > 0 && f->value[start - 1] != ',')
            start--;
        if (++*io_hops > HOPS_MAX || !read_hop(f->value + start, end - start, &hop))
            return true;
        *io_client = hop;
        if (!peer_is_trusted(trusted, &hop))
            return true;
        if (start == 0)
            return false;
        end = start - 1;
    }
}

void peer_client(const struct peer_networks *trusted, const struct in6_addr *peer,
                 const struct lp_fields *fields, struct in6_addr *ret_client)
{
    unsigned hops = 0;

    *ret_client = *peer;
    if (!peer_is_trusted(trusted, peer))
        return;
    for (size_t i = fields->n; i > 0; i--) {
        if (lp_field_is(&fields->list[i - 1], "X-Forwarded-For") &&
            walk(trusted, &fields->list[i - 1], &hops, ret_client))
            return;
    }
}
