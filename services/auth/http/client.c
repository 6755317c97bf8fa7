/* No state; any thread. */
#include "services/auth/http/client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static bool last_element(const char *value, void *user)
{
    char *last = user;
    const char *comma = strrchr(value, ',');
    const char *at = comma ? comma + 1 : value;
    at += strspn(at, " \t");
    snprintf(last, 64, "%s", at);
    last[strcspn(last, " \t")] = '\0';
    return true;
}

/* "1.2.3.4", "1.2.3.4:56", "::1", "[::1]:56", "::ffff:1.2.3.4"; false for anything else. */
static bool read_address(char *text, char ret_address[CLIENT_ADDRESS])
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
    unsigned char bytes[16];
    if (*text == '[') {
        text++;
        text[strcspn(text, "]")] = '\0';
    } else if (strchr(text, '.') && strchr(text, ':') == strrchr(text, ':')) {
        text[strcspn(text, ":")] = '\0';
    }
    if (inet_pton(AF_INET, text, bytes) == 1)
        return inet_ntop(AF_INET, bytes, ret_address, CLIENT_ADDRESS) != NULL;
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        return inet_ntop(AF_INET, bytes + 12, ret_address, CLIENT_ADDRESS) != NULL;
    return inet_ntop(AF_INET6, bytes, ret_address, CLIENT_ADDRESS) != NULL;
}

void client_address(const struct lp_service_request *r, char ret_address[CLIENT_ADDRESS])
{
    char last[64] = "", peer[64];
    lp_http_headers(r->x, "X-Forwarded-For", last_element, last);
    if (read_address(last, ret_address))
        return;
    snprintf(peer, sizeof peer, "%s", lp_http_peer(r->x));
    if (!read_address(peer, ret_address))
        snprintf(ret_address, CLIENT_ADDRESS, "unknown");
}

void client_network(const char *address, char ret_network[CLIENT_ADDRESS])
{
    unsigned char bytes[16];
    snprintf(ret_network, CLIENT_ADDRESS, "%s", address);
    if (inet_pton(AF_INET6, address, bytes) != 1)
        return;
    memset(bytes + 8, 0, 8);
    inet_ntop(AF_INET6, bytes, ret_network, CLIENT_ADDRESS);
}

void client_device(const struct lp_service_request *r, char ret_device[CLIENT_DEVICE])
{
    const char *agent = lp_http_header(r->x, "User-Agent");
    snprintf(ret_device, CLIENT_DEVICE, "%s", agent ? agent : "");
    lp_utf8_repair(ret_device);
    for (char *p = ret_device; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7F)
            *p = ' ';
}
