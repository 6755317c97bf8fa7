/* Why auth does not start with the master key of its platform: from its pod's last words to a
 * condition, without a look at the Secret. */
#include "operator/reconcile/master_key.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "operator/reconcile/reconcile.h"
#include "unit/check.h"
#include "unit/reconciler_fixture.h"

#define WHY \
    "spec.privacy.masterKeyRef (PRIVACY_KEY_DIR): the Secret is not there, or has no key current"
#define LOG "{\\\"level\\\":\\\"error\\\",\\\"msg\\\":\\\"" WHY "\\\"}\\n"
#define POD(state)                                                                       \
    "{\"metadata\":{\"name\":\"a\"},\"status\":{\"containerStatuses\":[{\"" state "\":{" \
    "\"terminated\":{\"exitCode\":1,\"message\":\"" LOG "\"}}}]}}"

static void a_pods_last_words_are_found_in_its_log(void **state)
{
    static const struct {
        const char *pod, *want;
    } cases[] = {
        { POD("lastState"), WHY },
        { POD("state"), WHY },
        { "{\"status\":{\"containerStatuses\":[{\"state\":{\"terminated\":{\"message\":\"out of "
          "memory\"}}}]}}",
          NULL },
        { "{\"status\":{\"containerStatuses\":[{\"state\":{\"running\":{}}}]}}", NULL },
        { "{\"status\":{\"containerStatuses\":{}}}", NULL },
        { "{}", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *pod = json_loads(cases[i].pod, 0, NULL);
        assert_non_null(pod);
        lp_auto_free char *said = master_key_refusal(pod);
        if (cases[i].want)
            assert_string_equal(said, cases[i].want);
        else
            assert_null(said);
    }
}

/* A pass over a platform with `spec`, whose auth was written and is not ready; what was asked. */
static void pass(const char *spec, struct lp_buf *out)
{
    lp_auto_free char *platform = lp_sprintf(
        "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"learningplatform.io/v1alpha1\",\"kind\":"
        "\"LearningPlatform\",\"metadata\":{\"name\":\"english\",\"namespace\":\"n\",\"uid\":\"u\","
        "\"generation\":3,\"resourceVersion\":\"5\"},\"spec\":%s}}\n" END_OF_LIST,
        spec);
    const struct fake_answer answers[] = {
        { .match = "/learningplatforms?watch",
          .status = 200,
          .body = platform,
          .chunk = 4096,
          .stall = true },
        { .match = "watch=1", .status = 200, .body = END_OF_LIST, .chunk = 4096, .stall = true },
        { .match = "/pods?",
          .status = 200,
          .body = "{\"metadata\":{\"resourceVersion\":\"7\"},"
                  "\"items\":[" POD("lastState") "]}" },
        { .match = "PATCH ", .status = 200, .echo = true },
        { .match = "POST ", .status = 201 },
        FAKE_END
    };
    struct lp_kube_client_options options = { .user_agent = "test" };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_stop *stop = lp_stop_new();
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct informer_cache *cache = NULL;
    struct reconcile_result result;
    int64_t end = lp_clock_ms() + WAIT_MS;

    ok(cache_start(config, stop, &everything, &deaf, &cache, &err));
    struct reconciler r = {
        .cache = cache, .states = platform_states_new(), .images = &images, .instance = "pod"
    };
    ok(lp_kube_client_new(config, &options, &r.client, &err));
    while (!cache_synced(cache) && lp_clock_ms() < end)
        poll(NULL, 0, 5);
    assert_true(cache_synced(cache));
    ok(reconcile(&r, KEY, &result, &err));
    fake_kube_requests(fake, out);
    lp_stop_request(stop);
    cache_join(cache);
    platform_states_free(r.states);
    lp_kube_client_free(r.client);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    fake_kube_stop(fake);
}

static void a_secret_that_is_missing_or_lacks_its_key_is_a_condition(void **state)
{
    lp_auto_buf struct lp_buf asked = LP_BUF_INIT(4 << 20);
    lp_auto_buf struct lp_buf without = LP_BUF_INIT(4 << 20);
    (void)state;
    pass("{\"privacy\":{\"masterKeyRef\":{\"name\":\"our-key\"}}}", &asked);
    const char *status = strstr(asked.ptr, "english/status?");
    assert_non_null(status);
    assert_non_null(
        strstr(status, "Deployment english-auth: its pods do not start: " WHY " (Secret our-key)"));
    assert_null(strstr(asked.ptr, "GET /api/v1/namespaces/n/secrets"));
    pass("{}", &without);
    assert_null(strstr(without.ptr, "/pods?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pods_last_words_are_found_in_its_log),
        cmocka_unit_test(a_secret_that_is_missing_or_lacks_its_key_is_a_condition),
    };
    return cmocka_run_group_tests_name("operator_master_key", tests, NULL, NULL);
}
