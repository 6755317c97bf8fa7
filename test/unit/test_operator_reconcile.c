/* test/unit/test_operator_reconcile.c -- one pass over a platform, and what the workers make of its
 * result, against a scripted API server: for answers that a real one does not give when asked to.
 */
#include "operator/reconcile/reconcile.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "operator/controller.h"
#include "operator/reconcile/reconcile_metrics.h"
#include "unit/check.h"
#include "unit/reconciler_bench.h"

#define REFUSED                                                                                  \
    "{\"kind\":\"Status\",\"reason\":\"Invalid\",\"message\":\"spec.template.x: Invalid value: " \
    "7\",\"code\":422}"

static void a_new_platform_gets_its_children_and_then_a_status(void **state)
{
    static const struct fake_answer answers[] = { WATCHES(PLATFORM(FIXED, "")), ECHO, FAKE_END };
    struct reconcile_result result;
    struct bench b;
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(4 << 20);
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    fake_kube_requests(b.fake, &all);
    assert_int_equal(asked(b.fake, "english/status?"), 1);
    assert_int_equal(told(b.fake, "\"reason\":\"NewGeneration\""), 0);
    assert_non_null(strstr(strstr(all.ptr, "english/status?"), "\"reason\":\"PodsNotReady\""));
    assert_null(strstr(strstr(all.ptr, "english/status?"), "fieldManager=lp-operator&"));
    /* the claims have no uid here, so their Secrets wait */
    assert_int_equal(result.writes, 34 + 1 + 4);
    finish(&b);
}

static void a_changed_platform_gets_its_children_between_two_words_of_its_status(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(FIXED ",\"status\":{\"observedGeneration\":2}", "")), ECHO, FAKE_END
    };
    struct reconcile_result result;
    struct bench b;
    lp_auto_buf struct lp_buf all = LP_BUF_INIT(4 << 20);
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    fake_kube_requests(b.fake, &all);
    const char *first = strstr(all.ptr, "PATCH "), *last = NULL;
    for (const char *at = first; at; at = strstr(at + 1, "PATCH "))
        last = at;
    static const char status[] =
        "PATCH /apis/learningplatform.io/v1alpha1/namespaces/n/learningplatforms/english/status";
    assert_int_equal(strncmp(first, status, strlen(status)), 0);
    assert_int_equal(strncmp(last, status, strlen(status)), 0);
    assert_int_equal(told(b.fake, "\"reason\":\"NewGeneration\""), 1);
    assert_non_null(strstr(last, "\"reason\":\"PodsNotReady\""));
    assert_int_equal(asked(b.fake, "PATCH /apis/apps/v1/namespaces/n/statefulsets/"), 2);
    assert_int_equal(asked(b.fake, "POST /api/v1/namespaces/n/secrets"), 4);
    assert_int_equal(asked(b.fake, "PATCH /apis/apps/v1/namespaces/n/deployments/"), 4);
    assert_int_equal(asked(b.fake, "fieldManager=lp-operator&force=true"), 34);
    assert_int_equal(result.writes, 34 + 2 + 4);
    assert_false(result.gone || result.terminal);
    assert_true(result.again_ms > 0); /* it is not ready yet */
    finish(&b);
}

/* 2.25 pods of auth while 180 learners are active; its pods take 12 s to start. */
static void tell_measured(void *user, const char *ns, const char *service,
                          struct measured *ret_measured)
{
    (void)user;
    assert_string_equal(ns, "n");
    *ret_measured = (struct measured){ .peak_milli = -1, .learners = -1 };
    if (strcmp(service, "english-gateway") == 0)
        ret_measured->learners = 180;
    if (strcmp(service, "english-auth") == 0)
        *ret_measured = (struct measured){ 2250, -1, 5, 12 };
}

