/* test/unit/test_kube_client.c -- the faults of an API server as typed errors, and what is tried
 * again. */
#include "kube/client.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "unit/check.h"

struct setup {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_kube_client *client;
};

static void begin(struct setup *s, const struct fake_answer *script, int64_t timeout_ms)
{
    struct lp_kube_client_options options = { .total_timeout_ms = timeout_ms };
    struct lp_error err;
    s->fake = fake_kube_start(script);
    s->config = fake_kube_config(s->fake, NULL);
    assert_int_equal(lp_kube_client_new(s->config, &options, &s->client, &err), 0);
}

static void end(struct setup *s)
{
    lp_kube_client_free(s->client);
    lp_kube_config_free(s->config);
    fake_kube_stop(s->fake);
}

static void assert_requests(struct setup *s, const char *want)
{
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(65536);
    fake_kube_requests(s->fake, &seen);
    assert_string_equal(seen.ptr, want);
}

static void a_status_becomes_a_code_and_its_message(void **state)
{
    static const struct {
        int status;
        const char *body;
        int want;
        const char *message;
    } cases[] = {
        { 400, "{\"message\":\"m4\"}", LP_E_INVALID, "m4" },
        { 401, "{}", LP_E_DENIED, "401" },
        { 403, "{\"message\":\"no\",\"reason\":\"Forbidden\"}", LP_E_DENIED, "Forbidden: no" },
        { 403,
          "{\"message\":\"services \\\"a\\\" is forbidden: exceeded quota: small, requested: "
          "count/services=1\",\"reason\":\"Forbidden\"}",
          LP_E_UNAVAILABLE, "exceeded quota" },
        { 404, "{}", LP_E_NOT_FOUND, "404" },
        { 405, "{}", LP_E_INVALID, "405" },
        { 406, "{}", LP_E_INVALID, "406" },
        { 408, "{}", LP_E_TIMEOUT, "408" },
        { 409, "{\"reason\":\"Conflict\"}", LP_E_CONFLICT, "409" },
        { 409, "{\"reason\":\"AlreadyExists\"}", LP_E_EXISTS, "409" },
        { 410, "{}", LP_E_GONE, "410" },
        { 413, "{}", LP_E_TOO_LARGE, "413" },
        { 415, "{}", LP_E_INVALID, "415" },
        { 422, "{\"message\":\"spec.x: Invalid\"}", LP_E_INVALID, "spec.x: Invalid" },
        { 500, "{}", LP_E_UNAVAILABLE, "500" },
        { 500, "{\"message\":\"failed: .x: field not declared in schema\"}", LP_E_INVALID, ".x" },
        { 503, "<html>\ntired</html>", LP_E_UNAVAILABLE, "<html> tired</html>" },
        { 504, "{}", LP_E_TIMEOUT, "504" },
        { 302, "{}", LP_E_UNAVAILABLE, "302" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        const struct fake_answer script[] = { { .status = cases[i].status, .body = cases[i].body },
                                              FAKE_END };
        struct lp_error err = { .msg = "" };
        struct setup s;
        begin(&s, script, 0);
        int got = lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err);
        if (got != cases[i].want || err.http_status != cases[i].status ||
            !strstr(err.msg, cases[i].message))
            fail_msg("%d: %d: %s", cases[i].status, got, err.msg);
        assert_non_null(strstr(err.msg, "GET /api/v1/namespaces/n/pods/p"));
        end(&s);
    }
}

static void an_answer_that_is_no_json_or_cut_is_unavailable(void **state)
{
    static const struct fake_answer scripts[][2] = {
        { { .status = 200, .body = "{\"kind\":" }, FAKE_END },
        { { .status = 200, .body = "<html>" }, FAKE_END },
        { { .status = 200, .body = "{\"a\":1}", .cut = 3 }, FAKE_END },
        { { .close = true }, FAKE_END },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(scripts); i++) {
        struct lp_error err = { .msg = "" };
        json_t *o = NULL;
        struct setup s;
        begin(&s, scripts[i], 0);
        int got = lp_kube_get(s.client, &lp_kube_pods, "n", "p", &o, &err);
        if (got != LP_E_UNAVAILABLE || o)
            fail_msg("script %zu: %d: %s", i, got, err.msg);
        end(&s);
    }
}

static void a_stalled_answer_times_out(void **state)
{
    static const struct fake_answer script[] = {
        { .status = 200, .body = "{}", .cut = 1, .stall = true }, FAKE_END
    };
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 200);
    assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), LP_E_TIMEOUT);
    end(&s);
}

static void too_many_requests_are_sent_again_when_told_when(void **state)
{
    static const struct fake_answer script[] = {
        { .status = 429, .headers = "Retry-After: 1\r\n", .times = 1 }, { .status = 200 }, FAKE_END
    };
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    int64_t start = lp_clock_ms();
    assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_true(lp_clock_ms() - start >= 1000);
    assert_requests(&s, "GET /api/v1/namespaces/n/pods/p\nGET /api/v1/namespaces/n/pods/p\n");
    end(&s);
}

