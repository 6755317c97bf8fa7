/* test/unit/test_cli_teaching.c -- what learners did, through a kubectl that is a script here and a
 * gateway that is a server of ours. */
#include "cli/dashboard/teaching.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/server/server.h"
#include "json/json.h"
#include "unit/check.h"

#define TOKEN "eyJhbGciOi.J9.c2Vj-_cmV0"

static struct {
    char folder[64], old_path[4096];
    struct lp_http_server *server;
    struct lp_stop *stop;
    int status;       /* that the gateway answers */
    const char *body; /* of it */
    char asked[512];  /* target and token */
} g;

static const struct cli_options options = { .kubeconfig = "/nowhere/config",
                                            .as = "ann",
                                            .as_groups = { "staff", NULL } };

static void answer(struct lp_http_exchange *x, void *user)
{
    const char *token = lp_http_header(x, "Authorization");
    (void)user;

    snprintf(g.asked, sizeof g.asked, "%s %s", lp_http_target(x), token ? token : "-");
    lp_http_reply(x, g.status, "application/json", g.body, strlen(g.body));
}

static void file_of(const char *name, char ret[128])
{
    snprintf(ret, 128, "%s/%s", g.folder, name);
}

/* The script writes its arguments and its process down, and goes on as `rest` says. */
static void kubectl(const char *rest)
{
    char path[128];

    file_of("kubectl", path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\necho \"$@\" >%s/words\necho $$ >%s/pid\n%s\n", g.folder, g.folder, rest);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

/* One that forwards to our server. */
static void kubectl_forwards(void)
{
    char rest[256];

    snprintf(rest, sizeof rest,
             "echo 'Forwarding from 127.0.0.1:%u -> 8080'\necho 'Handling connection'\n"
             "while :; do sleep 60; done",
             lp_http_server_port(g.server));
    kubectl(rest);
}

static void read_file(const char *name, char ret[512])
{
    char path[128];

    file_of(name, path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(ret, 512, f));
    fclose(f);
}

static int begin(void **state)
{
    const struct lp_http_server_options o = { .address = "127.0.0.1",
                                              .max_connections = 8,
                                              .header_timeout_s = 10,
                                              .name = "gateway",
                                              .handler = answer };
    char path[4352];
    struct lp_error err;
    (void)state;

    snprintf(g.folder, sizeof g.folder, "/tmp/test-teaching-XXXXXX");
    if (!mkdtemp(g.folder))
        return -1;
    snprintf(g.old_path, sizeof g.old_path, "%s", getenv("PATH") ? getenv("PATH") : "/bin");
    snprintf(path, sizeof path, "%s:%s", g.folder, g.old_path);
    setenv("PATH", path, 1);
    g.status = 200;
    g.body = "{\"activities\":3}";
    g.asked[0] = '\0';
    g.stop = lp_stop_new();
    return lp_http_server_start(&o, &g.server, &err);
}

static int end(void **state)
{
    static const char *const names[] = { "kubectl", "words", "pid" };
    char path[128];
    (void)state;

    lp_http_server_stop(g.server);
    lp_stop_free(g.stop);
    setenv("PATH", g.old_path, 1);
    for (size_t i = 0; i < LP_COUNT(names); i++) {
        file_of(names[i], path);
        unlink(path);
    }
    return rmdir(g.folder);
}

#define QUESTION(token_, days_)                                                          \
    "{\"namespace\":\"learning\",\"name\":\"english\",\"zone\":\"Asia/Jakarta\"," token_ \
    "\"days\":" days_ "}"
#define SOUND QUESTION("\"token\":\"" TOKEN "\",", "7")

static json_t *ask(void)
{
    json_t *o = NULL;

    ok(teaching_answer(SOUND, strlen(SOUND), &options, g.stop, &o, &err));
    return o;
}

static void the_gateway_is_asked_with_the_token_which_is_nobody_elses(void **state)
{
    char words[512], pid[512];
    (void)state;

    kubectl_forwards();
    json_auto_t *o = ask();
    assert_int_equal(lp_json_int(0, o, "analytics", "activities", NULL), 3);
    assert_non_null(strstr(g.asked, "/progress/api/progress/analytics?from=20"));
    assert_non_null(strstr(g.asked, "&zone=Asia%2FJakarta Bearer " TOKEN));
    read_file("words", words);
    assert_string_equal(
        words, "port-forward --address=127.0.0.1 --pod-running-timeout=10s --namespace=learning "
               "--kubeconfig=/nowhere/config --as=ann --as-group=staff "
               "service/english-gateway :http\n");
    read_file("pid", pid);
    assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), 0), -1); /* kubectl has ended */
}

