/* test/integration/test_kube_client.c -- lib/kube against a real API server: verbs, apply, watch,
 * compaction, lease, and the answers of a server that refuses. KUBECONFIG is in the environment;
 * each test has a namespace. */
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/stop.h"
#include "http/client.h"
#include "json/json.h"
#include "kube/auth.h"
#include "kube/config.h"
#include "kube/kinds.h"
#include "kube/lease.h"
#include "kube/watch.h"
#include "kube/watch_framer.h"
#include "unit/check.h"

#define WAIT_MS 30000

static struct lp_kube_config *config;
static struct lp_kube_client *client;
static char ns[64];

#define fails(want, call)                                                        \
    do {                                                                         \
        struct lp_error err = { .msg = "?" };                                    \
        int code_ = (call);                                                      \
        if (code_ != (want))                                                     \
            fail_msg("%s: %d instead of %d: %s", #call, code_, (want), err.msg); \
    } while (0)

static int connect_to_cluster(void **state)
{
    struct lp_kube_config_source source = { .kubeconfig = getenv("KUBECONFIG") };
    struct lp_kube_client_options options = { .user_agent = "lp-integration" };
    struct lp_error err;

    (void)state;
    if (!source.kubeconfig) {
        print_error("KUBECONFIG is not set: run this by ctest -L integration\n");
        return -1;
    }
    if (lp_kube_config_load(&source, &config, &err) < 0 ||
        lp_kube_client_new(config, &options, &client, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    return 0;
}

static int disconnect(void **state)
{
    (void)state;
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    return 0;
}

static int make_namespace(void **state)
{
    static int n;
    struct lp_error err;

    (void)state;
    snprintf(ns, sizeof ns, "kube-client-%lld-%d", (long long)lp_clock_wall_ms(), n++);
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
                                  "metadata", "name", ns);
    int r = lp_kube_create(client, &lp_kube_namespaces, o, NULL, &err);
    if (r < 0)
        print_error("%s\n", err.msg);
    return r;
}

static int delete_namespace(void **state)
{
    struct lp_error err;
    (void)state;
    return lp_kube_delete(client, &lp_kube_namespaces, NULL, ns, NULL, &err);
}

static json_t *config_map(const char *name, const char *value)
{
    return lp_json_make("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
                        "ConfigMap", "metadata", "name", name, "namespace", ns, "labels", "test",
                        "yes", "data", "key", value);
}

static void create_map(const char *name, const char *value)
{
    json_auto_t *o = config_map(name, value);
    ok(lp_kube_create(client, &lp_kube_config_maps, o, NULL, &err));
}

static void delete_map(const char *name)
{
    ok(lp_kube_delete(client, &lp_kube_config_maps, ns, name, NULL, &err));
}

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

static int apply(json_t *o, const char *manager, bool force, bool dry_run, json_t **ret,
                 struct lp_error *err)
{
    struct lp_kube_apply_options options = { .field_manager = manager,
                                             .force = force,
                                             .dry_run = dry_run };
    return lp_kube_apply(client, &lp_kube_config_maps, o, &options, ret, err);
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

static int version_spoken(bool http2)
{
    struct lp_http_client_options options = { .ca_pem = config->ca_pem,
                                              .cert_pem = config->cert_pem,
                                              .key_pem = config->key_pem,
                                              .http2 = http2 };
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    lp_auto_free char *url = lp_sprintf("%s/version", config->server);
    struct lp_http_request request = { .method = "GET", .url = url };
    struct lp_http_client *c = NULL;

    ok(lp_http_client_new(&options, &c, &err));
    ok(lp_http_do(c, &request, &response, &err));
    assert_int_equal(response.status, 200);
    lp_http_client_free(c);
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

/* ---- watch ---- */

struct log {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[4096];
};

static void note(struct log *l, const char *what, const char *name)
{
    pthread_mutex_lock(&l->lock);
    size_t n = strlen(l->text);
    snprintf(l->text + n, sizeof l->text - n, "%s%s ", what, name);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void on_event(enum lp_kube_event event, json_t *object, void *user)
{
    static const char *const marks[] = { "+", "~", "-" };
    note(user, marks[event], lp_json_str(object, "metadata", "name", NULL));
}

static void on_synced(void *user)
{
    note(user, "synced", "");
}

/* Waits until `text` is in the log; the events before it are forgotten. */
static void await(struct log *l, const char *text)
{
    struct timespec end = lp_clock_deadline(WAIT_MS);
    char *at;

    pthread_mutex_lock(&l->lock);
    while (!(at = strstr(l->text, text))) {
        if (pthread_cond_clockwait(&l->changed, &l->lock, CLOCK_MONOTONIC, &end) == ETIMEDOUT) {
            pthread_mutex_unlock(&l->lock);
            fail_msg("\"%s\" did not come; seen: %s", text, l->text);
        }
    }
    at += strlen(text);
    memmove(l->text, at, strlen(at) + 1);
    pthread_mutex_unlock(&l->lock);
}

static void a_watch_tells_what_is_there_and_what_happens(void **state)
{
    struct log log = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, "" };
    struct lp_kube_watch_options options = {
        .kind = &lp_kube_config_maps,
        .ns = ns,
        .label_selector = "test=yes",
        .name = "watch-maps",
        .sink = { .event = on_event, .synced = on_synced, .user = &log },
    };
    struct lp_stop *stop = lp_stop_new();
    struct lp_kube_watch *watch = NULL;
    (void)state;
    create_map("a", "1");
    create_map("b", "1");
    ok(lp_kube_watch_start(config, stop, &options, &watch, &err));
    await(&log, "+a +b synced ");
    assert_true(lp_kube_watch_synced(watch));
    create_map("c", "1");
    await(&log, "+c ");
    json_auto_t *b = config_map("b", "2");
    ok(apply(b, "lp-test", true, false, NULL, &err));
    await(&log, "~b ");
    delete_map("a");
    await(&log, "-a ");
    assert_in_range(lp_kube_watch_silence_ms(watch), 0, WAIT_MS);
    lp_stop_request(stop);
    lp_kube_watch_join(watch);
    lp_stop_free(stop);
}

static int ignore(const char *type, json_t *object, void *user, struct lp_error *err)
{
    (void)type;
    (void)object;
    (void)user;
    (void)err;
    return 0;
}

#define THINGS "things.test.learningplatform.io"

/* A kind that is new to the API server, so that its cache of events reaches back to now only. */
static void make_new_kind(void)
{
    json_auto_t *crd =
        lp_json_make("{s:s, s:s, s:{s:s}, s:{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:[{s:s, s:b, s:b, "
                     "s:{s:{s:s}}}]}}",
                     "apiVersion", "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition",
                     "metadata", "name", THINGS, "spec", "group", "test.learningplatform.io",
                     "scope", "Namespaced", "names", "plural", "things", "singular", "thing",
                     "kind", "Thing", "listKind", "ThingList", "versions", "name", "v1", "served",
                     1, "storage", 1, "schema", "openAPIV3Schema", "type", "object");
    struct lp_error why;
    int r = LP_E_NOT_FOUND;
    ok(lp_kube_create(client, &lp_kube_crds, crd, NULL, &err));
    for (int64_t end = lp_clock_ms() + WAIT_MS; r == LP_E_NOT_FOUND && lp_clock_ms() < end;)
        r = lp_kube_raw(client, "/apis/test.learningplatform.io/v1/things?limit=1", NULL, &why);
    if (r < 0)
        fail_msg("%s", why.msg);
}

static void a_version_that_is_too_old_is_gone(void **state)
{
    lp_auto_watch_framer struct lp_watch_framer framer = { .tail = LP_BUF_INIT(65536),
                                                           .sink = ignore };
    lp_auto_buf struct lp_buf line = LP_BUF_INIT(65536);
    json_auto_t *event = NULL;
    struct lp_error why = { .msg = "" };
    (void)state;
    make_new_kind();
    /* The whole answer is one line, an ERROR event, so it can be read as JSON. */
    int r = lp_kube_raw(client,
                        "/apis/test.learningplatform.io/v1/things?watch=1&resourceVersion=1"
                        "&timeoutSeconds=5",
                        &event, &why);
    if (r == 0) {
        lp_json_write(event, &line);
        lp_buf_char(&line, '\n');
        r = lp_watch_framer_feed(&framer, line.ptr, line.len, &why);
    }
    ok(lp_kube_delete(client, &lp_kube_crds, NULL, THINGS, NULL, &err));
    if (r != LP_E_GONE)
        fail_msg("%d: %s: %s", r, why.msg, line.ptr);
}

/* ---- lease ---- */

static void on_started(void *user)
{
    note(user, "started", "");
}

static void on_lost(void *user)
{
    note(user, "lost", "");
}

struct candidate {
    struct log log;
    struct lp_stop *stop;
    struct lp_lease *lease;
};

static void stand(struct candidate *c, const char *identity)
{
    struct lp_lease_options options = { .ns = ns,
                                        .name = "leader",
                                        .identity = identity,
                                        .duration_ms = 15000,
                                        .renew_ms = 10000,
                                        .retry_ms = 200,
                                        .on_started = on_started,
                                        .on_lost = on_lost,
                                        .user = &c->log };
    pthread_mutex_init(&c->log.lock, NULL);
    pthread_cond_init(&c->log.changed, NULL);
    c->log.text[0] = '\0';
    c->stop = lp_stop_new();
    ok(lp_lease_start(config, c->stop, &options, &c->lease, &err));
}

static void step_down(struct candidate *c)
{
    lp_stop_request(c->stop);
    lp_lease_join(c->lease);
    lp_stop_free(c->stop);
}

static void the_second_candidate_leads_once_the_first_releases(void **state)
{
    struct candidate one, two;
    json_auto_t *lease = NULL;
    (void)state;
    stand(&one, "one");
    await(&one.log, "started");
    assert_true(lp_lease_held(one.lease));
    stand(&two, "two");
    assert_false(lp_lease_held(two.lease));
    int64_t start = lp_clock_ms();
    step_down(&one);
    await(&two.log, "started");
    assert_true(lp_clock_ms() - start < 15000); /* no wait for the lease to run out */
    ok(lp_kube_get(client, &lp_kube_leases, ns, "leader", &lease, &err));
    assert_string_equal(lp_json_str(lease, "spec", "holderIdentity", NULL), "two");
    assert_int_equal(lp_json_int(-1, lease, "spec", "leaseTransitions", NULL), 1);
    step_down(&two);
    json_auto_t *after = NULL;
    ok(lp_kube_get(client, &lp_kube_leases, ns, "leader", &after, &err));
    assert_null(lp_json_str(after, "spec", "holderIdentity", NULL));
}

static void who_finds_another_holder_has_lost(void **state)
{
    struct candidate one;
    json_auto_t *theft = lp_json_make("{s:{s:s}}", "spec", "holderIdentity", "thief");
    (void)state;
    stand(&one, "one");
    await(&one.log, "started");
    ok(lp_kube_merge_patch(client, &lp_kube_leases, ns, "leader", NULL, theft, NULL, &err));
    await(&one.log, "lost");
    assert_false(lp_lease_held(one.lease));
    step_down(&one);
}

#define in_namespace(test) cmocka_unit_test_setup_teardown(test, make_namespace, delete_namespace)

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
        in_namespace(a_watch_tells_what_is_there_and_what_happens),
        cmocka_unit_test(a_version_that_is_too_old_is_gone),
        in_namespace(the_second_candidate_leads_once_the_first_releases),
        in_namespace(who_finds_another_holder_has_lost),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_client", tests, connect_to_cluster, disconnect);
}
