/* test/unit/test_platform_optional.c -- services that a platform has only where it enables them,
 * with a PostgreSQL database, role and Secret of their own. */
#include "unit/optional_fixture.h"

#include <stdlib.h>

/* Gives a schema the defaults of progress where the worker has others: it begins at 0 pods, and one
 * job takes all cpu that its pod may have. */
static void level_the_worker(json_t *own)
{
    json_t *scaling = lp_json_at(own, "properties", "autoscaling", NULL);
    json_t *fields = json_object_get(scaling, "properties");
    assert_int_equal(lp_json_int(1, scaling, "default", "minReplicas", NULL), 0);
    assert_int_equal(lp_json_int(1, fields, "minReplicas", "default", NULL), 0);
    json_auto_t *queue = parse("[queueDepth]");
    assert_true(json_equal(lp_json_at(fields, "metrics", "default", NULL), queue));
    json_object_set_new(json_object_get(scaling, "default"), "minReplicas", json_integer(1));
    json_object_set_new(json_object_get(fields, "minReplicas"), "default", json_integer(1));
    json_object_set_new(json_object_get(fields, "metrics"), "default",
                        parse("[cpu, memory, queueDepth]"));
}

/* What fields are called by is another thing for jobs than for requests. */
static void drop_descriptions(json_t *schema)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_string(json_object_get(schema, "description")))
        json_object_del(schema, "description");
    json_object_foreach(schema, key, value) drop_descriptions(value);
    json_array_foreach(schema, i, value) drop_descriptions(value);
}

static void an_optional_service_has_the_schema_of_progress_and_a_switch_and_a_database(void **state)
{
    (void)state;
    json_auto_t *crd = load_crd();
    json_t *schema = spec_schema(crd);
    json_t *services = lp_json_at(schema, "properties", "services", "properties", NULL);
    json_auto_t *progress = json_deep_copy(json_object_get(services, "progress"));
    json_auto_t *postgres = json_deep_copy(
        lp_json_at(schema, "properties", "databases", "properties", "postgres", NULL));
    json_object_del(progress, "default"); /* what is not there is not written into platforms */
    drop_descriptions(progress);
    drop_descriptions(postgres);
    for (unsigned i = N_SERVICES; i < N_OWN_SERVICES; i++) {
        json_auto_t *own = json_deep_copy(json_object_get(services, service_kinds[i].key));
        json_t *database = lp_json_at(own, "properties", "database", NULL);
        drop_descriptions(own);
        if (i == SERVICE_AI_WORKER)
            level_the_worker(own);
        assert_true(json_equal(database, postgres));
        assert_false(lp_json_bool(true, own, "properties", "enabled", "default", NULL));
        json_object_del(json_object_get(own, "properties"), "database");
        assert_int_equal(json_object_del(json_object_get(own, "properties"), "enabled"), 0);
        if (!json_equal(own, progress))
            fail_msg("%s differs from progress", service_kinds[i].key);
    }
}

static void an_optional_service_has_the_defaults_of_the_crd(void **state)
{
    (void)state;
    json_auto_t *crd = load_crd();
    for (unsigned i = N_SERVICES; i < N_OWN_SERVICES; i++) {
        struct platform_spec ours, theirs;
        struct lp_error err;
        json_auto_t *bare = lp_json_make("{s:{s:s}, s:{s:{s:{}}}}", "metadata", "name", "english",
                                         "spec", "services", service_kinds[i].key);
        json_auto_t *filled = json_deep_copy(bare);
        fill_defaults(json_object_get(filled, "spec"), spec_schema(crd));
        assert_non_null(
            lp_json_at(filled, "spec", "services", service_kinds[i].key, "database", "mode", NULL));
        assert_int_equal(spec_decode(bare, &ours, &err), 0);
        assert_int_equal(spec_decode(filled, &theirs, &err), 0);
        assert_false(ours.services[i].enabled || theirs.services[i].enabled);
        check_same_service(&ours.services[i], &theirs.services[i]);
        check_same_database(&ours.services[i].database, &theirs.services[i].database);
    }
}

