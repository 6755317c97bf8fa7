/* cli/connect.c -- see the header. No state. */
#include "cli/connect.h"

#include <string.h>
#include <unistd.h>

/* Then it is not a credential plugin's. */
static bool reads_stdin(const struct cli_options *o)
{
    for (const char *const *f = o->files; *f; f++)
        if (strcmp(*f, "-") == 0)
            return true;
    return false;
}

int connection_open(const struct cli_options *o, bool terminal, struct lp_stop *stop,
                    struct connection *ret, struct lp_error *err)
{
    struct lp_kube_config_source source = {
        .kubeconfig = o->kubeconfig,
        .kubeconfig_list = o->kubeconfig_list,
        .context = o->context,
        .service_host = o->service_host,
        .service_port = o->service_port,
        .flags = o->flags,
        .as = { .user = o->as, .uid = o->as_uid, .groups = o->as_groups },
        .https_proxy = o->https_proxy,
        .http_proxy = o->http_proxy,
        .no_proxy = o->no_proxy,
        .terminal = terminal && isatty(STDIN_FILENO) && !reads_stdin(o),
    };
    struct lp_kube_client_options options = { .user_agent = "kubectl-lp/" LP_VERSION,
                                              .stop = stop,
                                              .total_timeout_ms = o->request_timeout_ms };

    *ret = (struct connection){ 0 };
    int r = lp_kube_config_load(&source, &ret->config, err);
    if (r == 0)
        r = lp_kube_client_new(ret->config, &options, &ret->client, err);
    if (r == 0)
        ret->ns = o->ns ? o->ns : lp_kube_config_namespace(ret->config);
    return r;
}

void connection_done(struct connection *c)
{
    lp_kube_client_free(c->client);
    lp_kube_config_free(c->config);
    *c = (struct connection){ 0 };
}