static void what_is_measured_is_kept_in_the_status_and_looked_at_again_in_a_minute(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(FIXED ",\"status\":{\"services\":[{\"name\":\"progress\",\"measured\":{"
                               "\"podsPerThousandLearners\":\"3\",\"learners\":20,\"at\":"
                               "\"2026-11-01T08:00:00Z\"}}]}",
                         "")),
        ECHO, FAKE_END
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    b.r.measured = tell_measured;
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_int_equal(told(b.fake, "\"podsPerThousandLearners\":\"12.5\",\"learners\":180"), 1);
    assert_int_equal(told(b.fake, "\"startSeconds\":15"), 1);
    assert_true(told(b.fake, "\"podsPerThousandLearners\":\"3\"") > 0);
    assert_in_range(result.again_ms, 1, 60000);
    finish(&b);
}

static void a_failure_that_passes_is_tried_again_before_anybody_hears_of_it(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(FIXED, "")),
        { .match = "/services/english-auth?", .status = 503 },
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct lp_error err;
    struct bench b;
    (void)state;
    begin(&b, answers);
    for (unsigned ctx = 1; ctx <= 4; ctx++) {
        assert_int_equal(reconcile(&b.r, KEY, &result, &err), LP_E_UNAVAILABLE);
        assert_non_null(strstr(err.msg, "Service english-auth"));
        assert_int_equal(told(b.fake, "\"reason\":\"ApplyFailed\""), ctx < 4 ? 0 : 1);
        assert_int_equal(asked(b.fake, "/services/english-progress?"), ctx);
    }
    assert_int_equal(told(b.fake, "tried again within 10 s"), 1);
    finish(&b);
}

/* An answer of the API server must not end the program, however odd. */
static void a_deployment_without_a_version_is_an_error(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(
            "{\"services\":{\"gateway\":{\"autoscaling\":{\"enabled\":true,\"minReplicas\":2}}}}",
            "")),
        ECHO, FAKE_END
    };
    struct reconcile_result result;
    struct lp_error err;
    struct bench b;
    (void)state;
    begin(&b, answers);
    assert_int_equal(reconcile(&b.r, KEY, &result, &err), LP_E_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "no metadata.resourceVersion"));
    finish(&b);
}

static void a_refused_child_is_told_and_the_others_are_written(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(FIXED, "")),
        { .match = "/services/english-auth?", .status = 422, .body = REFUSED },
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err)); /* no retry would help */
    assert_true(result.terminal);
    assert_int_equal(told(b.fake, "spec.template.x: Invalid value: 7: repair the spec"), 1);
    assert_int_equal(asked(b.fake, "/services/english-progress?"), 1);
    finish(&b);
}

static void a_write_that_has_not_come_back_is_not_made_again(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM(FIXED, "")),
        { .match = "/services/english-auth?",
          .status = 200,
          .body = "{\"metadata\":{\"name\":\"english-auth\",\"namespace\":\"n\","
                  "\"resourceVersion\":\"77\"}}" },
        ECHO, /* without a resourceVersion nothing is waited for */
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    for (unsigned ctx = 1; ctx <= 3; ctx++) {
        ok(reconcile(&b.r, KEY, &result, &err));
        assert_int_equal(asked(b.fake, "/services/english-auth?"), 1);
        assert_int_equal(asked(b.fake, "/services/english-progress?"), ctx);
    }
    finish(&b);
}

/* Until it is gone each pass tries, though nothing new came into the cache. */
static void a_child_that_the_plan_does_not_have_is_deleted(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = "/horizontalpodautoscalers?watch",
          .status = 200,
          .body =
              "{\"type\":\"ADDED\",\"object\":{\"kind\":\"HorizontalPodAutoscaler\",\"metadata\":{"
              "\"name\":\"english-old\",\"namespace\":\"n\",\"uid\":\"old\",\"resourceVersion\":"
              "\"6\","
              "\"ownerReferences\":[{\"uid\":\"u\"}],\"managedFields\":[{\"manager\":\"lp-"
              "operator\","
              "\"operation\":\"Apply\",\"fieldsV1\":{\"f:metadata\":{\"f:ownerReferences\":{}}}}]}}"
              "}\n" END_OF_LIST,
          .chunk = 4096,
          .stall = true },
        WATCHES(PLATFORM(FIXED, "")),
        ECHO,
        { .match = "DELETE ", .status = 200 },
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_int_equal(asked(b.fake, "/horizontalpodautoscalers/english-old"), 1);
    assert_int_equal(asked(b.fake, "\"uid\":\"old\""), 1);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_int_equal(asked(b.fake, "/horizontalpodautoscalers/english-old"), 2);
    finish(&b);
}

