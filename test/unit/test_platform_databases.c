/* test/unit/test_platform_databases.c -- children that hold data, keys and trust: claims, Secrets,
 * policies, and what services are told of them. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/plan.h"
#include "platform/plan_parts.h"
#include "platform/spec_decode.h"
#include "unit/check.h"
#include "unit/plan_fixture.h"

static const char *annotation(const struct child *c, const char *name)
{
    return lp_json_str(c->intent, "metadata", "annotations", name, NULL);
}

static const json_t *pod_of(const struct child *c)
{
    return lp_json_at(c->intent, "spec", "template", "spec", NULL);
}

/* The one variable of a child's container; NULL: it has none of that name. */
static const json_t *variable(const struct child *c, const char *name)
{
    const json_t *item;
    size_t i;
    json_array_foreach(json_object_get(container_of(c), "env"), i, item)
    {
        if (strcmp(lp_json_str(item, "name", NULL), name) == 0)
            return item;
    }
    return NULL;
}

static void no_statefulset_takes_its_volume_along(void **state)
{
    (void)state;
    struct fixture *f = make("{databases: {mongodb: {onDelete: Delete}}, services: {learning: "
                             "{enabled: true}, aiWorker: {enabled: true}}}");
    for (unsigned id = 0; id < N_DATABASES; id++) {
        lp_auto_free char *name = lp_sprintf("english-%s", database_kinds[id].name);
        const struct child *s = find(f, CHILD_STATEFUL_SET, name);
        json_auto_t *want = parse("{whenDeleted: Retain, whenScaled: Retain}");
        assert_true(json_equal(
            lp_json_at(s->intent, "spec", "persistentVolumeClaimRetentionPolicy", NULL), want));
    }
    drop(f);
}

static void the_platform_owns_a_claim_only_where_it_is_to_go_with_it(void **state)
{
    (void)state;
    struct fixture *f = make("{databases: {postgres: {storageClassName: fast, storage: 2Gi},"
                             " mongodb: {onDelete: Delete}}}");
    const struct child *kept = find(f, CHILD_CLAIM, "data-english-postgres-0");
    const struct child *going = find(f, CHILD_CLAIM, "data-english-mongodb-0");
    assert_null(lp_json_at(kept->intent, "metadata", "ownerReferences", NULL));
    const json_t *owner =
        json_array_get(lp_json_at(going->intent, "metadata", "ownerReferences", NULL), 0);
    assert_string_equal(lp_json_str(owner, "uid", NULL), f->platform.uid);
    assert_string_equal(annotation(kept, ANNOTATION_IMAGE), images.postgres);
    assert_string_equal(annotation(kept, ANNOTATION_USED_BY), f->platform.uid);
    assert_null(json_object_get(kept->intent, "spec")); /* the API server lets nobody change it */
    json_auto_t *made = plan_creation(kept);
    json_auto_t *want = parse("{accessModes: [ReadWriteOnce], storageClassName: fast,"
                              " resources: {requests: {storage: 2Gi}}}");
    assert_true(json_equal(json_object_get(made, "spec"), want));
    drop(f);
}

static void a_database_has_the_resources_and_the_place_of_its_spec(void **state)
{
    (void)state;
    struct fixture *f =
        make("{databases: {postgres: {resources: {requests: {cpu: 1}, limits: {cpu: 2, memory:"
             " 3Gi}}, pod: {nodeSelector: {a: b}, tolerations: [{key: k}], annotations: {note: v},"
             " affinity: {nodeAffinity: {}}}}}}");
    const struct child *s = find(f, CHILD_STATEFUL_SET, "english-postgres");
    json_auto_t *want = parse("{requests: {cpu: '1', memory: 128Mi}, limits: {cpu: '2', memory:"
                              " 3Gi}}");
    assert_true(json_equal(json_object_get(container_of(s), "resources"), want));
    json_auto_t *pod = parse("{nodeSelector: {a: b}, tolerations: [{key: k}],"
                             " affinity: {nodeAffinity: {}}}");
    assert_true(lp_json_contains(pod_of(s), pod));
    assert_string_equal(
        lp_json_str(s->intent, "spec", "template", "metadata", "annotations", "note", NULL), "v");
    const struct child *m = find(f, CHILD_STATEFUL_SET, "english-mongodb");
    assert_null(lp_json_at(container_of(m), "resources", "limits", "cpu", NULL));
    drop(f);
}

