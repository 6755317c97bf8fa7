/* test/unit/test_autoscaler_rendered.c -- how long an answer is given again, and how many are kept.
 */
#include "autoscaler/api/rendered.h"

#include <stdio.h>
#include <string.h>

#include "autoscaler/samples/samples.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "unit/check.h"

#define NOW 1000000
#define WALL INT64_C(1790845200000) /* when NOW was 0 */
#define WARM_UP_MS 2000

static struct samples *s;
static struct rendered *r;

static json_t *pod_object(const char *ns, const char *name, int64_t ready_since)
{
    char since[LP_CLOCK_TEXT];
    lp_clock_format(WALL + ready_since, 0, since);
    return lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}],s:{s:s,s:s}},"
                        "s:{s:s,s:s,s:[{s:s,s:s,s:s}]}}",
                        "metadata", "namespace", ns, "name", name, "uid", name, "ownerReferences",
                        "kind", "ReplicaSet", "uid", "set", "controller", 1, "labels",
                        "app.kubernetes.io/name", "auth", "app.kubernetes.io/part-of", "english",
                        "status", "phase", "Running", "podIP", "10.0.0.1", "conditions", "type",
                        "Ready", "status", "True", "lastTransitionTime", since);
}

static void tell_pod(const char *ns, const char *name, int64_t ready_since, bool gone)
{
    json_auto_t *o = pod_object(ns, name, ready_since);
    samples_pod(s, o, gone, NOW, WALL + NOW);
}

static void replica_set(const char *ns)
{
    json_auto_t *o = lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}}", "metadata", "namespace",
                                  ns, "name", "set", "uid", "set", "ownerReferences", "kind",
                                  "Deployment", "name", "english-auth", "controller", 1);
    samples_replica_set(s, o, false);
}

/* Every pod that is due says that it has so many requests. */
static void all_say(int requests, int64_t now)
{
    struct samples_target targets[8];
    int64_t next;
    const struct promtext_page page = { .waiting = requests * 1000, .has_load = true };
    unsigned n = samples_due(s, now, targets, 8, &next);
    for (unsigned i = 0; i < n; i++)
        samples_report(s, targets[i].id, SAMPLES_OK, &page, now);
}

static int fresh(void **state)
{
    (void)state;
    s = samples_new(1000, WARM_UP_MS);
    r = samples_rendered(s);
    replica_set("lp");
    tell_pod("lp", "auth-1", NOW - 60000, false);
    samples_synced(s);
    all_say(3, NOW);
    return 0;
}

static int end(void **state)
{
    (void)state;
    samples_free(s);
    return 0;
}

/* Answers the question for the pods of lp, and keeps the answer. */
static void answer(const char *target, const char *metric, int64_t now)
{
    struct query q = { .route = QUERY_METRIC, .ns = "lp", .resource = "services" };
    struct selector everything = { .n = 0 };
    struct samples_validity validity;
    struct lp_error err = { .msg = "" };
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);
    snprintf(q.metric, sizeof q.metric, "%s", metric);
    snprintf(q.name, sizeof q.name, "%s", "english-auth");
    const struct samples_question question = { &q, &everything, now, WALL + now };
    if (samples_answer(s, &question, &text, &validity, &err) < 0)
        fail_msg("%s", err.msg);
    struct lp_http_body *body = lp_http_body_new("application/json", &text);
    rendered_put(r, target, &q, body, &validity);
    lp_http_body_unref(body);
}

static bool is_kept(const char *target, int64_t now)
{
    struct lp_http_body *body = rendered_get(r, target, now);
    lp_http_body_unref(body);
    return body != NULL;
}

static void an_answer_is_given_again_until_a_sample_comes(void **state)
{
    struct query q;
    (void)state;
    answer("/a", "queue_depth", NOW);
    assert_true(is_kept("/a", NOW + 10));
    assert_false(is_kept("/b", NOW + 10));
    all_say(4, NOW + 2000);
    assert_false(is_kept("/a", NOW + 10));
    assert_true(rendered_query(r, "/a", &q));
    assert_string_equal(q.name, "english-auth");
    assert_false(rendered_query(r, "/b", &q));
}

/* Where nothing else changes, so many milliseconds after it was put together. */
static void an_answer_is_at_most_ten_milliseconds_behind_the_scrapes(void **state)
{
    (void)state;
    all_say(4, NOW + 2000);
    answer("/a", "queue_depth", NOW + 4000);
    all_say(5, NOW + 4000);
    assert_true(is_kept("/a", NOW + 4000 + SAMPLES_LAG_MS - 1));
    assert_false(is_kept("/a", NOW + 4000 + SAMPLES_LAG_MS));
}

static void a_failed_scrape_is_seen_at_once(void **state)
{
    struct samples_target target;
    int64_t next;
    (void)state;
    all_say(4, NOW + 2000);
    answer("/a", "queue_depth", NOW + 4000);
    assert_int_equal(samples_due(s, NOW + 4000, &target, 1, &next), 1);
    samples_report(s, target.id, SAMPLES_REFUSED, NULL, NOW + 4000);
    assert_false(is_kept("/a", NOW + 4000));
}

static void a_deleted_pod_is_gone_from_what_is_kept_at_once(void **state)
{
    (void)state;
    tell_pod("lp", "auth-2", NOW - 60000, false);
    answer("/a", "queue_depth", NOW);
    assert_true(is_kept("/a", NOW));
    tell_pod("lp", "auth-2", 0, true);
    assert_false(is_kept("/a", NOW));
}

