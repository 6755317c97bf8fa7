/* test/unit/test_cli_check.c -- what `kubectl lp check` finds in a cluster that is as it must be,
 * and in one where a thing is not. */
#include <stdlib.h>
#include <string.h>

#include "autoscaler/registration/x509.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/limits.h"
#include "cli/check/check.h"
#include "cli/check/survey.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "json/yaml.h"
#include "unit/check.h"

extern const char definition_yaml[], operator_rules[], operator_own_rules[];

#define LIST(items) "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" items "]}"
#define META(ns, name) \
    "\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\",\"generation\":2}"
#define AVAILABLE(status)                                                      \
    "\"status\":{\"conditions\":[{\"type\":\"Available\",\"status\":\"" status \
    "\",\"message\":\"endpoints are not there\"}]}"
#define OPERATOR(tag)                                                                         \
    "{" META("lps", "lp-operator") ",\"spec\":{\"replicas\":1,\"template\":{\"spec\":{"       \
                                   "\"serviceAccountName\":\"lp-operator\",\"containers\":[{" \
                                   "\"name\":\"operator\","                                   \
                                   "\"image\":\"r:5000/lp-operator" tag                       \
                                   "\"}]}}},\"status\":{\"availableReplicas\":1}}"
#define PLATFORM(ready, seen)                                                                  \
    "{" META("learning", "english") ",\"status\":{\"observedGeneration\":" seen                \
                                    ",\"conditions\":[{\"type\":\"Ready\",\"status\":\"" ready \
                                    "\",\"message\":\"auth: 0 of 1\"}]}}"
#define HPA(active, reason)                                                        \
    "{" META("learning", "english-auth") ",\"status\":{\"conditions\":[{\"type\":" \
                                         "\"ScalingActive\",\"status\":\"" active  \
                                         "\",\"reason\":\"" reason                 \
                                         "\",\"message\":\"no metrics returned\"}]}}"
#define POD(ns, name, more) \
    "{" META(ns, name) ",\"status\":{\"phase\":\"Running\",\"containerStatuses\":[" more "]}}"
#define FORBIDDEN(message) \
    "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"" message "\"}"

#define MOST 40
static struct fake_answer answers[MOST];
static struct lp_buf texts[3]; /* definition, lease, APIService: made at the start */

static struct fake_answer answer(const char *match, const char *body)
{
    return (struct fake_answer){ .match = match, .status = 200, .body = body };
}

static void make_texts(void)
{
    const struct x509_wish wish = { .common_name = "ca",
                                    .from_s = lp_clock_wall_ms() / 1000 - 60,
                                    .until_s = lp_clock_wall_ms() / 1000 + 864000 };
    struct x509_pair ca;
    lp_auto_free char *bundle = NULL;
    json_auto_t *documents = NULL;
    char now[LP_CLOCK_TEXT];
    struct lp_error err;

    for (size_t i = 0; i < LP_COUNT(texts); i++)
        texts[i] = (struct lp_buf)LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_yaml_parse(definition_yaml, strlen(definition_yaml), LP_LIMIT_CONFIG_BYTES,
                                   "definition", &documents, &err),
                     0);
    lp_json_write(json_array_get(documents, 0), &texts[0]);
    lp_clock_format(lp_clock_wall_ms(), 6, now);
    lp_buf_printf(&texts[1], "{\"spec\":{\"holderIdentity\":\"pod-1\",\"renewTime\":\"%s\"}}", now);
    assert_int_equal(x509_make(&wish, NULL, &ca, &err), 0);
    bundle = lp_base64_of(ca.cert);
    free(ca.cert);
    free(ca.key);
    lp_buf_printf(&texts[2],
                  "{\"spec\":{\"service\":{\"name\":\"lp-metrics\",\"namespace\":\"lps\"},"
                  "\"caBundle\":\"%s\"}," AVAILABLE("True") "}",
                  bundle);
}

