/* test/unit/test_autoscaler_chain.c -- METRICS_API=Chain: who was there before us is known before
 * anybody asks us, and before anything is written. */
#include "autoscaler/chain/chain.h"

#include <poll.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "kube/config.h"
#include "unit/check.h"

static const struct registration ours = { .ns = "system",
                                          .service = "lp-metrics",
                                          .secret = "tls",
                                          .deployment = "lp-operator",
                                          .port = 443 };

#define PATH "GET /apis/apiregistration.k8s.io/v1/apiservices/"
#define ANOTHERS                                                                           \
    "{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":\"APIService\",\"metadata\":{" \
    "\"name\":\"v1beta1.custom.metrics.k8s.io\"},\"spec\":{\"group\":"                     \
    "\"custom.metrics.k8s.io\",\"version\":\"v1beta1\",\"groupPriorityMinimum\":100,"      \
    "\"versionPriority\":100,\"insecureSkipTLSVerify\":true,\"service\":{\"namespace\":"   \
    "\"monitoring\",\"name\":\"adapter\",\"port\":443}}}"
#define FAILED "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"code\":403,\"message\":\"not now\"}"

static struct fake_kube *fake;
static struct lp_kube_config *config;
static struct lp_stop *stop;
static struct chain *chain;

static void begin(const struct fake_answer *script, int64_t look_ms)
{
    fake = fake_kube_start(script);
    config = fake_kube_config(fake, NULL);
    stop = lp_stop_new();
    const struct chain_options options = {
        .registration = &ours, .kube = config, .stop = stop, .account = "lp", .look_ms = look_ms
    };
    ok(chain_start(&options, &chain, &err));
}

/* The requests; the caller's. */
static char *end(void)
{
    struct lp_buf requests = LP_BUF_INIT(1 << 20);
    lp_stop_request(stop);
    chain_close(chain);
    chain_free(chain);
    fake_kube_requests(fake, &requests);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    fake_kube_stop(fake);
    return lp_buf_take(&requests);
}

static void await_looked(void)
{
    for (int64_t until = lp_clock_ms() + 30000; !chain_looked(chain); poll(NULL, 0, 10))
        if (lp_clock_ms() > until)
            fail_msg("who was there is not known after 30 s");
}

static void it_is_known_who_was_there_before_anything_is_written(void **state)
{
    (void)state;
    const struct fake_answer script[] = {
        { .match = PATH "v1beta2", .status = 404 },
        { .match = PATH "v1beta1", .status = 403, .body = FAILED, .times = 1 },
        { .match = PATH "v1beta1", .status = 200, .body = ANOTHERS },
        FAKE_END,
    };
    begin(script, 600000);
    assert_false(chain_looked(chain)); /* the next try is a second away */
    await_looked();
    lp_auto_free char *requests = end();
    const char *first = strstr(requests, PATH "v1beta1"), *token = strstr(requests, "/token");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, PATH "v1beta1"));
    assert_non_null(token); /* it was found, so a token for it is asked for */
    assert_null(strstr(requests, "PUT "));
    assert_null(strstr(requests, "PATCH "));
}

static void without_an_answer_it_serves_what_it_knows_itself_after_a_time(void **state)
{
    (void)state;
    const struct fake_answer script[] = {
        { .match = PATH, .status = 403, .body = FAILED },
        FAKE_END,
    };
    begin(script, 300);
    assert_false(chain_looked(chain));
    await_looked();
    lp_auto_free char *requests = end();
    assert_null(strstr(requests, "PUT "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_known_who_was_there_before_anything_is_written),
        cmocka_unit_test(without_an_answer_it_serves_what_it_knows_itself_after_a_time),
    };
    lp_json_init();
    telemetry_init();
    return cmocka_run_group_tests_name("autoscaler_chain", tests, NULL, NULL);
}
