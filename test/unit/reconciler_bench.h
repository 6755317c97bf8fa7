/* test/unit/reconciler_bench.h -- a reconciler against a scripted API server, and what it asked. */
#pragma once

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "operator/reconcile/reconcile.h"
#include "unit/check.h"
#include "unit/reconciler_fixture.h"

/* The watches: one platform, no children, then silence. */
#define PLATFORM(spec, more)                                                                     \
    "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"learningplatform.io/v1alpha1\",\"kind\":"  \
    "\"LearningPlatform\",\"metadata\":{\"name\":\"english\",\"namespace\":\"n\",\"uid\":\"u\"," \
    "\"generation\":3,\"resourceVersion\":\"5\"" more "},\"spec\":" spec "}}\n"
#define WATCHES(events)                                                                      \
    { .match = "/learningplatforms?watch",                                                   \
      .status = 200,                                                                         \
      .body = events END_OF_LIST,                                                            \
      .chunk = 4096,                                                                         \
      .stall = true },                                                                       \
    {                                                                                        \
        .match = "watch=1", .status = 200, .body = END_OF_LIST, .chunk = 4096, .stall = true \
    }
#define ECHO                                            \
    { .match = "PATCH ", .status = 200, .echo = true }, \
    {                                                   \
        .match = "POST ", .status = 201                 \
    }
/* Without HPAs, whose hand-over reads what an echo does not give. */
#define ONE(service) "\"" service "\":{\"replicas\":1,\"autoscaling\":{\"enabled\":false}}"
#define FIXED                                                                                      \
    "{\"services\":{" ONE("gateway") "," ONE("auth") "," ONE("aiFeedback") "," ONE("progress") "}" \
                                                                                               "}"

struct bench {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_stop *stop;
    struct informer_cache *cache;
    struct reconciler r;
};

static void begin(struct bench *b, const struct fake_answer *answers)
{
    struct lp_kube_client_options options = { .user_agent = "test" };
    int64_t end = lp_clock_ms() + WAIT_MS;
    *b = (struct bench){ .fake = fake_kube_start(answers), .stop = lp_stop_new() };
    b->config = fake_kube_config(b->fake, NULL);
    ok(cache_start(b->config, b->stop, &everything, &deaf, &b->cache, &err));
    b->r = (struct reconciler){
        .cache = b->cache, .states = platform_states_new(), .images = &images, .instance = "pod"
    };
    ok(lp_kube_client_new(b->config, &options, &b->r.client, &err));
    while (!cache_synced(b->cache) && lp_clock_ms() < end)
        poll(NULL, 0, 5);
    assert_true(cache_synced(b->cache));
}

static void finish(struct bench *b)
{
    lp_stop_request(b->stop);
    cache_join(b->cache);
    platform_states_free(b->r.states);
    lp_kube_client_free(b->r.client);
    lp_kube_config_free(b->config);
    lp_stop_free(b->stop);
    fake_kube_stop(b->fake);
}

/* How many requests have `what` in them; each is a line. */
static unsigned asked(struct fake_kube *fake, const char *what)
{
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(4 << 20);
    unsigned n = 0;
    fake_kube_requests(fake, &all);
    assert_false(all.overflowed);
    for (char *rest = all.ptr, *line; (line = strsep(&rest, "\n")) != NULL;)
        n += strstr(line, what) != NULL;
    return n;
}

/* How many writes of the status say `what`; Events say it too. */
static unsigned told(struct fake_kube *fake, const char *what)
{
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(4 << 20);
    unsigned n = 0;
    fake_kube_requests(fake, &all);
    for (char *rest = all.ptr, *line; (line = strsep(&rest, "\n")) != NULL;)
        n += strstr(line, "english/status?") && strstr(line, what);
    return n;
}