/* The cluster as it must be; `other` counts before it where it matches. */
static void make_answers(const struct fake_answer *other)
{
    const struct fake_answer good[] = {
        answer("GET /version", "{\"gitVersion\":\"v1.34.4\",\"minor\":\"34\"}"),
        answer("GET /apis/storage.k8s.io/v1/storageclasses",
               LIST("{\"metadata\":{\"name\":\"standard\",\"annotations\":{"
                    "\"storageclass.kubernetes.io/is-default-class\":\"true\"}}}")),
        answer("GET /apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io",
               "{" AVAILABLE("True") "}"),
        answer("GET /apis/apiregistration.k8s.io/v1/apiservices/v1beta", texts[2].ptr),
        answer("GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions", texts[0].ptr),
        answer("GET /apis/apps/v1/deployments", LIST(OPERATOR(":" LP_VERSION "-7361cd2"))),
        answer("GET /api/v1/namespaces/lps/pods/op-1%3A9090/proxy/readyz",
               "{\"status\":\"ok\",\"checks\":{\"caches\":\"ok\",\"watches\":\"ok\"}}"),
        answer("GET /api/v1/namespaces/lps/pods?", LIST(POD("lps", "op-1", ""))),
        answer("GET /api/v1/pods?", LIST(POD("learning", "english-auth-1", ""))),
        answer("GET /apis/coordination.k8s.io/v1/namespaces/lps/leases/lp-operator", texts[1].ptr),
        answer("POST /apis/authorization.k8s.io/v1/", "{\"status\":{\"allowed\":true}}"),
        answer("GET /apis/learningplatform.io/v1alpha1/learningplatforms",
               LIST(PLATFORM("True", "2"))),
        answer("GET /apis/autoscaling/v2/horizontalpodautoscalers", LIST(HPA("True", "Valid"))),
        FAKE_END
    };
    size_t n = 0;

    for (; other && other->status >= 0; other++)
        answers[n++] = *other;
    assert_true(n + LP_COUNT(good) <= MOST);
    memcpy(answers + n, good, sizeof good);
}

/* {ok, checks}, the caller's. */
static json_t *check(const struct fake_answer *other, bool pre, int *ret_status)
{
    const struct cli_options options = { .format = CLI_JSON, .pre = pre };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    struct lp_kube_client *client;
    struct lp_error err;
    json_t *whole = NULL;

    make_answers(other);
    struct fake_kube *f = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(f, NULL);
    struct lp_stop *stop = lp_stop_new();
    assert_int_equal(
        lp_kube_client_new(config, &(struct lp_kube_client_options){ 0 }, &client, &err), 0);
    assert_int_equal(check_cluster(client, &options, "learning", stop, &out, ret_status, &err), 0);
    assert_int_equal(lp_json_parse(out.ptr, out.len, 1 << 20, "answer", &whole, &err), 0);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    fake_kube_stop(f);
    return whole;
}

/* The first finding of `name` that is not ok; borrowed. */
static const json_t *trouble(const json_t *whole, const char *name)
{
    const json_t *f;
    size_t i;

    json_array_foreach(json_object_get(whole, "checks"), i,
                       f) if (strcmp(lp_json_str(f, "check", NULL), name) == 0 &&
                              strcmp(lp_json_str(f, "result", NULL), "ok") != 0) return f;
    return NULL;
}

static void a_cluster_as_it_must_be_has_nothing_but_ok(void **state)
{
    static const char *const wanted[] = { "api-server",  "storage",         "metrics-server",
                                          "definition",  "operator",        "watches",
                                          "leader",      "operator-rights", "metrics-api",
                                          "certificate", "platform",        "hpa",
                                          "your-rights" };
    int status = -1;
    json_auto_t *whole = check(NULL, false, &status);
    const json_t *checks = json_object_get(whole, "checks");
    (void)state;
    assert_int_equal(status, 0);
    assert_true(lp_json_bool(false, whole, "ok", NULL));
    for (size_t i = 0; i < LP_COUNT(wanted); i++)
        assert_string_equal(lp_json_str(lp_json_find(checks, "check", wanted[i]), "result", NULL),
                            "ok");
    assert_int_equal(findings_count(checks, FINDING_OK), json_array_size(checks));
}

