/* test/unit/test_operator_plan.c -- the children of a platform, byte by byte and by rule; who owns
 * replicas. */
#include "platform/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "operator/reconcile/handover.h"
#include "operator/seed.h"
#include "platform/plan_parts.h"
#include "unit/check.h"
#include "unit/plan_fixture.h"
#include "unit/golden.h"
#include "platform/spec_decode.h"
#include "platform/intent.h"

static char *text_of(const struct fixture *f)
{
    struct lp_buf text = LP_BUF_INIT(1 << 20);
    for (unsigned i = 0; i < f->plan.n; i++) {
        char *one = json_dumps(f->plan.children[i].intent, JSON_INDENT(1) | JSON_SORT_KEYS);
        lp_buf_printf(&text, "%s\n", one);
        free(one);
    }
    return lp_buf_take(&text);
}

static void the_smallest_platform_is_what_the_golden_file_says(void **state)
{
    static const char path[] = "test/unit/golden/operator_smallest.json";
    (void)state;
    struct fixture *f = make("{}");
    lp_auto_free char *text = text_of(f);
    check_golden(path, text);
    drop(f);
}

static void the_same_spec_gives_the_same_bytes(void **state)
{
    (void)state;
    struct fixture *a = make("{services: {auth: {env: [{name: A, value: b}]}}}");
    struct fixture *b = make("{services: {auth: {env: [{name: A, value: b}]}}}");
    lp_auto_free char *first = text_of(a);
    lp_auto_free char *second = text_of(b);
    assert_string_equal(first, second);
    drop(a);
    drop(b);
}

/* Who is missing is seen by name, before any intent is made. */
static void the_list_of_children_has_their_kinds_and_names(void **state)
{
    (void)state;
    struct fixture *f = make("{databases: {mongodb: {external: {secretRef: {name: s}}}}}");
    struct plan list plan_auto;
    plan_list(&list, &f->platform);
    assert_int_equal(list.n, f->plan.n);
    for (unsigned i = 0; i < list.n; i++) {
        const struct child *c = &list.children[i], *made = &f->plan.children[i];
        assert_null(c->intent);
        assert_int_equal(c->kind, made->kind);
        assert_string_equal(c->name, made->name);
        assert_string_equal(c->name, lp_json_str(made->intent, "metadata", "name", NULL));
        assert_string_equal(child_kinds[c->kind]->kind, lp_json_str(made->intent, "kind", NULL));
        plan_child(&list.children[i], &f->platform);
        assert_true(json_equal(c->intent, made->intent));
    }
    drop(f);
}

static const char *annotation(const struct child *c, const char *name)
{
    return lp_json_str(c->intent, "metadata", "annotations", name, NULL);
}

/* A Deployment whose replicas are not handed over yet has a text in its place. */
static void only_a_hash_is_taken_for_one(void **state)
{
    (void)state;
    struct fixture *f = make("{}");
    struct child child = { .kind = CHILD_DEPLOYMENT, .service = SERVICE_AUTH, .database = -1 };
    const char *hash = intent_hash(find(f, CHILD_DEPLOYMENT, "english-auth")->intent);
    plan_intent(&child, &f->platform);
    assert_false(intent_stamp_as(child.intent, "to be handed over"));
    assert_false(intent_stamp_as(child.intent, ""));
    assert_string_equal(intent_hash(child.intent), "");
    assert_true(intent_stamp_as(child.intent, hash));
    assert_string_equal(intent_hash(child.intent), hash);
    json_decref(child.intent);
    drop(f);
}

static void replicas_are_ours_only_where_the_spec_gives_them(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {auth: {replicas: 3, autoscaling: {enabled: false}},"
                             " progress: {autoscaling: {enabled: false, minReplicas: 2}}}}");
    const struct child *auth = find(f, CHILD_DEPLOYMENT, "english-auth");
    const struct child *progress = find(f, CHILD_DEPLOYMENT, "english-progress");
    const struct child *gateway = find(f, CHILD_DEPLOYMENT, "english-gateway");
    assert_int_equal(lp_json_int(-1, auth->intent, "spec", "replicas", NULL), 3);
    assert_int_equal(auth->initial_replicas, -1);
    assert_string_equal(annotation(auth, ANNOTATION_REPLICAS), "operator");
    assert_null(lp_json_at(progress->intent, "spec", "replicas", NULL));
    assert_int_equal(progress->initial_replicas, 2);
    assert_null(find(f, CHILD_HPA, "english-progress"));
    assert_null(lp_json_at(gateway->intent, "spec", "replicas", NULL));
    assert_string_equal(annotation(gateway, ANNOTATION_REPLICAS), "released");
    assert_non_null(find(f, CHILD_HPA, "english-gateway"));
    drop(f);
}

