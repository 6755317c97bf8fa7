/* test/unit/test_autoscaler_record.c -- an APIService of another adapter becomes ours and its
 * own again, with the fields whose they were; its metrics stand beside ours in discovery. */
#include "autoscaler/chain/chain_backend.h"
#include "autoscaler/registration/record.h"

#include <stdio.h>
#include <string.h>

#include "autoscaler/registration/managed_fields.h"
#include "autoscaler/api/discovery.h"
#include "json/json.h"
#include "unit/check.h"

#define SPEC                                                                        \
    "{\"group\":\"custom.metrics.k8s.io\",\"version\":\"v1beta1\",\"service\":"     \
    "{\"namespace\":\"monitoring\",\"name\":\"prometheus-adapter\",\"port\":6443}," \
    "\"insecureSkipTLSVerify\":true,\"groupPriorityMinimum\":77,\"versionPriority\":33}"

static json_t *parse(const char *text)
{
    json_t *o = NULL;
    ok(lp_json_parse(text, strlen(text), 1 << 20, "test", &o, &err));
    return o;
}

/* ---- the record ---- */

static void an_api_service_becomes_again_exactly_what_it_was(void **state)
{
    (void)state;
    json_auto_t *have =
        parse("{\"metadata\":{\"name\":\"v1beta1.custom.metrics.k8s.io\","
              "\"resourceVersion\":\"5\",\"labels\":{\"a\":\"b\"}},\"spec\":" SPEC "}");
    json_auto_t *owner = parse("{\"kind\":\"ClusterRoleBinding\",\"uid\":\"u-1\",\"name\":"
                               "\"lp-operator-metrics-lp-system\"}");
    const struct record_target wish = { "lp-system", "lp-metrics", 443, "Q0E=", owner };
    json_auto_t *led = record_redirected(have, json_object_get(have, "spec"), &wish);
    const json_t *spec = json_object_get(led, "spec");
    assert_true(record_leads_to(spec, "lp-system", "lp-metrics"));
    assert_string_equal(lp_json_str(spec, "caBundle", NULL), "Q0E=");
    assert_null(json_object_get(spec, "insecureSkipTLSVerify"));
    assert_int_equal(lp_json_int(0, spec, "versionPriority", NULL), 33);
    assert_int_equal(json_array_size(lp_json_at(led, "metadata", "ownerReferences", NULL)), 1);
    json_auto_t *previous = record_spec(led);
    assert_true(json_equal(previous, json_object_get(have, "spec")));
    json_auto_t *again = record_redirected(led, previous, &wish);
    assert_true(json_equal(again, led));
    json_auto_t *restored = record_restored(led, previous);
    assert_true(json_equal(restored, have));
}

/* An APIService of server-side apply; `ours`: what our own write made of it. */
#define STATUS_ENTRY                                                                  \
    "{\"manager\":\"kube-apiserver\",\"operation\":\"Update\",\"apiVersion\":\"v1\"," \
    "\"subresource\":\"status\",\"fieldsV1\":{\"f:status\":{}}}"
#define CHART_ENTRY(fields)                                                             \
    "{\"manager\":\"chart\",\"operation\":\"Apply\",\"apiVersion\":\"v1\","             \
    "\"time\":\"2026-01-01T00:00:00Z\",\"fieldsV1\":{\"f:metadata\":{\"f:labels\":{}}," \
    "\"f:spec\":{" fields "}}}"
#define OUR_ENTRY                                                                 \
    "{\"manager\":\"lp-adapter\",\"operation\":\"Update\",\"apiVersion\":\"v1\"," \
    "\"fieldsV1\":{\"f:spec\":{\"f:caBundle\":{},\"f:service\":{\"f:name\":{}}}}}"
#define MANAGED(entries) "{\"metadata\":{\"managedFields\":[" entries "]},\"spec\":" SPEC "}"

