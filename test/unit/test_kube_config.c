/* test/unit/test_kube_config.c -- kubeconfig files, in-cluster files and credential plugins, good
 * and broken. */
#include "kube/config.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "kube/auth.h"
#include "unit/check.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/lp-kube-config-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of the folder; the path is the caller's. */
static char *put_file(const char *name, const char *text)
{
    char *path = lp_sprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return path;
}

static int load(const char *text, const char *context, struct lp_kube_config **ret,
                struct lp_error *err)
{
    lp_auto_free char *path = put_file("config", text);
    struct lp_kube_config_source source = { .kubeconfig = path, .context = context };
    return lp_kube_config_load(&source, ret, err);
}

#define HEAD(user)                                                                  \
    "apiVersion: v1\nkind: Config\ncurrent-context: main\n"                         \
    "contexts:\n- {name: main, context: {cluster: c1, user: u, namespace: ns-1}}\n" \
    "- {name: other, context: {cluster: c2}}\n"                                     \
    "clusters:\n- {name: c1, cluster: {server: \"https://one:6443/\"}}\n"           \
    "- {name: c2, cluster: {server: \"http://two\"}}\n"                             \
    "users:\n- name: u\n  user: {" user "}\n"

static void the_current_or_the_chosen_context_counts(void **state)
{
    struct lp_kube_config *c = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(load(HEAD("token: t-1"), NULL, &c, &err), 0);
    assert_string_equal(c->server, "https://one:6443");
    assert_string_equal(c->token, "t-1");
    assert_string_equal(lp_kube_config_namespace(c), "ns-1");
    lp_kube_config_free(c);
    assert_int_equal(load(HEAD("token: t-1"), "other", &c, &err), 0);
    assert_string_equal(c->server, "http://two");
    assert_null(c->token);
    assert_string_equal(lp_kube_config_namespace(c), "default");
    lp_kube_config_free(c);
}

/* "-----BEGIN X-----" in base64 */
#define PEM_DATA "LS0tLS1CRUdJTiBYLS0tLS0="

static void certificates_come_as_data_or_from_files_beside(void **state)
{
    free(put_file("key.pem", "-----BEGIN KEY-----\n"));
    struct lp_kube_config *c = NULL;
    struct lp_error err = { .msg = "" };
    (void)state;
    int r =
        load(HEAD("client-certificate-data: " PEM_DATA ", client-key: key.pem"), NULL, &c, &err);
    if (r < 0)
        fail_msg("%s", err.msg);
    assert_string_equal(c->cert_pem, "-----BEGIN X-----");
    assert_string_equal(c->key_pem, "-----BEGIN KEY-----\n");
    lp_kube_config_free(c);
}

static void a_broken_file_is_named_with_its_field(void **state)
{
    static const struct {
        const char *text, *context, *message;
    } cases[] = {
        { "", NULL, "holds 0" },
        { "a: [", NULL, "YAML: line" },
        { "a: b", NULL, "current-context" },
        { HEAD("token: x"), "none", "contexts: there is no entry called \"none\"" },
        { "current-context: a\ncontexts: [{name: a, context: {cluster: z}}]", NULL,
          "clusters: there is no entry called \"z\"" },
        { "current-context: a\ncontexts: [{name: a, context: {cluster: z}}]\n"
          "clusters: [{name: z, cluster: {server: one}}]",
          NULL, "cluster.server: must be an http(s) URL, is \"one\"" },
        { HEAD("client-certificate-data: \"%%\", client-key-data: " PEM_DATA), NULL,
          "client-certificate-data: must be base64" },
        { HEAD("client-certificate-data: YWJj, client-key-data: " PEM_DATA), NULL,
          "client-certificate-data: must hold PEM" },
        { HEAD("client-certificate-data: " PEM_DATA), NULL, "must come together" },
        { HEAD("client-key: gone.pem"), NULL, "gone.pem: No such file" },
        { HEAD("tokenFile: gone"), NULL, "gone: No such file" },
        { HEAD("username: u, password: p"), NULL, "username and auth-provider" },
        { HEAD("exec: {command: x, apiVersion: v0}"), NULL, "user.exec.apiVersion" },
        { HEAD("exec: {apiVersion: client.authentication.k8s.io/v1}"), NULL, "user.exec.command" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_kube_config *c = NULL;
        struct lp_error err = { .msg = "no error" };
        int r = load(cases[i].text, cases[i].context, &c, &err);
        if (r == 0 || c || !strstr(err.msg, cases[i].message) || !strstr(err.msg, "/config"))
            fail_msg("case %zu: %d: %s", i, r, err.msg);
    }
}

static void a_missing_file_is_not_found(void **state)
{
    struct lp_kube_config_source source = { .kubeconfig = "/nonexistent/config" };
    struct lp_kube_config *c = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_kube_config_load(&source, &c, &err), LP_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/nonexistent/config"));
}

static void a_pod_has_its_files(void **state)
{
    free(put_file("ca.crt", "-----BEGIN CERTIFICATE-----\n"));
    free(put_file("token", "t-1\n"));
    free(put_file("namespace", "home"));
    struct lp_kube_config_source source = { .in_cluster_root = folder,
                                            .service_host = "fd00::1",
                                            .service_port = "443" };
    struct lp_kube_config *c = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_kube_config_load(&source, &c, &err), 0);
    assert_string_equal(c->server, "https://[fd00::1]:443");
    assert_string_equal(c->token, "t-1");
    assert_string_equal(lp_kube_config_namespace(c), "home");
    lp_kube_config_free(c);
    source.service_host = NULL;
    assert_int_equal(lp_kube_config_load(&source, &c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "KUBERNETES_SERVICE_HOST"));
}

