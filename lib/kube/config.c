/* lib/kube/config.c -- reads a kubeconfig (kubeconfig.v1) or the files of a pod's service account
 * once; what changes later is auth.c's. Data given in place wins over the file of the same name, as
 * in kubectl. */
#include "kube/config.h"

#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/auth.h"
#include "kube/config_merge.h"
#include "kube/impersonate.h"

#define IN_CLUSTER_ROOT "/var/run/secrets/kubernetes.io/serviceaccount"

static void free_list(char **list)
{
    for (char **at = list; at && *at; at++)
        free(*at);
    free(list);
}

static void free_exec(struct lp_kube_exec *e)
{
    if (!e)
        return;
    free(e->api_version);
    free(e->install_hint);
    free_list(e->argv);
    free_list(e->env);
    free(e);
}

void lp_kube_config_free(struct lp_kube_config *c)
{
    if (!c)
        return;
    char *strings[] = { c->path,     c->server,    c->tls_server_name, c->proxy,      c->ns,
                        c->ca_file,  c->cert_file, c->key_file,        c->token_file, c->ca_pem,
                        c->cert_pem, c->key_pem,   c->token,           c->no_proxy };
    for (size_t i = 0; i < LP_COUNT(strings); i++)
        free(strings[i]);
    free_list(c->impersonate);
    free_exec(c->exec);
    lp_http_share_free(c->share);
    pthread_cond_destroy(&c->renewed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

const char *lp_kube_config_namespace(const struct lp_kube_config *c)
{
    return c->ns && *c->ns ? c->ns : "default";
}

/* ---- parts of a kubeconfig ---- */

/* The object under `key` of the entry of `list` that is called `name`. */
static int find_named(const json_t *doc, const char *list, const char *key, const char *name,
                      const json_t **ret, struct lp_error *err)
{
    size_t i;
    json_t *entry;

    json_array_foreach(json_object_get(doc, list), i, entry)
    {
        const char *its = lp_json_str(entry, "name", NULL);
        const json_t *object = json_object_get(entry, key);
        if (its && strcmp(its, name) == 0 && json_is_object(object)) {
            *ret = object;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_INVALID, "%s: there is no entry called \"%s\"", list, name);
}

static int decode_pem(const char *text, const char *field, char **ret_pem, struct lp_error *err)
{
    lp_auto_free char *pem = lp_base64_text(text);

    if (!pem)
        return lp_error_set(err, LP_E_INVALID, "%s: must be base64", field);
    if (!strstr(pem, "-----BEGIN "))
        return lp_error_set(err, LP_E_INVALID, "%s: must hold PEM", field);
    *ret_pem = lp_take(pem);
    return 0;
}

/* `<field>-data`, else the file in `<field>`; neither leaves NULL. */
static int read_pem(const json_t *from, const char *field, char **ret_file, char **ret_pem,
                    struct lp_error *err)
{
    lp_auto_free char *data_field = lp_sprintf("%s-data", field);
    const char *data = json_string_value(json_object_get(from, data_field));
    char *path;

    if (data && *data)
        return decode_pem(data, data_field, ret_pem, err);
    path = lp_strdup(json_string_value(json_object_get(from, field)));
    if (!path || !*path) {
        free(path);
        return 0;
    }
    *ret_file = path;
    return lp_file_read(path, field, ret_pem, err);
}

static int read_cluster(struct lp_kube_config *c, const json_t *cluster, struct lp_error *err)
{
    const char *server = lp_json_str(cluster, "server", NULL);

    if (!server || (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0))
        return lp_error_set(err, LP_E_INVALID, "cluster.server: must be an http(s) URL, is \"%s\"",
                            server ? server : "");
    c->server = lp_strdup(server);
    for (size_t n = strlen(server); n > 0 && server[n - 1] == '/'; n--)
        c->server[n - 1] = '\0';
    c->insecure = lp_json_bool(false, cluster, "insecure-skip-tls-verify", NULL);
    c->tls_server_name = lp_strdup(lp_json_str(cluster, "tls-server-name", NULL));
    c->proxy = lp_strdup(lp_json_str(cluster, "proxy-url", NULL));
    return read_pem(cluster, "certificate-authority", &c->ca_file, &c->ca_pem, err);
}

/* Strings of a JSON array as a list that ends with NULL; `first` goes before them where not NULL.
 */
static char **string_list(char *first, const json_t *array)
{
    char **list = lp_calloc(json_array_size(array) + 2, sizeof(char *));
    size_t i, n = 0;
    json_t *item;

    if (first)
        list[n++] = first;
    json_array_foreach(array, i, item)
    {
        if (json_is_string(item))
            list[n++] = lp_strdup(json_string_value(item));
    }
    return list;
}

static char **environment_list(const json_t *array)
{
    char **list = lp_calloc(json_array_size(array) + 1, sizeof(char *));
    size_t i, n = 0;
    json_t *item;

    json_array_foreach(array, i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        const char *value = lp_json_str(item, "value", NULL);
        if (name && value)
            list[n++] = lp_sprintf("%s=%s", name, value);
    }
    return list;
}

/* Whether the plugin gets the terminal, by interactiveMode (v1: required; v1beta1: IfAvailable
 * where it is absent). */
static int read_mode(struct lp_kube_config *c, const json_t *exec, bool terminal,
                     struct lp_error *err)
{
    const char *mode = lp_json_str(exec, "interactiveMode", NULL);

    if (!mode || !*mode)
        mode = "IfAvailable";
    if (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0 &&
        strcmp(mode, "Always") != 0)
        return lp_error_set(err, LP_E_INVALID,
                            "user.exec.interactiveMode: must be Never, IfAvailable or Always, is "
                            "\"%.64s\"",
                            mode);
    if (strcmp(mode, "Always") == 0 && !terminal)
        return lp_error_set(err, LP_E_INVALID,
                            "user.exec.interactiveMode: is Always, and standard input is no "
                            "terminal");
    c->exec->interactive = terminal && strcmp(mode, "Never") != 0;
    return 0;
}

static int read_exec(struct lp_kube_config *c, const json_t *exec, bool terminal,
                     struct lp_error *err)
{
    const char *version = lp_json_str(exec, "apiVersion", NULL);
    const char *command = lp_json_str(exec, "command", NULL);

    if (!version || (strcmp(version, "client.authentication.k8s.io/v1") != 0 &&
                     strcmp(version, "client.authentication.k8s.io/v1beta1") != 0))
        return lp_error_set(err, LP_E_INVALID,
                            "user.exec.apiVersion: must be client.authentication.k8s.io/v1 or "
                            "v1beta1, is \"%s\"",
                            version ? version : "");
    if (!command || !*command)
        return lp_error_set(err, LP_E_INVALID, "user.exec.command: must name a program");
    c->exec = lp_alloc(sizeof *c->exec);
    c->exec->api_version = lp_strdup(version);
    c->exec->argv = string_list(lp_strdup(command), json_object_get(exec, "args"));
    c->exec->env = environment_list(json_object_get(exec, "env"));
    c->exec->install_hint = lp_strdup(lp_json_str(exec, "installHint", NULL));
    c->exec->cluster_info = lp_json_bool(false, exec, "provideClusterInfo", NULL);
    return read_mode(c, exec, terminal, err);
}

static int read_token_file(struct lp_kube_config *c, struct lp_error *err)
{
    lp_auto_free char *token = NULL;
    int r = lp_file_read(c->token_file, "token", &token, err);

    if (r < 0)
        return r;
    token[strcspn(token, "\r\n")] = '\0';
    if (!*token || strlen(token) > LP_LIMIT_TOKEN_BYTES)
        return lp_error_set(err, LP_E_INVALID, "%s: must hold a token of 1..%d bytes",
                            c->token_file, LP_LIMIT_TOKEN_BYTES);
    free(c->token);
    c->token = lp_take(token);
    return 0;
}

static int read_user(struct lp_kube_config *c, const json_t *user, bool terminal,
                     struct lp_error *err)
{
    const json_t *exec = json_object_get(user, "exec");
    int r = read_pem(user, "client-certificate", &c->cert_file, &c->cert_pem, err);

    if (r == 0)
        r = read_pem(user, "client-key", &c->key_file, &c->key_pem, err);
    if (r < 0)
        return r;
    if (!c->cert_pem != !c->key_pem)
        return lp_error_set(err, LP_E_INVALID,
                            "user: client-certificate and client-key must come together");
    if (json_object_get(user, "username") || json_object_get(user, "auth-provider"))
        return lp_error_set(err, LP_E_INVALID,
                            "user: username and auth-provider are no longer "
                            "served by Kubernetes; use a client certificate, "
                            "token or exec");
    c->token = lp_strdup(lp_json_str(user, "token", NULL));
    c->token_file = lp_strdup(lp_json_str(user, "tokenFile", NULL));
    if (c->token_file && (r = read_token_file(c, err)) < 0)
        return r;
    return json_is_object(exec) && !c->token ? read_exec(c, exec, terminal, err) : 0;
}

/* The cluster by this name, with the flags over it; none by name is empty where the flags say
 * enough. */
static int choose_cluster(struct lp_kube_config *c, const struct lp_kube_config_source *source,
                          const json_t *doc, const char *name, struct lp_error *err)
{
    const json_t *cluster = NULL;

    if (source->flags.cluster)
        name = source->flags.cluster;
    if (name || !source->flags.server) {
        int r = find_named(doc, "clusters", "cluster", name ? name : "", &cluster, err);
        if (r < 0)
            return r;
    }
    json_auto_t *chosen = lp_kube_flags_cluster(&source->flags, cluster);
    return read_cluster(c, chosen, err);
}

static int choose_user(struct lp_kube_config *c, const struct lp_kube_config_source *source,
                       const json_t *doc, const char *name, struct lp_error *err)
{
    const json_t *user = NULL;

    if (source->flags.user)
        name = source->flags.user;
    if (name && *name) {
        int r = find_named(doc, "users", "user", name, &user, err);
        if (r < 0)
            return r;
    }
    json_auto_t *chosen = lp_kube_flags_user(&source->flags, user);
    int r = read_user(c, chosen, source->terminal, err);
    return r < 0 ? r : lp_kube_impersonate(&source->as, chosen, &c->impersonate, err);
}

static int read_context(struct lp_kube_config *c, const struct lp_kube_config_source *source,
                        const json_t *doc, struct lp_error *err)
{
    const json_t *context = NULL;
    const char *name = source->context;

    if (!name)
        name = lp_json_str(doc, "current-context", NULL);
    if (name && *name) {
        int r = find_named(doc, "contexts", "context", name, &context, err);
        if (r < 0)
            return r;
    } else if (!lp_kube_flags_name_cluster(&source->flags)) {
        return lp_error_set(err, LP_E_INVALID,
                            "current-context: is not set; set it or choose a context");
    }
    c->ns = lp_strdup(lp_json_str(context, "namespace", NULL));
    int r = choose_cluster(c, source, doc, lp_json_str(context, "cluster", NULL), err);
    return r < 0 ? r : choose_user(c, source, doc, lp_json_str(context, "user", NULL), err);
}

/* By kubectl: proxy-url of the cluster, else the environment's, which has exceptions. */
static int choose_proxy(struct lp_kube_config *c, const struct lp_kube_config_source *source,
                        struct lp_error *err)
{
    static const char *const schemes[] = { "http://", "https://", "socks5://", "socks5h://" };
    bool tls = strncmp(c->server, "https", 5) == 0, known = false;
    const char *from_environment = tls ? source->https_proxy : source->http_proxy;

    if (c->proxy && *c->proxy) {
        for (size_t i = 0; i < LP_COUNT(schemes); i++)
            known = known || strncmp(c->proxy, schemes[i], strlen(schemes[i])) == 0;
        if (!known)
            return lp_error_set(err, LP_E_INVALID,
                                "cluster.proxy-url: must begin with http://, https:// or "
                                "socks5://, is \"%.100s\"",
                                c->proxy);
    } else if (from_environment && *from_environment) {
        free(c->proxy);
        c->proxy = lp_strdup(from_environment);
        c->no_proxy = lp_sprintf("localhost,127.0.0.0/8,[::1]%s%s",
                                 source->no_proxy && *source->no_proxy ? "," : "",
                                 source->no_proxy ? source->no_proxy : "");
    }
    if (c->proxy && strncmp(c->proxy, "socks5://", 9) == 0) { /* the proxy resolves, as in Go */
        char *remote = lp_sprintf("socks5h://%s", c->proxy + 9);
        free(c->proxy);
        c->proxy = remote;
    }
    return 0;
}

static int load_config(struct lp_kube_config *c, const struct lp_kube_config_source *source,
                       const json_t *config, struct lp_error *err)
{
    int r = read_context(c, source, config, err);

    if (r == 0)
        r = choose_proxy(c, source, err);
    return r < 0 ? lp_error_wrap(err, "kubeconfig %s", c->path) : 0;
}

/* ---- in a pod ---- */

static int load_in_cluster(struct lp_kube_config *c, const struct lp_kube_config_source *source,
                           struct lp_error *err)
{
    const char *host = source->service_host, *port = source->service_port;

    if (!host || !*host || !port || !*port)
        return lp_error_set(err, LP_E_INVALID,
                            "there is no kubeconfig, and KUBERNETES_SERVICE_HOST and "
                            "KUBERNETES_SERVICE_PORT are not set as they are in a pod");
    free(c->path);
    c->path = lp_strdup(source->in_cluster_root ? source->in_cluster_root : IN_CLUSTER_ROOT);
    c->server = strchr(host, ':') ? lp_sprintf("https://[%s]:%s", host, port)
                                  : lp_sprintf("https://%s:%s", host, port);
    c->token_file = lp_sprintf("%s/token", c->path);
    c->ca_file = lp_sprintf("%s/ca.crt", c->path);
    int r = lp_file_read(c->ca_file, "in-cluster", &c->ca_pem, err);
    if (r == 0)
        r = read_token_file(c, err);
    if (r == 0)
        r = lp_kube_impersonate(&source->as, NULL, &c->impersonate, err);
    if (r < 0)
        return r;
    lp_auto_free char *ns_file = lp_sprintf("%s/namespace", c->path);
    struct lp_error ignored;
    if (lp_file_read(ns_file, "in-cluster", &c->ns, &ignored) == 0)
        c->ns[strcspn(c->ns, "\r\n")] = '\0';
    return 0;
}

int lp_kube_config_load(const struct lp_kube_config_source *source,
                        struct lp_kube_config **ret_config, struct lp_error *err)
{
    struct lp_kube_config *c = lp_alloc(sizeof *c);
    json_auto_t *config = NULL;

    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->renewed, NULL);
    c->user_agent = source->user_agent;
    int r = 0;
    if (source->kubeconfig) {
        c->path = lp_strdup(source->kubeconfig);
        r = lp_kube_config_merge(c->path, source->kubeconfig_list, &config, err);
    }
    if (r == 0 && !config && source->flags.server)
        config = json_object();
    if (r == 0)
        r = config ? load_config(c, source, config, err) : load_in_cluster(c, source, err);
    c->read_ms = lp_clock_ms();
    if (r < 0) {
        lp_kube_config_free(c);
        return r;
    }
    c->share = lp_http_share_new();
    *ret_config = c;
    return 0;
}