static void a_password_comes_from_the_secret_at_each_start(void **state)
{
    struct plan_images open = images;
    (void)state;
    struct fixture *f = make("{}");
    const struct child *s = find(f, CHILD_STATEFUL_SET, "english-postgres");
    const json_t *command = json_object_get(container_of(s), "command");
    assert_non_null(strstr(json_string_value(json_array_get(command, 2)), "ALTER ROLE"));
    open.mongodb_auth = false;
    f->platform.images = &open;
    json_auto_t *m = plan_stateful_set(&f->platform, DATABASE_MONGODB);
    const json_t *container =
        json_array_get(lp_json_at(m, "spec", "template", "spec", "containers", NULL), 0);
    assert_null(json_object_get(container, "command")); /* it has no user to set one of */
    drop(f);
}

static void a_secret_made_anew_rolls_the_pods_that_have_it(void **state)
{
    (void)state;
    struct fixture *f = make("{}");
    f->platform.databases[DATABASE_POSTGRES].secret = "two";
    f->platform.databases[DATABASE_POSTGRES].user_secret = "one";
    f->platform.keys = "three";
    plan_done(&f->plan);
    plan_init(&f->plan, &f->platform);
    static const struct {
        enum child_kind kind;
        const char *child, *annotation, *value;
    } wanted[] = {
        { CHILD_STATEFUL_SET, "english-postgres", ANNOTATION_SECRET_DATABASE, "two" },
        { CHILD_STATEFUL_SET, "english-mongodb", ANNOTATION_SECRET_DATABASE, NULL },
        { CHILD_DEPLOYMENT, "english-auth", ANNOTATION_SECRET_DATABASE, "one" },
        { CHILD_DEPLOYMENT, "english-progress", ANNOTATION_SECRET_DATABASE, NULL },
        { CHILD_DEPLOYMENT, "english-progress", ANNOTATION_SECRET_KEYS, "three" },
        { CHILD_DEPLOYMENT, "english-gateway", ANNOTATION_SECRET_KEYS, "three" },
    };
    for (size_t i = 0; i < LP_COUNT(wanted); i++) {
        const char *has =
            lp_json_str(find(f, wanted[i].kind, wanted[i].child)->intent, "spec", "template",
                        "metadata", "annotations", wanted[i].annotation, NULL);
        if (!wanted[i].value)
            assert_null(has);
        else
            assert_string_equal(has, wanted[i].value);
    }
    drop(f);
}

static void a_database_that_is_still_needed_stays_as_it_is(void **state)
{
    (void)state;
    struct fixture *f = make("{databases: {postgres: {mode: External, secretRef: {name: db}}}}");
    f->platform.databases[DATABASE_POSTGRES].leaving = true;
    plan_done(&f->plan);
    plan_init(&f->plan, &f->platform);
    const struct child *s = find(f, CHILD_STATEFUL_SET, "english-postgres");
    assert_true(s->paused && s->leaving);
    assert_true(find(f, CHILD_SERVICE, "english-postgres")->paused);
    assert_null(find(f, CHILD_CLAIM, "data-english-postgres-0"));
    drop(f);
}

static void only_auth_can_sign_tokens_and_a_caller_has_its_own_key_alone(void **state)
{
    static const struct {
        const char *service, *variable, *secret, *key;
    } wanted[] = {
        { "english-auth", "JWT_SIGNING_KEY", "english-signing", "signing.pem" },
        { "english-gateway", "JWT_SIGNING_KEY", NULL, NULL },
        { "english-ai-feedback", "JWT_SIGNING_KEY", NULL, NULL },
        { "english-progress", "JWT_SIGNING_KEY", NULL, NULL },
        { "english-progress", "AUTH_JWT_SECRET", NULL, NULL },
        { "english-ai-feedback", "AUTH_JWT_SECRET", NULL, NULL },
        { "english-auth", "SERVICE_TOKEN_KEY", "english-caller-auth", "key" },
        { "english-ai-feedback", "SERVICE_TOKEN_KEY", "english-caller-ai-feedback", "key" },
        { "english-progress", "CALLER_KEY_AI_FEEDBACK", "english-caller-ai-feedback", "key" },
        { "english-progress", "CALLER_KEY_AUTH", "english-caller-auth", "key" },
        { "english-progress", "SERVICE_TOKEN_KEY", NULL, NULL },
        { "english-ai-feedback", "CALLER_KEY_AUTH", "english-caller-auth", "key" },
        { "english-gateway", "CALLER_KEY_AUTH", NULL, NULL },
    };
    (void)state;
    struct fixture *f = make("{}");
    for (size_t i = 0; i < LP_COUNT(wanted); i++) {
        const json_t *v =
            variable(find(f, CHILD_DEPLOYMENT, wanted[i].service), wanted[i].variable);
        const json_t *ref = lp_json_at(v, "valueFrom", "secretKeyRef", NULL);
        if (!wanted[i].secret) {
            assert_null(v);
            continue;
        }
        assert_string_equal(lp_json_str(ref, "name", NULL), wanted[i].secret);
        assert_string_equal(lp_json_str(ref, "key", NULL), wanted[i].key);
    }
    drop(f);
}

