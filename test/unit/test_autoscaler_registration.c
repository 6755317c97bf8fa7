/* test/unit/test_autoscaler_registration.c -- a certificate whose time has come is renewed in its
 * Secret, and the CA that clients are to trust reaches the APIServices. */
#include "autoscaler/registration/registration.h"

#include <openssl/evp.h>
#include <string.h>

#include "autoscaler/base/telemetry.h"
#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "kube/config.h"
#include "unit/check.h"

#define DAY_S INT64_C(86400)
#define BUNDLE "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

static const struct registration ours = {
    .ns = "system", .service = "lp-metrics", .secret = "tls", .deployment = "lp", .port = 443
};

#define DEFINITION "learningplatforms.learningplatform.io"
#define BINDING "lp-operator-metrics-system"
#define OWNER                                                                           \
    "{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":\"ClusterRoleBinding\"," \
    "\"name\":\"" BINDING "\",\"uid\":\"b-1\"}"

static char *base64(const char *text)
{
    size_t n = strlen(text);
    char *out = lp_alloc(n / 3 * 4 + 8);
    EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)n);
    return out;
}

static struct fake_kube *fake;
static struct lp_kube_config *config;
static struct lp_kube_client *client;

static void begin(const struct fake_answer *script)
{
    struct lp_kube_client_options options = { .total_timeout_ms = 10000 };
    fake = fake_kube_start(script);
    config = fake_kube_config(fake, NULL);
    ok(lp_kube_client_new(config, &options, &client, &err));
}

/* The requests so far; the caller's. */
static char *end(void)
{
    struct lp_buf requests = LP_BUF_INIT(1 << 20);
    fake_kube_requests(fake, &requests);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    fake_kube_stop(fake);
    return lp_buf_take(&requests);
}

/* An APIService as the API server gives it, the caller's. */
static char *api_service(const char *version, int priority, const char *service, const char *bundle)
{
    lp_auto_free char *ca = base64(bundle);
    return lp_sprintf(
        "{\"apiVersion\":\"apiregistration.k8s.io/v1\",\"kind\":\"APIService\","
        "\"metadata\":{\"name\":\"%s.custom.metrics.k8s.io\",\"labels\":"
        "{\"app.kubernetes.io/managed-by\":\"lp-operator\"},\"ownerReferences\":[" OWNER
        "]},\"spec\":{\"group\":"
        "\"custom.metrics.k8s.io\",\"version\":\"%s\",\"groupPriorityMinimum\":100,"
        "\"versionPriority\":%d,\"caBundle\":\"%s\",\"service\":{\"namespace\":"
        "\"system\",\"name\":\"%s\",\"port\":443}}}",
        version, version, priority, ca, service);
}

/* NULL: we may not see it. */
static const char *binding = "{\"metadata\":{\"name\":\"" BINDING "\",\"uid\":\"b-1\"}}";

/* Registers BUNDLE where the API server has this; the requests, the caller's. */
static char *apply_over(const char *service, const char *bundle,
                        char ret_conflict[REGISTRATION_CONFLICT])
{
    lp_auto_free char *second = api_service("v1beta2", 200, service, bundle);
    lp_auto_free char *first = api_service("v1beta1", 100, service, bundle);
    const struct fake_answer script[] = {
        { .match = "GET /apis/apiregistration.k8s.io/v1/apiservices/v1beta2",
          .status = 200,
          .body = second },
        { .match = "GET /apis/apiregistration.k8s.io/v1/apiservices/v1beta1",
          .status = 200,
          .body = first },
        { .match = "PATCH /apis/apiregistration.k8s.io/v1/apiservices/", .status = 200 },
        { .match = "customresourcedefinitions/" DEFINITION,
          .status = 200,
          .body = "{\"metadata\":{\"name\":\"" DEFINITION "\",\"uid\":\"c-1\"}}" },
        { .match = "clusterrolebindings/" BINDING, .status = binding ? 200 : 403, .body = binding },
        FAKE_END
    };
    begin(script);
    ok(registration_apply(client, &ours, BUNDLE, ret_conflict, &err));
    return end();
}

static void a_new_ca_reaches_both_api_services(void **state)
{
    char conflict[REGISTRATION_CONFLICT];
    lp_auto_free char *requests = apply_over("lp-metrics", "old", conflict);
    lp_auto_free char *ca = base64(BUNDLE), *want = lp_sprintf("\"caBundle\":\"%s\"", ca);
    (void)state;
    const char *at = strstr(requests, "PATCH /apis/apiregistration.k8s.io/v1/apiservices/"
                                      "v1beta2.custom.metrics.k8s.io?fieldManager=lp-adapter");
    assert_non_null(at);
    at = strstr(at, want);
    assert_non_null(at);
    at = strstr(at, "PATCH /apis/apiregistration.k8s.io/v1/apiservices/"
                    "v1beta1.custom.metrics.k8s.io?fieldManager=lp-adapter");
    assert_non_null(at);
    assert_non_null(strstr(at, want));
}