static void a_handover_is_due_until_the_replicas_are_released(void **state)
{
    static const struct {
        const char *observed;
        bool due;
    } cases[] = {
        { "{}", true },
        { "{metadata: {annotations: {learningplatform.io/replicas: operator}}}", true },
        { "{metadata: {annotations: {learningplatform.io/replicas: released}}}", false },
    };
    (void)state;
    struct fixture *f = make("{}");
    const struct child *c = find(f, CHILD_DEPLOYMENT, "english-auth");
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *observed = parse(cases[i].observed);
        assert_int_equal(handover_is_due(c, observed), cases[i].due);
    }
    assert_true(handover_is_due(c, NULL));
    drop(f);
    f = make("{services: {auth: {replicas: 3, autoscaling: {enabled: false}}}}");
    assert_false(handover_is_due(find(f, CHILD_DEPLOYMENT, "english-auth"), NULL));
    drop(f);
}

static void a_deployment_made_anew_begins_with_what_its_hpa_wants(void **state)
{
    static const struct {
        const char *hpa;
        int64_t first;
    } cases[] = {
        { "{}", 2 },
        { "{status: {desiredReplicas: 7}, spec: {maxReplicas: 10}}", 7 },
        { "{status: {desiredReplicas: 7}, spec: {maxReplicas: 5}}", 5 },
        { "{status: {desiredReplicas: 1}, spec: {maxReplicas: 5}}", 2 },
    };
    (void)state;
    struct fixture *f = make("{services: {auth: {autoscaling: {minReplicas: 2}}}}");
    const struct child *c = find(f, CHILD_DEPLOYMENT, "english-auth");
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *hpa = parse(cases[i].hpa);
        assert_int_equal(handover_first_replicas(c, hpa), cases[i].first);
    }
    assert_int_equal(handover_first_replicas(c, NULL), 2);
    drop(f);
}

static const char *config_mark(const struct fixture *f, const char *name)
{
    return lp_json_str(find(f, CHILD_DEPLOYMENT, name)->intent, "spec", "template", "metadata",
                       "annotations", ANNOTATION_CONFIG, NULL);
}

static void pods_roll_where_their_config_changes_and_nowhere_else(void **state)
{
    (void)state;
    struct fixture *a = make("{}");
    struct fixture *b = make("{services: {auth: {queueLimit: 77}}}");
    assert_string_not_equal(config_mark(a, "english-auth"), config_mark(b, "english-auth"));
    assert_string_equal(config_mark(a, "english-gateway"), config_mark(b, "english-gateway"));
    assert_string_equal(
        annotation(find(a, CHILD_DEPLOYMENT, "english-gateway"), ANNOTATION_INTENT),
        annotation(find(b, CHILD_DEPLOYMENT, "english-gateway"), ANNOTATION_INTENT));
    drop(a);
    drop(b);
}

static void the_pods_may_take_as_long_to_end_as_their_last_requests_need(void **state)
{
    (void)state;
    struct fixture *f = make("{}");
    const json_t *pod = lp_json_at(find(f, CHILD_DEPLOYMENT, "english-auth")->intent, "spec",
                                   "template", "spec", NULL);
    int64_t sleep = lp_json_int(-1, json_array_get(json_object_get(pod, "containers"), 0),
                                "lifecycle", "preStop", "sleep", "seconds", NULL);
    assert_true(sleep > 0);
    /* DRAIN_DELAY, REQUEST_DEADLINE, what lib/service adds */
    assert_true(lp_json_int(-1, pod, "terminationGracePeriodSeconds", NULL) >= sleep + 5 + 30 + 10);
    drop(f);
}

static void all_pods_of_a_platform_share_the_key_of_their_logs(void **state)
{
    static const char *const names[] = { "english-gateway", "english-auth", "english-ai-feedback",
                                         "english-progress" };
    (void)state;
    struct fixture *f = make("{}");
    json_auto_t *want = parse("{name: LOG_HASH_KEY, valueFrom: {secretKeyRef: {name: english-jwt,"
                              " key: loghash, optional: true}}}");
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        const json_t *env =
            json_object_get(container_of(find(f, CHILD_DEPLOYMENT, names[i])), "env");
        assert_true(json_equal(json_array_get(env, json_array_size(env) - 1), want));
    }
    drop(f);
}

/* Keys that sign: "access" and "refresh" of the Secret jwt, and the Secret signing. */
static bool can_mint(const json_t *pod)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 16);
    lp_json_write(pod, &text);
    return strstr(text.ptr, "\"access\"") || strstr(text.ptr, "\"refresh\"") ||
           strstr(text.ptr, "english-signing");
}

