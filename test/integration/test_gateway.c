/* lp-gateway as a process: its configuration, its probes and metrics, and its end. Needs no other
 * program. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake/fake_upstream.h"
#include "fake/raw_http.h"
#include "integration/program.h"
#include "json/json.h"
#include "unit/check.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static char binary[300], log_path[300];

static void make_env(const char *url, char text[4][200], const char *env[9])
{
    const char *const names[] = { "AUTH_SERVICE_URL", "AI_SERVICE_URL", "PROGRESS_SERVICE_URL" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(text[i], sizeof text[i], "%s=%s", names[i], url);
        env[i] = text[i];
    }
    env[3] = "AUTH_JWT_SECRET=not-shown-anywhere";
    env[4] = "DRAIN_DELAY=0";
    env[5] = env[6] = env[7] = env[8] = NULL;
}

static void serves_says_so_and_ends_with_what_is_under_way(void **state)
{
    static const struct fake_script scripts[] = { { .match = "/held", .reply = OK, .held = true },
                                                  { .reply = OK },
                                                  FAKE_SCRIPT_END };
    static const char held[] = "GET /auth/held HTTP/1.1\r\nHost: g\r\n\r\n";
    struct fake_upstream *upstream = fake_upstream_start(scripts);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(65536);
    struct program p = { .pid = 0 };
    const char *env[9];
    char text[4][200];
    (void)state;

    make_env(fake_upstream_url(upstream), text, env);
    program_start(&p, binary, env, log_path);
    program_wait(&p, true);
    assert_int_equal(raw_request((uint16_t)p.port, "GET /auth/x HTTP/1.1\r\nHost: g\r\n\r\n", &out),
                     200);
    int fd = raw_connect((uint16_t)p.port, 0);
    raw_send(fd, held, strlen(held));
    fake_upstream_await_requests(upstream, 2);
    assert_true(program_metric(&p, "lp_requests_in_flight") == 1);
    assert_true(program_metric(&p, "lp_requests_waiting") == 0);
    assert_true(program_metric(&p, "lp_request_slots") == 32);
    assert_true(program_metric(
                    &p, "lp_requests_total{service=\"gateway\",route=\"auth\",code=\"200\"}") == 1);
    assert_true(program_metric(&p, "lp_build_info{program=\"lp-gateway\",version=\"" LP_VERSION
                                   "\"}") == 1);
    kill(p.pid, SIGTERM);
    fake_upstream_release(upstream);
    lp_buf_reset(&out);
    assert_true(raw_read_response(fd, false, &out));
    assert_int_equal(raw_status(&out), 200);
    close(fd);
    assert_int_equal(program_stop(&p), 0);
    fake_upstream_stop(upstream);
}

static void says_what_is_wrong_with_its_configuration(void **state)
{
    static const struct {
        const char *extra, *want;
    } cases[] = {
        { "DEFAULT_TIMEOUT=soon", "DEFAULT_TIMEOUT=\"soon\" is wrong: it must be a whole number" },
        { "UPSTREAM_CLIENT=netcat",
          "UPSTREAM_CLIENT=\"netcat\" is wrong: it must be one of native, curl" },
        { "EXTRA_SERVICES=/ai=http://x", "EXTRA_SERVICES: /ai is there twice" },
        { "CORS_ORIGIN=https://a,,https://b", "CORS_ORIGIN: must be *" },
        { "AUTH_JWT_SECRET=not-shown-anywhere,,b", "JWT secret 2 of the list is empty" },
    };
    const char *const argv[] = { binary, "--check-config", NULL };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        char text[4][200];
        const char *env[9];
        make_env("http://127.0.0.1:1", text, env);
        if (strncmp(cases[i].extra, "AUTH_JWT", 8) == 0)
            env[3] = cases[i].extra;
        else
            env[5] = cases[i].extra;
        unlink(log_path);
        assert_int_equal(program_run(argv, env, log_path), 2);
        lp_auto_free char *said = program_read_file(log_path);
        if (!strstr(said, cases[i].want))
            fail_msg("\"%s\" is not in: %s", cases[i].want, said);
        assert_null(strstr(said, "not-shown-anywhere"));
    }
}

static void takes_a_sound_configuration(void **state)
{
    const char *const argv[] = { binary, "--check-config", NULL };
    char text[4][200];
    const char *env[9];
    (void)state;

    make_env("http://auth.learning.svc:3000", text, env);
    assert_int_equal(program_run(argv, env, log_path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_says_so_and_ends_with_what_is_under_way),
        cmocka_unit_test(says_what_is_wrong_with_its_configuration),
        cmocka_unit_test(takes_a_sound_configuration),
    };
    const char *bin = getenv("LP_BIN");

    lp_json_init();
    snprintf(binary, sizeof binary, "%s/lp-gateway", bin ? bin : "build/dev/bin");
    snprintf(log_path, sizeof log_path, "%s/../test/gateway.log", bin ? bin : "build/dev/bin");
    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
