/* test/integration/adapter_fixture.h -- the metrics adapter in this process, behind a real
 * kube-apiserver that leads to it, and what answers for the metrics ports of two pods. */
#pragma once

#include <stdatomic.h>

#include "autoscaler/adapter.h"
#include "http/server/server.h"
#include "kube/client.h"

#define WAIT_MS 60000
#define FIXTURE_PODS 2

extern struct lp_kube_config *config;
extern struct lp_kube_client *client;
extern struct lp_stop *never; /* for waits */
extern char ns[64];
extern const char *const addresses[FIXTURE_PODS];
extern struct lp_http_server *pods[FIXTURE_PODS]; /* at these */
extern atomic_int waiting[FIXTURE_PODS];          /* requests, as each one's page says */

/* Group: connects, installs the definition, starts pods and adapter in a namespace; ends them. */
int fixture_begin(void **state);
int fixture_end(void **state);

/* Asks again until it is so; a test that waits longer than WAIT_MS fails. */
#define until(condition)                                                 \
    do {                                                                 \
        int64_t end_ = lp_clock_ms() + WAIT_MS;                          \
        while (!(condition)) {                                           \
            if (lp_clock_ms() > end_)                                    \
                fail_msg("not so after %d ms: %s", WAIT_MS, #condition); \
            lp_stop_wait(never, 100);                                    \
        }                                                                \
    } while (0)