static void each_fault_is_named_with_its_remedy(void **state)
{
    static const struct {
        const char *match, *body; /* NULL of the body: 404 */
        const char *check, *result, *message, *remedy;
    } faults[] = {
        { "GET /version", "{\"gitVersion\":\"v1.29.0\",\"minor\":\"29\"}", "api-server", "fail",
          "v1.29.0 is older than 1.30", "1.30 or newer" },
        { "storageclasses", LIST(""), "storage", "warn", "no StorageClass", "External" },
        { "v1beta1.metrics.k8s.io", NULL, "metrics-server", "fail", "is not there",
          "install metrics-server" },
        { "v1beta1.metrics.k8s.io", "{" AVAILABLE("False") "}", "metrics-server", "fail",
          "endpoints are not there", "logs of metrics-server" },
        { "v1beta2.custom.metrics.k8s.io",
          "{\"spec\":{\"service\":{\"name\":\"prometheus-adapter\",\"namespace\":\"monitoring\"}}"
          "," AVAILABLE("True") "}",
          "metrics-api", "warn", "of monitoring/prometheus-adapter", "METRICS_API=Chain" },
        { "v1beta2.custom.metrics.k8s.io",
          "{\"spec\":{\"service\":{\"name\":\"lp-metrics\",\"namespace\":\"lps\"},\"caBundle\":"
          "\"bm90IGEgY2VydA==\"}," AVAILABLE("True") "}",
          "certificate", "fail", "is no certificate", "lp-metrics-tls" },
        { "customresourcedefinitions", NULL, "definition", "fail", "is not there",
          "kubectl apply -f config/install.yaml" },
        { "customresourcedefinitions", "{\"spec\":{\"versions\":[{}]}}", "definition", "warn",
          "older than this plugin", "kubectl apply -f crds/" },
        { "/apps/v1/deployments", LIST(""), "operator", "fail", "no Deployment has the label",
          "config/install.yaml" },
        { "/apps/v1/deployments", LIST(OPERATOR(":v9.9.9")), "skew", "warn",
          "lps/lp-operator is v9.9.9, this plugin " LP_VERSION, "operator's version" },
        { "/apps/v1/deployments", LIST(OPERATOR(":" LP_VERSION "9")), "skew", "warn",
          "lps/lp-operator is " LP_VERSION "9, this plugin", "operator's version" },
        { "GET /api/v1/namespaces/lps/pods?",
          LIST(POD("lps", "op-1",
                   "{\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\","
                   "\"message\":\"no such image\"}}}")),
          "image-pull", "fail", "lps/op-1: ImagePullBackOff: no such image", "LP_IMAGE_REGISTRY" },
        { "GET /api/v1/pods?",
          LIST(POD("learning", "e", "{\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}")),
          "crash", "fail", "learning/e: CrashLoopBackOff", "--previous" },
        { "leases", NULL, "leader", "fail", "nobody has led in lps yet", "logs" },
        { "leases",
          "{\"spec\":{\"holderIdentity\":\"pod-1\",\"renewTime\":\"2026-01-01T00:00:00Z\"}}",
          "leader", "fail", "has not renewed its lease since 2026", "pods" },
        { "subjectaccessreviews", "{\"status\":{\"allowed\":false}}", "operator-rights", "fail",
          "system:serviceaccount:lps:lp-operator lacks", "config/install.yaml" },
        { "learningplatforms", LIST(PLATFORM("False", "2")), "platform", "fail",
          "learning/english is not ready: auth: 0 of 1", "PlatformNotReady.md" },
        { "learningplatforms", LIST(PLATFORM("True", "1")), "platform", "fail",
          "has not seen generation 2", "wait" },
        { "horizontalpodautoscalers", LIST(HPA("False", "FailedGetObjectMetric")), "hpa", "fail",
          "no metrics returned", "kubectl lp why" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(faults); i++) {
        const struct fake_answer other[] = { { .match = faults[i].match,
                                               .status = faults[i].body ? 200 : 404,
                                               .body = faults[i].body },
                                             FAKE_END };
        int status = -1;
        json_auto_t *whole = check(other, false, &status);
        const json_t *f = trouble(whole, faults[i].check);
        if (!f)
            fail_msg("fault %zu: %s is ok", i, faults[i].check);
        assert_string_equal(lp_json_str(f, "result", NULL), faults[i].result);
        assert_non_null(strstr(lp_json_str(f, "message", NULL), faults[i].message));
        assert_non_null(strstr(lp_json_str(f, "remedy", NULL), faults[i].remedy));
        assert_int_equal(status, strcmp(faults[i].result, "fail") == 0);
    }
}

static void a_missing_right_is_named_and_the_rest_is_told(void **state)
{
    static const struct fake_answer other[] = {
        { .match = "storageclasses",
          .status = 403,
          .body = FORBIDDEN("cannot list storageclasses") },
        { .match = "/apis/authorization.k8s.io/v1/subjectaccessreviews",
          .status = 403,
          .body = FORBIDDEN("cannot create subjectaccessreviews") },
        { .match = "GET /api/v1/namespaces/lps/pods/op-1%3A9090",
          .status = 403,
          .body = FORBIDDEN("cannot get pods/proxy") },
        FAKE_END
    };
    int status = -1;
    json_auto_t *whole = check(other, false, &status);
    (void)state;
    assert_int_equal(status, 0);
    assert_string_equal(lp_json_str(trouble(whole, "storage"), "result", NULL), "unknown");
    assert_non_null(strstr(lp_json_str(trouble(whole, "storage"), "message", NULL),
                           "cannot list storageclasses"));
    assert_string_equal(lp_json_str(trouble(whole, "operator-rights"), "result", NULL), "unknown");
    assert_string_equal(lp_json_str(trouble(whole, "watches"), "result", NULL), "unknown");
    assert_non_null(lp_json_find(json_object_get(whole, "checks"), "check", "platform"));
}

static void rights_of_the_caller_are_told_by_command(void **state)
{
    static const struct fake_answer other[] = { { .match = "selfsubjectaccessreviews",
                                                  .status = 200,
                                                  .body = "{\"status\":{\"allowed\":false}}" },
                                                FAKE_END };
    int status = -1;
    json_auto_t *whole = check(other, false, &status);
    const json_t *f = trouble(whole, "your-rights");
    (void)state;
    assert_int_equal(status, 0);
    assert_string_equal(lp_json_str(f, "message", NULL),
                        "for `kubectl lp status` you lack: get learningplatforms."
                        "learningplatform.io in learning, list learningplatforms."
                        "learningplatform.io in learning, get horizontalpodautoscalers.autoscaling "
                        "in learning, get services/queue_depth.custom.metrics.k8s.io in learning");
}

static void before_an_installation_only_what_it_needs_is_asked_for(void **state)
{
    static const struct fake_answer other[] = {
        { .match = "customresourcedefinitions", .status = 404 },
        { .match = "/apiservices/v1beta2.custom", .status = 404 },
        { .match = "selfsubjectaccessreviews",
          .status = 200,
          .body = "{\"status\":{\"allowed\":false}}" },
        FAKE_END
    };
    int status = -1;
    json_auto_t *whole = check(other, true, &status);
    const json_t *checks = json_object_get(whole, "checks");
    (void)state;
    assert_int_equal(status, 1);
    assert_non_null(strstr(lp_json_str(trouble(whole, "install-rights"), "message", NULL),
                           "create customresourcedefinitions.apiextensions.k8s.io"));
    assert_null(trouble(whole, "definition"));
    assert_null(lp_json_find(checks, "check", "operator"));
    assert_null(lp_json_find(checks, "check", "your-rights"));
}

static void a_definition_with_other_fields_is_older_or_newer(void **state)
{
    struct definition_skew skew;
    struct lp_error err;
    json_auto_t *live = NULL;
    (void)state;
    assert_int_equal(lp_json_parse(texts[0].ptr, texts[0].len, 1 << 20, "definition", &live, &err),
                     0);
    definition_compare(live, &skew);
    assert_int_equal(skew.missing + skew.more, 0);
    json_t *spec =
        lp_json_at(json_array_get(lp_json_at(live, "spec", "versions", NULL), 0), "schema",
                   "openAPIV3Schema", "properties", "spec", "properties", NULL);
    assert_int_equal(json_object_set_new(spec, "tomorrow", json_object()), 0);
    definition_compare(live, &skew);
    assert_int_equal(skew.missing, 0);
    assert_int_equal(skew.more, 1);
    assert_string_equal(skew.first, "spec.tomorrow");
    assert_int_equal(json_object_del(spec, "schedules"), 0);
    definition_compare(live, &skew);
    assert_int_equal(skew.missing, 1);
    assert_string_equal(skew.first, "spec.schedules");
}

static void the_rules_that_are_compiled_in_are_roles(void **state)
{
    const char *const files[] = { operator_rules, operator_own_rules };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(files); i++) {
        json_auto_t *documents = NULL;
        struct lp_error err;
        assert_int_equal(lp_yaml_parse(files[i], strlen(files[i]), LP_LIMIT_CONFIG_BYTES, "rules",
                                       &documents, &err),
                         0);
        assert_true(json_array_size(json_object_get(json_array_get(documents, 0), "rules")) > 1);
    }
}

