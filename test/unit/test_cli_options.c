/* test/unit/test_cli_options.c -- the command line, and the table that is drawn. */
#include "unit/check.h"

#include <string.h>

#include "cli/options.h"
#include "cli/status.h"

static int parse(struct cli_options *o, struct lp_error *err, int argc, const char *const *argv)
{
    char *copy[16] = { (char *)"kubectl-lp" };
    for (int i = 0; i < argc; i++)
        copy[i + 1] = (char *)argv[i];
    return cli_options_parse(argc + 1, copy, o, err);
}

#define PARSE(o, err, ...)                                                   \
    parse((o), (err), (int)LP_COUNT(((const char *const[]){ __VA_ARGS__ })), \
          (const char *const[]){ __VA_ARGS__ })

static void options_are_read_in_any_order_and_both_forms(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(PARSE(&o, &err, "-n", "learning", "status", "--output=json", "english", "-w",
                           "--interval", "5", "--kubeconfig=/x"),
                     0);
    assert_string_equal(o.ns, "learning");
    assert_string_equal(o.name, "english");
    assert_int_equal(o.format, CLI_JSON);
    assert_true(o.watch);
    assert_int_equal(o.interval_ms, 5000);
    assert_string_equal(o.kubeconfig, "/x");
}

static void kubectls_connection_flags_and_glued_values_are_taken(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(PARSE(&o, &err, "status", "-nprod", "-ojson", "-s=https://a:1", "--token=t=1",
                           "--insecure-skip-tls-verify", "--user", "u", "--cluster=c",
                           "--client-key", "k", "--request-timeout=2m"),
                     0);
    assert_string_equal(o.ns, "prod");
    assert_int_equal(o.format, CLI_JSON);
    assert_string_equal(o.flags.server, "https://a:1");
    assert_string_equal(o.flags.token, "t=1");
    assert_true(o.flags.insecure_skip_tls_verify);
    assert_string_equal(o.flags.user, "u");
    assert_string_equal(o.flags.cluster, "c");
    assert_string_equal(o.flags.client_key, "k");
    assert_int_equal(o.request_timeout_ms, 120000);
    assert_int_equal(PARSE(&o, &err, "status"), 0);
    assert_int_equal(o.request_timeout_ms, 10000);
    assert_int_equal(PARSE(&o, &err, "status", "--request-timeout", "0"), 0);
    assert_int_equal(o.request_timeout_ms, 3600000);
    assert_int_equal(PARSE(&o, &err, "status", "--request-timeout", "2d"), LP_E_INVALID);
    assert_string_equal(err.msg, "--request-timeout: must be 0..3600 seconds as 30, 30s, 2m or 1h, "
                                 "is \"2d\"");
    assert_int_equal(PARSE(&o, &err, "status", "--request-timeout", "2h"), LP_E_INVALID);
}

static void a_wrong_option_is_named_with_what_is_allowed(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(PARSE(&o, &err, "status", "--interval", "0"), LP_E_INVALID);
    assert_string_equal(err.msg, "--interval: must be 1..60 seconds, is \"0\"");
    assert_int_equal(PARSE(&o, &err, "status", "-o", "xml"), LP_E_INVALID);
    assert_string_equal(
        err.msg, "-o: must be table, text, yaml, json, csv, svg, markdown or man, is \"xml\"");
    assert_int_equal(PARSE(&o, &err, "status", "--frob"), LP_E_INVALID);
    assert_string_equal(err.msg, "unknown option --frob: see --help");
    assert_int_equal(PARSE(&o, &err, "status", "-n"), LP_E_INVALID);
    assert_string_equal(err.msg, "-n needs a value");
    assert_int_equal(PARSE(&o, &err, "explode"), LP_E_INVALID);
    assert_string_equal(
        err.msg, "unknown command explode: the commands are: status, why, slo, dashboard, check, "
                 "diff, render, simulate, record, load, report, export, version, install, "
                 "completion, help; see --help");
    assert_int_equal(PARSE(&o, &err, "export", "-o", "table"), LP_E_INVALID);
    assert_string_equal(err.msg, "-o: export has no such form; see --help");
    assert_int_equal(PARSE(&o, &err, "status", "a", "b"), LP_E_INVALID);
    assert_int_equal(PARSE(&o, &err, "render"), LP_E_INVALID);
    assert_string_equal(err.msg, "-f: render needs a file; see --help");
    assert_int_equal(PARSE(&o, &err, "why", "-f", "x"), LP_E_INVALID);
    assert_string_equal(err.msg, "-f: why takes no file; see --help");
    assert_int_equal(PARSE(&o, &err, "diff", "english", "-f", "x"), LP_E_INVALID);
    assert_string_equal(err.msg, "a name or -f, not both: \"english\"");
}

