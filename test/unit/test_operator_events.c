/* test/unit/test_operator_events.c -- which changes of a status are Events. */
#include "operator/status/events.h"

#include <string.h>

#include "fake/fake_kube.h"
#include "json/json.h"
#include "operator/state/platform_state.h"
#include "unit/check.h"

#define NONE "{}"
#define WITH(type, state, reason)                                                           \
    "{\"conditions\":[{\"type\":\"" type "\",\"status\":\"" state "\",\"reason\":\"" reason \
    "\",\"message\":\"why\"}]}"

/* What was sent when the status went from `before` to `now`. */
static char *events(const char *before, const char *now)
{
    static const struct fake_answer answers[] = { { .match = "POST ", .status = 201 }, FAKE_END };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    const struct lp_kube_client_options options = { .user_agent = "test" };
    struct platform_states *states = platform_states_new();
    struct reconciler r = { .instance = "pod" };
    const struct platform platform = { .ns = "n", .name = "english", .uid = "u" };
    const struct reconcile_context ctx = { .r = &r,
                                           .state = platform_states_of(states, "n/english"),
                                           .platform = &platform };
    json_auto_t *was = json_loads(before, 0, NULL), *is = json_loads(now, 0, NULL);
    struct lp_buf sent = LP_BUF_INIT(1 << 20);

    ok(lp_kube_client_new(config, &options, &r.client, &err));
    events_of_transitions(&ctx, was, is);
    fake_kube_requests(fake, &sent);
    platform_states_free(states);
    lp_kube_client_free(r.client);
    lp_kube_config_free(config);
    fake_kube_stop(fake);
    return lp_buf_take(&sent);
}

static bool says(const char *before, const char *now, const char *type, const char *reason)
{
    lp_auto_free char *sent = events(before, now);
    lp_auto_free char *one = lp_sprintf("\"type\":\"%s\"", type);
    lp_auto_free char *two = lp_sprintf("\"reason\":\"%s\"", reason);
    return strstr(sent, "POST /apis/events.k8s.io/v1/namespaces/n/events") && strstr(sent, one) &&
           strstr(sent, two) && strstr(sent, "why");
}

static bool is_silent(const char *before, const char *now)
{
    lp_auto_free char *sent = events(before, now);
    return !*sent;
}

static void an_hpa_that_cannot_scale_is_a_warning_and_its_end_is_told(void **state)
{
    (void)state;
    assert_true(says(WITH("ScalingActive", "True", "Active"),
                     WITH("ScalingActive", "False", "FailedGetMetric"), "Warning",
                     "FailedGetMetric"));
    assert_true(says(WITH("ScalingActive", "False", "FailedGetMetric"),
                     WITH("ScalingActive", "True", "Active"), "Normal", "ScalingActive"));
}

static void what_stays_as_it_was_or_is_not_known_is_no_event(void **state)
{
    (void)state;
    assert_true(is_silent(WITH("Ready", "False", "a"), WITH("Ready", "False", "b")));
    assert_true(is_silent(WITH("Ready", "True", "a"), WITH("Ready", "Unknown", "b")));
    assert_true(is_silent(WITH("UpgradePending", "True", "a"), NONE));
}

static void a_new_platform_is_no_trouble_until_something_fails(void **state)
{
    (void)state;
    assert_true(is_silent(NONE, WITH("Ready", "False", "PodsNotReady")));
    assert_true(is_silent(NONE, WITH("ScalingActive", "False", "NoDecisionYet")));
    assert_true(is_silent(NONE, WITH("Degraded", "False", "AsExpected")));
    assert_true(says(NONE, WITH("Ready", "True", "AsExpected"), "Normal", "Ready"));
    assert_true(says(NONE, WITH("Degraded", "True", "ApplyFailed"), "Warning", "ApplyFailed"));
}

static void what_others_take_and_what_waits_is_told_when_it_begins(void **state)
{
    (void)state;
    assert_true(says(NONE, WITH("FieldConflict", "True", "RewrittenOnAdmission"), "Warning",
                     "RewrittenOnAdmission"));
    assert_true(says(WITH("FieldConflict", "True", "TakenBack"),
                     WITH("FieldConflict", "False", "Held"), "Normal", "FieldConflictOver"));
    assert_true(says(NONE, WITH("UpgradePending", "True", "PodsWouldRestart"), "Warning",
                     "PodsWouldRestart"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hpa_that_cannot_scale_is_a_warning_and_its_end_is_told),
        cmocka_unit_test(what_stays_as_it_was_or_is_not_known_is_no_event),
        cmocka_unit_test(a_new_platform_is_no_trouble_until_something_fails),
        cmocka_unit_test(what_others_take_and_what_waits_is_told_when_it_begins),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("operator_events", tests, NULL, NULL);
}
