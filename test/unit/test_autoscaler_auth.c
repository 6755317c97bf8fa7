/* test/unit/test_autoscaler_auth.c -- who is let in by which certificate, header or token, and what
 * the API server is asked for that. */
#include "unit/api_client.h"

static void only_the_front_proxy_may_say_for_whom_it_asks(void **state)
{
    (void)state;
    start(nothing);
    expect(401, "Unauthorized", as(NULL, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized",
           as(&stranger, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized", as(&forged, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized", as(&serving, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "Unauthorized", as(&proxy, "X-Remote-Group: system:masters", NULL));
    expect(200, "\"value\":\"7\"",
           as(&proxy, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    assert_int_equal(n_reviews("subjectaccessreviews"), 0);
}

static void a_certificate_of_the_client_ca_is_a_user_and_its_headers_are_not_read(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    (void)state;
    start(answers);
    expect(200, "\"value\":\"7\"", as(&admin, "X-Remote-User: nobody", NULL));
    assert_int_equal(n_reviews("subjectaccessreviews"), 0);
}

static void a_user_without_rights_is_told_what_is_missing(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    (void)state;
    start(answers);
    expect(403,
           "services.custom.metrics.k8s.io \\\"english-auth\\\" is forbidden: User \\\"eve\\\" "
           "cannot get resource \\\"services/queue_depth\\\"",
           as(&proxy, "X-Remote-User: eve", "X-Remote-Group: students"));
    struct wish w = as(&proxy, "X-Remote-User: eve", NULL);
    w.path = "/apis";
    expect(403, "cannot get path \\\"/apis\\\"", w);
}

static void a_review_names_user_groups_and_metric_and_is_asked_once(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 1),
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    struct wish w = { .certificate = &proxy,
                      .headers = { "X-Remote-User: hpa", "X-Remote-Group: a", "X-Remote-Group: b",
                                   "X-Remote-Extra-Example.com%2FScope: s", "X-Remote-Uid: 7",
                                   NULL } };
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(1 << 20);
    (void)state;
    start(answers);
    expect(200, "\"value\":\"7\"", w);
    expect(200, "\"value\":\"7\"", w);
    assert_int_equal(n_reviews("subjectaccessreviews"), 1);
    fake_kube_requests(kube, &b);
    assert_non_null(strstr(b.ptr, "\"groups\":[\"a\",\"b\",\"system:authenticated\"]"));
    assert_non_null(strstr(b.ptr, "\"extra\":{\"example.com/scope\":[\"s\"]}"));
    assert_non_null(strstr(b.ptr, "\"uid\":\"7\""));
    assert_non_null(strstr(b.ptr, "\"resource\":\"services\",\"subresource\":\"queue_depth\""));
    w.headers[1] = "X-Remote-Group: c";
    expect(403, "forbidden", w);
}

static void a_token_is_reviewed_once(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("tokenreviews",
               "{\"authenticated\":true,\"user\":{\"username\":\"bot\",\"groups\":[\"g\"]}}", 1),
        REVIEW("tokenreviews", "{\"authenticated\":false}", 0),
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 0), FAKE_END
    };
    (void)state;
    start(answers);
    expect(200, "\"value\":\"7\"", as(NULL, "Authorization: Bearer good", NULL));
    expect(200, "\"value\":\"7\"", as(NULL, "Authorization: Bearer good", NULL));
    expect(401, "Unauthorized", as(NULL, "Authorization: Bearer bad", NULL));
    expect(401, "Unauthorized", as(NULL, "Authorization: Bearer bad", NULL));
    expect(401, "Unauthorized", as(NULL, "Authorization: Basic eA==", NULL));
    assert_int_equal(n_reviews("tokenreviews"), 2);
}

/* What two such users have in common must not be what they are known by. */
static void a_user_of_more_groups_than_can_be_kept_is_asked_about_each_time(void **state)
{
    lp_auto_buf struct lp_buf body = LP_BUF_INIT(1 << 20);
    (void)state;
    lp_buf_str(&body,
               "{\"status\":{\"authenticated\":true,\"user\":{\"username\":\"bot\",\"groups\":[");
    for (unsigned i = 0; i < 2000; i++)
        lp_buf_printf(&body, "\"a-group-with-a-name-of-some-forty-bytes-%u\",", i);
    lp_buf_str(&body, "\"last\"]}}}");
    const struct fake_answer answers[] = {
        { .match = "tokenreviews", .status = 201, .body = body.ptr, .times = 0 },
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 1),
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0),
        FAKE_END
    };
    start(answers);
    expect(200, "\"value\":\"7\"", as(NULL, "Authorization: Bearer good", NULL));
    expect(403, "forbidden", as(NULL, "Authorization: Bearer good", NULL));
}

