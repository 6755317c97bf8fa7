/* operator/config.c -- one table for the environment, one for the flags. Main thread only. */
#include "operator/config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "platform/images.h"
#include "config/env.h"

#define AT(member) offsetof(struct operator_config, member)

static const char *const pull_policies[] = { "Always", "IfNotPresent", "Never", NULL };
static const char *const metrics_apis[] = { "Own", "Chain", "None", NULL };

static const struct lp_env environment[] = {
    { .name = "LP_IMAGE_REGISTRY",
      .offset = AT(image_registry),
      .fallback = IMAGES_REGISTRY,
      .max = 255,
      .help = "registry and path of the services' images" },
    { .name = "LP_IMAGE_TAG",
      .offset = AT(image_tag),
      .fallback = LP_VERSION,
      .min = 1,
      .max = 128,
      .help = "their tag" },
    { .name = "LP_IMAGE_PULL_POLICY",
      .offset = AT(image_pull_policy),
      .fallback = IMAGES_PULL_POLICY,
      .one_of = pull_policies,
      .max = 16,
      .help = "their pull policy" },
    { .name = "LP_POSTGRES_IMAGE",
      .offset = AT(postgres_image),
      .fallback = IMAGES_POSTGRES,
      .min = 1,
      .max = 512,
      .help = "image of embedded PostgreSQL" },
    { .name = "LP_MONGO_IMAGE",
      .offset = AT(mongo_image),
      .fallback = IMAGES_MONGO,
      .min = 1,
      .max = 512,
      .help = "image of embedded MongoDB" },
    { .name = "LP_MONGODB_AUTH",
      .type = LP_ENV_BOOL,
      .offset = AT(mongodb_auth),
      .fallback = "true",
      .help = "whether that image knows users and passwords" },
    { .name = "POD_NAME",
      .offset = AT(pod_name),
      .fallback = "",
      .max = 253,
      .help = "our identity in the lease; the host name where empty" },
    { .name = "POD_NAMESPACE",
      .offset = AT(ns),
      .fallback = "learning-platform-system",
      .min = 1,
      .max = 63,
      .help = "where the lease, the seeds and the metrics Service are" },
    { .name = "LOG_LEVEL",
      .offset = AT(log_level),
      .fallback = "info",
      .one_of = lp_env_log_levels,
      .max = 8,
      .help = "how much is logged" },
    { .name = "KUBECONFIG",
      .offset = AT(kubeconfig),
      .fallback = "",
      .max = 4096,
      .help = "kubeconfig file; in a pod: its service account" },
    { .name = "KUBERNETES_SERVICE_HOST",
      .offset = AT(service_host),
      .fallback = "",
      .max = 253,
      .help = "set in every pod" },
    { .name = "KUBERNETES_SERVICE_PORT",
      .offset = AT(service_port),
      .fallback = "",
      .max = 5,
      .help = "set in every pod" },
    { .name = "WATCH_NAMESPACES",
      .offset = AT(watch_namespaces),
      .fallback = "",
      .max = 2047,
      .help = "namespaces whose platforms are ours, with commas between them; empty: all" },
    { .name = "SELECTOR",
      .offset = AT(selector),
      .fallback = "",
      .max = 1023,
      .help = "label selector of the platforms that are ours; empty: all" },
    { .name = "CLASS",
      .offset = AT(class_name),
      .fallback = "",
      .max = 253,
      .help = "spec.className of the platforms that are ours; empty: those without one" },
    { .name = "WORKERS",
      .type = LP_ENV_INT,
      .offset = AT(workers),
      .fallback = "4",
      .min = 1,
      .max = 64,
      .help = "platforms that are reconciled at once" },
    { .name = "RESYNC_SECONDS",
      .type = LP_ENV_INT,
      .offset = AT(resync_s),
      .fallback = "600",
      .min = 1,
      .max = 86400,
      .help = "how often each platform is looked at without any change" },
    { .name = "API_SILENT_SECONDS",
      .type = LP_ENV_INT,
      .offset = AT(silent_s),
      .fallback = "60",
      .min = 5,
      .max = 86400,
      .help = "after so long without an answer of the API server /readyz fails" },
    { .name = "METRICS_PORT",
      .type = LP_ENV_INT,
      .offset = AT(port),
      .fallback = "9090",
      .max = 65535,
      .help = "/livez, /readyz and /metrics; 0: one that is free" },
    { .name = "METRICS_CERT_DIR",
      .offset = AT(metrics_cert_dir),
      .fallback = "",
      .max = 4096,
      .help = "folder with tls.crt and tls.key: that port speaks HTTPS" },
    { .name = "ADAPTER_PORT",
      .type = LP_ENV_INT,
      .offset = AT(adapter_port),
      .fallback = "8443",
      .max = 65535,
      .help = "custom metrics API; 0: one that is free" },
    { .name = "ADAPTER_WARM_UP_MS",
      .type = LP_ENV_INT,
      .offset = AT(adapter_warm_up_ms),
      .fallback = "2000",
      .max = 600000,
      .help = "a pod counts once it has been Ready for so long" },
    { .name = "ADAPTER_CA_SECONDS",
      .type = LP_ENV_INT,
      .offset = AT(ca_s),
      .fallback = "31536000",
      .min = 60,
      .max = 315360000,
      .help = "how long the CA of the metrics API lasts; renewed at two thirds" },
    { .name = "ADAPTER_CERTIFICATE_SECONDS",
      .type = LP_ENV_INT,
      .offset = AT(leaf_s),
      .fallback = "7776000",
      .min = 30,
      .max = 31536000,
      .help = "how long its certificate lasts; renewed at two thirds" },
    { .name = "POD_METRICS_PORT",
      .type = LP_ENV_INT,
      .offset = AT(pod_metrics_port),
      .fallback = "9090",
      .min = 1,
      .max = 65535,
      .help = "where the metrics of the services' pods are asked for" },
    { .name = "METRICS_API",
      .offset = AT(metrics_api),
      .fallback = "Own",
      .one_of = metrics_apis,
      .max = 8,
      .help = "Own: APIServices of custom.metrics.k8s.io lead to us unless they are another's; "
              "Chain: then too, and the other adapter is asked for what we do not know; "
              "None: none does, and minReplicas of the HPAs follows the queue depth" },
    { .name = "CHAIN_CONNECT_TO",
      .offset = AT(chain_connect_to),
      .fallback = "",
      .max = 300,
      .help =
          "host:port of the other adapter where its Service has no DNS name (METRICS_API=Chain)" },
    { .name = "ADAPTER",
      .type = LP_ENV_BOOL,
      .offset = AT(adapter),
      .fallback = "true",
      .help = "whether the custom metrics API is served; without it METRICS_API=None still scrapes "
              "pods for minReplicas" },
    { .name = "JOURNAL",
      .offset = AT(journal),
      .fallback = "",
      .max = 4096,
      .help = "file that outlives the process and tells what it was at when it died" },
    { .name = NULL },
};