static void a_platform_that_does_not_enable_it_has_nothing_of_it(void **state)
{
    static const char *const specs[] = {
        "{}", "{services: {learning: {}}}", "{services: {aiWorker: {}}}",
        "{services: {aiWorker: {enabled: false, queueLimit: 7}}}",
        "{services: {learning: {enabled: false, queueLimit: 7}}}"
    };
    (void)state;
    struct fixture *plain = make("{}");
    for (size_t k = 0; k < LP_COUNT(specs); k++) {
        struct fixture *f = make(specs[k]);
        assert_int_equal(f->plan.n, 4 * 7 + 2 * 5);
        for (unsigned i = 0; i < f->plan.n; i++) {
            assert_null(strstr(f->plan.children[i].name, "learning"));
            assert_null(strstr(f->plan.children[i].name, "worker"));
            assert_true(json_equal(f->plan.children[i].intent, plain->plan.children[i].intent));
        }
        drop(f);
    }
    drop(plain);
}

static void where_it_is_enabled_it_has_seven_objects_and_its_database_five(void **state)
{
    static const enum child_kind service[] = { CHILD_SERVICE_ACCOUNT,
                                               CHILD_CONFIG_MAP,
                                               CHILD_NETWORK_POLICY,
                                               CHILD_SERVICE,
                                               CHILD_DEPLOYMENT,
                                               CHILD_HPA,
                                               CHILD_PDB };
    static const enum child_kind database[] = { CHILD_SERVICE_ACCOUNT, CHILD_NETWORK_POLICY,
                                                CHILD_SERVICE, CHILD_STATEFUL_SET };
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}}}");
    assert_int_equal(f->plan.n, 5 * 7 + 3 * 5);
    for (size_t i = 0; i < LP_COUNT(service); i++)
        assert_non_null(intent_of(f, service[i], "english-learning"));
    for (size_t i = 0; i < LP_COUNT(database); i++)
        assert_non_null(intent_of(f, database[i], "english-learning-db"));
    assert_non_null(intent_of(f, CHILD_CLAIM, "data-english-learning-db-0"));
    const json_t *deployment = intent_of(f, CHILD_DEPLOYMENT, "english-learning");
    assert_string_equal(lp_json_str(container_in(deployment), "image", NULL),
                        "registry.example/lp/lp-learning:v1.2.3");
    assert_string_equal(
        lp_json_str(deployment, "spec", "template", "metadata", "labels", LABEL_COMPONENT, NULL),
        "service"); /* which the adapter scrapes */
    const json_t *port = json_array_get(json_object_get(container_in(deployment), "ports"), 0);
    assert_int_equal(lp_json_int(0, port, "containerPort", NULL), 3002);
    drop(f);
}

static void its_pods_have_its_own_secret_and_no_key_that_makes_tokens(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}}}");
    const json_t *deployment = intent_of(f, CHILD_DEPLOYMENT, "english-learning");
    const json_t *set = intent_of(f, CHILD_STATEFUL_SET, "english-learning-db");
    check_source(deployment, "DATABASE_URL", "english-learning-db/uri");
    check_source(deployment, "LOG_HASH_KEY", "english-jwt/loghash");
    check_source(deployment, "JWT_SECRET", "");
    check_source(set, "POSTGRES_USER", "english-learning-db/username");
    check_source(set, "POSTGRES_DB", "english-learning-db/database");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-auth"), "DATABASE_URL",
                 "english-postgres/uri");
    const json_t *data =
        json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-learning"), "data");
    assert_string_equal(lp_json_str(data, "AUTH_JWKS_URL", NULL),
                        "http://english-auth:3000/.well-known/jwks.json");
    assert_string_equal(lp_json_str(data, "ACCESS", NULL), "Owner");
    drop(f);
}

static void auth_takes_a_learners_data_away_there_too_where_it_is_enabled(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}}}");
    const json_t *data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-auth"), "data");
    assert_string_equal(lp_json_str(data, "LEARNING_SERVICE_URL", NULL),
                        "http://english-learning:3002");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-learning"), "CALLER_KEY_AUTH",
                 "english-caller-auth/key");
    drop(f);
}

static void progress_tells_it_of_scores_where_it_is_enabled(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}}}");
    const json_t *data =
        json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-progress"), "data");
    assert_string_equal(lp_json_str(data, "LEARNING_SERVICE_URL", NULL),
                        "http://english-learning:3002");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-progress"), "SERVICE_TOKEN_KEY",
                 "english-caller-progress/key");
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-learning"), "CALLER_KEY_PROGRESS",
                 "english-caller-progress/key");
    drop(f);
    f = make("{}");
    data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-progress"), "data");
    assert_null(lp_json_str(data, "LEARNING_SERVICE_URL", NULL));
    const json_t *pods = intent_of(f, CHILD_DEPLOYMENT, "english-progress");
    const json_t *container =
        json_array_get(lp_json_at(pods, "spec", "template", "spec", "containers", NULL), 0);
    assert_null(lp_json_find(json_object_get(container, "env"), "name", "SERVICE_TOKEN_KEY"));
    drop(f);
}

