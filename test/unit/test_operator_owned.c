/* test/unit/test_operator_owned.c -- what is ours of an object, by its managedFields. */
#include "operator/cache/owned.h"

#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/plan.h"
#include "unit/check.h"

static json_t *parse(const char *yaml)
{
    json_auto_t *documents = NULL;
    struct lp_error err;
    if (lp_yaml_parse(yaml, strlen(yaml), LP_LIMIT_CONFIG_BYTES, "test", &documents, &err) < 0)
        fail_msg("%s: %s", yaml, err.msg);
    return json_incref(json_array_get(documents, 0));
}

/* `us` and `them` are fieldsV1. */
static json_t *object_with(const char *body, const char *us, const char *them)
{
    json_t *o = parse(body);
    json_auto_t *fields = lp_json_make(
        "[{s:s, s:s, s:s, s:s, s:o}, {s:s, s:s, s:s, s:o}, {s:s, s:s, s:s, s:s, s:{s:{}}}]",
        "manager", "them", "operation", "Update", "apiVersion", "apps/v1", "time",
        "2026-01-02T00:00:00Z", "fieldsV1", parse(them), "manager", "us", "operation", "Apply",
        "apiVersion", "apps/v1", "fieldsV1", parse(us), "manager", "controller", "operation",
        "Update", "subresource", "status", "time", "2026-01-03T00:00:00Z", "fieldsV1", "f:status");
    json_object_set(json_object_get(o, "metadata"), "managedFields", fields);
    return o;
}

static const char body[] =
    "{apiVersion: apps/v1, kind: Deployment,"
    " metadata: {name: d, namespace: n, generation: 4, labels: {ours: a, theirs: b}},"
    " spec: {replicas: 3, strategy: {type: RollingUpdate}, template: {spec: {containers: ["
    "  {name: sidecar, image: x},"
    "  {name: auth, image: i, ports: [{containerPort: 8080, protocol: TCP, name: http},"
    "   {containerPort: 9, protocol: UDP}], env: [{name: A, value: '1'}, {name: B, value: '2'}]}],"
    "  tolerations: [{key: k}]}}},"
    " status: {replicas: 3}}";

static const char ours[] =
    "{f:metadata: {f:labels: {f:ours: {}}}, f:spec: {f:template: {f:spec: {f:tolerations: {},"
    " f:containers: {'k:{\"name\":\"auth\"}': {.: {}, f:name: {}, f:image: {}, f:ports: {"
    "  'k:{\"containerPort\":8080,\"protocol\":\"TCP\"}': {.: {}, f:name: {}, f:containerPort: "
    "{}}},"
    "  f:env: {'k:{\"name\":\"A\"}': {.: {}, f:name: {}, f:value: {}}}}}}}}}";

static const char intent[] =
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d, namespace: n, labels: {ours: a}},"
    " spec: {template: {spec: {containers: [{name: auth, image: i,"
    "  ports: [{containerPort: 8080, name: http}], env: [{name: A, value: '1'}]}],"
    "  tolerations: [{key: k}]}}}}";

static void what_others_added_is_left_out(void **state)
{
    (void)state;
    json_auto_t *o = object_with(body, ours, "{}");
    json_auto_t *got = owned_project(o, "us");
    json_auto_t *want = parse(
        "{apiVersion: apps/v1, kind: Deployment,"
        " metadata: {name: d, namespace: n, generation: 4, labels: {ours: a}},"
        " spec: {replicas: 3, template: {spec: {tolerations: [{key: k}], containers: [{name: auth,"
        " image: i, ports: [{containerPort: 8080, name: http}], env: [{name: A, value: '1'}]}]}}},"
        " status: {replicas: 3}}");
    if (!json_equal(got, want))
        fail_msg("%s", json_dumps(got, 0));
    json_auto_t *wanted = parse(intent);
    owned_auto_difference struct owned_difference d;
    assert_false(owned_differs(got, wanted, &d));
}

static void without_an_entry_of_ours_nothing_is_ours(void **state)
{
    (void)state;
    json_auto_t *o = object_with(body, ours, "{}");
    json_auto_t *got = owned_project(o, "nobody");
    assert_null(lp_json_at(got, "metadata", "labels", NULL));
    assert_string_equal(lp_json_str(got, "metadata", "name", NULL), "d");
    assert_int_equal(lp_json_int(0, got, "spec", "replicas", NULL), 3);
    assert_int_equal(lp_json_int(0, got, "status", "replicas", NULL), 3);
    json_object_del(json_object_get(o, "metadata"), "managedFields");
    json_auto_t *none = owned_project(o, "us");
    assert_true(json_equal(none, got));
}