enum flag {
    FLAG_KUBECONFIG = 256,
    FLAG_CONTEXT,
    FLAG_WORKERS,
    FLAG_WATCH_NAMESPACES,
    FLAG_SELECTOR,
    FLAG_CLASS,
    FLAG_HELP,
    FLAG_VERSION
};
static const struct option flags[] = {
    { "kubeconfig", required_argument, NULL, FLAG_KUBECONFIG },
    { "context", required_argument, NULL, FLAG_CONTEXT },
    { "workers", required_argument, NULL, FLAG_WORKERS },
    { "watch-namespaces", required_argument, NULL, FLAG_WATCH_NAMESPACES },
    { "selector", required_argument, NULL, FLAG_SELECTOR },
    { "class", required_argument, NULL, FLAG_CLASS },
    { "help", no_argument, NULL, FLAG_HELP },
    { "version", no_argument, NULL, FLAG_VERSION },
    { NULL, 0, NULL, 0 },
};

static int print_help(void)
{
    printf(
        "lp-operator: reconciles LearningPlatform objects and serves the custom metrics API.\n\n"
        "  --kubeconfig FILE         cluster and user; default $KUBECONFIG, in a pod its service "
        "account\n"
        "  --context NAME            of the kubeconfig; default its current one\n"
        "  --workers N               platforms that are reconciled at once, 1..64\n"
        "  --watch-namespaces A,B    only platforms of these namespaces, at most %d\n"
        "  --selector LABELS         only platforms with these labels, such as team=english\n"
        "  --class NAME              only platforms with this spec.className; without: only those "
        "with none\n"
        "  --version, --help\n\nEnvironment:\n",
        SCOPE_NAMESPACES);
    lp_env_print_help((const struct lp_env *const[]){ environment, NULL });
    return 0;
}

static int parse_workers(const char *text, int64_t *ret_workers)
{
    char *end;

    errno = 0;
    long n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 1 || n > 64) {
        fprintf(stderr, "lp-operator: --workers must be a number of 1..64, is \"%s\"\n", text);
        return 2;
    }
    *ret_workers = n;
    return -1;
}

static int apply_flag(int flag, struct operator_config *config)
{
    switch (flag) {
    case FLAG_KUBECONFIG:
        config->kubeconfig = optarg;
        return -1;
    case FLAG_CONTEXT:
        config->context = optarg;
        return -1;
    case FLAG_WORKERS:
        return parse_workers(optarg, &config->workers);
    case FLAG_WATCH_NAMESPACES:
        config->watch_namespaces = optarg;
        return -1;
    case FLAG_SELECTOR:
        config->selector = optarg;
        return -1;
    case FLAG_CLASS:
        config->class_name = optarg;
        return -1;
    case FLAG_HELP:
        return print_help();
    case FLAG_VERSION:
        printf("lp-operator %s\n", LP_VERSION);
        return 0;
    default:
        fprintf(stderr, "lp-operator: see lp-operator --help\n");
        return 2;
    }
}

static int report(const struct lp_error *err)
{
    fprintf(stderr, "lp-operator: %s\n", err->msg);
    return 2;
}

int config_load(int argc, char **argv, struct operator_config *config)
{
    struct operator_config c = { .context = "" }, from_flags = { .workers = 0 };
    struct lp_error err;
    int flag;

    optind = 1;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        int status = apply_flag(flag, &from_flags);
        if (status >= 0)
            return status;
    }
    if (optind < argc) {
        fprintf(stderr, "lp-operator: \"%s\" is no flag; see lp-operator --help\n", argv[optind]);
        return 2;
    }
    if (lp_env_load((const struct lp_env *const[]){ environment, NULL }, &c, &err) < 0)
        return report(&err);
    if (from_flags.kubeconfig)
        c.kubeconfig = from_flags.kubeconfig;
    if (from_flags.context)
        c.context = from_flags.context;
    if (from_flags.workers)
        c.workers = from_flags.workers;
    if (from_flags.watch_namespaces)
        c.watch_namespaces = from_flags.watch_namespaces;
    if (from_flags.selector)
        c.selector = from_flags.selector;
    if (from_flags.class_name)
        c.class_name = from_flags.class_name;
    if (scope_parse(c.watch_namespaces, c.selector, c.class_name, &c.scope, &err) < 0)
        return report(&err);
    *config = c;
    return -1;
}
