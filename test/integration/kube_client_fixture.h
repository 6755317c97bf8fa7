/* test/integration/kube_client_fixture.h -- a client of the real API server that KUBECONFIG leads
 * to, and a namespace for each test. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "kube/client.h"
#include "kube/config.h"
#include "kube/kinds.h"
#include "unit/check.h"

#define WAIT_MS 30000

static struct lp_kube_config *config;
static struct lp_kube_client *client;
static char ns[64];

#define fails(want, call)                                                        \
    do {                                                                         \
        struct lp_error err = { .msg = "?" };                                    \
        int code_ = (call);                                                      \
        if (code_ != (want))                                                     \
            fail_msg("%s: %d instead of %d: %s", #call, code_, (want), err.msg); \
    } while (0)

static inline int connect_to_cluster(void **state)
{
    struct lp_kube_config_source source = { .kubeconfig = getenv("KUBECONFIG") };
    struct lp_kube_client_options options = { .user_agent = "lp-integration" };
    struct lp_error err;

    (void)state;
    if (!source.kubeconfig) {
        print_error("KUBECONFIG is not set: run this by ctest -L integration\n");
        return -1;
    }
    if (lp_kube_config_load(&source, &config, &err) < 0 ||
        lp_kube_client_new(config, &options, &client, &err) < 0) {
        print_error("%s\n", err.msg);
        return -1;
    }
    return 0;
}

static inline int disconnect(void **state)
{
    (void)state;
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    return 0;
}

static inline int make_namespace(void **state)
{
    static int n;
    struct lp_error err;

    (void)state;
    snprintf(ns, sizeof ns, "kube-client-%lld-%d", (long long)lp_clock_wall_ms(), n++);
    json_auto_t *o = lp_json_make("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
                                  "metadata", "name", ns);
    int r = lp_kube_create(client, &lp_kube_namespaces, o, NULL, &err);
    if (r < 0)
        print_error("%s\n", err.msg);
    return r;
}

static inline int delete_namespace(void **state)
{
    struct lp_error err;
    (void)state;
    return lp_kube_delete(client, &lp_kube_namespaces, NULL, ns, NULL, &err);
}

static inline json_t *config_map(const char *name, const char *value)
{
    return lp_json_make("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
                        "ConfigMap", "metadata", "name", name, "namespace", ns, "labels", "test",
                        "yes", "data", "key", value);
}

static inline void create_map(const char *name, const char *value)
{
    json_auto_t *o = config_map(name, value);
    ok(lp_kube_create(client, &lp_kube_config_maps, o, NULL, &err));
}

static inline void delete_map(const char *name)
{
    ok(lp_kube_delete(client, &lp_kube_config_maps, ns, name, NULL, &err));
}

static inline int apply(json_t *o, const char *manager, bool force, bool dry_run, json_t **ret,
                        struct lp_error *err)
{
    struct lp_kube_apply_options options = { .field_manager = manager,
                                             .force = force,
                                             .dry_run = dry_run };
    return lp_kube_apply(client, &lp_kube_config_maps, o, &options, ret, err);
}

#define in_namespace(test) cmocka_unit_test_setup_teardown(test, make_namespace, delete_namespace)
