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

/* What a test changes is changed before gateway_up. */
static struct gateway_config gateway_defaults(const char *url)
{
    return (struct gateway_config){
        .common = { .concurrency = 32, .queue_limit = 256 },
        .auth_url = url,
        .ai_url = url,
        .progress_url = url,
        .extra_services = "",
        .jwt_secrets = "secret-two,secret-one",
        .cors_origin = "*",
        .upstream_client = "curl",
        .timeout_ms = 20000,
        .workers = 1,
    };
}

static struct gateway *gateway_up(const struct gateway_config *config)
{
    struct gateway *g = NULL;
    struct lp_error err = { .msg = "" };

    lp_log_set_level(LP_LOG_ERROR);
    if (gateway_start(config, &g, &err) < 0)
        fail_msg("%s", err.msg);
    return g;
}