static void too_long_a_wait_is_left_to_the_caller(void **state)
{
    static const struct fake_answer script[] = {
        { .status = 429, .headers = "Retry-After: 60\r\n" }, FAKE_END
    };
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), LP_E_UNAVAILABLE);
    assert_int_equal(err.retry_after_ms, 60000);
    assert_requests(&s, "GET /api/v1/namespaces/n/pods/p\n");
    end(&s);
}

static int note_name(json_t *object, void *user, struct lp_error *err)
{
    (void)err;
    lp_buf_printf(user, "%s/%s ", lp_json_str(object, "kind", NULL),
                  lp_json_str(object, "metadata", "name", NULL));
    return 0;
}

#define PAGE_1                                                        \
    "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"t o\"}," \
    "\"items\":[{\"metadata\":{\"name\":\"a\"}}]}"
#define PAGE_2 \
    "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[{\"metadata\":{\"name\":\"b\"}}]}"

static void a_list_goes_on_to_the_last_page_and_starts_over_when_gone(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "continue", .status = 410, .times = 1 },
        { .match = "continue", .status = 200, .body = PAGE_2 },
        { .status = 200, .body = PAGE_1 },
        FAKE_END
    };
    struct lp_kube_list_options options = { .label_selector = "a in (b,c)" };
    lp_auto_buf struct lp_buf names = LP_BUF_INIT(256);
    char version[64];
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_list(s.client, &lp_kube_deployments, NULL, &options, note_name, &names,
                                  version, &err),
                     0);
    assert_string_equal(names.ptr, "Deployment/a Deployment/a Deployment/b ");
    assert_string_equal(version, "5");
#define FIRST "GET /apis/apps/v1/deployments?limit=500&labelSelector=a%20in%20%28b%2Cc%29\n"
#define NEXT \
    "GET /apis/apps/v1/deployments?limit=500&continue=t%20o&labelSelector=a%20in%20%28b%2Cc%29\n"
    assert_requests(&s, FIRST NEXT FIRST NEXT);
    end(&s);
}

static void a_list_that_is_always_gone_ends(void **state)
{
    static const struct fake_answer script[] = { { .status = 410 }, FAKE_END };
    lp_auto_buf struct lp_buf names = LP_BUF_INIT(256);
    char version[64];
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(
        lp_kube_list(s.client, &lp_kube_pods, "n", NULL, note_name, &names, version, &err),
        LP_E_GONE);
    end(&s);
}

static void verbs_speak_as_the_api_reference_says(void **state)
{
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    json_auto_t *o = lp_json_make("{s:{s:s, s:s}}", "metadata", "name", "x", "namespace", "n");
    struct lp_kube_apply_options apply = {
        .field_manager = "lp-operator", .subresource = "status", .force = true, .dry_run = true
    };
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_apply(s.client, &lp_kube_hpas, o, &apply, NULL, &err), 0);
    assert_int_equal(lp_kube_create(s.client, &lp_kube_pods, o, NULL, &err), 0);
    assert_int_equal(lp_kube_update(s.client, &lp_kube_leases, "", o, NULL, &err), 0);
    assert_int_equal(lp_kube_delete(s.client, &lp_kube_crds, "ignored", "x", "u-1", &err), 0);
#define BODY "{\"metadata\":{\"name\":\"x\",\"namespace\":\"n\"}}\n"
    assert_requests(&s,
                    "PATCH /apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/x/status"
                    "?fieldManager=lp-operator&force=true&fieldValidation=Ignore&dryRun=All " BODY
                    "POST /api/v1/namespaces/n/pods?fieldValidation=Strict " BODY
                    "PUT /apis/coordination.k8s.io/v1/namespaces/n/leases/x"
                    "?fieldValidation=Strict " BODY
                    "DELETE /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x "
                    "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
                    "\"propagationPolicy\":\"Background\",\"preconditions\":{\"uid\":\"u-1\"}}\n");
    end(&s);
}

static void an_object_without_name_or_namespace_is_not_sent(void **state)
{
    static const struct fake_answer script[] = { FAKE_END };
    json_auto_t *nameless = lp_json_make("{s:{s:s}}", "metadata", "namespace", "n");
    json_auto_t *homeless = lp_json_make("{s:{s:s}}", "metadata", "name", "x");
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_update(s.client, &lp_kube_pods, NULL, nameless, NULL, &err),
                     LP_E_INVALID);
    assert_non_null(strstr(err.msg, "metadata.name"));
    assert_int_equal(lp_kube_update(s.client, &lp_kube_pods, NULL, homeless, NULL, &err),
                     LP_E_INVALID);
    assert_non_null(strstr(err.msg, "metadata.namespace"));
    assert_requests(&s, "");
    end(&s);
}

