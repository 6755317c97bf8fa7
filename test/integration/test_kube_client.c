/* test/integration/test_kube_client.c -- lib/kube against a real API server: verbs, apply, lists,
 * and the answers of a server that refuses. */
#include <openssl/evp.h>

#include "base/limits.h"
#include "base/stop.h"
#include "http/client/client.h"
#include "integration/kube_client_fixture.h"
#include "kube/auth.h"

/* ---- verbs ---- */

static void an_object_is_created_read_changed_and_deleted(void **state)
{
    json_auto_t *made = NULL, *read = NULL, *changed = NULL, *o = config_map("a", "1");
    (void)state;
    ok(lp_kube_create(client, &lp_kube_config_maps, o, &made, &err));
    fails(LP_E_EXISTS, lp_kube_create(client, &lp_kube_config_maps, o, NULL, &err));
    ok(lp_kube_get(client, &lp_kube_config_maps, ns, "a", &read, &err));
    assert_string_equal(lp_json_str(read, "data", "key", NULL), "1");

    lp_json_set_str(json_object_get(read, "data"), "key", "2");
    ok(lp_kube_update(client, &lp_kube_config_maps, NULL, read, &changed, &err));
    assert_string_equal(lp_json_str(changed, "data", "key", NULL), "2");
    /* `read` still has the old resourceVersion. */
    fails(LP_E_CONFLICT, lp_kube_update(client, &lp_kube_config_maps, NULL, read, NULL, &err));

    const char *uid = lp_json_str(made, "metadata", "uid", NULL);
    fails(LP_E_CONFLICT, lp_kube_delete(client, &lp_kube_config_maps, ns, "a",
                                        "00000000-0000-0000-0000-000000000000", &err));
    ok(lp_kube_delete(client, &lp_kube_config_maps, ns, "a", uid, &err));
    fails(LP_E_NOT_FOUND, lp_kube_get(client, &lp_kube_config_maps, ns, "a", NULL, &err));
    fails(LP_E_NOT_FOUND, lp_kube_delete(client, &lp_kube_config_maps, ns, "a", NULL, &err));
}

static void apply_keeps_who_owns_what(void **state)
{
    json_auto_t *one = config_map("a", "1"), *two = config_map("a", "2"), *got = NULL;
    (void)state;
    ok(apply(one, "first", false, true, NULL, &err));
    fails(LP_E_NOT_FOUND, lp_kube_get(client, &lp_kube_config_maps, ns, "a", NULL, &err));
    ok(apply(one, "first", false, false, NULL, &err));
    ok(apply(one, "first", false, false, NULL, &err));
    fails(LP_E_CONFLICT, apply(two, "second", false, false, NULL, &err));
    ok(apply(two, "second", true, false, &got, &err));
    assert_string_equal(lp_json_str(got, "data", "key", NULL), "2");
}

static void apply_refuses_unknown_fields_and_says_which(void **state)
{
    struct lp_error err = { 0 };
    json_auto_t *o = config_map("a", "1");
    (void)state;
    lp_json_set_str(o, "dta", "x");
    assert_int_equal(apply(o, "first", true, false, NULL, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "dta"));
    assert_in_range(err.http_status, 400, 599);
}

static json_t *deployment(void)
{
    return lp_json_make(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:i, s:{s:{s:s}}, s:{s:{s:{s:s}}, s:{s:[{s:s, s:s}]}}}}",
        "apiVersion", "apps/v1", "kind", "Deployment", "metadata", "name", "d", "namespace", ns,
        "spec", "replicas", 0, "selector", "matchLabels", "app", "d", "template", "metadata",
        "labels", "app", "d", "spec", "containers", "name", "c", "image", "none.invalid/none:1");
}