/* ---- renewal ---- */

struct setup {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_kube_client *client;
};

static void begin(struct setup *s, const struct fake_answer *script, const char *user)
{
    struct lp_kube_client_options options = { 0 };
    struct lp_error err = { .msg = "" };
    s->fake = fake_kube_start(script);
    lp_auto_free char *text = lp_sprintf("current-context: m\n"
                                         "contexts: [{name: m, context: {cluster: c, user: u}}]\n"
                                         "clusters: [{name: c, cluster: {server: \"%s\"}}]\n"
                                         "users:\n- name: u\n  user: {%s}\n",
                                         fake_kube_url(s->fake), user);
    if (load(text, NULL, &s->config, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(lp_kube_client_new(s->config, &options, &s->client, &err), 0);
}

static void end(struct setup *s)
{
    lp_kube_client_free(s->client);
    lp_kube_config_free(s->config);
    fake_kube_stop(s->fake);
}

static int ask(struct setup *s, struct lp_error *err)
{
    return lp_kube_raw(s->client, "/version", NULL, err);
}

static void assert_requests(struct setup *s, const char *want)
{
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(65536);
    fake_kube_requests(s->fake, &seen);
    assert_string_equal(seen.ptr, want);
}

static void a_refused_token_is_read_again_once(void **state)
{
    static const struct fake_answer script[] = { { .status = 401, .times = 3 },
                                                 { .status = 200 },
                                                 FAKE_END };
    lp_auto_free char *token = put_file("token", "old\n");
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, "tokenFile: token");
    free(put_file("token", "new\n"));
    assert_int_equal(ask(&s, &err), LP_E_DENIED); /* 401 with the old one, 401 with the new one */
    assert_int_equal(unlink(token), 0);           /* what cannot be read stays as it is */
    assert_int_equal(ask(&s, &err), 0);
    assert_requests(&s, "GET /version Bearer old\nGET /version Bearer new\n"
                        "GET /version Bearer new\nGET /version Bearer new\n");
    end(&s);
}

static void a_token_file_is_read_again_after_a_minute(void **state)
{
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    free(put_file("token", "old\n"));
    struct lp_error err;
    struct setup s;
    (void)state;
    begin(&s, script, "tokenFile: token");
    free(put_file("token", "new\n"));
    s.config->read_ms = lp_clock_ms() - 50000;
    assert_int_equal(ask(&s, &err), 0);
    s.config->read_ms = lp_clock_ms() - 60000;
    assert_int_equal(ask(&s, &err), 0);
    assert_requests(&s, "GET /version Bearer old\nGET /version Bearer new\n");
    end(&s);
}

static void put_plugin(const char *text)
{
    lp_auto_free char *path = put_file("plugin", text);
    assert_int_equal(chmod(path, 0700), 0);
}

#define EXEC "exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1, "
#define CREDENTIAL                                                 \
    "{\\\"apiVersion\\\":\\\"client.authentication.k8s.io/v1\\\"," \
    "\\\"kind\\\":\\\"ExecCredential\\\",\\\"status\\\":{"

static void a_plugin_gives_the_token_and_is_asked_again_when_it_expires(void **state)
{
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    struct lp_error err = { .msg = "" };
    struct setup s;
    (void)state;
    put_plugin("#!/bin/sh\ncd \"${0%/*}\"\necho run >>runs\n"
               "echo \"$KUBERNETES_EXEC_INFO\" >info\n"
               "echo \"" CREDENTIAL "\\\"token\\\":\\\"$1-$EXTRA-$(wc -l <runs)\\\","
               "\\\"expirationTimestamp\\\":\\\"2100-01-01T00:00:00Z\\\"}}\"\n");
    begin(&s, script,
          EXEC "args: [arg], env: [{name: EXTRA, value: x}], provideClusterInfo: true}");
    if (ask(&s, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(ask(&s, &err), 0);
    s.config->expires_wall_ms = lp_clock_wall_ms() + 5000; /* within the margin */
    assert_int_equal(ask(&s, &err), 0);
    assert_requests(&s, "GET /version Bearer arg-x-1\nGET /version Bearer arg-x-1\n"
                        "GET /version Bearer arg-x-2\n");
    lp_auto_free char *path = lp_sprintf("%s/info", folder);
    lp_auto_free char *info = NULL;
    assert_int_equal(lp_file_read(path, "info", &info, &err), 0);
    assert_non_null(strstr(info, "\"kind\":\"ExecCredential\""));
    assert_non_null(strstr(info, fake_kube_url(s.fake)));
    end(&s);
}

static void *get_credentials(void *user)
{
    lp_auto_kube_credentials struct lp_kube_credentials got = { .token = NULL };
    ok(lp_kube_auth_get(user, NULL, NULL, &got, &err));
    assert_string_equal(got.token, "second");
    return NULL;
}

/* The plugin tells by one FIFO that it runs, and ends when something comes through the other. */
static void a_slow_plugin_keeps_only_the_thread_that_asks_it(void **state)
{
    lp_auto_kube_credentials struct lp_kube_credentials got = { .token = NULL };
    lp_auto_free char *runs = lp_sprintf("%s/runs", folder);
    lp_auto_free char *ends = lp_sprintf("%s/ends", folder);
    struct lp_kube_config *c = NULL;
    pthread_t renews;
    char byte = 'x';
    (void)state;
    assert_int_equal(mkfifo(runs, 0600) | mkfifo(ends, 0600), 0);
    put_plugin("#!/bin/sh\necho \"" CREDENTIAL "\\\"token\\\":\\\"first\\\","
               "\\\"expirationTimestamp\\\":\\\"2100-01-01T00:00:00Z\\\"}}\"\n");
    ok(load(HEAD(EXEC "}"), NULL, &c, &err));
    ok(lp_kube_auth_get(c, NULL, NULL, &got, &err));
    put_plugin("#!/bin/sh\ncd \"${0%/*}\"\necho x >runs\nread x <ends\n"
               "echo \"" CREDENTIAL "\\\"token\\\":\\\"second\\\"}}\"\n");
    c->expires_wall_ms = lp_clock_wall_ms() + 9000; /* to be renewed, and still good */
    assert_int_equal(pthread_create(&renews, NULL, get_credentials, c), 0);
    lp_auto_fd int from = open(runs, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(from, &byte, 1), 1);

    lp_kube_credentials_done(&got);
    ok(lp_kube_auth_get(c, NULL, NULL, &got, &err)); /* waited for the plugin before */
    assert_string_equal(got.token, "first");
    lp_auto_fd int to = open(ends, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(to, "x\n", 2), 2);
    pthread_join(renews, NULL);
    lp_kube_config_free(c);
}

static void a_plugin_that_fails_later_leaves_the_old_token(void **state)
{
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    struct lp_error err;
    struct setup s;
    (void)state;
    put_plugin("#!/bin/sh\necho \"" CREDENTIAL "\\\"token\\\":\\\"t\\\"}}\"\n");
    begin(&s, script, EXEC "}");
    assert_int_equal(ask(&s, &err), 0);
    put_plugin("#!/bin/sh\nexit 3\n");
    s.config->expires_wall_ms = 1;
    assert_int_equal(ask(&s, &err), 0);
    assert_requests(&s, "GET /version Bearer t\nGET /version Bearer t\n");
    end(&s);
}

static void a_broken_plugin_is_named_with_what_to_do(void **state)
{
    static const struct {
        const char *plugin, *message;
    } cases[] = {
        { "#!/bin/sh\nexit 3\n", "ended with status 3" },
        { "#!/bin/sh\nkill -9 $$\n", "ended by signal 9" },
        { "#!/bin/sh\necho secret\n", "printed no JSON" },
        { "#!/bin/sh\necho '{}'\n", "apiVersion: must be client.authentication.k8s.io/v1" },
        { "#!/bin/sh\necho \"" CREDENTIAL "}}\"\n", "neither token nor client certificate" },
        { "#!/bin/sh\necho \"" CREDENTIAL
          "\\\"token\\\":\\\"t\\\",\\\"expirationTimestamp\\\":\\\"soon\\\"}}\"\n",
          "expirationTimestamp" },
        { "#!/bin/sh\nwhile :; do echo 0123456789012345678901234567890123456789; done\n",
          "printed over" },
        { "#!/nonexistent/sh\n", "No such file" },
    };
    static const struct fake_answer script[] = { { .status = 200 }, FAKE_END };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err = { .msg = "" };
        struct setup s;
        put_plugin(cases[i].plugin);
        begin(&s, script, EXEC "installHint: install it so}");
        int r = ask(&s, &err);
        if (r != LP_E_DENIED || !strstr(err.msg, cases[i].message) ||
            !strstr(err.msg, "install it so") || !strstr(err.msg, "/plugin") ||
            strstr(err.msg, "secret"))
            fail_msg("case %zu: %d: %s", i, r, err.msg);
        assert_requests(&s, "");
        end(&s);
    }
}

static void a_stop_ends_a_plugin_that_hangs(void **state)
{
    static char command[] = "sleep", seconds[] = "600", version[] = "v";
    char *argv[] = { command, seconds, NULL };
    struct lp_kube_exec exec = { .api_version = version, .argv = argv };
    struct lp_kube_exec_result got;
    struct lp_stop *stop = lp_stop_new();
    struct lp_error err;
    (void)state;
    lp_stop_request(stop);
    assert_int_equal(lp_kube_exec_run(&exec, NULL, stop, &got, &err), LP_E_CANCELED);
    lp_stop_free(stop);
}

struct fifo {
    char path[64];
    struct lp_stop *stop;
};

static void *stop_when_told(void *user)
{
    struct fifo *f = user;
    char line[2];
    int fd = open(f->path, O_RDONLY); /* until the plugin opens it to write */
    /* To its end: what the plugin writes to a FIFO that nobody reads ends it by SIGPIPE. */
    bool heard = fd >= 0 && read(fd, line, sizeof line) == 1 && read(fd, line, 1) == 0;
    if (fd >= 0)
        close(fd);
    lp_stop_request(f->stop);
    return heard ? user : NULL;
}

static void a_stop_ends_a_plugin_that_lives_on_without_its_output(void **state)
{
    struct fifo f = { .stop = lp_stop_new() };
    static char command[] = "sh", option[] = "-c", version[] = "v";
    static char script[] = "exec >&-; echo > \"$0/told\"; exec sleep 600";
    struct lp_kube_exec_result got;
    struct lp_error err;
    pthread_t teller;
    (void)state;
    snprintf(f.path, sizeof f.path, "%.40s/told", folder);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    assert_int_equal(pthread_create(&teller, NULL, stop_when_told, &f), 0);
    char *argv[] = { command, option, script, folder, NULL };
    struct lp_kube_exec exec = { .api_version = version, .argv = argv };
    assert_int_equal(lp_kube_exec_run(&exec, NULL, f.stop, &got, &err), LP_E_CANCELED);
    void *heard = NULL;
    pthread_join(teller, &heard);
    assert_non_null(heard);
    lp_stop_free(f.stop);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(the_current_or_the_chosen_context_counts),
        in_folder(certificates_come_as_data_or_from_files_beside),
        in_folder(a_broken_file_is_named_with_its_field),
        cmocka_unit_test(a_missing_file_is_not_found),
        in_folder(a_pod_has_its_files),
        in_folder(a_refused_token_is_read_again_once),
        in_folder(a_token_file_is_read_again_after_a_minute),
        in_folder(a_plugin_gives_the_token_and_is_asked_again_when_it_expires),
        in_folder(a_slow_plugin_keeps_only_the_thread_that_asks_it),
        in_folder(a_plugin_that_fails_later_leaves_the_old_token),
        in_folder(a_broken_plugin_is_named_with_what_to_do),
        cmocka_unit_test(a_stop_ends_a_plugin_that_hangs),
        in_folder(a_stop_ends_a_plugin_that_lives_on_without_its_output),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("kube_config", tests, NULL, NULL);
}
