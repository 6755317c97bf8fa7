/* test/unit/test_autoscaler_owned.c -- whose pods are asked and believed, and what pods that answer
 * late can do to others. */
#include "unit/samples_fixture.h"

#define HANDLES 64
#define SLOW_PODS 650
#define FAST_PODS 10

static unsigned n_due(int64_t now)
{
    struct samples_target targets[8];
    int64_t next;
    return samples_due(s, now, targets, 8, &next);
}

/* One pod of ours, which has told of 3 requests. */
static void one_pod(void)
{
    pod("auth-1", "10.0.0.1", true);
    samples_synced(s, NOW);
    ask_all(NOW);
    says(1, 3, -1, NOW + 10);
}

static void a_labelled_pod_that_nobody_or_another_owns_is_neither_asked_nor_counted(void **state)
{
    (void)state;
    one_pod();
    json_auto_t *stray = pod_object("stray", "10.0.0.2", true);
    json_object_del(json_object_get(stray, "metadata"), "ownerReferences");
    tell(stray, NOW);
    pod_of("strays", "10.0.0.3", "set-of-others", NOW - 60000);
    assert_int_equal(ask("10.0.0.2", NOW + 5000), UINT64_MAX);
    assert_int_equal(ask("10.0.0.3", NOW + 5000), UINT64_MAX);
    assert_string_equal(value(NOW + 30), "3");
    assert_int_equal(n_pods(NULL, NOW + 30), 1);
}

static void a_deployment_without_a_platform_makes_no_pod_one_of_ours(void **state)
{
    static const struct {
        const char *kind, *version;
    } owners[] = { { NULL, NULL },
                   { "Deployment", "apps/v1" },
                   { "LearningPlatform", "elsewhere.io/v1" },
                   { "LearningPlatform", "learningplatform.io.example/v1" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(owners); i++) {
        json_auto_t *o = deployment_object(1, owners[i].kind, owners[i].version);
        samples_deployment(s, o, false, NOW);
        pod("auth-1", "10.0.0.1", true);
        samples_synced(s, NOW);
        assert_int_equal(n_due(NOW + 5000), 0);
        assert_string_equal(value(NOW + 30), "none");
    }
}

static void a_replica_set_of_a_deployment_of_the_same_name_does_not_count(void **state)
{
    (void)state;
    replica_set_of("set-2", "2", "deployment-before", false);
    pod_of("auth-2", "10.0.0.2", "set-2", NOW - 60000);
    samples_synced(s, NOW);
    assert_int_equal(n_due(NOW), 0);
}

static void a_pod_is_asked_once_its_owners_are_known(void **state)
{
    json_auto_t *ours = deployment_object(1, "LearningPlatform", "learningplatform.io/v1alpha1");
    (void)state;
    samples_deployment(s, ours, true, NOW);
    replica_set("set-1", "1", true);
    pod("auth-1", "10.0.0.1", true);
    assert_int_equal(n_due(NOW), 0);
    replica_set("set-1", "1", false);
    assert_int_equal(n_due(NOW), 0);
    assert_true(samples_deployment(s, ours, false, NOW));
    assert_int_equal(n_due(NOW), 1);
}

static void a_page_that_comes_after_its_deployment_was_disowned_is_not_believed(void **state)
{
    json_auto_t *another = deployment_object(1, NULL, NULL);
    (void)state;
    one_pod();
    ask_all(NOW + 2000);
    samples_deployment(s, another, false, NOW + 2000);
    says(1, 1000, 1000, NOW + 2010);
    deployment(1);
    assert_string_equal(value(NOW + 2020), "3");
}

/* ---- handles ---- */

static void owners_in(const char *ns, const char *service)
{
    json_auto_t *d =
        lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}}", "metadata", "namespace", ns, "name",
                     service, "uid", service, "ownerReferences", "kind", "LearningPlatform",
                     "apiVersion", "learningplatform.io/v1alpha1", "controller", 1);
    json_auto_t *set =
        lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:b}]}}", "metadata", "namespace", ns, "name",
                     service, "uid", service, "ownerReferences", "kind", "Deployment", "name",
                     service, "uid", service, "controller", 1);
    samples_deployment(s, d, false, NOW);
    samples_replica_set(s, set, false, NOW);
}

/* `n` Ready pods of english-<name>, whose addresses begin with 10.<net>. */
static void pods_in(const char *ns, const char *name, unsigned net, unsigned n)
{
    lp_auto_free char *service = lp_sprintf("english-%s", name);
    owners_in(ns, service);
    for (unsigned i = 0; i < n; i++) {
        lp_auto_free char *pod_name = lp_sprintf("%s-%u", name, i);
        lp_auto_free char *ip = lp_sprintf("10.%u.%u.%u", net, i / 250, i % 250);
        json_auto_t *o = pod_object(pod_name, ip, true);
        json_t *metadata = json_object_get(o, "metadata");
        json_t *labels = json_object_get(metadata, "labels");
        lp_json_set_str(metadata, "namespace", ns);
        lp_json_set_str(labels, "app.kubernetes.io/name", name);
        lp_json_set_str(json_array_get(json_object_get(metadata, "ownerReferences"), 0), "uid",
                        service);
        tell(o, NOW);
    }
}