static void subresources_and_zero_are_written(void **state)
{
    struct lp_kube_apply_options options = { .field_manager = "lp-test", .force = true };
    json_auto_t *d = deployment(), *got = NULL, *scaled = NULL;
    (void)state;
    ok(lp_kube_apply(client, &lp_kube_deployments, d, &options, &got, &err));
    assert_int_equal(lp_json_int(-1, got, "spec", "replicas", NULL), 0);
    json_auto_t *three = lp_json_make("{s:{s:i}}", "spec", "replicas", 3);
    ok(lp_kube_merge_patch(client, &lp_kube_deployments, ns, "d", "scale", three, &scaled, &err));
    assert_string_equal(lp_json_str(scaled, "kind", NULL), "Scale");
    assert_int_equal(lp_json_int(-1, scaled, "spec", "replicas", NULL), 3);

    json_auto_t *status = lp_json_make("{s:s, s:s, s:{s:s, s:s}, s:{s:i}}", "apiVersion", "apps/v1",
                                       "kind", "Deployment", "metadata", "name", "d", "namespace",
                                       ns, "status", "collisionCount", 7);
    options.subresource = "status";
    json_auto_t *after = NULL;
    ok(lp_kube_apply(client, &lp_kube_deployments, status, &options, &after, &err));
    assert_int_equal(lp_json_int(-1, after, "status", "collisionCount", NULL), 7);
}

static void who_may_not_is_told_so(void **state)
{
    json_auto_t *account =
        lp_json_make("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "ServiceAccount",
                     "metadata", "name", "nobody", "namespace", ns);
    json_auto_t *review = lp_json_make(
        "{s:s, s:s, s:{s:s, s:{s:s, s:s, s:s}}}", "apiVersion", "authorization.k8s.io/v1", "kind",
        "SubjectAccessReview", "spec", "user", "system:serviceaccount:x:nobody",
        "resourceAttributes", "verb", "list", "resource", "secrets", "namespace", ns);
    json_auto_t *answer = NULL;
    (void)state;
    ok(lp_kube_create(client, &lp_kube_service_accounts, account, NULL, &err));
    ok(lp_kube_create(client, &lp_kube_subject_access_reviews, review, &answer, &err));
    assert_false(lp_json_bool(true, answer, "status", "allowed", NULL));
}