static const char *setting(const struct fixture *f, const char *service, const char *name)
{
    return lp_json_str(find(f, CHILD_CONFIG_MAP, service)->intent, "data", name, NULL);
}

static void auth_has_the_keys_of_tokens_as_files_too(void **state)
{
    (void)state;
    struct fixture *f = make("{}");
    const struct child *auth = find(f, CHILD_DEPLOYMENT, "english-auth");
    const json_t *mount = json_array_get(json_object_get(container_of(auth), "volumeMounts"), 1);
    const json_t *volume = json_array_get(json_object_get(pod_of(auth), "volumes"), 1);
    const json_t *sources = lp_json_at(volume, "projected", "sources", NULL);
    assert_string_equal(lp_json_str(mount, "mountPath", NULL),
                        setting(f, "english-auth", "JWT_KEYS_DIR"));
    assert_string_equal(lp_json_str(mount, "name", NULL), lp_json_str(volume, "name", NULL));
    assert_string_equal(lp_json_str(json_array_get(sources, 0), "secret", "name", NULL),
                        "english-jwt");
    assert_string_equal(lp_json_str(json_array_get(sources, 1), "secret", "name", NULL),
                        "english-signing");
    drop(f);
}

/* Nobody has to make that Secret. */
static void who_verifies_has_hmac_keys_where_a_secret_has_them(void **state)
{
    static const char *const names[] = { "english-gateway", "english-ai-feedback",
                                         "english-progress" };
    (void)state;
    struct fixture *f = make("{}");
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        const struct child *c = find(f, CHILD_DEPLOYMENT, names[i]);
        const json_t *mount = json_array_get(json_object_get(container_of(c), "volumeMounts"), 1);
        const json_t *volume = json_array_get(json_object_get(pod_of(c), "volumes"), 1);
        const json_t *sources = lp_json_at(volume, "projected", "sources", NULL);
        const json_t *secret = lp_json_at(json_array_get(sources, 0), "secret", NULL);
        assert_string_equal(lp_json_str(mount, "mountPath", NULL),
                            setting(f, names[i], "AUTH_JWT_KEYS_DIR"));
        assert_string_equal(lp_json_str(mount, "name", NULL), lp_json_str(volume, "name", NULL));
        assert_int_equal(json_array_size(sources), 1);
        assert_string_equal(lp_json_str(secret, "name", NULL), "english-jwt-known");
        assert_true(lp_json_bool(false, secret, "optional", NULL));
    }
    drop(f);
}

static void progress_is_told_how_long_activities_stay(void **state)
{
    (void)state;
    struct fixture *f = make("{privacy: {retentionDays: 400, auditRetentionDays: 90}}");
    assert_string_equal(setting(f, "english-progress", "RETENTION_DAYS"), "400");
    assert_null(setting(f, "english-auth", "RETENTION_DAYS"));
    assert_string_equal(setting(f, "english-auth", "AUDIT_RETENTION_DAYS"), "90");
    assert_null(setting(f, "english-progress", "AUDIT_RETENTION_DAYS"));
    drop(f);
    f = make("{}");
    assert_null(setting(f, "english-progress", "RETENTION_DAYS"));
    assert_null(setting(f, "english-auth", "AUDIT_RETENTION_DAYS"));
    drop(f);
}

#define ISSUER                                                                          \
    "{identity: {oidc: {issuer: 'https://id.example.org/realms/school', clientId: lp, " \
    "redirectUrl: 'https://learn.example.org/auth/api/users/oidc/callback'"

