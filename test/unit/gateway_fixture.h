/* test/unit/gateway_fixture.h -- a gateway in this process, for the tests of its behaviour from
 * outside. */
#pragma once

#include <curl/curl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake/fake_upstream.h"
#include "fake/raw_http.h"
#include "base/log.h"
#include "json/json.h"
#include "services/gateway/gateway.h"
#include "unit/check.h"

/* Signed with "secret-one", good until 2033; the subject is userId u1. */
#define GATEWAY_TOKEN                                                                   \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6MjAwMDAwMDAwMH0." \
    "1GGPUXq6Ah8RLFW0fVLMqZ9GPbwlpUiSIs6EKGNqAlI"
#define GATEWAY_BEARER "Authorization: Bearer " GATEWAY_TOKEN "\r\n"

/* Nothing listens there. */
#define GATEWAY_NOBODY "http://127.0.0.1:1"

/* What a test changes is changed before gateway_up. /any takes bodies of any size. */
static inline struct gateway_config gateway_defaults(const char *url)
{
    const char *client = getenv("LP_UPSTREAM_CLIENT"); /* the same tests hold for curl */
    static char extra[64]; /* borrowed by the gateways of one test program */

    snprintf(extra, sizeof extra, "/any=%s", url);
    return (struct gateway_config){
        .common = { .concurrency = 32, .queue_limit = 256, .deadline_ms = 20000 },
        .auth_url = url,
        .ai_url = url,
        .progress_url = url,
        .extra_services = extra,
        .jwt_secrets = "secret-two,secret-one",
        .jwt_keys_dir = "",
        .jwks_url = "",
        .cors_origin = "*",
        .trusted_proxies = "",
        .upstream_client = client ? client : "native",
        .access_log_name = "all",
        .websocket_idle_ms = 600000,
        .extra_body_limit = 0,
        .max_connections = 4096,
        .buffer_max = 32 << 20,
        .hold_limit = 256,
        .hold_timeout_ms = 20000,
        .timeout_ms = 20000,
        .head_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .workers = 1,
    };
}

static inline struct gateway *gateway_up(const struct gateway_config *config)
{
    struct gateway *g = NULL;
    struct lp_error err = { .msg = "" };

    lp_log_set_level(LP_LOG_ERROR);
    if (gateway_start(config, &g, &err) < 0)
        fail_msg("%s", err.msg);
    return g;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n"
#define UNAVAILABLE "{\"message\":\"Service unavailable\",\"status\":503,\"timestamp\":\""

struct fixture {
    struct fake_upstream *upstream;
    struct gateway_config config;
    struct gateway *gateway;
    uint16_t port;
    struct lp_buf out, heads;
};

static inline void fixture_up(struct fixture *f, const struct fake_script *scripts,
                              void (*change)(struct gateway_config *c))
{
    *f = (struct fixture){ .out = LP_BUF_INIT(8 << 20), .heads = LP_BUF_INIT(1 << 20) };
    f->upstream = fake_upstream_start(scripts);
    f->config = gateway_defaults(fake_upstream_url(f->upstream));
    if (change)
        change(&f->config);
    f->gateway = gateway_up(&f->config);
    f->port = gateway_port(f->gateway);
}

static inline void fixture_down(struct fixture *f)
{
    gateway_free(f->gateway, 10000);
    fake_upstream_stop(f->upstream);
    lp_buf_done(&f->out);
    lp_buf_done(&f->heads);
}

static inline int fixture_ask(struct fixture *f, const char *request)
{
    lp_buf_reset(&f->out);
    return raw_request(f->port, request, &f->out);
}

static inline const char *fixture_heads(struct fixture *f)
{
    lp_buf_reset(&f->heads);
    fake_upstream_heads(f->upstream, &f->heads);
    return f->heads.ptr;
}