static void simulate_takes_numbers_and_files_of_its_own(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "a.yaml", "--service", "auth", "--trace=-"),
                     0);
    assert_int_equal(o.format, CLI_TEXT);
    assert_int_equal(o.sync_ms, 15000);
    assert_int_equal(o.ready_after_ms, 30000);
    assert_int_equal(o.max_pod_hours, -1);
    assert_int_equal(o.max_over_target, -1);
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "a", "--service", "auth", "--trace", "-",
                           "--max-pod-hours", "1.25", "--ready-after=0", "--compare", "b"),
                     0);
    assert_int_equal(o.max_pod_hours, 1250);
    assert_int_equal(o.ready_after_ms, 0);
    assert_string_equal(o.compare, "b");
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "a", "--sync-period", "301"), LP_E_INVALID);
    assert_string_equal(err.msg, "--sync-period: must be 1..300 seconds, is \"301\"");
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "a", "--max-pod-hours", "1k"), LP_E_INVALID);
    assert_string_equal(err.msg, "--max-pod-hours: must be 0..1000000 hours, is \"1k\"");
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "a", "--service", "b"), LP_E_INVALID);
    assert_string_equal(err.msg, "simulate needs --trace; see --help");
    assert_int_equal(
        PARSE(&o, &err, "simulate", "-f", "a", "--trace", "b", "-o", "svg", "--compare", "c"),
        LP_E_INVALID);
    assert_string_equal(err.msg, "-o: csv and svg are of one file, not of --compare");
    assert_int_equal(PARSE(&o, &err, "why", "-o", "csv"), LP_E_INVALID);
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "a", "--trace", "b", "--start", "9:00"),
                     LP_E_INVALID);
    assert_string_equal(err.msg, "--start: must be a time as 2026-12-01T02:00:00Z (RFC 3339), is "
                                 "\"9:00\"");
    assert_int_equal(PARSE(&o, &err, "simulate", "-f", "-", "--service", "auth", "--trace", "-"),
                     LP_E_INVALID);
    assert_string_equal(err.msg, "-f, --trace and --compare: only one may be \"-\"");
}

static void load_takes_a_closed_or_an_open_model(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(PARSE(&o, &err, "load", "--url", "http://a"), 0);
    assert_int_equal(o.learners, 20000);
    assert_int_equal(o.pause_ms, 2000);
    assert_int_equal(o.duration_ms, 30000);
    assert_int_equal(o.arrival_rate, -1);
    assert_int_equal(PARSE(&o, &err, "load", "--url", "http://a", "--arrival-rate", "0.5",
                           "--fail-if", "p95>1s", "--fail-if=errors>1%", "--shape", "exam"),
                     0);
    assert_int_equal(o.learners, 1000000);
    assert_int_equal(o.arrival_rate, 500);
    assert_string_equal(o.fail_if[1], "errors>1%");
    assert_null(o.fail_if[2]);
    assert_string_equal(o.shape, "exam");
    assert_int_equal(PARSE(&o, &err, "load"), LP_E_INVALID);
    assert_string_equal(err.msg, "load needs --url; see --help");
    assert_int_equal(PARSE(&o, &err, "load", "--url", "http://a", "--arrival-rate", "0"),
                     LP_E_INVALID);
    assert_string_equal(err.msg, "--arrival-rate: must be 0.001..100000 rounds a second, is 0");
    assert_int_equal(
        PARSE(&o, &err, "load", "--url", "http://a", "--arrival-rate", "5", "--pause", "1"),
        LP_E_INVALID);
    assert_true(strncmp(err.msg, "--pause: rounds begin by --arrival-rate", 39) == 0);
    assert_int_equal(PARSE(&o, &err, "load", "--url", "http://a", "--learners", "1.5"),
                     LP_E_INVALID);
    assert_string_equal(err.msg, "--learners: must be a whole number, is 1.5");
    assert_int_equal(PARSE(&o, &err, "load", "--url", "http://a", "--seed", "0.1"), LP_E_INVALID);
    assert_string_equal(err.msg, "--seed: must be a whole number, is 0.1");
    assert_int_equal(PARSE(&o, &err, "load", "--url", "http://a", "--learners", "10001"),
                     LP_E_INVALID);
    assert_string_equal(err.msg, "--learners: must be 1..10000 learners, is \"10001\"");
}

