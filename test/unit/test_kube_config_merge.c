/* test/unit/test_kube_config_merge.c -- KUBECONFIG with several files, the pod's own configuration,
 * impersonation, proxies and plugins that ask: as kubectl does it. */
#include "kube/config.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/server/server.h"
#include "json/json.h"
#include "kube/auth.h"
#include "unit/check.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/lp-kube-merge-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put_file(const char *name, const char *text)
{
    lp_auto_free char *path = lp_sprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct lp_kube_config *load_or_fail(const struct lp_kube_config_source *source)
{
    struct lp_kube_config *c = NULL;
    struct lp_error err = { .msg = "" };
    if (lp_kube_config_load(source, &c, &err) < 0)
        fail_msg("%s", err.msg);
    return c;
}

#define CLUSTER(name, server) "clusters: [{name: " name ", cluster: {server: \"" server "\"}}]\n"
#define CONTEXT(name, cluster, user) \
    "contexts: [{name: " name ", context: {cluster: " cluster ", user: " user "}}]\n"

static void files_of_kubeconfig_are_merged_and_the_first_that_says_something_counts(void **state)
{
    lp_auto_free char *list = NULL;
    (void)state;
    lp_auto_free char *sub = lp_sprintf("%s/sub", folder);
    assert_int_equal(mkdir(sub, 0700), 0);
    put_file("a", "current-context: second\n" CLUSTER("one", "https://one")
                      CONTEXT("first", "one", "u"));
    put_file("sub/b",
             "current-context: first\n"
             "clusters:\n- {name: one, cluster: {server: \"https://other\"}}\n"
             "- {name: two, cluster: {server: \"https://two\", certificate-authority: ca.pem}}\n"
             "contexts: [{name: second, context: {cluster: two, user: u}}]\n"
             "users: [{name: u, user: {tokenFile: token}}]\n");
    put_file("sub/ca.pem", "-----BEGIN CA-----\n");
    put_file("sub/token", "t-2\n");
    list = lp_sprintf(":%s/gone::%s/a:%s/sub/b:", folder, folder, folder);

    struct lp_kube_config_source source = { .kubeconfig = list, .kubeconfig_list = true };
    struct lp_kube_config *c = load_or_fail(&source);
    assert_string_equal(c->server, "https://two"); /* current-context of the first file */
    assert_string_equal(c->ca_pem, "-----BEGIN CA-----\n");
    assert_string_equal(c->token, "t-2"); /* beside the file that names it */
    lp_kube_config_free(c);

    source.context = "first";
    c = load_or_fail(&source);
    assert_string_equal(c->server, "https://one"); /* not the second file's entry of that name */
    lp_kube_config_free(c);
}

static void without_any_file_a_pod_is_the_configuration(void **state)
{
    lp_auto_free char *gone = lp_sprintf("%s/gone", folder);
    struct lp_kube_config_source source = { .kubeconfig = gone,
                                            .kubeconfig_list = true,
                                            .in_cluster_root = folder,
                                            .service_host = "10.0.0.1",
                                            .service_port = "443" };
    struct lp_error err;
    struct lp_kube_config *c = NULL;
    (void)state;
    put_file("token", "pod-token");
    put_file("ca.crt", "-----BEGIN CA-----\n");
    put_file("namespace", "learning");
    c = load_or_fail(&source);
    assert_string_equal(c->server, "https://10.0.0.1:443");
    assert_string_equal(c->token, "pod-token");
    assert_string_equal(lp_kube_config_namespace(c), "learning");
    lp_kube_config_free(c);
    source.service_host = NULL; /* no pod either */
    assert_int_equal(lp_kube_config_load(&source, &c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "KUBERNETES_SERVICE_HOST"));
    source.kubeconfig_list = false; /* a file that was asked for by name must be there */
    assert_int_equal(lp_kube_config_load(&source, &c, &err), LP_E_NOT_FOUND);
}

/* ---- impersonation ---- */

static bool note_field(const char *name, const char *value, void *user)
{
    if (strncasecmp(name, "Impersonate-", 12) == 0)
        lp_buf_printf(user, "%s=%s;", name, value);
    return true;
}

static struct lp_buf seen = LP_BUF_INIT(4096);

static void note(struct lp_http_exchange *x, void *user)
{
    (void)user;
    lp_buf_reset(&seen);
    lp_http_each_header(x, note_field, &seen);
    lp_http_reply_json(x, 200, json_object());
}

/* Asks the server with a user of the kubeconfig; what of impersonation arrived is in `seen`. */
static int ask_as(const struct lp_http_server *s, const char *user, const struct lp_kube_as *as,
                  struct lp_error *err)
{
    lp_auto_free char *text = lp_sprintf(
        "current-context: m\n" CONTEXT("m", "c", "u") "clusters: [{name: c, cluster: {server: "
                                                      "\"http://127.0.0.1:%u\"}}]\n"
                                                      "users: [{name: u, user: {%s}}]\n",
        lp_http_server_port(s), user);
    lp_auto_free char *path = lp_sprintf("%s/as", folder);
    struct lp_kube_config_source source = { .kubeconfig = path, .as = *as };
    const struct lp_kube_client_options options = { 0 };
    struct lp_kube_config *config = NULL;
    struct lp_kube_client *client = NULL;

    put_file("as", text);
    int r = lp_kube_config_load(&source, &config, err);
    if (r == 0)
        r = lp_kube_client_new(config, &options, &client, err);
    if (r == 0)
        r = lp_kube_raw(client, "/version", NULL, err);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    return r;
}

static void impersonation_of_kubeconfig_and_command_line_is_sent(void **state)
{
    static const char *const groups[] = { "g1", "g2", NULL };
    static const struct {
        const char *user;
        struct lp_kube_as as;
        const char *sent, *error;
    } cases[] = {
        { "token: t", { 0 }, "", NULL },
        { "token: t, as: jane, as-groups: [dev, ops], as-uid: u-7",
          { 0 },
          "Impersonate-User=jane;Impersonate-Uid=u-7;Impersonate-Group=dev;Impersonate-Group=ops;",
          NULL },
        { "token: t, as: jane, as-groups: [dev]",
          { .user = "joe", .groups = groups },
          "Impersonate-User=joe;Impersonate-Group=g1;Impersonate-Group=g2;",
          NULL },
        { "token: t, as: jane, as-user-extra: {\"acme.io/team x\": [a, b]}",
          { 0 },
          "Impersonate-User=jane;Impersonate-Extra-acme.io%2Fteam%20x=a;"
          "Impersonate-Extra-acme.io%2Fteam%20x=b;",
          NULL },
        { "token: t", { .groups = groups }, NULL, "must name a user" },
        { "token: t, as-uid: x", { 0 }, NULL, "must name a user" },
        { "token: t", { .user = "a\r\nX: b" }, NULL, "Impersonate-User" },
    };
    struct lp_http_server_options o = { .address = "127.0.0.1", .name = "api", .handler = note };
    struct lp_http_server *s;
    struct lp_error err;

    (void)state;
    assert_int_equal(lp_http_server_start(&o, &s, &err), 0);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        int r = ask_as(s, cases[i].user, &cases[i].as, &err);
        if (cases[i].error) {
            assert_int_equal(r, LP_E_INVALID);
            assert_non_null(strstr(err.msg, cases[i].error));
        } else {
            assert_int_equal(r, 0);
            assert_string_equal(seen.ptr, cases[i].sent);
        }
    }
    lp_http_server_stop(s);
    lp_buf_done(&seen);
}

