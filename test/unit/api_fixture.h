/* test/unit/api_fixture.h -- the metrics API over TLS on loopback, and an API server whose reviews
 * are scripted. */
#pragma once

#include "autoscaler/api/api.h"

#include <stdio.h>
#include <string.h>

#include "autoscaler/api/discovery.h"
#include "autoscaler/base/telemetry.h"
#include "base/clock.h"
#include "fake/fake_kube.h"
#include "http/client/client.h"
#include "http/server/server.h"
#include "json/json.h"
#include "unit/api_certificates.h"
#include "unit/check.h"

#define METRIC "/apis/custom.metrics.k8s.io/v1beta2/namespaces/lp/services/english-auth/queue_depth"
#define V2 "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define REVIEW(part, verdict, n)                                                         \
    {                                                                                    \
        .match = (part), .status = 201, .body = "{\"status\":" verdict "}", .times = (n) \
    }

static struct fake_kube *kube;
static struct lp_kube_config *config;
static struct lp_stop *stop;
static struct auth *auth;
static struct samples *samples;
static struct api api;
static struct lp_http_server *server;
static char url[64], host[96];

static inline void trust_proxy(const struct x509_pair *ca)
{
    struct trust *t;
    json_auto_t *map = lp_json_make("{s:{s:s,s:s,s:s}}", "data", "requestheader-client-ca-file",
                                    ca->cert, "requestheader-allowed-names",
                                    "[\"front-proxy-client\"]", "client-ca-file", client_ca.cert);
    ok(trust_parse(map, &t, &err));
    auth_set_trust(auth, t);
    trust_unref(t);
}

static inline bool is_ready(void *user, char why[128])
{
    (void)user;
    snprintf(why, 128, "not yet");
    return false;
}

static inline void add_owners(void)
{
    json_auto_t *deployment = lp_json_make(
        "{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}]}}", "metadata", "namespace", "lp", "name",
        "english-auth", "uid", "deployment", "ownerReferences", "kind", "LearningPlatform",
        "apiVersion", "learningplatform.io/v1alpha1", "controller", 1);
    json_auto_t *set =
        lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:s,s:b}]}}", "metadata", "namespace", "lp",
                     "name", "set", "uid", "set", "ownerReferences", "kind", "Deployment", "name",
                     "english-auth", "uid", "deployment", "controller", 1);
    samples_deployment(samples, deployment, false, lp_clock_ms());
    samples_replica_set(samples, set, false, lp_clock_ms());
}

/* One service of one pod with the value 7. */
static inline void fill_samples(void)
{
    struct samples_target target;
    struct promtext_page page = { .waiting = 4000, .in_flight = 3000 };
    int64_t next, now = lp_clock_ms();
    json_auto_t *pod = lp_json_make(
        "{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}],s:{s:s,s:s}},s:{s:s,s:s,s:[{s:s,s:s}]}}", "metadata",
        "namespace", "lp", "name", "auth-1", "uid", "1", "ownerReferences", "kind", "ReplicaSet",
        "uid", "set", "controller", 1, "labels", "app.kubernetes.io/name", "auth",
        "app.kubernetes.io/part-of", "english", "status", "phase", "Running", "podIP", "10.0.0.1",
        "conditions", "type", "Ready", "status", "True");
    samples = samples_new(1000, 0);
    add_owners();
    samples_pod(samples, pod, false, now, lp_clock_wall_ms());
    samples_synced(samples, now);
    assert_int_equal(samples_due(samples, now, &target, 1, &next), 1);
    samples_report(samples, target.id, SAMPLES_OK, &page, now);
}

static inline void start(const struct fake_answer *answers)
{
    struct lp_http_tls tls = { serving.cert, serving.key, serving_ca.cert };
    struct lp_http_server_options options = { .address = "127.0.0.1",
                                              .max_body = 4096,
                                              .tls = &tls,
                                              .name = "metrics API",
                                              .handler = api_handle,
                                              .user = &api,
                                              .refusal = api_refusal };
    kube = fake_kube_start(answers);
    config = fake_kube_config(kube, NULL);
    stop = lp_stop_new();
    auth = auth_new(config, stop);
    ok(auth_start(auth, &err));
    trust_proxy(&proxy_ca);
    fill_samples();
    api = (struct api){ .auth = auth, .samples = samples, .ready = is_ready };
    ok(lp_http_server_start(&options, &server, &err));
    snprintf(url, sizeof url, "https://%s", HOST);
    snprintf(host, sizeof host, "127.0.0.1:%u", lp_http_server_port(server));
}

static inline int end(void **state)
{
    (void)state;
    lp_stop_request(stop);
    lp_http_server_quiesce(server);
    auth_close(auth);
    lp_http_server_stop(server);
    auth_free(auth);
    samples_free(samples);
    lp_kube_config_free(config);
    fake_kube_stop(kube);
    lp_stop_free(stop);
    return 0;
}
