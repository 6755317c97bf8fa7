/* cli/check/cluster.c -- what the cluster itself must have. No state. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "autoscaler/registration/x509.h"
#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "cli/check/survey.h"
#include "cli/find.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"

#define OLDEST_MINOR 30 /* README.md; the chart's kubeVersion */
#define NEWEST_MINOR 36 /* that ./check compat runs */
#define OUR_SERVICE "lp-metrics"
#define DAY_S 86400

static const struct lp_kube_kind survey_storage_classes = { .group = "storage.k8s.io",
                                                            .version = "v1",
                                                            .kind = "StorageClass",
                                                            .plural = "storageclasses",
                                                            .cluster_scoped = true };

static void check_server(struct survey *s)
{
    json_auto_t *version = NULL;
    struct lp_error err;

    if (lp_kube_raw(s->client, "/version", &version, &err) < 0) {
        findings_error(s->findings, "api-server", "/version", &err);
        return;
    }
    const char *name = lp_json_str(version, "gitVersion", NULL);
    const char *minor = lp_json_str(version, "minor", NULL);
    long n = minor ? strtol(minor, NULL, 10) : 0; /* "30+" of some */
    if (n < OLDEST_MINOR)
        findings_add(s->findings, FINDING_FAIL, "api-server",
                     "take a cluster of Kubernetes 1.30 or newer", "%s is older than 1.%d",
                     name ? name : "?", OLDEST_MINOR);
    else if (n > NEWEST_MINOR)
        findings_add(s->findings, FINDING_WARN, "api-server", NULL,
                     "%s is newer than what this version was tested with (1.%d)", name ? name : "?",
                     NEWEST_MINOR);
    else
        findings_add(s->findings, FINDING_OK, "api-server", NULL, "%s", name ? name : "?");
}

static bool is_default(const json_t *storage_class)
{
    const char *mark = lp_json_str(storage_class, "metadata", "annotations",
                                   "storageclass.kubernetes.io/is-default-class", NULL);
    return mark && strcmp(mark, "true") == 0;
}

static void check_storage(struct survey *s)
{
    static const char remedy[] = "mark one as the default, or set spec.databases.*.storageClass, "
                                 "or mode External with databases of yours";
    json_auto_t *list = json_array();
    const json_t *each, *chosen = NULL;
    struct lp_error err;
    size_t i;

    if (find_objects(s->client, &survey_storage_classes, NULL, NULL, list, &err) < 0) {
        findings_error(s->findings, "storage", "StorageClasses", &err);
        return;
    }
    json_array_foreach(list, i, each) if (is_default(each)) chosen = each;
    if (chosen)
        findings_add(s->findings, FINDING_OK, "storage", NULL, "StorageClass %s is the default",
                     lp_json_str(chosen, "metadata", "name", NULL));
    else if (json_array_size(list) > 0)
        findings_add(s->findings, FINDING_WARN, "storage", remedy,
                     "none of %zu StorageClasses is the default", json_array_size(list));
    else
        findings_add(s->findings, FINDING_WARN, "storage",
                     "install a provisioner, or set mode External with databases of yours",
                     "there is no StorageClass: embedded databases get no volumes");
}

/* 1: it is there and Available; 0: *ret_why says why not. Else as lp_kube_get. */
static int api_service(struct survey *s, const char *name, json_t **ret, char **ret_why,
                       struct lp_error *err)
{
    int r = lp_kube_get(s->client, &lp_kube_api_services, NULL, name, ret, err);
    if (r < 0)
        return r;
    const json_t *c = lp_kube_condition(json_object_get(*ret, "status"), "Available");
    const char *status = lp_json_str(c, "status", NULL), *why = lp_json_str(c, "message", NULL);
    if (status && strcmp(status, "True") == 0)
        return 1;
    *ret_why = lp_strdup(why ? why : "the API server has not said that it is available");
    return 0;
}

static void check_metrics_server(struct survey *s)
{
    static const char name[] = "v1beta1.metrics.k8s.io";
    json_auto_t *service = NULL;
    lp_auto_free char *why = NULL;
    struct lp_error err;

    int r = api_service(s, name, &service, &why, &err);
    if (r == LP_E_NOT_FOUND)
        findings_add(s->findings, FINDING_FAIL, "metrics-server",
                     "install metrics-server: HPAs go by CPU and memory too",
                     "APIService %s is not there", name);
    else if (r < 0)
        findings_error(s->findings, "metrics-server", name, &err);
    else if (r == 0)
        findings_add(s->findings, FINDING_FAIL, "metrics-server",
                     "see the logs of metrics-server in its namespace", "%s: %s", name, why);
    else
        findings_add(s->findings, FINDING_OK, "metrics-server", NULL, "%s is available", name);
}