/* ---- proxies ---- */

static struct lp_kube_config *with_proxy(const char *server, const char *cluster_proxy)
{
    lp_auto_free char *path = lp_sprintf("%s/proxy", folder);
    lp_auto_free char *text = lp_sprintf(
        "current-context: m\n" CONTEXT("m", "c", "\"\"") "clusters: [{name: c, cluster: {server: "
                                                         "\"%s\"%s%s}}]\n",
        server, *cluster_proxy ? ", proxy-url: " : "", cluster_proxy);
    const struct lp_kube_config_source source = { .kubeconfig = path,
                                                  .https_proxy = "http://secure:3128",
                                                  .http_proxy = "http://plain:3128",
                                                  .no_proxy = "10.0.0.0/8,.local" };
    put_file("proxy", text);
    return load_or_fail(&source);
}

static void the_clusters_proxy_wins_over_the_environments(void **state)
{
    (void)state;
    struct lp_kube_config *c = with_proxy("https://a", "");
    assert_string_equal(c->proxy, "http://secure:3128");
    assert_string_equal(c->no_proxy, "localhost,127.0.0.0/8,[::1],10.0.0.0/8,.local");
    lp_kube_config_free(c);
    c = with_proxy("http://a", "");
    assert_string_equal(c->proxy, "http://plain:3128");
    lp_kube_config_free(c);
    c = with_proxy("https://a", "socks5://jump:1080"); /* names are resolved at the proxy */
    assert_string_equal(c->proxy, "socks5h://jump:1080");
    assert_null(c->no_proxy);
    lp_kube_config_free(c);
}