static void an_images_tag_is_not_its_registrys_port(void **state)
{
    (void)state;
    assert_string_equal(survey_tag("r:5000/lp-operator:v1"), "v1");
    assert_string_equal(survey_tag("r:5000/lp-operator"), "");
    assert_string_equal(survey_tag("lp-operator@sha256:ab"), "");
}

static void versions_are_those_of_plugin_server_operator_and_definition(void **state)
{
    const struct cli_options options = { .format = CLI_TEXT };
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    struct lp_kube_client *client;
    struct lp_error err;
    (void)state;

    make_answers(NULL);
    struct fake_kube *f = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(f, NULL);
    assert_int_equal(
        lp_kube_client_new(config, &(struct lp_kube_client_options){ 0 }, &client, &err), 0);
    assert_int_equal(version_show(client, &options, "learning", &out, &err), 0);
    assert_string_equal(out.ptr,
                        "plugin      " LP_VERSION "\nkubernetes  v1.34.4\noperator    " LP_VERSION
                        "-7361cd2 (lps/lp-operator, r:5000/lp-operator:" LP_VERSION
                        "-7361cd2)\ndefinition  " LP_VERSION "\n");
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    fake_kube_stop(f);
}

static int start(void **state)
{
    (void)state;
    make_texts();
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP_COUNT(texts); i++)
        lp_buf_done(&texts[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_as_it_must_be_has_nothing_but_ok),
        cmocka_unit_test(each_fault_is_named_with_its_remedy),
        cmocka_unit_test(a_missing_right_is_named_and_the_rest_is_told),
        cmocka_unit_test(rights_of_the_caller_are_told_by_command),
        cmocka_unit_test(before_an_installation_only_what_it_needs_is_asked_for),
        cmocka_unit_test(a_definition_with_other_fields_is_older_or_newer),
        cmocka_unit_test(the_rules_that_are_compiled_in_are_roles),
        cmocka_unit_test(an_images_tag_is_not_its_registrys_port),
        cmocka_unit_test(versions_are_those_of_plugin_server_operator_and_definition),
    };
    lp_json_init();
    return cmocka_run_group_tests(tests, start, end);
}