static void every_request_says_who_sends_it(void **state)
{
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    struct lp_kube_client_options own = { .user_agent = "lp-operator/v1" };
    lp_auto_kube_client struct lp_kube_client *other = NULL;
    lp_auto_buf struct lp_buf agents = LP_BUF_INIT(1000);
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_client_new(s.config, &own, &other, &err), 0);
    assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_int_equal(lp_kube_get(other, &lp_kube_pods, "n", "p", NULL, &err), 0);
    fake_kube_user_agents(s.fake, &agents);
    assert_string_equal(agents.ptr, FAKE_USER_AGENT "\nlp-operator/v1\n");
    end(&s);
}

static int64_t fence(void *user)
{
    return *(int64_t *)user;
}

static void writes_end_at_the_fence_and_reads_do_not_know_it(void **state)
{
    static const struct fake_answer script[] = { { .match = "GET", .status = 200 },
                                                 { .silent = true },
                                                 FAKE_END };
    int64_t until = 0, begun = lp_clock_ms();
    struct lp_kube_client_options options = { .writes_until_ms = fence, .fence_user = &until };
    lp_auto_kube_client struct lp_kube_client *leader = NULL;
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_client_new(s.config, &options, &leader, &err), 0);
    assert_int_equal(lp_kube_delete(leader, &lp_kube_pods, "n", "p", NULL, &err), LP_E_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "lease"));
    assert_int_equal(lp_kube_get(leader, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_requests(&s, "GET /api/v1/namespaces/n/pods/p\n");
    until = lp_clock_ms() + 3000;
    assert_int_equal(lp_kube_delete(leader, &lp_kube_pods, "n", "p", NULL, &err), LP_E_TIMEOUT);
    assert_true(lp_clock_ms() - begun < 25000); /* not the 30 s that a request has */
    end(&s);
}

/* Each client has a connection: what swallowed one may have swallowed all. */
static void an_idle_connection_is_not_used_after_a_request_without_an_answer(void **state)
{
    static const struct fake_answer script[] = { { .match = "pods/silent", .silent = true },
                                                 { .status = 200 },
                                                 FAKE_END };
    struct lp_kube_client_options options = { .total_timeout_ms = 100 };
    lp_auto_kube_client struct lp_kube_client *other = NULL;
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_int_equal(fake_kube_connections(s.fake), 1);
    assert_int_equal(lp_kube_client_new(s.config, &options, &other, &err), 0);
    assert_int_equal(lp_kube_get(other, &lp_kube_pods, "n", "silent", NULL, &err), LP_E_TIMEOUT);
    for (int i = 0; i < 3; i++) /* the first of these makes it anew, the others use it */
        assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_int_equal(fake_kube_connections(s.fake), 3);
    end(&s);
}

static void a_list_that_is_too_long_is_asked_for_in_smaller_pages(void **state)
{
    static char big[LP_LIMIT_KUBE_LIST + 3];
    memset(big, ' ', sizeof big - 1);
    big[0] = '{';
    big[sizeof big - 2] = '}';
    const struct fake_answer script[] = {
        { .match = "limit=500", .status = 200, .body = big },
        { .match = "limit=50", .status = 200, .body = big },
        { .match = "limit=5", .status = 200, .body = "{\"metadata\":{\"resourceVersion\":\"7\"}}" },
        FAKE_END
    };
    struct lp_error err;
    char version[64];
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    assert_int_equal(lp_kube_list(s.client, &lp_kube_pods, "n", NULL, NULL, NULL, version, &err),
                     0);
    assert_string_equal(version, "7");
    end(&s);
}

/* The API server's flow control holds us back where need be; with a limit of our own, of 20 a
 * second for example, these would take far longer than the test has. */
static void nothing_of_ours_holds_requests_back(void **state)
{
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    int64_t begun = lp_clock_ms();
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, 0);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(lp_kube_get(s.client, &lp_kube_pods, "n", "p", NULL, &err), 0);
    assert_true(lp_clock_ms() - begun < 60000);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_becomes_a_code_and_its_message),
        cmocka_unit_test(an_answer_that_is_no_json_or_cut_is_unavailable),
        cmocka_unit_test(a_stalled_answer_times_out),
        cmocka_unit_test(too_many_requests_are_sent_again_when_told_when),
        cmocka_unit_test(too_long_a_wait_is_left_to_the_caller),
        cmocka_unit_test(a_list_goes_on_to_the_last_page_and_starts_over_when_gone),
        cmocka_unit_test(a_list_that_is_always_gone_ends),
        cmocka_unit_test(verbs_speak_as_the_api_reference_says),
        cmocka_unit_test(an_object_without_name_or_namespace_is_not_sent),
        cmocka_unit_test(every_request_says_who_sends_it),
        cmocka_unit_test(writes_end_at_the_fence_and_reads_do_not_know_it),
        cmocka_unit_test(an_idle_connection_is_not_used_after_a_request_without_an_answer),
        cmocka_unit_test(a_list_that_is_too_long_is_asked_for_in_smaller_pages),
        cmocka_unit_test(nothing_of_ours_holds_requests_back),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_client", tests, NULL, NULL);
}
