/* test/unit/load_fixture.h -- a gateway for the tests of kubectl lp load, and a run against it. */
#pragma once

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/stop.h"
#include "cli/load/learners.h"
#include "http/server/server.h"
#include "json/json.h"
#include "unit/check.h"

#define HELD 16

/* A gateway that answers as the contract says; every seventh speech2text is a 503. /stall keeps
 * everybody waiting for STALL_MS the first time, /hang answers at the end of the test. */
#define STALL_MS 400
#define LEAST_STALL_US 399000
#define ENOUGH 20 /* requests for /stall, after which `enough` is requested */
static struct {
    atomic_uint logins, sentences, recommendations, health, strangers, stalls, accounts;
    atomic_bool down;
    struct lp_stop *never, *enough;
    struct lp_http_exchange *held[HELD];
    atomic_uint n_held;
} gateway;

static bool has_token(struct lp_http_exchange *x)
{
    const char *field = lp_http_header(x, "authorization");
    return field && strcmp(field, "Bearer t0ken") == 0;
}

/* What only tests ask for; false: another path. */
static bool answer_special(struct lp_http_exchange *x, const char *path)
{
    if (strcmp(path, "/stall") == 0) {
        unsigned before = atomic_fetch_add(&gateway.stalls, 1);
        if (before == 0)
            lp_stop_wait(gateway.never, STALL_MS);
        if (before + 1 == ENOUGH)
            lp_stop_request(gateway.enough);
        lp_http_reply_text(x, 204, "");
    } else if (strcmp(path, "/hang") == 0) {
        gateway.held[atomic_load(&gateway.n_held) % HELD] = x; /* the server has one thread */
        atomic_fetch_add(&gateway.n_held, 1);
    } else if (strcmp(path, "/register") == 0) {
        size_t n;
        const char *body = lp_http_body(x, &n);
        atomic_fetch_add(&gateway.accounts, strstr(body, "\"a+2@example.org\"") != NULL);
        lp_http_reply_text(x, 409, "is there");
    } else {
        return false;
    }
    return true;
}

static void answer(struct lp_http_exchange *x, void *user)
{
    const char *path = lp_http_path(x);

    (void)user;
    if (answer_special(x, path))
        return;
    if (atomic_load(&gateway.down)) {
        lp_http_reply_text(x, 503, "away");
    } else if (strcmp(path, "/auth/api/auth/login") == 0) {
        atomic_fetch_add(&gateway.logins, 1);
        lp_http_reply_json(x, 200,
                           lp_json_make("{s:s, s:{s:s}}", "token", "t0ken", "user", "id", "u-1"));
    } else if (!has_token(x) && strcmp(path, "/health") != 0) {
        atomic_fetch_add(&gateway.strangers, 1);
        lp_http_reply_text(x, 401, "who?");
    } else if (strcmp(path, "/ai/speech2text") == 0) {
        bool busy = atomic_fetch_add(&gateway.sentences, 1) % 7 == 0;
        lp_http_reply_json(x, busy ? 503 : 200, lp_json_make("{s:[{}]}", "sentence_pairs"));
    } else if (strcmp(path, "/progress/api/progress/recommendation/u-1") == 0) {
        atomic_fetch_add(&gateway.recommendations, 1);
        lp_http_reply_json(x, 200, lp_json_make("{s:i}", "averageScore", 60));
    } else if (strcmp(path, "/health") == 0) {
        atomic_fetch_add(&gateway.health, 1);
        lp_http_reply_json(x, 200, lp_json_make("{s:s}", "status", "ok"));
    } else {
        atomic_fetch_add(&gateway.strangers, 1);
        lp_http_reply_text(x, 404, path);
    }
}

static inline int start(void **state)
{
    struct lp_http_server_options o = {
        .address = "127.0.0.1", .name = "gateway", .max_body = 4096, .handler = answer
    };
    struct lp_http_server *s;
    struct lp_error err;

    memset(&gateway, 0, sizeof gateway);
    gateway.never = lp_stop_new();
    gateway.enough = lp_stop_new();
    if (lp_http_server_start(&o, &s, &err) < 0)
        return -1;
    *state = s;
    return 0;
}

static inline int stop(void **state)
{
    for (unsigned i = 0; i < atomic_load(&gateway.n_held); i++)
        lp_http_reply_text(gateway.held[i], 204, "");
    lp_http_server_stop(*state);
    lp_stop_free(gateway.never);
    lp_stop_free(gateway.enough);
    return 0;
}

/* A run as it is made ready by a test, and what came of it. */
struct run {
    struct learners_options o;
    struct shape shape;
    struct scenario *scenario;
    struct stats *stats;
    struct lp_error err;
    char url[64];
};

static inline void run_init(struct run *r, void **state, const char *scenario)
{
    *r = (struct run){ .stats = lp_alloc(sizeof *r->stats) };
    ok(scenario_parse(scenario, strlen(scenario), "test", &r->scenario, &err));
    assert_true(shape_named("flat", 1, &r->shape));
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%u/", lp_http_server_port(*state));
    r->o = (struct learners_options){ .url = r->url,
                                      .email = "a@example.org",
                                      .password = "secret\"1",
                                      .scenario = r->scenario,
                                      .shape = &r->shape,
                                      .learners = 5,
                                      .duration_ms = 400,
                                      .grace_ms = LEARNERS_GRACE_MS,
                                      .seed = 7,
                                      .pause_ms = 20 };
}

static inline void run_done(struct run *r)
{
    scenario_free(r->scenario);
    free(r->stats);
}