static void a_taken_field_is_named_with_who_has_it(void **state)
{
    static const struct {
        const char *body, *ours, *theirs, *field, *seen, *wanted, *who;
    } cases[] = {
        /* the image of our container was taken */
        { "{metadata: {name: d}, spec: {template: {spec: {containers: [{name: auth, image: evil}]"
          "}}}}",
          "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"auth\"}': {.: {}, "
          "f:name: {}}}}}}}",
          "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"auth\"}': {f:image: {}}"
          "}}}}}",
          ".spec.template.spec.containers[name=auth].image", "nothing", "\"i\"", "them" },
        /* it was rewritten on its way in: still ours */
        { "{metadata: {name: d}, spec: {template: {spec: {containers: [{name: auth, image: evil}]"
          "}}}}",
          "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"auth\"}': {.: {}, "
          "f:name: {}, f:image: {}}}}}}}",
          "{}", ".spec.template.spec.containers[name=auth].image", "\"evil\"", "\"i\"", "them" },
        /* the whole list was removed: who wrote last is named */
        { "{metadata: {name: d}, spec: {template: {spec: {}}}}",
          "{f:spec: {f:template: {f:spec: {f:containers: {}}}}}", "{f:data: {}}",
          ".spec.template.spec.containers", "nothing", "[{\"name\":\"auth\",\"image\":\"i\"}]",
          "them" },
    };
    static const char want[] =
        "{metadata: {name: d}, spec: {template: {spec: {containers: [{name: auth, image: i}]}}}}";
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        owned_auto_difference struct owned_difference d;
        char who[128];
        json_auto_t *o = object_with(cases[i].body, cases[i].ours, cases[i].theirs);
        json_auto_t *got = owned_project(o, "us"), *wanted = parse(want);
        assert_true(owned_differs(got, wanted, &d));
        owned_other_manager(o, "us", d.path, who);
        assert_string_equal(d.field, cases[i].field);
        assert_string_equal(d.seen, cases[i].seen);
        assert_string_equal(d.wanted, cases[i].wanted);
        assert_string_equal(who, cases[i].who);
    }
}

/* Conditions, Events and the log say what differs. */
static void what_stands_in_an_environment_is_not_told(void **state)
{
    static const char *const have[] = {
        "{spec: {containers: [{name: auth, env: [{name: GREETING, value: seen-7f3a}]}]}}",
        "{spec: {containers: [{name: auth, env: [{name: GREETING}]}]}}",
        "{spec: {containers: [{name: auth, env: []}]}}",
        "{spec: {containers: []}}",
    };
    static const char want[] = "{spec: {containers: [{name: auth, env: [{name: GREETING, value: "
                               "wanted-7f3a}, {name: API_TOKEN, value: token-7f3a}]}]}}";
    (void)state;
    for (size_t i = 0; i < LP_COUNT(have); i++) {
        owned_auto_difference struct owned_difference d;
        json_auto_t *got = parse(have[i]), *wanted = parse(want);
        assert_true(owned_differs(got, wanted, &d));
        assert_non_null(strstr(d.field, ".spec.containers"));
        if (strstr(d.seen, "7f3a") || (i < 3 && strstr(d.wanted, "7f3a")) ||
            strstr(d.wanted, "token-7f3a"))
            fail_msg("case %zu: %s is %s, wanted %s", i, d.field, d.seen, d.wanted);
    }
}

static void the_digest_follows_our_fields_and_nothing_else(void **state)
{
    (void)state;
    json_auto_t *wanted = parse(intent);
    json_auto_t *o = object_with(body, ours, "{}"), *got = owned_project(o, "us");
    lp_auto_free char *before = owned_digest(got, wanted);
    json_object_set_new(json_object_get(o, "metadata"), "generation", json_integer(5));
    json_object_set_new(json_object_get(o, "spec"), "replicas", json_integer(9));
    json_object_set_new(lp_json_at(o, "metadata", "labels", NULL), "theirs", json_string("c"));
    json_auto_t *later = owned_project(o, "us");
    lp_auto_free char *after = owned_digest(later, wanted);
    assert_string_equal(before, after);
    json_object_set_new(lp_json_at(o, "metadata", "labels", NULL), "ours", json_string("c"));
    json_auto_t *changed = owned_project(o, "us");
    lp_auto_free char *other = owned_digest(changed, wanted);
    assert_string_not_equal(before, other);
}

