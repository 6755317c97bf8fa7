/* cli/main.c -- kubectl-lp, run as `kubectl lp`: connects, gathers, shows, once or until
 * interrupted. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/stop.h"
#include "cli/check/check.h"
#include "cli/command/command.h"
#include "cli/complete.h"
#include "cli/connect.h"
#include "cli/dashboard/dashboard.h"
#include "cli/diff.h"
#include "cli/export.h"
#include "cli/file.h"
#include "cli/install.h"
#include "cli/load/load.h"
#include "cli/looks/looks.h"
#include "cli/operators.h"
#include "cli/options.h"
#include "cli/record.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/simulate.h"
#include "cli/slo.h"
#include "cli/status.h"
#include "cli/why.h"
#include "base/clock.h"
#include "json/json.h"

/* On a terminal each table covers the one before. */
static void print_status(const json_t *platforms, const struct cli_options *o)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 22);

    if (o->format == CLI_JSON) {
        json_auto_t *line = lp_json_make("{s:I, s:O}", "timeMs", (json_int_t)lp_clock_wall_ms(),
                                         "platforms", platforms);
        lp_json_write(line, &out);
        lp_buf_char(&out, '\n');
    } else {
        if (o->watch && isatty(STDOUT_FILENO))
            lp_buf_str(&out, "\033[H\033[J");
        status_table(platforms, &out);
    }
    fwrite(out.ptr, 1, out.len, stdout);
    fflush(stdout);
}

static int run_status(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                      struct lp_stop *stop, struct lp_error *err)
{
    do {
        json_auto_t *platforms = NULL;
        int r = status_gather(client, o, ns, &platforms, err);
        if (r < 0 && (!o->watch || r == LP_E_CANCELED))
            return r;
        if (r < 0)
            fprintf(stderr, "kubectl lp: %s\n",
                    err->msg); /* a watch outlives a restart of the API server */
        else
            print_status(platforms, o);
    } while (o->watch && !lp_stop_wait(stop, o->interval_ms));
    return 0;
}

typedef int answer_fn(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                      struct lp_buf *out, struct lp_error *err);

/* A command with one answer and no status of its own. */
static int run_answer(answer_fn *answer, struct lp_kube_client *client, const struct cli_options *o,
                      const char *ns, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);

    int r = answer(client, o, ns, &out, err);
    if (r == 0)
        fwrite(out.ptr, 1, out.len, stdout);
    return r;
}

/* As kubectl diff: 0 nothing differs, 1 something does; more is an error. */
static int run_diff(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                    int *ret_status, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);
    int64_t changes = 0, errors = 0;

    int r = diff_platforms(client, o, ns, &out, &changes, &errors, err);
    if (r < 0)
        return r;
    fwrite(out.ptr, 1, out.len, stdout);
    *ret_status = errors > 0 ? 2 : changes > 0;
    return 0;
}

static int run_slo(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                   struct lp_stop *stop, int *ret_status, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);
    bool used_up = false;

    int r = slo_platforms(client, o, ns, stop, &out, &used_up, err);
    if (r < 0)
        return r;
    fwrite(out.ptr, 1, out.len, stdout);
    *ret_status = used_up;
    return 0;
}

static int run_check(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                     struct lp_stop *stop, int *ret_status, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);

    int r = check_cluster(client, o, ns, stop, &out, ret_status, err);
    if (r == 0)
        fwrite(out.ptr, 1, out.len, stdout);
    return r;
}

static int run_render(const struct cli_options *o, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);
    struct plan_images images;

    operators_images(NULL, o, &images);
    int r = render_file(o, &images, &out, err);
    if (r == 0)
        fwrite(out.ptr, 1, out.len, stdout);
    return r;
}

/* Says what is over a limit of the options: then the status is 1. */
static int tell(const struct lp_buf *out, const json_t *failures)
{
    const json_t *failure;
    size_t i;

    fwrite(out->ptr, 1, out->len, stdout);
    fflush(stdout);
    json_array_foreach(failures, i, failure)
        fprintf(stderr, "kubectl lp: %s\n", json_string_value(failure));
    return json_array_size(failures) > 0;
}

static int run_simulate(const struct cli_options *o, int *ret_status, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);
    json_auto_t *failures = NULL;
    struct plan_images images;

    operators_images(NULL, o, &images);
    int r = simulate_command(o, &images, &out, &failures, err);
    if (r == 0)
        *ret_status = tell(&out, failures);
    return r;
}

