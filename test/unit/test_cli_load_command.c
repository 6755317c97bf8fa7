/* test/unit/test_cli_load_command.c -- kubectl lp load from its command line to its summary. */
#include <curl/curl.h>
#include <stdlib.h>

#include "cli/load/load.h"
#include "unit/load_fixture.h"

/* The command as a whole, from its command line to its summary. */
static int command(void **state, struct lp_buf *out, json_t **ret_failures, struct lp_error *err,
                   int n, char *const *more)
{
    char url[64], *argv[24] = { "kubectl-lp", "load", "--url", url, "--progress", "0" };
    struct cli_options o;

    snprintf(url, sizeof url, "http://127.0.0.1:%u", lp_http_server_port(*state));
    for (int i = 0; i < n; i++)
        argv[6 + i] = more[i];
    int r = cli_options_parse(6 + n, argv, &o, err);
    return r < 0 ? r : load_command(&o, NULL, NULL, out, ret_failures, err);
}

#define COMMAND(out, failures, err, ...)                                                 \
    command(state, (out), (failures), (err), (int)LP_COUNT(((char *[]){ __VA_ARGS__ })), \
            (char *[]){ __VA_ARGS__ })

static void limits_that_are_not_kept_are_told_with_their_values(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL, *summary = NULL;
    struct lp_error err;

    setenv("LP_LOAD_EMAIL", "a@example.org", 1);
    setenv("LP_LOAD_PASSWORD", "secret", 1);
    assert_int_equal(COMMAND(&out, &failures, &err, "--duration", "1", "--learners", "3", "-o",
                             "json", "--fail-if", "speech2text:errors>1%", "--fail-if", "count<1",
                             "--fail-if", "health:p95<0.001ms"),
                     0);
    assert_int_equal(json_array_size(failures), 1);
    const char *sentence = json_string_value(json_array_get(failures, 0));
    assert_true(strncmp(sentence, "--fail-if \"speech2text:errors>1%\": it is ", 40) == 0);
    assert_int_equal(lp_json_parse(out.ptr, out.len, 1 << 20, "summary", &summary, &err), 0);
    const json_t *limits = json_object_get(summary, "limits");
    assert_int_equal(json_array_size(limits), 3);
    assert_true(lp_json_bool(false, json_array_get(limits, 0), "failed", NULL));
    assert_false(lp_json_bool(true, json_array_get(limits, 1), "failed", NULL));
    assert_true(lp_json_int(0, summary, "metrics", "http_reqs", "values", "count", NULL) >= 12);
}

static void the_table_is_for_people(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL;
    struct lp_error err;

    setenv("LP_LOAD_EMAIL", "a@example.org", 1);
    setenv("LP_LOAD_PASSWORD", "secret", 1);
    assert_int_equal(COMMAND(&out, &failures, &err, "--duration", "1", "--learners", "2",
                             "--arrival-rate", "20"),
                     0);
    assert_non_null(strstr(out.ptr, "  recommendation  "));
    assert_non_null(strstr(out.ptr, " rounds were completed, "));
    assert_non_null(strstr(out.ptr, " of speech2text failed: status 503\n"));
    assert_int_equal(json_array_size(failures), 0);
}

static void a_wrong_limit_shape_or_account_is_told_before_the_first_request(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    json_auto_t *failures = NULL;
    struct lp_error err;

    setenv("LP_LOAD_EMAIL", "a@example.org", 1);
    setenv("LP_LOAD_PASSWORD", "secret", 1);
    assert_int_equal(COMMAND(&out, &failures, &err, "--fail-if", "logn:p95>1s"), LP_E_INVALID);
    assert_string_equal(err.msg, "--fail-if: \"logn:p95>1s\": the route must be one of the "
                                 "scenario's: login, speech2text, recommendation, health");
    assert_int_equal(COMMAND(&out, &failures, &err, "--shape", "spike"), LP_E_INVALID);
    assert_string_equal(err.msg, "--shape: must be flat, ramp, steps or exam, is \"spike\"");
    unsetenv("LP_LOAD_PASSWORD");
    assert_int_equal(COMMAND(&out, &failures, &err, "--duration", "1"), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "LP_LOAD_PASSWORD"));
    assert_int_equal(atomic_load(&gateway.logins), 0);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(limits_that_are_not_kept_are_told_with_their_values, start,
                                        stop),
        cmocka_unit_test_setup_teardown(the_table_is_for_people, start, stop),
        cmocka_unit_test_setup_teardown(
            a_wrong_limit_shape_or_account_is_told_before_the_first_request, start, stop),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    lp_json_init();
    return cmocka_run_group_tests_name("cli_load_command", tests, NULL, NULL);
}
