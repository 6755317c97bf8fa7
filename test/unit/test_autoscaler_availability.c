/* test/unit/test_autoscaler_availability.c -- what the probes say of the metrics API. */
#include "autoscaler/registration/availability.h"

#include <string.h>

#include "autoscaler/registration/certs.h"
#include "base/clock.h"
#include "fake/fake_kube.h"
#include "http/server/server.h"
#include "unit/check.h"

static const struct registration ours = { .ns = "lp",
                                          .service = "lp-metrics",
                                          .secret = "lp-metrics-tls",
                                          .deployment = "lp-operator",
                                          .port = 443 };

#define API_SERVICE(service, state, reason)                                                    \
    "{\"kind\":\"APIService\",\"spec\":{\"service\":{\"namespace\":\"lp\",\"name\":\"" service \
    "\"}},\"status\":{\"conditions\":[{\"type\":\"Available\",\"status\":\"" state             \
    "\",\"reason\":\"" reason "\",\"message\":\"said the aggregator\"}]}}"

static void what_the_aggregator_says_is_read(void **state)
{
    static const struct {
        const char *second; /* of v1beta1; v1beta2 is available */
        const char *why;    /* NULL: nothing to complain of */
    } cases[] = {
        { API_SERVICE("lp-metrics", "True", "Passed"), NULL },
        { API_SERVICE("lp-metrics", "False", "MissingEndpoints"), NULL },
        { API_SERVICE("another", "False", "FailedDiscoveryCheck"), NULL },
        { API_SERVICE("lp-metrics", "False", "FailedDiscoveryCheck"),
          "APIService v1beta1 is not Available: FailedDiscoveryCheck: said the aggregator" },
        { "{\"spec\":{\"service\":{\"namespace\":\"lp\",\"name\":\"lp-metrics\"}}}", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct fake_answer answers[] = {
            { .match = "apiservices/v1beta2",
              .status = 200,
              .body = API_SERVICE("lp-metrics", "True", "Passed") },
            { .match = "apiservices/v1beta1", .status = 200, .body = cases[i].second },
            FAKE_END,
        };
        struct fake_kube *fake = fake_kube_start(answers);
        struct lp_kube_config *config = fake_kube_config(fake, NULL);
        struct lp_kube_client_options options = { .user_agent = "test" };
        struct lp_kube_client *client = NULL;
        lp_auto_free char *why = NULL;
        ok(lp_kube_client_new(config, &options, &client, &err));
        ok(registration_availability(client, &ours, &why, &err));
        if (cases[i].why)
            assert_string_equal(why, cases[i].why);
        else
            assert_null(why);
        lp_kube_client_free(client);
        lp_kube_config_free(config);
        fake_kube_stop(fake);
    }
}

static void a_minute_without_the_aggregator_is_told(void **state)
{
    struct availability *r = availability_new();
    char why[128] = "";
    (void)state;
    assert_true(availability_aggregated(r, 1000, why));
    availability_note(r, "APIService v1beta2 is not Available", 1000);
    availability_note(r, "APIService v1beta2 is not Available still", 40000);
    assert_true(availability_aggregated(r, 60999, why));
    assert_false(availability_aggregated(r, 61000, why));
    assert_string_equal(why, "APIService v1beta2 is not Available still");
    availability_note(r, NULL, 62000);
    assert_true(availability_aggregated(r, 200000, why));
    availability_free(r);
}

static void answer(struct lp_http_exchange *x, void *user)
{
    (void)user;
    lp_http_reply_text(x, 401, "who are you?\n");
}

static void a_server_that_does_not_answer_us_is_told_after_two_minutes(void **state)
{
    const struct certs_wish names = { .service = "lp-metrics", .ns = "lp" };
    auto_certs struct certs certs = { 0 };
    struct lp_http_server *server = NULL;
    struct availability *r = availability_new();
    char why[128] = "";
    (void)state;
    assert_true(availability_serves(r, lp_clock_ms() + 999999, why)); /* not asked yet */
    ok(certs_make(&names, lp_clock_wall_ms() / 1000, &certs, &err));
    const struct lp_http_tls tls = { .cert_pem = certs.cert, .key_pem = certs.key };
    struct lp_http_server_options options = { .address = "127.0.0.1",
                                              .threads = 1,
                                              .max_connections = 8,
                                              .tls = &tls,
                                              .name = "reach",
                                              .handler = answer };
    ok(lp_http_server_start(&options, &server, &err));
    uint16_t port = lp_http_server_port(server);
    availability_probe(r, NULL, port, NULL);
    int64_t before = lp_clock_ms();
    assert_true(availability_serves(r, before + 100000, why));
    lp_http_server_stop(server);
    availability_probe(r, "127.0.0.1", port, NULL);
    assert_false(availability_serves(r, before + 120001, why));
    assert_non_null(strstr(why, "has not answered a request of our own for 12"));
    availability_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_aggregator_says_is_read),
        cmocka_unit_test(a_minute_without_the_aggregator_is_told),
        cmocka_unit_test(a_server_that_does_not_answer_us_is_told_after_two_minutes),
    };
    return cmocka_run_group_tests_name("autoscaler_availability", tests, NULL, NULL);
}