static void a_spec_that_is_wrong_writes_a_status_and_no_child(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM("{\"services\":{\"auth\":{\"concurrency\":0}}}", "")),
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_int_equal(asked(b.fake, "PATCH "), 1);
    assert_int_equal(told(b.fake, "\"reason\":\"InvalidSpec\""), 1);
    assert_int_equal(told(b.fake, "spec.services.auth.concurrency"), 1);
    ok(reconcile(&b.r, KEY, &result, &err)); /* it is said already, though no watch told us so */
    assert_int_equal(asked(b.fake, "PATCH "), 1);
    assert_int_equal(result.writes, 0);
    finish(&b);
}

static void what_is_gone_or_going_is_left_alone(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM("{}", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"")),
        ECHO,
        FAKE_END,
    };
    struct reconcile_result result;
    struct bench b;
    (void)state;
    begin(&b, answers);
    ok(reconcile(&b.r, KEY, &result, &err));
    assert_false(result.gone);
    ok(reconcile(&b.r, "n/french", &result, &err));
    assert_true(result.gone);
    assert_int_equal(asked(b.fake, "PATCH ") + asked(b.fake, "POST "), 0);
    finish(&b);
}

/* ---- what the workers make of it ---- */

static double value_of(const char *series)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    const char *at = strstr(text.ptr, series);
    return at ? strtod(at + strlen(series), NULL) : 0;
}

static void await_more(const char *series, double than)
{
    int64_t end = lp_clock_ms() + WAIT_MS;
    while (value_of(series) <= than) {
        if (lp_clock_ms() > end)
            fail_msg("%s stays at %g", series, value_of(series));
        poll(NULL, 0, 5);
    }
}

#define RETRIES \
    "workqueue_retries_total{name=\"learningplatform\",controller=\"learningplatform\"} "
#define IDLE "lp_reconciles_without_change_total{controller=\"learningplatform\"} "

static int64_t no_fence(void *user)
{
    (void)user;
    return INT64_MAX;
}

static struct controller *start(struct bench *b, const struct fake_answer *answers)
{
    struct controller *c = NULL;
    *b = (struct bench){ .fake = fake_kube_start(answers), .stop = lp_stop_new() };
    b->config = fake_kube_config(b->fake, NULL);
    struct controller_options options = { .kube = b->config,
                                          .stop = b->stop,
                                          .images = &images,
                                          .scope = &everything,
                                          .instance = "pod",
                                          .workers = 2,
                                          .resync_ms = 20,
                                          .writes_until_ms = no_fence };
    ok(controller_start(&options, &c, &err));
    return c;
}

static void end(struct bench *b, struct controller *c)
{
    lp_stop_request(b->stop);
    controller_free(c);
    lp_kube_config_free(b->config);
    lp_stop_free(b->stop);
    fake_kube_stop(b->fake);
}

static void only_the_leader_writes_and_what_fails_comes_again(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM("{\"mode\":\"Paused\"}", "")),
        { .match = "PATCH ", .status = 500, .times = 3 },
        ECHO,
        FAKE_END,
    };
    struct bench b;
    char why[128];
    (void)state;
    struct controller *c = start(&b, answers);
    for (int64_t give_up = lp_clock_ms() + WAIT_MS; !controller_ready(c, why); poll(NULL, 0, 5))
        assert_true(lp_clock_ms() < give_up);
    assert_int_equal(asked(b.fake, "PATCH "), 0);
    double retries = value_of(RETRIES), idle = value_of(IDLE);
    controller_lead(c);
    await_more(RETRIES, retries + 2);
    await_more(IDLE, idle);
    assert_true(value_of(RETRIES) <= retries + 3);
    end(&b, c);
}