static void a_review_that_fails_is_not_taken_for_an_answer(void **state)
{
    static const struct fake_answer answers[] = {
        { .match = "subjectaccessreviews", .status = 500, .times = 1 },
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 0),
        FAKE_END
    };
    (void)state;
    start(answers);
    expect(503, "ServiceUnavailable", as(&proxy, "X-Remote-User: hpa", NULL));
    expect(200, "\"value\":\"7\"", as(&proxy, "X-Remote-User: hpa", NULL));
}

static void a_new_front_proxy_ca_counts_from_the_next_request(void **state)
{
    (void)state;
    start(nothing);
    expect(401, "", as(&forged, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    trust_proxy(&other_ca);
    expect(200, "", as(&forged, "X-Remote-User: a", "X-Remote-Group: system:masters"));
    expect(401, "", as(&proxy, "X-Remote-User: a", "X-Remote-Group: system:masters"));
}

/* What was found out about a connection's last request must not be taken for the next one's. */
static void each_request_over_a_connection_is_judged_by_itself(void **state)
{
    static const struct fake_answer answers[] = {
        REVIEW("subjectaccessreviews", "{\"allowed\":true}", 1),
        REVIEW("subjectaccessreviews", "{\"allowed\":false}", 0), FAKE_END
    };
    struct wish hpa = as(&proxy, "X-Remote-User: hpa", NULL), eve = hpa, other = hpa;
    (void)state;
    start(answers);
    lp_auto_http_client struct lp_http_client *c = client_as(&proxy);
    eve.headers[0] = "X-Remote-User: eve";
    other.path = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/pods/%2A/queue_depth";
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask_over(c, hpa).status, 200);
    assert_int_equal(n_reviews("subjectaccessreviews"), 1);
    assert_int_equal(ask_over(c, eve).status, 403);
    assert_int_equal(ask_over(c, other).status, 403);
    assert_int_equal(ask_over(c, hpa).status, 200);
    trust_proxy(&other_ca);
    assert_int_equal(ask_over(c, hpa).status, 401);
    trust_proxy(&proxy_ca);
    assert_int_equal(ask_over(c, hpa).status, 200);
    assert_int_equal(n_reviews("subjectaccessreviews"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(only_the_front_proxy_may_say_for_whom_it_asks, end),
        cmocka_unit_test_teardown(
            a_certificate_of_the_client_ca_is_a_user_and_its_headers_are_not_read, end),
        cmocka_unit_test_teardown(a_user_without_rights_is_told_what_is_missing, end),
        cmocka_unit_test_teardown(a_review_names_user_groups_and_metric_and_is_asked_once, end),
        cmocka_unit_test_teardown(a_token_is_reviewed_once, end),
        cmocka_unit_test_teardown(a_user_of_more_groups_than_can_be_kept_is_asked_about_each_time,
                                  end),
        cmocka_unit_test_teardown(a_review_that_fails_is_not_taken_for_an_answer, end),
        cmocka_unit_test_teardown(a_new_front_proxy_ca_counts_from_the_next_request, end),
        cmocka_unit_test_teardown(each_request_over_a_connection_is_judged_by_itself, end),
    };
    return cmocka_run_group_tests_name("autoscaler_auth", tests, once, at_last);
}