static void what_the_gateway_refuses_is_told_in_words(void **state)
{
    static const struct {
        int status;
        const char *why;
    } cases[] = {
        { 401, "log in again" },        { 403, "for teachers and admins" },
        { 404, "older than they are" }, { 429, "try again later" },
        { 503, "does not answer now" }, { 500, "the gateway answered 500" },
    };
    (void)state;

    kubectl_forwards();
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        g.status = cases[i].status;
        json_auto_t *o = ask();
        assert_int_equal(lp_json_int(-1, o, "status", NULL), cases[i].status);
        assert_non_null(strstr(lp_json_str(o, "missing", NULL), cases[i].why));
    }
    g.status = 200;
    g.body = "{\"activities\":";
    json_auto_t *cut = ask();
    assert_non_null(lp_json_str(cut, "missing", NULL));
}

static void without_a_right_or_a_gateway_it_is_what_kubectl_says(void **state)
{
    (void)state;

    kubectl("echo >&2 'Error from server (NotFound): services \"english-gateway\" not found'\n"
            "exit 1");
    json_auto_t *o = ask();
    assert_int_equal(lp_json_int(-1, o, "status", NULL), 0);
    assert_string_equal(lp_json_str(o, "missing", NULL),
                        "kubectl port-forward: Error from server (NotFound): services "
                        "\"english-gateway\" not found");
    kubectl("exit 1");
    json_auto_t *silent = ask();
    assert_non_null(strstr(lp_json_str(silent, "missing", NULL), "ended without a word"));
    kubectl("yes 'a line that says nothing'");
    json_auto_t *chatty = ask();
    assert_non_null(strstr(lp_json_str(chatty, "missing", NULL), "printed over 16384 bytes"));
    setenv("PATH", "/nowhere", 1);
    json_auto_t *none = ask();
    assert_non_null(strstr(lp_json_str(none, "missing", NULL), "kubectl cannot be started"));
}

static void a_kubectl_that_never_listens_ends_with_the_dashboard(void **state)
{
    (void)state;

    kubectl("while :; do sleep 60; done");
    lp_stop_request(g.stop);
    json_auto_t *o = ask();
    assert_non_null(strstr(lp_json_str(o, "missing", NULL), "the dashboard ends"));
}

static void a_question_that_is_wrong_is_refused_before_anything_is_started(void **state)
{
    static const struct {
        const char *question, *field;
    } wrong[] = {
        { "{}", "days: must be 1 to 92" },
        { QUESTION("\"token\":\"a\",", "93"), "days: must be 1 to 92, is 93" },
        { QUESTION("", "7"), "token: " },
        { QUESTION("\"token\":\"a b\",", "7"), "token: " },
        { QUESTION("\"token\":\"a\\r\\nX-Y: z\",", "7"), "token: " },
        { "{\"namespace\":\"-n\",\"name\":\"a\",\"zone\":\"UTC\",\"token\":\"a\",\"days\":1}",
          "namespace: " },
        { "{\"namespace\":\"a\",\"name\":\"../b\",\"zone\":\"UTC\",\"token\":\"a\",\"days\":1}",
          "name: " },
        { "{\"namespace\":\"a\",\"name\":\"b\",\"zone\":\"U T\",\"token\":\"a\",\"days\":1}",
          "zone: " },
        { "no", "question" },
    };
    json_t *o = NULL;
    struct lp_error err;
    char path[128];
    (void)state;

    kubectl_forwards();
    for (size_t i = 0; i < LP_COUNT(wrong); i++) {
        assert_int_equal(teaching_answer(wrong[i].question, strlen(wrong[i].question), &options,
                                         g.stop, &o, &err),
                         LP_E_INVALID);
        assert_non_null(strstr(err.msg, wrong[i].field));
    }
    file_of("pid", path);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    lp_json_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_gateway_is_asked_with_the_token_which_is_nobody_elses,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_the_gateway_refuses_is_told_in_words, begin, end),
        cmocka_unit_test_setup_teardown(without_a_right_or_a_gateway_it_is_what_kubectl_says, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_kubectl_that_never_listens_ends_with_the_dashboard, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            a_question_that_is_wrong_is_refused_before_anything_is_started, begin, end),
    };
    return cmocka_run_group_tests_name("cli_teaching", tests, NULL, NULL);
}
