/* cli/main.c -- kubectl-lp, run as `kubectl lp`: connects, gathers, shows, once or until
 * interrupted. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stop.h"
#include "cli/export.h"
#include "cli/options.h"
#include "cli/status.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/config.h"

/* On a terminal each table covers the one before. */
static void show(const json_t *platforms, const struct cli_options *o)
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
            show(platforms, o);
    } while (o->watch && !lp_stop_wait(stop, o->interval_ms));
    return 0;
}

static int run_export(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                      struct lp_stop *stop, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(64 << 20);
    (void)stop; /* ends the requests */

    int r = export_platforms(client, o, ns, &out, err);
    if (r == 0)
        fwrite(out.ptr, 1, out.len, stdout);
    return r;
}

static int run_command(struct lp_kube_client *client, const struct cli_options *o, const char *ns,
                       struct lp_stop *stop, struct lp_error *err)
{
    if (strcmp(o->command, "export") == 0)
        return run_export(client, o, ns, stop, err);
    return run_status(client, o, ns, stop, err);
}

static int run(const struct cli_options *o, struct lp_stop *stop, struct lp_error *err)
{
    struct lp_kube_config_source source = { .kubeconfig = o->kubeconfig, .context = o->context };
    struct lp_kube_client_options options = { .user_agent = "kubectl-lp/" LP_VERSION,
                                              .stop = stop,
                                              .total_timeout_ms = 10000 };
    struct lp_kube_config *config = NULL;
    struct lp_kube_client *client = NULL;

    int r = lp_kube_config_load(&source, &config, err);
    if (r == 0)
        r = lp_kube_client_new(config, &options, &client, err);
    if (r == 0)
        r = run_command(client, o, o->ns ? o->ns : lp_kube_config_namespace(config), stop, err);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    return r == LP_E_CANCELED ? 0 : r;
}

int main(int argc, char **argv)
{
    struct cli_options options;
    struct lp_error err;

    int r = cli_options_parse(argc, argv, &options, &err);
    if (r == LP_E_CANCELED)
        return 0;
    if (r == 0) {
        lp_json_init();
        struct lp_stop *stop = lp_stop_new();
        r = lp_stop_on_signals(stop);
        if (r == 0)
            r = run(&options, stop, &err);
        else
            lp_error_set(&err, r, "cannot handle signals");
        lp_stop_free(stop);
    }
    if (r < 0)
        fprintf(stderr, "kubectl lp: %s\n", err.msg);
    return r < 0;
}
