/* services/gateway/endpoints.h -- the addresses behind the upstreams' names. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/gateway/config.h"

#define ENDPOINTS_MAX 32 /* addresses of one name; more are not used */

union endpoint {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

struct endpoint_list {
    uint64_t version; /* 0: nothing is known yet */
    unsigned n;       /* 0 with a version: the name has no address now */
    union endpoint list[ENDPOINTS_MAX];
};

/*
 * A thread that looks the names up, so that no loop waits for DNS: at the start, and again 5 s
 * after the last time while they are asked for. The last good addresses stay when a look-up fails.
 * Where requests are held for an upstream, that its name has no address is an answer too.
 * An address in place of a name is there at once. Opaque: hides a lock and a thread.
 */
struct endpoints;

/* `changed` is called from the thread after each change. `routes` is copied. */
LP_MUST_USE int endpoints_new(const struct gateway_routes *routes, void (*changed)(void *user),
                              void *user, struct endpoints **ret_endpoints, struct lp_error *err);

/* No `changed` comes after it. */
void endpoints_stop(struct endpoints *e);

/* Nobody uses it any more. Does not wait for a look-up that is under way. NULL is fine. */
void endpoints_free(struct endpoints *e);

/* Brings *io_list up to date with upstream `i`; true where it changed. Any thread; without a lock
 * while nothing has changed. */
bool endpoints_update(struct endpoints *e, size_t i, struct endpoint_list *io_list);