/* Writes a file of a pod's service account folder. */
static void put_file(const char *folder, const char *name, const char *text)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void remove_files(const char *folder)
{
    static const char *const names[] = { "token", "ca.crt", "namespace" };
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        lp_auto_free char *path = lp_sprintf("%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* The token that the controller manager puts into a Secret of this type; the caller's, decoded. */
static char *service_account_token(void)
{
    json_auto_t *secret = lp_json_make(
        "{s:s, s:s, s:s, s:{s:s, s:s, s:{s:s}}}", "apiVersion", "v1", "kind", "Secret", "type",
        "kubernetes.io/service-account-token", "metadata", "name", "t", "namespace", ns,
        "annotations", "kubernetes.io/service-account.name", "nobody");
    ok(lp_kube_create(client, &lp_kube_secrets, secret, NULL, &err));
    for (int64_t end = lp_clock_ms() + WAIT_MS; lp_clock_ms() < end;) {
        json_auto_t *got = NULL;
        ok(lp_kube_get(client, &lp_kube_secrets, ns, "t", &got, &err));
        const char *data = lp_json_str(got, "data", "token", NULL);
        if (data) {
            char *token = lp_alloc(strlen(data) + 4);
            int n = EVP_DecodeBlock((unsigned char *)token, (const unsigned char *)data,
                                    (int)strlen(data));
            assert_true(n > 0);
            return token;
        }
    }
    fail_msg("no token came");
    return NULL;
}

static void a_pod_is_known_by_its_token_and_refused_with_a_wrong_one(void **state)
{
    json_auto_t *account =
        lp_json_make("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "ServiceAccount",
                     "metadata", "name", "nobody", "namespace", ns);
    char folder[] = "/tmp/lp-integration-XXXXXX";
    struct lp_kube_client_options options = { .user_agent = "lp-pod" };
    struct lp_kube_config *pod = NULL;
    struct lp_error why = { .msg = "" };
    (void)state;
    ok(lp_kube_create(client, &lp_kube_service_accounts, account, NULL, &err));
    lp_auto_free char *token = service_account_token();
    assert_non_null(mkdtemp(folder));
    put_file(folder, "token", token);
    put_file(folder, "ca.crt", config->ca_pem);
    struct lp_kube_config_source source = { .in_cluster_root = folder,
                                            .service_host = "127.0.0.1",
                                            .service_port = strrchr(config->server, ':') + 1 };
    ok(lp_kube_config_load(&source, &pod, &err));
    lp_auto_kube_client struct lp_kube_client *c = NULL;
    ok(lp_kube_client_new(pod, &options, &c, &err));
    ok(lp_kube_raw(c, "/version", NULL, &err));
    assert_int_equal(lp_kube_get(c, &lp_kube_secrets, ns, "t", NULL, &why), LP_E_DENIED);
    assert_int_equal(why.http_status, 403);
    assert_non_null(strstr(why.msg, "nobody"));

    put_file(folder, "token", "wrong");
    pod->read_ms -= 60000;
    assert_int_equal(lp_kube_raw(c, "/version", NULL, &why), LP_E_DENIED);
    assert_int_equal(why.http_status, 401);
    put_file(folder, "token", token);
    ok(lp_kube_raw(c, "/version", NULL, &err)); /* the 401 has the file read at once */
    remove_files(folder);
    lp_kube_client_free(lp_take(c));
    lp_kube_config_free(pod);
}

static int version_spoken(bool multiplex)
{
    struct lp_http_share *share = lp_http_share_new();
    struct lp_http_client_options options = { .ca_pem = config->ca_pem,
                                              .cert_pem = config->cert_pem,
                                              .key_pem = config->key_pem,
                                              .share = share,
                                              .multiplex = multiplex };
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *url = lp_sprintf("%s/version", config->server);
    struct lp_http_request request = { .method = "GET", .url = url };
    struct lp_http_client *c = NULL;

    ok(lp_http_client_new(&options, &c, &err));
    ok(lp_http_do(c, &request, &response, &err));
    assert_int_equal(response.status, 200);
    lp_http_client_free(c);
    lp_http_share_free(share);
    return response.http_version;
}

static void http_2_is_spoken_where_it_is_wanted_and_offered(void **state)
{
    (void)state;
    assert_int_equal(version_spoken(true), 20);
    assert_int_equal(version_spoken(false), 11);
}

static void raw_paths_are_read(void **state)
{
    json_auto_t *version = NULL;
    (void)state;
    ok(lp_kube_raw(client, "/version", &version, &err));
    assert_non_null(lp_json_str(version, "gitVersion", NULL));
    fails(LP_E_NOT_FOUND, lp_kube_raw(client, "/apis/none.example", NULL, &err));
}

/* ---- list ---- */

static int count(json_t *object, void *user, struct lp_error *err)
{
    (void)err;
    assert_string_equal(lp_json_str(object, "kind", NULL), "ConfigMap");
    assert_string_equal(lp_json_str(object, "apiVersion", NULL), "v1");
    ++*(int *)user;
    return 0;
}

static void lists_come_in_pages(void **state)
{
    struct lp_kube_list_options options = { .label_selector = "test=yes" };
    char version[64], name[32];
    int n = 0;
    (void)state;
    for (int i = 0; i < LP_LIMIT_KUBE_PAGE + 20; i++) {
        snprintf(name, sizeof name, "m%d", i);
        create_map(name, "x");
    }
    ok(lp_kube_list(client, &lp_kube_config_maps, ns, &options, count, &n, version, &err));
    assert_int_equal(n, LP_LIMIT_KUBE_PAGE + 20);
    assert_true(strlen(version) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_paths_are_read),
        cmocka_unit_test(http_2_is_spoken_where_it_is_wanted_and_offered),
        in_namespace(an_object_is_created_read_changed_and_deleted),
        in_namespace(apply_keeps_who_owns_what),
        in_namespace(apply_refuses_unknown_fields_and_says_which),
        in_namespace(subresources_and_zero_are_written),
        in_namespace(who_may_not_is_told_so),
        in_namespace(a_pod_is_known_by_its_token_and_refused_with_a_wrong_one),
        in_namespace(lists_come_in_pages),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_client", tests, connect_to_cluster, disconnect);
}
