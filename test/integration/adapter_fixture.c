/* test/integration/adapter_fixture.c -- see the header. */
#include "integration/adapter_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "integration/program.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"
#include "unit/check.h"

static const struct lp_kube_kind slices = { "discovery.k8s.io", "v1", "EndpointSlice",
                                            "endpointslices", false };
static const struct lp_kube_kind endpoints = { "", "v1", "Endpoints", "endpoints", false };
const char *const addresses[] = { "127.0.0.11", "127.0.0.12" };

struct lp_kube_config *config;
struct lp_kube_client *client;
struct lp_stop *never;
static struct lp_stop *stop;
static struct adapter *adapter;
struct lp_http_server *pods[FIXTURE_PODS];
atomic_int waiting[FIXTURE_PODS];
char ns[64];

static void metrics_page(struct lp_http_exchange *x, void *user)
{
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4096);
    lp_buf_printf(&b,
                  "lp_requests_waiting %d\nlp_requests_in_flight 1\nlp_backlog{queue=\"ai\"} 2\n",
                  *(atomic_int *)user);
    lp_http_reply(x, 200, "text/plain", b.ptr, b.len);
}

static uint16_t start_pods(struct lp_error *err)
{
    uint16_t port = 0;
    for (unsigned i = 0; i < FIXTURE_PODS; i++) {
        struct lp_http_server_options options = { .address = addresses[i],
                                                  .port = port,
                                                  .name = "pod",
                                                  .handler = metrics_page,
                                                  .user = &waiting[i] };
        if (lp_http_server_start(&options, &pods[i], err) < 0)
            return 0;
        port = lp_http_server_port(pods[i]);
    }
    return port;
}

static int lead_to_us(uint16_t port, struct lp_error *err)
{
    char address[INET_ADDRSTRLEN];
    if (!program_host_address(address))
        return lp_error_set(err, LP_E_INTERNAL, "this machine has no address but loopback");
    json_auto_t *service =
        lp_json_make("{s:s,s:s,s:{s:s,s:s},s:{s:[{s:s,s:i,s:i}]}}", "apiVersion", "v1", "kind",
                     "Service", "metadata", "name", "lp-metrics", "namespace", ns, "spec", "ports",
                     "name", "https", "port", 443, "targetPort", (int)port);
    json_auto_t *slice = lp_json_make(
        "{s:s,s:s,s:{s:s,s:s,s:{s:s}},s:s,s:[{s:[s],s:{s:b}}],s:[{s:s,s:i,s:s}]}", "apiVersion",
        "discovery.k8s.io/v1", "kind", "EndpointSlice", "metadata", "name", "lp-metrics-host",
        "namespace", ns, "labels", "kubernetes.io/service-name", "lp-metrics", "addressType",
        "IPv4", "endpoints", "addresses", address, "conditions", "ready", 1, "ports", "name",
        "https", "port", (int)port, "protocol", "TCP");
    json_auto_t *older = /* what kube-apiserver 1.30 goes by */
        lp_json_make("{s:s,s:s,s:{s:s,s:s},s:[{s:[{s:s}],s:[{s:s,s:i,s:s}]}]}", "apiVersion", "v1",
                     "kind", "Endpoints", "metadata", "name", "lp-metrics", "namespace", ns,
                     "subsets", "addresses", "ip", address, "ports", "name", "https", "port",
                     (int)port, "protocol", "TCP");
    int r = lp_kube_create(client, &lp_kube_services, service, NULL, err);
    if (r == 0)
        r = lp_kube_create(client, &endpoints, older, NULL, err);
    return r < 0 ? r : lp_kube_create(client, &slices, slice, NULL, err);
}

/* It owns the APIServices. */
static int install_definition(struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = "test", .force = true };
    lp_auto_free char *text = program_read_file("crds/learningplatform.yaml");
    json_auto_t *documents = NULL;
    int r = lp_yaml_parse(text, strlen(text), LP_LIMIT_CONFIG_BYTES, "CRD", &documents, err);
    if (r == 0)
        r = lp_kube_apply(client, &lp_kube_crds, json_array_get(documents, 0), &options, NULL, err);
    return r;
}

static int connect_to_cluster(struct lp_error *err)
{
    const struct lp_kube_config_source source = { .kubeconfig = getenv("KUBECONFIG") };
    const struct lp_kube_client_options options = { .user_agent = "lp-integration" };
    if (!source.kubeconfig)
        return lp_error_set(err, LP_E_INVALID,
                            "KUBECONFIG is not set: run by ctest -L integration");
    int r = lp_kube_config_load(&source, &config, err);
    if (r == 0)
        r = lp_kube_client_new(config, &options, &client, err);
    if (r < 0)
        return r;
    snprintf(ns, sizeof ns, "adapter-%lld", (long long)lp_clock_wall_ms());
    json_auto_t *o = lp_json_make("{s:s,s:s,s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
                                  "metadata", "name", ns);
    r = install_definition(err);
    return r < 0 ? r : lp_kube_create(client, &lp_kube_namespaces, o, NULL, err);
}

/* The API group belongs to the whole cluster, and this cluster to the tests. */
static void forget_api_services(void)
{
    struct lp_error err;
    if (lp_kube_delete(client, &lp_kube_api_services, NULL, "v1beta2.custom.metrics.k8s.io", NULL,
                       &err) < 0 &&
        err.code != LP_E_NOT_FOUND)
        print_message("%s\n", err.msg);
    if (lp_kube_delete(client, &lp_kube_api_services, NULL, "v1beta1.custom.metrics.k8s.io", NULL,
                       &err) < 0 &&
        err.code != LP_E_NOT_FOUND)
        print_message("%s\n", err.msg);
}

static int start_adapter(uint16_t pod_port, struct lp_error *err)
{
    struct adapter_config c = ADAPTER_CONFIG_DEFAULTS;
    c.ns = ns;
    c.port = 0;
    c.pod_metrics_port = pod_port;
    stop = lp_stop_new();
    never = lp_stop_new();
    int r = adapter_start(&c, config, stop, &adapter, err);
    return r < 0 ? r : lead_to_us(adapter_port(adapter), err);
}

int fixture_begin(void **state)
{
    struct lp_error err = { .msg = "?" };
    (void)state;
    lp_json_init();
    int r = connect_to_cluster(&err);
    if (r == 0) {
        forget_api_services();
        uint16_t port = start_pods(&err);
        r = port > 0 ? start_adapter(port, &err) : -1;
    }
    if (r < 0)
        print_error("%s\n", err.msg);
    return r;
}

int fixture_end(void **state)
{
    struct lp_error err;
    (void)state;
    lp_stop_request(stop);
    adapter_join(adapter);
    for (unsigned i = 0; i < FIXTURE_PODS; i++)
        lp_http_server_stop(pods[i]);
    forget_api_services();
    int r = lp_kube_delete(client, &lp_kube_namespaces, NULL, ns, NULL, &err);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    lp_stop_free(stop);
    lp_stop_free(never);
    return r;
}