void survey_cluster(struct survey *s)
{
    check_server(s);
    check_storage(s);
    check_metrics_server(s);
}

/* The CA that the API server believes the metrics API by. */
static void check_certificate(struct survey *s, const char *name, const json_t *service)
{
    const char *bundle = lp_json_str(service, "spec", "caBundle", NULL);
    lp_auto_buf struct lp_buf pem = LP_BUF_INIT(1 << 16);
    int64_t from = 0, until = 0, now = lp_clock_wall_ms() / 1000;

    if (lp_json_bool(false, service, "spec", "insecureSkipTLSVerify", NULL))
        findings_add(s->findings, FINDING_WARN, "certificate", NULL,
                     "%s: its certificate is not checked", name);
    else if (!bundle || !lp_base64_decode(bundle, strlen(bundle), &pem) ||
             !x509_validity(pem.ptr, &from, &until))
        findings_add(s->findings, FINDING_FAIL, "certificate",
                     "delete the Secret lp-metrics-tls: the operator makes another",
                     "%s: its caBundle is no certificate", name);
    else if (now < from || now >= until)
        findings_add(s->findings, FINDING_FAIL, "certificate",
                     "see whether the clocks are right, and whether the operator runs",
                     "%s: its CA is not valid now", name);
    else
        findings_add(s->findings, FINDING_OK, "certificate", NULL,
                     "%s: its CA is good for %" PRId64 " days", name, (until - now) / DAY_S);
}

static void check_owner(struct survey *s, const char *name, const json_t *service, bool available,
                        const char *why)
{
    const char *owner = lp_json_str(service, "spec", "service", "name", NULL);
    const char *ns = lp_json_str(service, "spec", "service", "namespace", NULL);
    bool ours = owner && strcmp(owner, OUR_SERVICE) == 0;

    if (!ours)
        findings_add(s->findings, FINDING_WARN, "metrics-api",
                     "METRICS_API=Chain forwards to it (docs/install.md, \"Beside another metrics "
                     "adapter\")",
                     "%s is of %s/%s: HPAs have no queue depth", name, ns ? ns : "?",
                     owner ? owner : "?");
    else if (!available)
        findings_add(
            s->findings, FINDING_FAIL, "metrics-api",
            "see the operator's pods, and whether a NetworkPolicy keeps the API server out",
            "%s: %s", name, why);
    else
        findings_add(s->findings, FINDING_OK, "metrics-api", NULL, "%s is of %s/%s, and available",
                     name, ns, owner);
    if (ours)
        check_certificate(s, name, service);
}

/* There are operators, and none is to have a metrics API. */
static bool nobody_serves(const struct survey *s)
{
    const json_t *d;
    size_t i;

    json_array_foreach(s->operators.deployments, i,
                       d) if (strcmp(operators_setting(d, "METRICS_API"), "None") !=
                              0) return false;
    return json_array_size(s->operators.deployments) > 0;
}

void survey_metrics(struct survey *s)
{
    static const char *const names[] = { "v1beta1.custom.metrics.k8s.io",
                                         "v1beta2.custom.metrics.k8s.io" };

    for (size_t i = 0; i < LP_COUNT(names); i++) {
        json_auto_t *service = NULL;
        lp_auto_free char *why = NULL;
        struct lp_error err;
        int r = api_service(s, names[i], &service, &why, &err);
        if (r == LP_E_NOT_FOUND && s->options->pre)
            findings_add(s->findings, FINDING_OK, "metrics-api", NULL, "nobody has %s", names[i]);
        else if (r == LP_E_NOT_FOUND && nobody_serves(s))
            findings_add(s->findings, FINDING_OK, "metrics-api", NULL,
                         "nobody has %s, as METRICS_API=None wants it", names[i]);
        else if (r == LP_E_NOT_FOUND)
            findings_add(s->findings, FINDING_WARN, "metrics-api", "see the operator's logs",
                         "nobody has %s: HPAs have no queue depth", names[i]);
        else if (r < 0)
            findings_error(s->findings, "metrics-api", names[i], &err);
        else
            check_owner(s, names[i], service, r == 1, why);
    }
}