static int run_load(const struct cli_options *o, struct lp_stop *stop, int *ret_status,
                    struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20), text = LP_BUF_INIT(LP_LIMIT_CONFIG_BYTES);
    json_auto_t *failures = NULL;

    int r = o->scenario ? file_read(o->scenario, &text, err) : 0;
    if (r < 0)
        return lp_error_wrap(err, "--scenario");
    r = load_command(o, o->scenario ? &text : NULL, stop, &out, &failures, err);
    if (r == 0)
        *ret_status = tell(&out, failures);
    return r;
}

static int run_command(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                       struct lp_stop *stop, int *ret_status, struct lp_error *err)
{
    static const struct {
        const char *command;
        answer_fn *answer;
    } answers[] = { { "export", export_platforms },
                    { "why", why_platforms },
                    { "record", record_platform },
                    { "version", version_show },
                    { "report", report_platforms } };

    for (size_t i = 0; i < LP_COUNT(answers); i++)
        if (strcmp(o->command, answers[i].command) == 0)
            return run_answer(answers[i].answer, client, o, ns, err);
    if (strcmp(o->command, "slo") == 0)
        return run_slo(client, o, ns, stop, ret_status, err);
    if (strcmp(o->command, "check") == 0)
        return run_check(client, o, ns, stop, ret_status, err);
    if (strcmp(o->command, "diff") == 0)
        return run_diff(client, o, ns, ret_status, err);
    return run_status(client, o, ns, stop, err);
}

static int run_help(const struct cli_options *o, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    const struct cli_command *command = cli_command_find(o->name);

    if (o->name && !command)
        return lp_error_set(err, LP_E_INVALID, "help: there is no command %.64s; see --help",
                            o->name);
    cli_help(command, o->format, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    return 0;
}

static int run_install(const struct cli_options *o, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4 << 20);

    int r = install_write(o, &out, err);
    if (r == 0)
        fwrite(out.ptr, 1, out.len, stdout);
    return r;
}

static int run_offline(const struct cli_options *o, struct lp_stop *stop, int *ret_status,
                       struct lp_error *err)
{
    if (strcmp(o->command, "render") == 0)
        return run_render(o, err);
    if (strcmp(o->command, "simulate") == 0)
        return run_simulate(o, ret_status, err);
    if (strcmp(o->command, "load") == 0)
        return run_load(o, stop, ret_status, err);
    if (strcmp(o->command, "install") == 0)
        return run_install(o, err);
    if (strcmp(o->command, "help") == 0)
        return run_help(o, err);
    fputs(cli_completion_script(o->name), stdout); /* options.c took no other shell */
    return 0;
}

static int cli_run(const struct cli_options *o, struct lp_stop *stop, int *ret_status,
                   struct lp_error *err)
{
    struct connection c connection_auto = { 0 };

    if (cli_command_find(o->command)->offline)
        return run_offline(o, stop, ret_status, err);
    int r = connection_open(o, true, stop, &c, err);
    if (r == 0 && strcmp(o->command, "dashboard") == 0)
        r = dashboard_serve(&c, o, stop, err);
    else if (r == 0 && o->looks)
        r = looks_record(&c, o, stop, err);
    else if (r == 0)
        r = run_command(c.client, o, c.ns, stop, ret_status, err);
    return r == LP_E_CANCELED ? 0 : r;
}

/* For shells: never a message, and the status is 0. */
static int run_complete(int argc, char **argv)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    static char nothing[] = "";
    char *none[] = { nothing };

    lp_json_init();
    struct lp_stop *stop = lp_stop_new();
    complete_words(argc > 0 ? argc : 1, argc > 0 ? argv : none, stop, &out);
    lp_stop_free(stop);
    fwrite(out.ptr, 1, out.len, stdout);
    return 0;
}

/* 1 means something else to some. */
static int error_status(const char *name)
{
    const struct cli_command *command = cli_command_find(name);
    return command && command->one_is_an_answer ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct cli_options options;
    struct lp_error err;
    int status = 0;

    if (argc > 1 && strcmp(argv[1], "__complete") == 0)
        return run_complete(argc - 2, argv + 2);
    int r = cli_options_parse(argc, argv, &options, &err);
    if (r == LP_E_CANCELED)
        return 0;
    if (r == 0) {
        lp_json_init();
        struct lp_stop *stop = lp_stop_new(); /* the signals' thread uses it until the end */
        r = lp_stop_on_signals(stop);
        if (r == 0)
            r = cli_run(&options, stop, &status, &err);
        else
            lp_error_set(&err, r, "cannot handle signals");
    }
    if (r == 0)
        return status;
    fprintf(stderr, "kubectl lp: %s\n", err.msg);
    return error_status(options.command);
}