static void requests_go_through_the_proxy_but_for_the_exceptions(void **state)
{
    struct lp_http_server_options o = { .address = "127.0.0.1", .name = "proxy", .handler = note };
    struct lp_http_server *s;
    struct lp_error err;
    const struct lp_kube_client_options options = { .total_timeout_ms = 5000 };
    lp_auto_free char *path = lp_sprintf("%s/through", folder);

    (void)state;
    assert_int_equal(lp_http_server_start(&o, &s, &err), 0);
    lp_auto_free char *proxy = lp_sprintf("http://127.0.0.1:%u", lp_http_server_port(s));
    struct lp_kube_config_source source = { .kubeconfig = path, .http_proxy = proxy };
    put_file("through",
             "current-context: m\n" CONTEXT("m", "c", "\"\"") CLUSTER("c", "http://api.invalid"));
    struct lp_kube_config *config = load_or_fail(&source);
    struct lp_kube_client *client = NULL;
    assert_int_equal(lp_kube_client_new(config, &options, &client, &err), 0);
    assert_int_equal(lp_kube_raw(client, "/version", NULL, &err), 0); /* the proxy answered */
    lp_kube_client_free(client);
    lp_kube_config_free(config);

    source.no_proxy = "api.invalid";
    config = load_or_fail(&source);
    assert_int_equal(lp_kube_client_new(config, &options, &client, &err), 0);
    assert_true(lp_kube_raw(client, "/version", NULL, &err) < 0); /* nobody has that name */
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    lp_http_server_stop(s);
}

static void a_proxy_of_an_unknown_scheme_is_named(void **state)
{
    lp_auto_free char *path = lp_sprintf("%s/bad", folder);
    struct lp_kube_config_source source = { .kubeconfig = path };
    struct lp_kube_config *c = NULL;
    struct lp_error err;
    (void)state;
    put_file("bad", "current-context: m\n" CONTEXT(
                        "m", "c", "\"\"") "clusters: [{name: c, cluster: {server: \"https://a\", "
                                          "proxy-url: \"ftp://x\"}}]\n");
    assert_int_equal(lp_kube_config_load(&source, &c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "proxy-url"));
    assert_non_null(strstr(err.msg, "ftp://x"));
}

/* ---- plugins that ask ---- */

#define EXEC(mode)                                                                             \
    "current-context: m\n" CONTEXT("m", "c", "u") CLUSTER(                                     \
        "c", "https://a") "users: [{name: u, user: {exec: {command: x, interactiveMode: " mode \
                          ", apiVersion: "                                                     \
                          "client.authentication.k8s.io/v1}}}]\n"

static int load_mode(const char *text, bool terminal, bool *ret_interactive, struct lp_error *err)
{
    lp_auto_free char *path = lp_sprintf("%s/exec", folder);
    struct lp_kube_config_source source = { .kubeconfig = path, .terminal = terminal };
    struct lp_kube_config *c = NULL;

    put_file("exec", text);
    int r = lp_kube_config_load(&source, &c, err);
    if (r == 0)
        *ret_interactive = c->exec->interactive;
    lp_kube_config_free(c);
    return r;
}

static void a_plugin_gets_the_terminal_by_its_interactive_mode(void **state)
{
    struct lp_error err;
    bool asks = true;
    (void)state;
    assert_int_equal(load_mode(EXEC("Never"), true, &asks, &err), 0);
    assert_false(asks);
    assert_int_equal(load_mode(EXEC("IfAvailable"), true, &asks, &err), 0);
    assert_true(asks);
    assert_int_equal(load_mode(EXEC("IfAvailable"), false, &asks, &err), 0);
    assert_false(asks);
    assert_int_equal(load_mode(EXEC("Always"), true, &asks, &err), 0);
    assert_true(asks);
    assert_int_equal(load_mode(EXEC("Always"), false, &asks, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "no terminal"));
    assert_int_equal(load_mode(EXEC("Sometimes"), true, &asks, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "Sometimes"));
}