/* The Secret and key that a variable of auth comes from, as "name/key"; NULL: it is not there. */
static char *source_of(const struct fixture *f, const char *name)
{
    const json_t *v = variable(find(f, CHILD_DEPLOYMENT, "english-auth"), name);
    const json_t *ref = lp_json_at(v, "valueFrom", "secretKeyRef", NULL);
    return v ? lp_sprintf("%s/%s", lp_json_str(ref, "name", NULL), lp_json_str(ref, "key", NULL))
             : NULL;
}

static void auth_is_told_of_the_issuer_and_has_what_is_secret_from_the_given_secrets(void **state)
{
    (void)state;
    struct fixture *f = make(ISSUER ", scopes: [openid, groups], clientSecretRef: {name: sso, key: "
                                    "secret}, caSecretRef: {name: ca, key: ca.pem}, roleClaim: "
                                    "groups, roles: {staff: teacher, root: admin}}}}");
    lp_auto_free char *secret = source_of(f, "OIDC_CLIENT_SECRET");
    lp_auto_free char *ca = source_of(f, "OIDC_CA");
    assert_string_equal(secret, "sso/secret");
    assert_string_equal(ca, "ca/ca.pem");
    assert_string_equal(setting(f, "english-auth", "OIDC_ISSUER"),
                        "https://id.example.org/realms/school");
    assert_string_equal(setting(f, "english-auth", "OIDC_CLIENT_ID"), "lp");
    assert_string_equal(setting(f, "english-auth", "OIDC_SCOPES"), "openid groups");
    assert_string_equal(setting(f, "english-auth", "OIDC_ROLE_CLAIM"), "groups");
    assert_string_equal(setting(f, "english-auth", "OIDC_ROLES"),
                        "{\"root\":\"admin\",\"staff\":\"teacher\"}");
    assert_string_equal(setting(f, "english-auth", "OIDC_ALLOW_HTTP"), "false");
    assert_null(setting(f, "english-gateway", "OIDC_ISSUER"));
    assert_null(setting(f, "english-progress", "OIDC_ISSUER"));
    drop(f);
}

static void a_public_client_has_no_secret_and_no_issuer_means_no_setting(void **state)
{
    (void)state;
    struct fixture *f = make(ISSUER "}}}");
    assert_null(source_of(f, "OIDC_CLIENT_SECRET"));
    assert_null(setting(f, "english-auth", "OIDC_ROLES"));
    drop(f);
    f = make("{identity: {}}");
    assert_null(setting(f, "english-auth", "OIDC_ISSUER"));
    assert_null(setting(f, "english-auth", "OIDC_ALLOW_HTTP"));
    drop(f);
}

static void auth_has_the_master_key_of_its_admin_and_says_why_it_ends(void **state)
{
    (void)state;
    struct fixture *f = make("{privacy: {masterKeyRef: {name: our-key}}}");
    const json_t *auth = pod_of(find(f, CHILD_DEPLOYMENT, "english-auth"));
    const json_t *container = container_of(find(f, CHILD_DEPLOYMENT, "english-auth"));
    const json_t *volume = json_array_get(json_object_get(auth, "volumes"), 2);
    const json_t *mount = json_array_get(json_object_get(container, "volumeMounts"), 2);
    assert_string_equal(lp_json_str(volume, "secret", "secretName", NULL), "our-key");
    assert_string_equal(lp_json_str(mount, "name", NULL), lp_json_str(volume, "name", NULL));
    assert_string_equal(lp_json_str(mount, "mountPath", NULL),
                        setting(f, "english-auth", "PRIVACY_KEY_DIR"));
    assert_string_equal(lp_json_str(container, "terminationMessagePolicy", NULL),
                        "FallbackToLogsOnError");
    const json_t *progress = pod_of(find(f, CHILD_DEPLOYMENT, "english-progress"));
    assert_null(lp_json_find(json_object_get(progress, "volumes"), "name", "privacy"));
    drop(f);
    f = make("{}");
    assert_null(setting(f, "english-auth", "PRIVACY_KEY_DIR"));
    assert_null(lp_json_str(container_of(find(f, CHILD_DEPLOYMENT, "english-auth")),
                            "terminationMessagePolicy", NULL));
    drop(f);
}