static void api_services_go_with_the_right_to_write_them_or_else_with_the_definition(void **state)
{
    char conflict[REGISTRATION_CONFLICT];
    const char *was = binding;
    (void)state;
    lp_auto_free char *with = apply_over("lp-metrics", "old", conflict);
    binding = NULL;
    lp_auto_free char *without = apply_over("lp-metrics", "old", conflict);
    binding = was;
    assert_non_null(strstr(with, OWNER));
    assert_null(strstr(without, OWNER));
    assert_non_null(strstr(without, "\"name\":\"" DEFINITION "\",\"uid\":\"c-1\""));
}

static void api_services_that_trust_it_already_are_not_written(void **state)
{
    char conflict[REGISTRATION_CONFLICT];
    lp_auto_free char *requests = apply_over("lp-metrics", BUNDLE, conflict);
    (void)state;
    assert_string_equal(conflict, "");
    assert_non_null(strstr(requests, "GET "));
    assert_null(strstr(requests, "PATCH "));
}

static void api_services_of_another_adapter_are_not_written(void **state)
{
    char conflict[REGISTRATION_CONFLICT];
    lp_auto_free char *requests = apply_over("prometheus-adapter", "old", conflict);
    (void)state;
    assert_non_null(strstr(conflict, "leads to Service system/prometheus-adapter"));
    assert_null(strstr(requests, "PATCH "));
}

/* The Secret with a certificate of `days` ago, as the API server gives it; the caller's. */
static char *secret_of(int64_t days, char **ret_cert)
{
    const struct certs_wish names = { .service = ours.service, .ns = ours.ns };
    auto_certs struct certs c = { 0 };
    json_auto_t *data = json_object();
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(65536);
    const char *key;
    json_t *value;
    ok(certs_make(&names, lp_clock_wall_ms() / 1000 - days * DAY_S, &c, &err));
    json_auto_t *plain = certs_to_secret(&c);
    json_object_foreach(plain, key, value)
    {
        lp_auto_free char *coded = base64(json_string_value(value));
        lp_json_set_str(data, key, coded);
    }
    json_auto_t *secret = lp_json_make("{s:s, s:s, s:{s:s, s:s, s:s}, s:O}", "apiVersion", "v1",
                                       "kind", "Secret", "metadata", "name", ours.secret,
                                       "namespace", ours.ns, "resourceVersion", "77", "data", data);
    lp_json_write(secret, &text);
    *ret_cert = lp_strdup(c.cert);
    return lp_buf_take(&text);
}

/* The requests, the caller's; whether the certificate in use is another one than the Secret's. */
static char *read_secret(int64_t days, bool *ret_renewed)
{
    lp_auto_free char *old = NULL;
    lp_auto_free char *secret = secret_of(days, &old);
    auto_certs struct certs got = { 0 };
    const struct fake_answer script[] = {
        { .match = "GET /api/v1/namespaces/system/secrets/tls", .status = 200, .body = secret },
        { .match = "PUT /api/v1/namespaces/system/secrets/tls", .status = 200 },
        FAKE_END
    };
    begin(script);
    ok(registration_certs(client, &ours, &got, &err));
    *ret_renewed = strcmp(got.cert, old) != 0;
    return end();
}

static void a_certificate_is_renewed_in_its_secret_at_two_thirds_of_its_life(void **state)
{
    bool renewed;
    (void)state;
    lp_auto_free char *young = read_secret(CERTS_LEAF_S / DAY_S * 2 / 3 - 1, &renewed);
    assert_false(renewed);
    assert_null(strstr(young, "PUT "));
    lp_auto_free char *due = read_secret(CERTS_LEAF_S / DAY_S * 2 / 3 + 1, &renewed);
    assert_true(renewed);
    const char *put = strstr(due, "PUT ");
    assert_non_null(put);
    /* Two replicas that renew at a time: the slower one gets a conflict. */
    assert_non_null(strstr(put, "\"resourceVersion\":\"77\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_ca_reaches_both_api_services),
        cmocka_unit_test(api_services_go_with_the_right_to_write_them_or_else_with_the_definition),
        cmocka_unit_test(api_services_that_trust_it_already_are_not_written),
        cmocka_unit_test(api_services_of_another_adapter_are_not_written),
        cmocka_unit_test(a_certificate_is_renewed_in_its_secret_at_two_thirds_of_its_life),
    };
    lp_json_init();
    telemetry_init();
    return cmocka_run_group_tests_name("autoscaler_registration", tests, NULL, NULL);
}