static void a_plugin_that_may_ask_reads_our_standard_input(void **state)
{
    lp_auto_free char *script = lp_sprintf("%s/ask", folder);
    char *argv[] = { script, NULL };
    struct lp_kube_exec exec = { .api_version = "client.authentication.k8s.io/v1",
                                 .argv = argv,
                                 .interactive = true };
    struct lp_kube_exec_result got = { 0 };
    struct lp_error err = { .msg = "" };
    int ends[2], before = dup(STDIN_FILENO);

    (void)state;
    put_file("ask", "#!/bin/sh\nread -r word\n"
                    "case $KUBERNETES_EXEC_INFO in *'\"interactive\":true'*) ;; *) exit 3 ;; esac\n"
                    "printf '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":"
                    "\"ExecCredential\",\"status\":{\"token\":\"%s\"}}' \"$word\"\n");
    assert_int_equal(chmod(script, 0700), 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "typed\n", 6), 6);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    int r = lp_kube_exec_run(&exec, NULL, NULL, &got, &err);
    dup2(before, STDIN_FILENO);
    close(before), close(ends[0]), close(ends[1]);
    if (r < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(got.token, "typed");
    free(got.token);
}

static void flags_win_over_the_kubeconfig_as_kubectls_do(void **state)
{
    lp_auto_free char *path = lp_sprintf("%s/flags", folder);
    lp_auto_free char *authority = lp_sprintf("%s/ca.pem", folder);
    struct lp_kube_config_source source = { .kubeconfig = path };
    struct lp_error err = { .msg = "" };
    (void)state;
    put_file("ca.pem", "-----BEGIN CERTIFICATE-----\n");
    put_file("flags",
             "current-context: a\n" CONTEXT("a", "one", "u")
                 CLUSTER("one", "https://one:6443") "users: [{name: u, user: {tokenFile: "
                                                    "gone}}, {name: v, user: {token: v}}]\n");
    source.flags = (struct lp_kube_flags){ .token = "t",
                                           .server = "https://two/",
                                           .tls_server_name = "three" };
    struct lp_kube_config *c = load_or_fail(&source);
    assert_string_equal(c->server, "https://two");
    assert_string_equal(c->tls_server_name, "three");
    assert_string_equal(c->token, "t");
    lp_kube_config_free(c);

    source.flags = (struct lp_kube_flags){ .user = "v", .certificate_authority = authority };
    c = load_or_fail(&source);
    assert_string_equal(c->token, "v");
    assert_string_equal(c->ca_pem, "-----BEGIN CERTIFICATE-----\n");
    lp_kube_config_free(c);

    source.flags.insecure_skip_tls_verify = true;
    c = load_or_fail(&source);
    assert_true(c->insecure);
    assert_null(c->ca_pem);
    lp_kube_config_free(c);

    source.flags = (struct lp_kube_flags){ .cluster = "none" };
    assert_int_equal(lp_kube_config_load(&source, &c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "clusters: there is no entry called \"none\""));
}

static void a_server_and_a_token_are_enough_without_a_kubeconfig(void **state)
{
    lp_auto_free char *path = lp_sprintf("%s/there/is/none", folder);
    struct lp_kube_config_source source = { .kubeconfig = path,
                                            .kubeconfig_list = true,
                                            .flags = { .server = "http://a:1", .token = "t" } };
    (void)state;
    struct lp_kube_config *c = load_or_fail(&source);
    assert_string_equal(c->server, "http://a:1");
    assert_string_equal(c->token, "t");
    assert_string_equal(lp_kube_config_namespace(c), "default");
    lp_kube_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_kubeconfig_are_merged_and_the_first_that_says_something_counts),
        cmocka_unit_test(without_any_file_a_pod_is_the_configuration),
        cmocka_unit_test(impersonation_of_kubeconfig_and_command_line_is_sent),
        cmocka_unit_test(the_clusters_proxy_wins_over_the_environments),
        cmocka_unit_test(requests_go_through_the_proxy_but_for_the_exceptions),
        cmocka_unit_test(a_proxy_of_an_unknown_scheme_is_named),
        cmocka_unit_test(flags_win_over_the_kubeconfig_as_kubectls_do),
        cmocka_unit_test(a_server_and_a_token_are_enough_without_a_kubeconfig),
        cmocka_unit_test(a_plugin_gets_the_terminal_by_its_interactive_mode),
        cmocka_unit_test(a_plugin_that_may_ask_reads_our_standard_input),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_config_merge", tests, make_folder, remove_folder);
}