static void services_are_told_whom_to_believe(void **state)
{
    (void)state;
    struct fixture *f = make("{access: Any, services: {gateway: {expose: {type: LoadBalancer,"
                             " externalTrafficPolicy: Local, trustedProxies: [10.0.0.0/8,"
                             " '2001:db8::/32']}}}}");
    assert_string_equal(setting(f, "english-progress", "ACCESS"), "Any");
    assert_string_equal(setting(f, "english-ai-feedback", "ACCESS"), "Any");
    assert_null(setting(f, "english-gateway", "ACCESS"));
    assert_string_equal(setting(f, "english-gateway", "TRUSTED_PROXIES"),
                        "10.0.0.0/8,2001:db8::/32");
    assert_string_equal(setting(f, "english-progress", "AUTH_JWKS_URL"),
                        "http://english-auth:3000/.well-known/jwks.json");
    assert_null(setting(f, "english-auth", "AUTH_JWKS_URL"));
    assert_string_equal(lp_json_str(find(f, CHILD_SERVICE, "english-gateway")->intent, "spec",
                                    "externalTrafficPolicy", NULL),
                        "Local");
    /* REQUEST_DEADLINE of a service: it answers before the gateway gives up */
    assert_true(strtol(setting(f, "english-gateway", "DEFAULT_TIMEOUT"), NULL, 10) > 30000);
    drop(f);
}

static void a_policy_lets_each_service_be_reached_by_those_that_call_it(void **state)
{
    static const struct {
        const char *service, *callers;
    } wanted[] = { { "english-auth", "gateway ai-feedback progress " },
                   { "english-ai-feedback", "gateway auth " },
                   { "english-progress", "gateway auth ai-feedback " } };
    (void)state;
    struct fixture *f = make("{}");
    for (size_t i = 0; i < LP_COUNT(wanted); i++) {
        lp_auto_buf struct lp_buf names = LP_BUF_INIT(256);
        const json_t *rule =
            json_array_get(lp_json_at(find(f, CHILD_NETWORK_POLICY, wanted[i].service)->intent,
                                      "spec", "ingress", NULL),
                           0);
        const json_t *from;
        size_t k;
        json_array_foreach(json_object_get(rule, "from"), k, from) lp_buf_printf(
            &names, "%s ", lp_json_str(from, "podSelector", "matchLabels", LABEL_NAME, NULL));
        assert_string_equal(names.ptr, wanted[i].callers);
    }
    drop(f);
}

static void a_sidecar_without_requests_does_not_end_scaling(void **state)
{
    (void)state;
    struct fixture *f = make("{}");
    json_auto_t *want = parse("{type: ContainerResource, containerResource: {name: cpu, container:"
                              " auth, target: {type: Utilization, averageUtilization: 70}}}");
    const json_t *metrics =
        lp_json_at(find(f, CHILD_HPA, "english-auth")->intent, "spec", "metrics", NULL);
    assert_true(json_equal(json_array_get(metrics, 0), want));
    drop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_statefulset_takes_its_volume_along),
        cmocka_unit_test(the_platform_owns_a_claim_only_where_it_is_to_go_with_it),
        cmocka_unit_test(a_database_has_the_resources_and_the_place_of_its_spec),
        cmocka_unit_test(a_password_comes_from_the_secret_at_each_start),
        cmocka_unit_test(a_secret_made_anew_rolls_the_pods_that_have_it),
        cmocka_unit_test(a_database_that_is_still_needed_stays_as_it_is),
        cmocka_unit_test(only_auth_can_sign_tokens_and_a_caller_has_its_own_key_alone),
        cmocka_unit_test(auth_has_the_keys_of_tokens_as_files_too),
        cmocka_unit_test(who_verifies_has_hmac_keys_where_a_secret_has_them),
        cmocka_unit_test(progress_is_told_how_long_activities_stay),
        cmocka_unit_test(auth_has_the_master_key_of_its_admin_and_says_why_it_ends),
        cmocka_unit_test(auth_is_told_of_the_issuer_and_has_what_is_secret_from_the_given_secrets),
        cmocka_unit_test(a_public_client_has_no_secret_and_no_issuer_means_no_setting),
        cmocka_unit_test(services_are_told_whom_to_believe),
        cmocka_unit_test(a_policy_lets_each_service_be_reached_by_those_that_call_it),
        cmocka_unit_test(a_sidecar_without_requests_does_not_end_scaling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