static void record_takes_what_was_or_what_comes(void **state)
{
    struct cli_options o;
    struct lp_error err;
    (void)state;
    assert_int_equal(PARSE(&o, &err, "record", "english", "auth", "--looks", "--for", "10m"), 0);
    assert_string_equal(o.service, "auth");
    assert_int_equal(o.length_ms, 600000);
    assert_int_equal(o.sync_ms, 15000);
    assert_int_equal(PARSE(&o, &err, "record", "auth", "--looks"), 0);
    assert_null(o.name);
    assert_int_equal(o.length_ms, 86400000);
    assert_int_equal(PARSE(&o, &err, "record", "english", "--looks"), LP_E_INVALID);
    assert_string_equal(
        err.msg, "--looks: needs a service: gateway, auth, ai-feedback or progress, is \"\"");
    assert_int_equal(PARSE(&o, &err, "record", "english", "mail", "--looks"), LP_E_INVALID);
    assert_string_equal(
        err.msg, "--looks: needs a service: gateway, auth, ai-feedback or progress, is \"mail\"");
    assert_int_equal(PARSE(&o, &err, "record", "--for", "10m"), LP_E_INVALID);
    assert_string_equal(err.msg, "--for: needs --looks; see --help");
    assert_int_equal(PARSE(&o, &err, "record", "auth", "--looks", "--for", "25h"), LP_E_INVALID);
    assert_string_equal(err.msg, "--for: must be 1s..24h as 90s, 30m or 1h, is \"25h\"");
    assert_int_equal(PARSE(&o, &err, "record", "auth", "--looks", "--since", "1h"), LP_E_INVALID);
    assert_string_equal(err.msg, "--since: --looks records from now on; give one of the two");
}

static void what_another_command_takes_is_refused(void **state)
{
    static const char *const lines[][4] = {
        { "why", "--trace", "a", "--trace: why does not take it, only simulate; see --help" },
        { "diff", "--ready-after", "5",
          "--ready-after: diff does not take it, only simulate; see --help" },
        { "status", "--at", "2026-12-03T08:00:00Z",
          "--at: status does not take it, only render and why; see --help" },
        { "status", "--max-pod-hours", "5",
          "--max-pod-hours: status does not take it, only simulate; see --help" },
        { "export", "--interval", "5",
          "--interval: export does not take it, only status and dashboard; see --help" },
        { "why", "--fail-if", "p95>1s", "--fail-if: why does not take it, only load; see --help" },
        { "status", "--arrival-rate", "5",
          "--arrival-rate: status does not take it, only load; see --help" },
        { "why", "-w", NULL, "-w: why does not take it, only status; see --help" },
    };
    struct cli_options o;
    struct lp_error err;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(lines); i++) {
        int n = lines[i][2] ? 4 : 3;
        char *argv[] = { "lp", (char *)lines[i][0], (char *)lines[i][1], (char *)lines[i][2] };
        assert_int_equal(cli_options_parse(n, argv, &o, &err), LP_E_INVALID);
        assert_string_equal(err.msg, lines[i][3]);
    }
}

static void the_table_shows_a_dash_where_nothing_is_known(void **state)
{
    static const char text[] =
        "[{\"namespace\":\"learning\",\"name\":\"english\",\"phase\":\"Ready\",\"ready\":\"True\","
        "\"services\":[{\"name\":\"auth\",\"ready\":2,\"desired\":4,\"min\":1,\"max\":10,\"queue\":"
        "6.5,"
        "\"why\":\"2 to "
        "4\"},{\"name\":\"gateway\",\"ready\":1,\"desired\":1,\"min\":null,\"max\":null,"
        "\"queue\":null,\"why\":\"\"}]}]";
    json_auto_t *platforms = json_loads(text, 0, NULL);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    (void)state;
    assert_non_null(platforms);
    status_table(platforms, &out);
    assert_non_null(strstr(out.ptr, "learning/english  phase Ready  ready True\n"));
    assert_non_null(strstr(out.ptr, "  auth         2/4     1-10    6.5     2 to 4\n"));
    assert_non_null(strstr(out.ptr, "  gateway      1/1     -       -       \n"));
}

static void a_right_that_is_missing_is_named_below_its_service(void **state)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4000);
    json_auto_t *platforms =
        json_loads("[{\"namespace\": \"n\", \"name\": \"p\", \"phase\": \"Ready\", \"ready\": "
                   "\"True\", \"services\": [{\"name\": \"auth\", \"ready\": 1, \"desired\": 1, "
                   "\"why\": \"w\", \"denied\": [\"cannot get hpas\"]}]}]",
                   0, NULL);
    (void)state;
    status_table(platforms, &out);
    assert_non_null(strstr(out.ptr, "    not known: cannot get hpas\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_in_any_order_and_both_forms),
        cmocka_unit_test(kubectls_connection_flags_and_glued_values_are_taken),
        cmocka_unit_test(a_wrong_option_is_named_with_what_is_allowed),
        cmocka_unit_test(simulate_takes_numbers_and_files_of_its_own),
        cmocka_unit_test(load_takes_a_closed_or_an_open_model),
        cmocka_unit_test(record_takes_what_was_or_what_comes),
        cmocka_unit_test(what_another_command_takes_is_refused),
        cmocka_unit_test(the_table_shows_a_dash_where_nothing_is_known),
        cmocka_unit_test(a_right_that_is_missing_is_named_below_its_service),
    };
    return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