static void the_fields_of_its_spec_are_again_whose_they_were(void **state)
{
    (void)state;
    json_auto_t *have = parse(
        MANAGED(CHART_ENTRY("\"f:group\":{},\"f:service\":{\"f:name\":{}}") "," STATUS_ENTRY));
    const struct record_target wish = { "lp-system", "lp-metrics", 443, "Q0E=", NULL };
    json_auto_t *led = record_redirected(have, json_object_get(have, "spec"), &wish);
    json_auto_t *fields = record_fields(led);
    assert_int_equal(json_array_size(fields), 1);
    json_auto_t *now = parse(MANAGED(CHART_ENTRY("\"f:group\":{}") "," OUR_ENTRY "," STATUS_ENTRY));
    json_auto_t *managed = managed_fields_back(now, fields);
    assert_true(json_equal(managed, lp_json_at(have, "metadata", "managedFields", NULL)));
    assert_null(managed_fields_back(have, fields)); /* nothing of ours is left */
}

static void an_owner_that_lost_all_of_its_fields_has_them_back(void **state)
{
    (void)state;
    json_auto_t *fields = parse("[" CHART_ENTRY("\"f:service\":{}") "]");
    json_auto_t *now = parse(MANAGED(OUR_ENTRY));
    json_auto_t *managed = managed_fields_back(now, fields);
    assert_true(json_equal(managed, fields));
    json_auto_t *nobody = managed_fields_back(now, NULL); /* a record of an earlier version */
    json_auto_t *none = parse("[{}]");
    assert_true(json_equal(nobody, none));
}

/* What is written meanwhile, for a new certificate for instance, is no reason to record ourselves.
 */
static void the_record_of_whose_fields_they_were_stays(void **state)
{
    (void)state;
    json_auto_t *have = parse(MANAGED(CHART_ENTRY("\"f:group\":{}")));
    const struct record_target wish = { "lp-system", "lp-metrics", 443, "Q0E=", NULL };
    const struct record_target later = { "lp-system", "lp-metrics", 443, "Q0Ey", NULL };
    json_auto_t *led = record_redirected(have, json_object_get(have, "spec"), &wish);
    json_auto_t *theirs = record_fields(led);
    json_auto_t *ours = parse("[" OUR_ENTRY "]");
    json_object_set(json_object_get(led, "metadata"), "managedFields", ours);
    json_auto_t *previous = record_spec(led);
    json_auto_t *again = record_redirected(led, previous, &later);
    json_auto_t *still = record_fields(again);
    assert_true(json_equal(still, theirs));
}

static void a_record_of_another_operator_is_told_from_one_that_was_overwritten(void **state)
{
    (void)state;
    json_auto_t *have = parse("{\"metadata\":{},\"spec\":" SPEC "}");
    const struct record_target wish = { "team-b", "lp-metrics", 443, "Q0E=", NULL };
    json_auto_t *led = record_redirected(have, json_object_get(have, "spec"), &wish);
    assert_true(record_is_anothers(led, "team-a", "lp-metrics"));
    assert_false(record_is_anothers(led, "team-b", "lp-metrics"));
    json_object_set(led, "spec", json_object_get(have, "spec")); /* its owner applied it again */
    assert_false(record_is_anothers(led, "team-a", "lp-metrics"));
    assert_false(record_is_anothers(have, "team-a", "lp-metrics"));
    json_auto_t *broken = parse("{\"metadata\":{\"annotations\":{\"" RECORD_ANNOTATION
                                "\":\"[\"}},\"spec\":" SPEC "}");
    assert_null(record_spec(broken));
}

static void a_backend_that_cannot_be_one_is_refused_by_field(void **state)
{
    static const struct {
        const char *spec;
        int code;
        const char *part;
    } cases[] = {
        { SPEC, 0, NULL },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b\"},\"caBundle\":\"Q0E=\"}", 0, NULL },
        { "{}", LP_E_NOT_FOUND, "spec.service" },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b/../c\"}}", LP_E_INVALID, "spec.service" },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b\",\"port\":70000}}", LP_E_INVALID,
          "port" },
        { "{\"service\":{\"namespace\":\"a\",\"name\":\"b\"},\"caBundle\":\"Q0E\"}", LP_E_INVALID,
          "spec.caBundle" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *spec = parse(cases[i].spec);
        auto_chain_backend struct chain_backend b = { 0 };
        struct lp_error err = { .msg = "" };
        assert_int_equal(chain_backend_of(spec, &b, &err), cases[i].code);
        if (cases[i].part)
            assert_non_null(strstr(err.msg, cases[i].part));
        else if (i == 0)
            assert_true(b.insecure && b.port == 6443 && !b.ca_pem);
        else
            assert_true(!b.insecure && b.port == 443 && strcmp(b.ca_pem, "CA") == 0);
    }
}