static void every_object_that_an_answer_goes_by_ends_it(void **state)
{
    json_auto_t *deployment =
        lp_json_make("{s:{s:s,s:s}}", "metadata", "namespace", "lp", "name", "english-auth");
    (void)state;
    answer("/a", "queue_depth", NOW);
    samples_deployment(s, deployment, false);
    assert_false(is_kept("/a", NOW));
    answer("/a", "queue_depth", NOW);
    samples_hpa(s, deployment, false);
    assert_false(is_kept("/a", NOW));
    answer("/a", "queue_depth", NOW);
    replica_set("lp");
    assert_false(is_kept("/a", NOW));
}

static void what_happens_in_another_namespace_does_not_matter(void **state)
{
    (void)state;
    answer("/a", "queue_depth", NOW);
    tell_pod("elsewhere", "auth-1", NOW, false);
    assert_true(is_kept("/a", NOW));
}

static void an_answer_ends_where_time_alone_makes_it_another(void **state)
{
    (void)state;
    answer("/a", "queue_depth", NOW + 10);
    assert_true(is_kept("/a", NOW + 1009));
    assert_false(is_kept("/a", NOW + 1010)); /* none is kept longer than a second */
    tell_pod("lp", "auth-2", NOW + 1000 - WARM_UP_MS, false);
    answer("/a", "queue_depth", NOW + 10);
    assert_true(is_kept("/a", NOW + 999));
    assert_false(is_kept("/a", NOW + 1000)); /* auth-2 is past its warm-up */
    tell_pod("lp", "auth-2", 0, true);
    answer("/a", "queue_depth", NOW + SAMPLES_MAX_AGE_MS - 200);
    assert_true(is_kept("/a", NOW + SAMPLES_MAX_AGE_MS));
    assert_false(is_kept("/a", NOW + SAMPLES_MAX_AGE_MS + 1)); /* auth-1 is too old */
}

static void the_question_that_was_not_asked_for_longest_makes_room(void **state)
{
    char target[32];
    struct query q;
    (void)state;
    for (int i = 0; i < RENDERED_ANSWERS; i++) {
        snprintf(target, sizeof target, "/%d", i);
        answer(target, "queue_depth", NOW);
    }
    assert_true(is_kept("/0", NOW));
    answer("/new", "queue_depth", NOW);
    assert_true(rendered_query(r, "/0", &q));
    assert_false(rendered_query(r, "/1", &q));
    assert_true(is_kept("/new", NOW));
}

static void put_large(const char *target, size_t n)
{
    const struct query q = { .route = QUERY_METRIC };
    const struct samples_validity validity = { .until_ms = INT64_MAX };
    lp_auto_free char *bytes = lp_alloc(n);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(RENDERED_BYTES * 2);
    lp_buf_add(&text, bytes, n);
    struct lp_http_body *body = lp_http_body_new("application/json", &text);
    rendered_put(r, target, &q, body, &validity);
    lp_http_body_unref(body);
}

static void answers_are_kept_up_to_a_number_of_bytes(void **state)
{
    struct query q;
    (void)state;
    s = samples_new(1000, 0); /* nothing was told yet: all versions are 0 */
    r = samples_rendered(s);
    put_large("/a", RENDERED_BYTES / 2);
    put_large("/b", RENDERED_BYTES / 2);
    assert_true(is_kept("/a", NOW));
    assert_true(is_kept("/b", NOW));
    put_large("/c", 1);
    assert_false(is_kept("/a", NOW));
    assert_true(rendered_query(r, "/a", &q)); /* what it asks for is known still */
    assert_true(is_kept("/b", NOW));
    put_large("/d", RENDERED_BYTES + 1);
    assert_false(rendered_query(r, "/d", &q));
    put_large("/a", RENDERED_BYTES);
    assert_true(is_kept("/a", NOW));
    assert_false(is_kept("/c", NOW));
}

static void a_question_of_over_a_kilobyte_is_not_remembered(void **state)
{
    lp_auto_free char *target = lp_alloc(RENDERED_TARGET + 2);
    struct query q;
    (void)state;
    memset(target, 'x', RENDERED_TARGET + 1);
    answer(target, "queue_depth", NOW);
    assert_false(rendered_query(r, target, &q));
}

static void tidying_up_leaves_what_is_good(void **state)
{
    struct query q;
    (void)state;
    answer("/a", "queue_depth", NOW);
    rendered_tidy(r, NOW + 500);
    assert_true(is_kept("/a", NOW + 500));
    rendered_tidy(r, NOW + 1000);
    assert_false(is_kept("/a", NOW + 500));
    assert_true(rendered_query(r, "/a", &q));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, end)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_given_again_until_a_sample_comes),
        TEST(an_answer_is_at_most_ten_milliseconds_behind_the_scrapes),
        TEST(a_failed_scrape_is_seen_at_once),
        TEST(a_deleted_pod_is_gone_from_what_is_kept_at_once),
        TEST(every_object_that_an_answer_goes_by_ends_it),
        TEST(what_happens_in_another_namespace_does_not_matter),
        TEST(an_answer_ends_where_time_alone_makes_it_another),
        TEST(the_question_that_was_not_asked_for_longest_makes_room),
        cmocka_unit_test_teardown(answers_are_kept_up_to_a_number_of_bytes, end),
        TEST(a_question_of_over_a_kilobyte_is_not_remembered),
        TEST(tidying_up_leaves_what_is_good),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("autoscaler_rendered", tests, NULL, NULL);
}