static void the_exams_of_the_schedules_are_what_it_prepares_learners_for(void **state)
{
    (void)state;
    struct fixture *f =
        make("{services: {learning: {enabled: true}}, schedules: ["
             "{name: exam, replicas: {auth: 2}, dated: ["
             "{start: '2026-12-03T09:00:00+01:00', end: '2026-12-03T11:00:00+01:00'}]}, "
             "{name: examples, replicas: {auth: 2}, dated: ["
             "{start: '2026-12-04T09:00:00Z', end: '2026-12-04T11:00:00Z'}]}, "
             "{name: exam-b2, replicas: {auth: 2}, weekly: [{days: [Mon], start: '08:00', end: "
             "'09:00'}], dated: [{start: '2027-06-01T08:00:00Z', end: '2027-06-01T10:00:00Z'}]}]}");
    const json_t *data =
        json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-learning"), "data");
    assert_string_equal(lp_json_str(data, "EXAM_DATES", NULL),
                        "2026-12-03T09:00:00+01:00,2027-06-01T08:00:00Z");
    drop(f);
    f = make("{services: {learning: {enabled: true}}}");
    data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-learning"), "data");
    assert_null(lp_json_str(data, "EXAM_DATES", NULL));
    drop(f);
}

static void an_external_database_needs_no_pod_and_its_uri_is_of_the_users_secret(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true, database: {mode: External, "
                             "secretRef: {name: school, key: url}}}}}");
    assert_int_equal(f->plan.n, 5 * 7 + 2 * 5);
    check_source(intent_of(f, CHILD_DEPLOYMENT, "english-learning"), "DATABASE_URL", "school/url");
    drop(f);
}

static void only_those_who_call_it_reach_it_and_only_it_reaches_its_database(void **state)
{
    bool has;
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}}, extraServices: [{name: quiz, "
                             "image: x, port: 8000, path: /quiz}]}");
    assert_int_equal(callers(f, "english-learning", "gateway", &has), 3);
    assert_true(has);
    callers(f, "english-learning", "progress", &has);
    assert_true(has);
    callers(f, "english-learning", "auth", &has);
    assert_true(has);
    assert_int_equal(callers(f, "english-learning-db", "learning", &has), 1);
    assert_true(has);
    callers(f, "english-postgres", "learning", &has);
    assert_false(has);
    callers(f, "english-auth", "learning", &has); /* for the keys that tokens are verified by */
    assert_true(has);
    drop(f);
    f = make("{}");
    callers(f, "english-auth", "learning", &has);
    assert_false(has);
    drop(f);
}

static void the_gateway_has_a_route_to_it_beside_those_of_extra_services(void **state)
{
    (void)state;
    struct fixture *f =
        make("{services: {learning: {enabled: true, autoscaling: {minReplicas: 0}}}, "
             "extraServices: [{name: quiz, image: x, port: 8000, path: /quiz}]}");
    const json_t *data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-gateway"), "data");
    assert_string_equal(lp_json_str(data, "EXTRA_SERVICES", NULL),
                        "learning:/learning=http://english-learning:3002,"
                        "quiz:/quiz=http://english-quiz:8000");
    assert_string_equal(lp_json_str(data, "HOLD_ROUTES", NULL), "learning");
    assert_string_equal(lp_json_str(data, "ROUTE_PATHS", NULL),
                        "learning:/api/reasoning,learning:/api/ontology");
    drop(f);
    f = make("{}");
    data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-gateway"), "data");
    assert_null(lp_json_str(data, "ROUTE_PATHS", NULL));
    drop(f);
}

static void a_lost_secret_or_a_leaving_database_concerns_its_own_service_alone(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}}}");
    f->platform.databases[DATABASE_LEARNING].user_secret = "two";
    plan_pods_again(&f->plan, &f->platform);
    const json_t *learning = intent_of(f, CHILD_DEPLOYMENT, "english-learning");
    const json_t *auth = intent_of(f, CHILD_DEPLOYMENT, "english-auth");
    assert_string_equal(lp_json_str(learning, "spec", "template", "metadata", "annotations",
                                    ANNOTATION_SECRET_DATABASE, NULL),
                        "two");
    assert_null(lp_json_str(auth, "spec", "template", "metadata", "annotations",
                            ANNOTATION_SECRET_DATABASE, NULL));
    drop(f);
}