static void no_pod_but_that_of_auth_has_a_key_that_signs_learners_tokens(void **state)
{
    static const char *const names[] = { "english-gateway", "english-ai-feedback",
                                         "english-progress" };
    (void)state;
    struct fixture *f = make("{}");
    for (size_t i = 0; i < LP_COUNT(names); i++)
        assert_false(can_mint(find(f, CHILD_DEPLOYMENT, names[i])->intent));
    assert_true(can_mint(find(f, CHILD_DEPLOYMENT, "english-auth")->intent));
    drop(f);
}

static void a_users_variable_takes_the_place_of_ours(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {gateway: {env: [{name: AUTH_JWT_SECRET, value: mine},"
                             " {name: EMPTY}, {name: CORS_ORIGIN, value: x}]}}}");
    json_auto_t *want =
        parse("[{name: LOG_HASH_KEY, valueFrom: {secretKeyRef: {name: english-jwt, key: loghash,"
              " optional: true}}}, {name: AUTH_JWT_SECRET, value: mine}, {name: EMPTY},"
              " {name: CORS_ORIGIN, value: x}]");
    const json_t *c = container_of(find(f, CHILD_DEPLOYMENT, "english-gateway"));
    assert_true(json_equal(json_object_get(c, "env"), want));
    drop(f);
}

/* Only what is in the spec: another value in the Secret is no difference, so it rolls no pods. */
static void a_variable_comes_from_a_secret_where_the_spec_says_so(void **state)
{
    (void)state;
    struct fixture *f =
        make("{services: {progress: {env: [{name: A, value: '', valueFrom: {secretKeyRef: {name: s,"
             " key: k, optional: true}}}, {name: MONGODB_URI, valueFrom: {secretKeyRef: {name: m,"
             " key: uri}}}]}}}");
    json_auto_t *a = parse("{name: A, valueFrom: {secretKeyRef: {name: s, key: k, optional: "
                           "true}}}");
    json_auto_t *uri = parse("{name: MONGODB_URI, valueFrom: {secretKeyRef: {name: m, key: uri}}}");
    const json_t *env =
        json_object_get(container_of(find(f, CHILD_DEPLOYMENT, "english-progress")), "env");
    assert_true(json_equal(lp_json_find(env, "name", "A"), a));
    assert_true(json_equal(lp_json_find(env, "name", "MONGODB_URI"), uri));
    assert_true(json_equal(json_array_get(env, 0), uri)); /* in the place of ours */
    drop(f);
}

static void an_ingress_has_tls_where_a_secret_or_cert_manager_is_named(void **state)
{
    static const struct {
        const char *more, *secret;
    } cases[] = {
        { "", NULL },
        { ", tlsSecretName: mine", "mine" },
        { ", annotations: {cert-manager.io/issuer: le}", "english-gateway-tls" },
        { ", tlsSecretName: mine, annotations: {cert-manager.io/issuer: le}", "mine" },
        { ", annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 10m}", NULL },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *spec = lp_sprintf(
            "{services: {gateway: {expose: {ingress: {host: a.example%s}}}}}", cases[i].more);
        struct fixture *f = make(spec);
        const json_t *o = find(f, CHILD_INGRESS, "english-gateway")->intent;
        const json_t *tls = json_array_get(lp_json_at(o, "spec", "tls", NULL), 0);
        const json_t *rule = json_array_get(lp_json_at(o, "spec", "rules", NULL), 0);
        assert_int_equal(tls != NULL, cases[i].secret != NULL);
        if (tls)
            assert_string_equal(lp_json_str(tls, "secretName", NULL), cases[i].secret);
        assert_string_equal(lp_json_str(rule, "host", NULL), "a.example");
        drop(f);
    }
    struct fixture *f = make("{}");
    assert_null(find(f, CHILD_INGRESS, "english-gateway"));
    drop(f);
}

static void external_databases_have_no_children_and_their_own_secret(void **state)
{
    (void)state;
    struct fixture *f =
        make("{databases: {postgres: {mode: External, secretRef: {name: db, key: k}},"
             " mongodb: {mode: External, secretRef: {name: m}}}}");
    const json_t *c = container_of(find(f, CHILD_DEPLOYMENT, "english-auth"));
    const json_t *ref =
        lp_json_at(json_array_get(json_object_get(c, "env"), 0), "valueFrom", "secretKeyRef", NULL);
    assert_string_equal(lp_json_str(ref, "name", NULL), "db");
    assert_string_equal(lp_json_str(ref, "key", NULL), "k");
    assert_null(find(f, CHILD_CLAIM, "data-english-postgres-0"));
    assert_null(find(f, CHILD_STATEFUL_SET, "english-postgres"));
    assert_null(find(f, CHILD_SERVICE, "english-mongodb"));
    assert_int_equal(f->plan.n, 4 * 7);
    drop(f);
}

static void what_the_spec_says_of_images_and_pods_is_passed_on(void **state)
{
    (void)state;
    struct fixture *f = make(
        "{image: {registry: r.io/x, tag: t2, pullPolicy: Always, pullSecrets: [{name: s}]},"
        " services: {auth: {image: 'other:1', pod: {nodeSelector: {a: b}, priorityClassName: p,"
        " tolerations: [{key: k}], labels: {team: t}, annotations: {n: v}}}}}");
    const struct child *auth = find(f, CHILD_DEPLOYMENT, "english-auth");
    const struct child *gateway = find(f, CHILD_DEPLOYMENT, "english-gateway");
    assert_string_equal(lp_json_str(container_of(auth), "image", NULL), "other:1");
    assert_string_equal(lp_json_str(container_of(gateway), "image", NULL), "r.io/x/lp-gateway:t2");
    json_auto_t *want =
        parse("{metadata: {labels: {team: t, app.kubernetes.io/name: auth}, annotations: {n: v}},"
              " spec: {nodeSelector: {a: b}, priorityClassName: p, tolerations: [{key: k}],"
              " imagePullSecrets: [{name: s}]}}");
    assert_true(lp_json_contains(lp_json_at(auth->intent, "spec", "template", NULL), want));
    drop(f);
}

static void paused_services_are_seen_but_not_written(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {auth: {paused: true}}}");
    assert_true(find(f, CHILD_DEPLOYMENT, "english-auth")->paused);
    assert_false(find(f, CHILD_DEPLOYMENT, "english-gateway")->paused);
    assert_true(plan_is_paused(&f->platform, "auth"));
    assert_false(plan_is_paused(&f->platform, "postgres"));
    drop(f);
    f = make("{mode: Paused}");
    assert_true(find(f, CHILD_STATEFUL_SET, "english-postgres")->paused);
    drop(f);
}

static void a_seed_must_be_one_platform_with_name_and_namespace(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\n"
          "metadata: {name: a, namespace: b}\n",
          NULL },
        { "apiVersion: learningplatform.io/v1alpha1\nkind: LearningPlatform\nmetadata: {name: a}\n",
          "metadata.name and metadata.namespace are required" },
        { "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n",
          "must be exactly one LearningPlatform" },
        { "{a: b}\n---\n{a: b}\n", "must be exactly one LearningPlatform" },
        { "a: [", "platform.yaml" },
        { "", "must be exactly one LearningPlatform" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err;
        json_auto_t *platform = NULL;
        json_auto_t *map = lp_json_make("{s:{s:s}}", "data", "platform.yaml", cases[i].text);
        int r = seed_read(map, &platform, &err);
        assert_int_equal(r, cases[i].message ? LP_E_INVALID : 0);
        if (cases[i].message && !strstr(err.msg, cases[i].message))
            fail_msg("%s", err.msg);
    }
    struct lp_error err;
    json_t *none = NULL;
    json_auto_t *empty = json_object();
    assert_int_equal(seed_read(empty, &none, &err), LP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_platform_is_what_the_golden_file_says),
        cmocka_unit_test(the_same_spec_gives_the_same_bytes),
        cmocka_unit_test(the_list_of_children_has_their_kinds_and_names),
        cmocka_unit_test(replicas_are_ours_only_where_the_spec_gives_them),
        cmocka_unit_test(a_handover_is_due_until_the_replicas_are_released),
        cmocka_unit_test(a_deployment_made_anew_begins_with_what_its_hpa_wants),
        cmocka_unit_test(pods_roll_where_their_config_changes_and_nowhere_else),
        cmocka_unit_test(the_pods_may_take_as_long_to_end_as_their_last_requests_need),
        cmocka_unit_test(all_pods_of_a_platform_share_the_key_of_their_logs),
        cmocka_unit_test(no_pod_but_that_of_auth_has_a_key_that_signs_learners_tokens),
        cmocka_unit_test(a_users_variable_takes_the_place_of_ours),
        cmocka_unit_test(a_variable_comes_from_a_secret_where_the_spec_says_so),
        cmocka_unit_test(an_ingress_has_tls_where_a_secret_or_cert_manager_is_named),
        cmocka_unit_test(external_databases_have_no_children_and_their_own_secret),
        cmocka_unit_test(what_the_spec_says_of_images_and_pods_is_passed_on),
        cmocka_unit_test(only_a_hash_is_taken_for_one),
        cmocka_unit_test(paused_services_are_seen_but_not_written),
        cmocka_unit_test(a_seed_must_be_one_platform_with_name_and_namespace),
    };
    return cmocka_run_group_tests_name("operator_plan", tests, NULL, NULL);
}