/* How many of the pods that may go out now have addresses that begin with 10.<net>. */
static unsigned out_of(const struct samples_target *targets, unsigned n, unsigned net)
{
    lp_auto_free char *prefix = lp_sprintf("10.%u.", net);
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++)
        found += strncmp(targets[i].ip, prefix, strlen(prefix)) == 0;
    return found;
}

static void a_namespace_has_at_most_half_of_the_handles(void **state)
{
    struct samples_target targets[HANDLES];
    int64_t next;
    (void)state;
    samples_set_handles(s, HANDLES);
    pods_in("one", "auth", 1, 100);
    samples_synced(s, NOW);
    assert_int_equal(samples_due(s, NOW, targets, HANDLES, &next), HANDLES / 2);
    assert_int_equal(samples_due(s, NOW, targets, HANDLES, &next), 0);
    samples_report(s, targets[0].id, SAMPLES_TIMEOUT, NULL, NOW + 500);
    assert_int_equal(samples_due(s, NOW + 500, targets, HANDLES, &next), 1);
    pods_in("two", "auth", 2, 100);
    assert_int_equal(samples_due(s, NOW + 500, targets, HANDLES, &next), HANDLES / 2);
    assert_int_equal(out_of(targets, HANDLES / 2, 2), HANDLES / 2);
}

static void namespaces_and_services_get_equal_shares(void **state)
{
    struct samples_target targets[HANDLES];
    int64_t next;
    (void)state;
    samples_set_handles(s, HANDLES);
    pods_in("one", "auth", 1, 100);
    pods_in("one", "gateway", 2, 100);
    pods_in("two", "auth", 3, 100);
    pods_in("three", "auth", 4, 100);
    pods_in("four", "auth", 5, 3);
    samples_synced(s, NOW);
    unsigned n = samples_due(s, NOW, targets, HANDLES, &next);
    assert_int_equal(out_of(targets, n, 1), HANDLES / 4 / 2);
    assert_int_equal(out_of(targets, n, 2), HANDLES / 4 / 2);
    assert_int_equal(out_of(targets, n, 3), HANDLES / 4);
    assert_int_equal(out_of(targets, n, 4), HANDLES / 4);
    assert_int_equal(out_of(targets, n, 5), 3);
}

/* A scraper in a time of its own: pods of 10.1 answer after 450 ms, all others after 2 ms. */
struct flight {
    uint64_t id;
    int64_t end_ms;
};

static unsigned n_flights;
static struct flight flights[HANDLES];

static void scrape_at(int64_t now)
{
    const struct promtext_page page = { .waiting = 1000 };
    struct samples_target targets[HANDLES];
    int64_t next;
    for (unsigned i = 0; i < n_flights;) {
        if (flights[i].end_ms > now) {
            i++;
            continue;
        }
        samples_report(s, flights[i].id, SAMPLES_OK, &page, now);
        flights[i] = flights[--n_flights];
    }
    unsigned n = samples_due(s, now, targets, HANDLES - n_flights, &next);
    for (unsigned i = 0; i < n; i++)
        flights[n_flights++] =
            (struct flight){ targets[i].id, now + (out_of(&targets[i], 1, 1) ? 450 : 2) };
}

static const char *value_in(const char *ns, const char *service, int64_t now)
{
    static char text[32];
    int64_t milli;
    if (!samples_queue_depth(s, ns, service, now, &milli))
        return "none";
    snprintf(text, sizeof text, "%lld", (long long)milli / 1000);
    return text;
}

static void pods_that_answer_late_make_no_other_service_late(void **state)
{
    char why[128];
    (void)state;
    n_flights = 0;
    samples_set_handles(s, HANDLES);
    pods_in("lp", "slow", 1, SLOW_PODS);
    pods_in("lp", "auth", 2, FAST_PODS);
    pods_in("elsewhere", "auth", 3, FAST_PODS);
    samples_synced(s, NOW);
    for (int64_t now = NOW; now < NOW + 30000; now += 5) {
        scrape_at(now);
        if (now < NOW + 1000)
            continue;
        if (strcmp(value_in("lp", "english-auth", now), "10") != 0 ||
            strcmp(value_in("elsewhere", "english-auth", now), "10") != 0)
            fail_msg("lost after %lld ms", (long long)(now - NOW));
        if (now > NOW + SAMPLES_SWEEP_AGE_MS && !samples_swept(s, now, why))
            fail_msg("not ready after %lld ms: %s", (long long)(now - NOW), why);
    }
    assert_string_equal(value_in("lp", "english-slow", NOW + 30000), "650");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_table(a_labelled_pod_that_nobody_or_another_owns_is_neither_asked_nor_counted),
        with_table(a_deployment_without_a_platform_makes_no_pod_one_of_ours),
        with_table(a_replica_set_of_a_deployment_of_the_same_name_does_not_count),
        with_table(a_pod_is_asked_once_its_owners_are_known),
        with_table(a_page_that_comes_after_its_deployment_was_disowned_is_not_believed),
        with_table(a_namespace_has_at_most_half_of_the_handles),
        with_table(namespaces_and_services_get_equal_shares),
        with_table(pods_that_answer_late_make_no_other_service_late),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("autoscaler_owned", tests, NULL, NULL);
}