static void a_resync_of_what_is_as_it_should_be_writes_nothing(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(PLATFORM("{\"mode\":\"Paused\"}", "")),
        ECHO,
        FAKE_END,
    };
    struct bench b;
    (void)state;
    double idle = value_of(IDLE);
    struct controller *c = start(&b, answers);
    controller_lead(c);
    await_more(IDLE, idle);
    unsigned written = asked(b.fake, "PATCH ");
    await_more(IDLE, idle + 9);
    assert_int_equal(asked(b.fake, "PATCH "), written);
    assert_int_equal(written, 1);
    end(&b, c);
}

#define NAMED(name)                                                                                \
    "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"learningplatform.io/v1alpha1\",\"kind\":"    \
    "\"LearningPlatform\",\"metadata\":{\"name\":\"" name "\",\"namespace\":\"n\",\"uid\":\"" name \
    "\",\"generation\":1,\"resourceVersion\":\"5\"},\"spec\":{}}}\n"
#define DEPTH(priority)                                                                   \
    "workqueue_depth{name=\"learningplatform\",controller=\"learningplatform\",priority=" \
    "\"" priority "\"} "

/* Both workers wait for an answer; the other platforms stand in the queue. */
static void what_a_new_leader_finds_waits_behind_what_users_change(void **state)
{
    static const struct fake_answer answers[] = {
        WATCHES(NAMED("a") NAMED("b") NAMED("c") NAMED("d") NAMED("e")),
        { .match = "PATCH ", .status = 200, .silent = true },
        FAKE_END,
    };
    struct bench b;
    char why[128];
    (void)state;
    struct controller *c = start(&b, answers);
    int64_t give_up = lp_clock_ms() + WAIT_MS;
    while (!controller_ready(c, why) || value_of(DEPTH("0")) + value_of(DEPTH("-100")) > 0) {
        assert_true(lp_clock_ms() < give_up);
        poll(NULL, 0, 5);
    }
    controller_lead(c);
    await_more(DEPTH("-100"), 2);
    while (asked(b.fake, "PATCH ") < 2 && lp_clock_ms() < give_up)
        poll(NULL, 0, 5);
    assert_int_equal((int)value_of(DEPTH("-100")), 3);
    assert_int_equal((int)value_of(DEPTH("0")), 0);
    end(&b, c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_platform_gets_its_children_and_then_a_status),
        cmocka_unit_test(a_changed_platform_gets_its_children_between_two_words_of_its_status),
        cmocka_unit_test(what_is_measured_is_kept_in_the_status_and_looked_at_again_in_a_minute),
        cmocka_unit_test(a_failure_that_passes_is_tried_again_before_anybody_hears_of_it),
        cmocka_unit_test(a_deployment_without_a_version_is_an_error),
        cmocka_unit_test(a_refused_child_is_told_and_the_others_are_written),
        cmocka_unit_test(a_write_that_has_not_come_back_is_not_made_again),
        cmocka_unit_test(a_child_that_the_plan_does_not_have_is_deleted),
        cmocka_unit_test(a_spec_that_is_wrong_writes_a_status_and_no_child),
        cmocka_unit_test(what_is_gone_or_going_is_left_alone),
        cmocka_unit_test(only_the_leader_writes_and_what_fails_comes_again),
        cmocka_unit_test(a_resync_of_what_is_as_it_should_be_writes_nothing),
        cmocka_unit_test(what_a_new_leader_finds_waits_behind_what_users_change),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("operator_reconcile", tests, NULL, NULL);
}