/* lp-floor writes minReplicas of an HPA that has the annotation; nobody else's is looked at. */
static void the_floor_of_an_hpa_is_seen_and_is_no_difference(void **state)
{
    static const char fields[] = "{f:metadata: {f:annotations: {f:learningplatform.io/floor: {}}},"
                                 " f:spec: {f:maxReplicas: {}}}";
    static const char hpa[] = "{kind: HorizontalPodAutoscaler, metadata: {name: h, annotations: "
                              "{learningplatform.io/floor: x, learningplatform.io/lifted: by%d}}, "
                              "spec: {minReplicas: %d, "
                              "maxReplicas: 9}}";
    static const char plain[] = "{metadata: {name: h, annotations: {}}, spec: {maxReplicas: 9}}";
    (void)state;
    json_auto_t *intent_of_it = parse(plain);
    lp_auto_free char *first = NULL;
    for (int i = 0; i < 2; i++) {
        lp_auto_free char *text = lp_sprintf(hpa, i, 3 + i);
        json_auto_t *o = object_with(text, fields, "{f:spec: {f:minReplicas: {}}}");
        json_auto_t *got = owned_project(o, "us"), *not_ours = owned_project(o, "them");
        owned_auto_difference struct owned_difference d;
        assert_int_equal(lp_json_int(0, got, "spec", "minReplicas", NULL), 3 + i);
        assert_string_equal(lp_json_str(got, "metadata", "annotations", ANNOTATION_LIFTED, NULL),
                            i == 0 ? "by0" : "by1");
        assert_int_equal(lp_json_int(0, not_ours, "spec", "minReplicas", NULL), 0);
        assert_false(owned_differs(got, intent_of_it, &d));
        lp_auto_free char *digest = owned_digest(got, intent_of_it);
        if (first)
            assert_string_equal(digest, first);
        else
            first = lp_take(digest);
    }
}

/* lp-operator's floors write it on a Deployment, beside what the plan has. */
static void the_mark_of_a_deployment_without_pods_is_seen_and_is_no_difference(void **state)
{
    static const char fields[] = "{f:metadata: {f:annotations: {f:learningplatform.io/intent: {}}},"
                                 " f:spec: {f:selector: {}}}";
    static const char intent_text[] =
        "{metadata: {name: d, annotations: {learningplatform.io/intent: x}}, spec: {selector: s}}";
    static const char text[] = "{kind: Deployment, metadata: {name: d, annotations: "
                               "{learningplatform.io/intent: x%s}}, spec: {replicas: 0, selector: "
                               "s}}";
    static const char mark[] = ", learningplatform.io/scaled-to-zero: '2025-12-01T03:00:00Z'";
    lp_auto_free char *marked_text = lp_sprintf(text, mark), *plain_text = lp_sprintf(text, "");
    owned_auto_difference struct owned_difference d;
    (void)state;
    json_auto_t *intent_of_it = parse(intent_text);
    json_auto_t *marked = object_with(marked_text, fields, "{}");
    json_auto_t *plain = object_with(plain_text, fields, "{}");
    json_auto_t *got = owned_project(marked, "us"), *without = owned_project(plain, "us");
    assert_string_equal(lp_json_str(got, "metadata", "annotations", ANNOTATION_ZERO, NULL),
                        "2025-12-01T03:00:00Z");
    assert_null(lp_json_at(without, "metadata", "annotations", ANNOTATION_ZERO, NULL));
    assert_false(owned_differs(got, intent_of_it, &d));
    lp_auto_free char *one = owned_digest(got, intent_of_it);
    lp_auto_free char *other = owned_digest(without, intent_of_it);
    assert_string_equal(one, other);
}

static bool is_intent(const char *spec, const char *fields_of_spec, const char *wanted_spec)
{
    lp_auto_free char *fields = lp_sprintf("{f:metadata: {f:annotations: {f:learningplatform.io/"
                                           "intent: {}}}, f:spec: %s}",
                                           fields_of_spec);
    lp_auto_free char *text = lp_sprintf(
        "{kind: Deployment, metadata: {name: d, resourceVersion: '7', annotations:"
        " {learningplatform.io/intent: x, learningplatform.io/scaled-to-zero: '2025'}}, spec: %s,"
        " status: {replicas: 0}}",
        spec);
    lp_auto_free char *wanted =
        lp_sprintf("{kind: Deployment, metadata: {name: d}, spec: %s}", wanted_spec);
    json_auto_t *o = object_with(text, fields, "{}"), *got = owned_project(o, "us");
    json_auto_t *want = parse(wanted);
    return owned_is(got, want);
}

static void what_is_ours_is_an_intent_only_where_neither_has_more(void **state)
{
    (void)state;
    assert_true(is_intent("{replicas: 3, selector: s}", "{f:selector: {}}", "{selector: s}"));
    assert_false(is_intent("{replicas: 3, selector: s}", "{f:selector: {}}", "{selector: t}"));
    assert_false(is_intent("{selector: s}", "{f:selector: {}}", "{selector: s, paused: true}"));
    assert_false(is_intent("{selector: s, paused: true}", "{f:selector: {}, f:paused: {}}",
                           "{selector: s}"));
    assert_true(is_intent("{selector: s, paused: true}", "{f:selector: {}}", "{selector: s}"));
    assert_false(is_intent("{selector: s}", "{f:paused: {}}", "{selector: s}")); /* taken from us */
}