/* ---- discovery ---- */

static void use(const char *v1beta2, const char *v1beta1, size_t *ret_left_out)
{
    json_auto_t *a = v1beta2 ? parse(v1beta2) : NULL, *b = v1beta1 ? parse(v1beta1) : NULL;
    discovery_use((json_t *const[]){ a, b }, ret_left_out);
}

#define ENTRY(name, namespaced) "{\"name\":\"" name "\",\"namespaced\":" namespaced "}"

static void discovery_lists_both_and_its_tag_changes_with_the_content_only(void **state)
{
    size_t left_out;
    char etag[80];
    (void)state;
    use("[" ENTRY("pods/http", "true") "," ENTRY("jobs.batch/b", "true") "," ENTRY(
            "pods/queue_depth",
            "true") "," ENTRY("namespaces/x", "false") "," ENTRY("bad",
                                                                 "true") "," ENTRY("pods/cluster",
                                                                                   "false") "]",
        NULL, &left_out);
    struct discovery *d = discovery_current();
    json_auto_t *list = parse(discovery_resources(d, METRICS_V1BETA2));
    json_auto_t *other = parse(discovery_resources(d, METRICS_V1BETA1));
    json_auto_t *v2 = parse(discovery_apis(d, DISCOVERY_V2)->body);
    const json_t *resources = json_object_get(list, "resources");
    assert_int_equal(json_array_size(resources), 9 + 3); /* ours are nine */
    assert_int_equal(json_array_size(json_object_get(other, "resources")), 9);
    assert_string_equal(lp_json_str(json_array_get(resources, 9), "name", NULL), "jobs.batch/b");
    const json_t *version = json_array_get(
        lp_json_at(json_array_get(json_object_get(v2, "items"), 0), "versions", NULL), 0);
    resources = json_object_get(version, "resources");
    assert_int_equal(json_array_size(resources), 4); /* pods, services, jobs.batch, namespaces */
    assert_int_equal(json_array_size(json_object_get(json_array_get(resources, 0), "subresources")),
                     2);
    assert_string_equal(lp_json_str(json_array_get(resources, 3), "scope", NULL), "Cluster");
    snprintf(etag, sizeof etag, "%s", discovery_apis(d, DISCOVERY_V2)->etag);
    discovery_unref(d);

    use("[" ENTRY("namespaces/x", "false") "," ENTRY("jobs.batch/b", "true") "," ENTRY("pods/http",
                                                                                       "true") "]",
        NULL, &left_out);
    d = discovery_current();
    assert_string_equal(discovery_apis(d, DISCOVERY_V2)->etag, etag);
    discovery_unref(d);
    use(NULL, NULL, &left_out);
    d = discovery_current();
    assert_string_not_equal(discovery_apis(d, DISCOVERY_V2)->etag, etag);
    discovery_unref(d);
}

static void discovery_has_room_for_so_many_and_no_more(void **state)
{
    json_auto_t *many = json_array();
    size_t left_out;
    (void)state;
    for (unsigned i = 0; i < DISCOVERY_OTHERS + 7; i++) {
        lp_auto_free char *name = lp_sprintf("pods/m%u", i);
        json_array_append_new(many, lp_json_make("{s:s,s:b}", "name", name, "namespaced", 1));
    }
    discovery_use((json_t *const[]){ many, NULL }, &left_out);
    assert_int_equal(left_out, 7);
    use(NULL, NULL, &left_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_api_service_becomes_again_exactly_what_it_was),
        cmocka_unit_test(the_fields_of_its_spec_are_again_whose_they_were),
        cmocka_unit_test(an_owner_that_lost_all_of_its_fields_has_them_back),
        cmocka_unit_test(the_record_of_whose_fields_they_were_stays),
        cmocka_unit_test(a_record_of_another_operator_is_told_from_one_that_was_overwritten),
        cmocka_unit_test(a_backend_that_cannot_be_one_is_refused_by_field),
        cmocka_unit_test(discovery_lists_both_and_its_tag_changes_with_the_content_only),
        cmocka_unit_test(discovery_has_room_for_so_many_and_no_more),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("autoscaler_record", tests, NULL, NULL);
}
