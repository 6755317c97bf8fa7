/* test/unit/test_autoscaler_upstream.c -- a request that waits for another service is load there,
 * not here. */
#include "unit/samples_fixture.h"

/* english-gateway with one pod, beside the english-auth of the fixture. */
static void gateway(void)
{
    json_auto_t *d = lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}}", "metadata", "namespace",
                                  "lp", "name", "english-gateway", "uid", "deployment-2",
                                  "ownerReferences", "kind", "LearningPlatform", "apiVersion",
                                  "learningplatform.io/v1alpha1", "controller", 1);
    json_auto_t *set =
        lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:b}]}}", "metadata", "namespace", "lp",
                     "name", "set-g", "uid", "set-g", "ownerReferences", "kind", "Deployment",
                     "name", "english-gateway", "uid", "deployment-2", "controller", 1);
    json_auto_t *o = pod_object("gateway-1", "10.0.0.5", true);
    json_t *metadata = json_object_get(o, "metadata");
    lp_json_set_str(json_object_get(metadata, "labels"), "app.kubernetes.io/name", "gateway");
    lp_json_set_str(json_array_get(json_object_get(metadata, "ownerReferences"), 0), "uid",
                    "set-g");
    samples_deployment(s, d, false, NOW);
    samples_replica_set(s, set, false, NOW);
    tell(o, NOW);
}

static struct promtext_page gateway_page(int waiting, int in_flight, const char *upstream, int n)
{
    struct promtext_page page = { .waiting = waiting * 1000,
                                  .in_flight = in_flight * 1000,
                                  .awaiting = n * 1000,
                                  .has_awaiting = true,
                                  .n_upstreams = 1 };
    snprintf(page.upstreams[0].name, sizeof page.upstreams[0].name, "%s", upstream);
    page.upstreams[0].depth = n * 1000;
    return page;
}

static const char *value_of(const char *service, int64_t now)
{
    static char text[32];
    json_auto_t *o = get("services", service, NULL, now);
    const json_t *item = json_array_get(json_object_get(o, "items"), 0);
    snprintf(text, sizeof text, "%s", o ? lp_json_str(item, "value", NULL) : "none");
    return text;
}

static void gateway_says(int waiting, int in_flight, const char *upstream, int n, int64_t now)
{
    struct promtext_page page = gateway_page(waiting, in_flight, upstream, n);
    ask_all(now);
    samples_report(s, asked[5], SAMPLES_OK, &page, now);
}

static void a_request_that_waits_for_another_service_is_left_out_of_the_queue_depth(void **state)
{
    (void)state;
    gateway();
    pod("auth-1", "10.0.0.1", true);
    samples_synced(s, NOW);
    gateway_says(2, 9, "auth", 8, NOW);
    says(1, 3, -1, NOW);
    assert_string_equal(value_of("english-gateway", NOW + 10), "3");
    assert_string_equal(value_of("english-auth", NOW + 10),
                        "3"); /* it has a Ready pod, which tells */
}

static void it_counts_for_its_upstream_while_that_has_no_ready_pod(void **state)
{
    (void)state;
    gateway();
    deployment(0);
    samples_synced(s, NOW);
    gateway_says(0, 0, "auth", 0, NOW);
    assert_string_equal(value_of("english-auth", NOW + 10), "0"); /* scaled to 0, nobody waits */
    gateway_says(0, 7, "auth", 7, NOW + 2000);
    assert_string_equal(value_of("english-auth", NOW + 2010), "7");
    deployment(1);
    pod("auth-1", "10.0.0.1", false);
    assert_string_equal(value_of("english-auth", NOW + 2010), "7");
    gateway_says(0, 0, "auth", 0, NOW + 4000);
    assert_string_equal(value_of("english-auth", NOW + 4010), "none");
    assert_non_null(strstr(message, "no pod of english-auth is Ready"));
    gateway_says(0, 7, "progress", 7, NOW + 6000);
    assert_string_equal(value_of("english-auth", NOW + 6010), "none");
    gateway_says(0, 7, "auth", 7, NOW + 8000);
    assert_string_equal(value_of("english-auth", NOW + 8000 + SAMPLES_MAX_AGE_MS + 1), "none");
    pod("auth-1", "10.0.0.1", true);
    ask_all(NOW + 9000);
    says(1, 1, -1, NOW + 9000);
    assert_string_equal(value_of("english-auth", NOW + 9010), "1");
}

static void slots_that_wait_for_another_service_are_no_demand(void **state)
{
    (void)state;
    metric = SAMPLES_DEMAND;
    gateway();
    samples_synced(s, NOW);
    for (int i = 0; i <= 60; i++) { /* 10 requests/s of 2 s each, all but 0.01 s of them in auth */
        int64_t now = NOW + i * 1000;
        struct promtext_page page = gateway_page(0, 20, "auth", 20);
        page.slots = 32000;
        page.has_load = true;
        page.requests = page.answers = i * 10;
        page.seconds = i * 20;
        ask_all(now);
        samples_report(s, asked[5], SAMPLES_OK, &page, now);
    }
    assert_string_equal(value_of("english-gateway", NOW + 60010), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_table(a_request_that_waits_for_another_service_is_left_out_of_the_queue_depth),
        with_table(it_counts_for_its_upstream_while_that_has_no_ready_pod),
        with_table(slots_that_wait_for_another_service_are_no_demand),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("autoscaler_upstream", tests, NULL, NULL);
}