static void an_answer_that_is_as_it_was_applied_is_the_intent(void **state)
{
    static const char as_applied[] =
        "{apiVersion: apps/v1, kind: Deployment,"
        " metadata: {name: d, namespace: n, uid: u, generation: 4, resourceVersion: '7',"
        "  labels: {ours: a, theirs: b}},"
        " spec: {replicas: 3, template: {spec: {containers: [{name: auth, image: i,"
        "  ports: [{containerPort: 8080, protocol: TCP, name: http}], env: [{name: A, value: "
        "'1'}]}],"
        "  tolerations: [{key: k}]}}}, status: {replicas: 3}}";
    (void)state;
    json_auto_t *o = object_with(as_applied, ours, "{}"), *wanted = parse(intent),
                *before = parse(intent);
    json_auto_t *got = owned_project_answer(o, wanted, "us");
    owned_auto_difference struct owned_difference d;

    assert_false(owned_differs(got, wanted, &d));
    assert_true(json_equal(wanted, before));
    assert_string_equal(lp_json_str(got, "metadata", "resourceVersion", NULL), "7");
    assert_string_equal(lp_json_str(got, "metadata", "uid", NULL), "u");
    assert_int_equal(lp_json_int(0, got, "metadata", "generation", NULL), 4);
    assert_int_equal(lp_json_int(0, got, "spec", "replicas", NULL), 3);
    assert_int_equal(lp_json_int(0, got, "status", "replicas", NULL), 3);
    assert_null(lp_json_at(got, "metadata", "labels", "theirs", NULL));
    assert_null(lp_json_at(got, "metadata", "managedFields", NULL));
}

/* A sidecar that somebody added, and an image that an admission policy rewrote. */
static void an_answer_that_others_changed_is_read_by_its_managed_fields(void **state)
{
    (void)state;
    json_auto_t *wanted = parse(intent), *other = parse(intent);
    json_t *container =
        json_array_get(lp_json_at(other, "spec", "template", "spec", "containers", NULL), 0);
    json_auto_t *read = object_with(body, ours, "{}");
    json_auto_t *exact = owned_project(read, "us");
    json_auto_t *got = owned_project_answer(read, wanted, "us");
    owned_auto_difference struct owned_difference d;

    assert_true(json_equal(got, exact));
    assert_false(owned_differs(got, wanted, &d));
    json_object_set_new(container, "image", json_string("j"));
    json_auto_t *kept = owned_project_answer(read, other, "us");
    assert_true(json_equal(kept, exact));
    assert_true(owned_differs(kept, other, &d));
}

static void odd_fields_do_no_harm(void **state)
{
    static const char *const odd[] = {
        "{}",
        "{f:spec: 1}",
        "{f:spec: {'k:{': {}, 'k:[]': {}, 'v:': {}}}",
        "{f:none: {}}",
        "{f:metadata: {}}",
        ("{f:spec: {f:template: {f:spec: {f:containers: {"
         "'k:{\"name\":1}': {}, 'i:0': {}, 'x': {}}}}}}"),
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(odd); i++) {
        json_auto_t *o = object_with(body, odd[i], odd[i]);
        json_auto_t *got = owned_project(o, "us"), *wanted = parse(intent);
        owned_auto_difference struct owned_difference d;
        char who[128];
        assert_true(owned_differs(got, wanted, &d));
        owned_other_manager(o, "us", d.path, who);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_added_is_left_out),
        cmocka_unit_test(without_an_entry_of_ours_nothing_is_ours),
        cmocka_unit_test(a_taken_field_is_named_with_who_has_it),
        cmocka_unit_test(what_stands_in_an_environment_is_not_told),
        cmocka_unit_test(the_digest_follows_our_fields_and_nothing_else),
        cmocka_unit_test(the_floor_of_an_hpa_is_seen_and_is_no_difference),
        cmocka_unit_test(the_mark_of_a_deployment_without_pods_is_seen_and_is_no_difference),
        cmocka_unit_test(what_is_ours_is_an_intent_only_where_neither_has_more),
        cmocka_unit_test(an_answer_that_is_as_it_was_applied_is_the_intent),
        cmocka_unit_test(an_answer_that_others_changed_is_read_by_its_managed_fields),
        cmocka_unit_test(odd_fields_do_no_harm),
    };
    return cmocka_run_group_tests_name("operator_owned", tests, NULL, NULL);
}
