/* services/auth/http/client.h -- who sent a request: address and device. */
#pragma once

#include "service/service.h"

#define CLIENT_ADDRESS 46 /* an IPv6 address as text, with the NUL */
#define CLIENT_DEVICE 201 /* bytes, with the NUL */

/*
 * The client's address: what the gateway, our only peer, put last into X-Forwarded-For; without
 * that header, or with no address in it, the peer itself. IPv4 in IPv6 is IPv4.
 */
void client_address(const struct lp_service_request *r, char ret_address[CLIENT_ADDRESS]);

/* Of an IPv6 address the first 64 bits, which is what one subscriber has; IPv4 whole. */
void client_network(const char *address, char ret_network[CLIENT_ADDRESS]);

/* User-Agent, cut and made valid UTF-8 without control characters; "" where there is none. */
void client_device(const struct lp_service_request *r, char ret_device[CLIENT_DEVICE]);