/* Kubernetes puts "<name>-<10 bytes>" into a label, which may have 63. */
static void the_name_of_each_database_leaves_room_for_the_hash_of_its_pods(void **state)
{
    (void)state;
    for (unsigned i = 0; i < N_DATABASES; i++)
        assert_true(40 + 1 + strlen(database_kinds[i].name) <= 52);
}

static void what_is_wrong_is_named_by_its_field(void **state)
{
    static const struct {
        const char *spec, *message;
    } cases[] = {
        { "{services: {learning: {database: {mode: External}}}}",
          "spec.services.learning.database.secretRef: is required where mode is External" },
        { "{services: {learning: {database: {secretRef: {name: x}}}}}",
          "spec.services.learning.database.secretRef: is only allowed where mode is External, mode "
          "is Embedded" },
        { "{services: {learning: {replicas: 2}}}",
          "spec.services.learning.replicas: is only allowed where autoscaling.enabled is false, is "
          "2; use autoscaling.minReplicas" },
        { "{services: {learning: {enabled: maybe}}}",
          "spec.services.learning.enabled: must be true or false" },
        { "{services: {aiWorker: {database: {mode: External}}}}",
          "spec.services.aiWorker.database.secretRef: is required where mode is External" },
        { "{services: {aiWorker: {enabled: true}, gateway: {routes: [{service: ai-worker}]}}}",
          "spec.services.gateway.routes[0].service: must be auth, ai-feedback, progress, learning "
          "where that is enabled, or one of spec.extraServices, is \"ai-worker\"" },
        { "{extraServices: [{name: ai-jobs, image: i, port: 8000, path: /jobs}]}",
          "spec.extraServices[0].name: must not be one that the platform has itself, is "
          "\"ai-jobs\"" },
        { "{services: {gateway: {routes: [{service: learning}]}}}",
          "spec.services.gateway.routes[0].service: must be auth, ai-feedback, progress, learning "
          "where that is enabled, or one of spec.extraServices, is \"learning\"" },
        { "{extraServices: [{name: x, image: i, port: 8000, path: /learning}]}",
          "spec.extraServices[0].path: must not be one that the platform has itself, is "
          "\"/learning\"" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct platform_spec spec;
        struct lp_error err = { .msg = "" };
        json_auto_t *object = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec",
                                           parse(cases[i].spec));
        assert_int_equal(spec_decode(object, &spec, &err), LP_E_INVALID);
        assert_string_equal(err.msg, cases[i].message);
    }
}

static void rules_of_the_gateway_may_name_it_where_it_is_enabled(void **state)
{
    (void)state;
    struct fixture *f = make("{services: {learning: {enabled: true}, gateway: {routes: [{service: "
                             "learning, methods: [GET, POST]}]}}}");
    const json_t *data = json_object_get(intent_of(f, CHILD_CONFIG_MAP, "english-gateway"), "data");
    assert_string_equal(lp_json_str(data, "ROUTE_RULES", NULL), "learning:methods=GET POST");
    drop(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            an_optional_service_has_the_schema_of_progress_and_a_switch_and_a_database),
        cmocka_unit_test(an_optional_service_has_the_defaults_of_the_crd),
        cmocka_unit_test(a_platform_that_does_not_enable_it_has_nothing_of_it),
        cmocka_unit_test(where_it_is_enabled_it_has_seven_objects_and_its_database_five),
        cmocka_unit_test(its_pods_have_its_own_secret_and_no_key_that_makes_tokens),
        cmocka_unit_test(auth_takes_a_learners_data_away_there_too_where_it_is_enabled),
        cmocka_unit_test(progress_tells_it_of_scores_where_it_is_enabled),
        cmocka_unit_test(the_exams_of_the_schedules_are_what_it_prepares_learners_for),
        cmocka_unit_test(an_external_database_needs_no_pod_and_its_uri_is_of_the_users_secret),
        cmocka_unit_test(only_those_who_call_it_reach_it_and_only_it_reaches_its_database),
        cmocka_unit_test(the_gateway_has_a_route_to_it_beside_those_of_extra_services),
        cmocka_unit_test(a_lost_secret_or_a_leaving_database_concerns_its_own_service_alone),
        cmocka_unit_test(the_name_of_each_database_leaves_room_for_the_hash_of_its_pods),
        cmocka_unit_test(what_is_wrong_is_named_by_its_field),
        cmocka_unit_test(rules_of_the_gateway_may_name_it_where_it_is_enabled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
