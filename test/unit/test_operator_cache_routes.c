/* test/unit/test_operator_cache_routes.c -- HTTPRoutes, whose kind a cluster may lack, are asked
 * for seldom and watched once they are there. */
#include "operator/cache/cache.h"

#include <poll.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "fake/fake_kube.h"
#include "unit/check.h"
#include "unit/reconciler_fixture.h"

#define LIST "/namespaces/n/httproutes?"
#define WATCH                                                                                \
    {                                                                                        \
        .match = "watch=1", .status = 200, .body = END_OF_LIST, .chunk = 4096, .stall = true \
    }

struct bench {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_kube_client *client;
    struct lp_stop *stop;
    struct informer_cache *cache;
};

static void begin(struct bench *b, const struct fake_answer *answers, int64_t timeout_ms)
{
    const struct lp_kube_client_options options = { .user_agent = "test",
                                                    .total_timeout_ms = timeout_ms };
    *b = (struct bench){ .fake = fake_kube_start(answers), .stop = lp_stop_new() };
    b->config = fake_kube_config(b->fake, NULL);
    ok(lp_kube_client_new(b->config, &options, &b->client, &err));
    ok(cache_start(b->config, b->stop, &everything, &deaf, &b->cache, &err));
}

static void finish(struct bench *b)
{
    lp_stop_request(b->stop);
    cache_join(b->cache);
    lp_kube_client_free(b->client);
    lp_kube_config_free(b->config);
    lp_stop_free(b->stop);
    fake_kube_stop(b->fake);
}

static int ask(struct bench *b)
{
    struct lp_error ignored;
    return cache_watch_optional(b->cache, CHILD_HTTP_ROUTE, b->client, "n", &ignored);
}

static unsigned lists(struct bench *b)
{
    lp_auto_buf struct lp_buf requests = LP_BUF_INIT(1 << 20);
    unsigned n = 0;

    fake_kube_requests(b->fake, &requests);
    for (const char *at = requests.ptr; at && (at = strstr(at, LIST)); at++)
        n++;
    return n;
}

/* The answer to all who ask within the next seconds is that of one question. */
static void is_asked_once(const struct fake_answer *answer, int64_t timeout_ms, int code)
{
    const struct fake_answer answers[] = { WATCH, *answer, FAKE_END };
    struct bench b;

    begin(&b, answers, timeout_ms);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask(&b), code);
    assert_int_equal(lists(&b), 1);
    finish(&b);
}

static void a_kind_that_cannot_be_listed_is_asked_for_once_by_all_platforms(void **state)
{
    const struct fake_answer missing = { .match = LIST, .status = 404 };
    const struct fake_answer denied = { .match = LIST, .status = 403 };
    const struct fake_answer broken = { .match = LIST, .status = 400 };
    (void)state;
    is_asked_once(&missing, WAIT_MS, LP_E_NOT_FOUND);
    is_asked_once(&denied, WAIT_MS, LP_E_DENIED);
    is_asked_once(&broken, WAIT_MS, LP_E_INVALID);
}

/* Else every platform with a route would keep a worker for as long as a request may take. */
static void an_api_server_that_says_nothing_of_it_is_not_one_whose_list_is_to_come(void **state)
{
    const struct fake_answer silent = { .match = LIST, .silent = true };
    (void)state;
    is_asked_once(&silent, 300, LP_E_UNAVAILABLE);
}

static void a_kind_that_is_there_is_listed_once_and_then_watched(void **state)
{
    const struct fake_answer answers[] = {
        WATCH,
        { .match = LIST,
          .status = 200,
          .body = "{\"kind\":\"HTTPRouteList\",\"metadata\":{\"resourceVersion\":\"9\"},"
                  "\"items\":[]}" },
        FAKE_END
    };
    int64_t end = lp_clock_ms() + WAIT_MS;
    struct bench b;
    int r;
    (void)state;
    begin(&b, answers, WAIT_MS);
    while ((r = ask(&b)) == LP_E_TIMEOUT && lp_clock_ms() < end)
        poll(NULL, 0, 5);
    assert_int_equal(r, 0);
    assert_int_equal(ask(&b), 0);
    assert_int_equal(lists(&b), 1);
    finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kind_that_cannot_be_listed_is_asked_for_once_by_all_platforms),
        cmocka_unit_test(an_api_server_that_says_nothing_of_it_is_not_one_whose_list_is_to_come),
        cmocka_unit_test(a_kind_that_is_there_is_listed_once_and_then_watched),
    };
    return cmocka_run_group_tests_name("operator_cache_routes", tests, NULL, NULL);
}
