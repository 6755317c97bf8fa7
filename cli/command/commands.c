/* cli/command/commands.c -- the table of commands. No state. */
#include "cli/command/command.h"

#include <string.h>

#define LP "learningplatform.io"
#define PLATFORMS(verbs_, why_)                          \
    {                                                    \
        LP, "learningplatforms", (verbs_), (why_), false \
    }
#define HPAS                                                                         \
    {                                                                                \
        "autoscaling", "horizontalpodautoscalers", "get", "range and metrics", false \
    }
#define OPERATORS(why_)                             \
    {                                               \
        "apps", "deployments", "list", (why_), true \
    }
#define CHILD(group_, resource_)                                            \
    {                                                                       \
        (group_), (resource_), "get list create patch", "that child", false \
    }
#define READ(group_, resource_)                                 \
    {                                                           \
        (group_), (resource_), "list", "that part of it", false \
    }

const struct cli_command cli_commands[] = {
    { .name = "status",
      .arguments = "[PLATFORM] [-n NAMESPACE | -A] [-w] [--interval SECONDS] [-o table|json]",
      .summary = "pods, queue depth and the last scaling decision of every service",
      .text = "With -w it goes on until it is interrupted: the table is drawn again, JSON is one "
              "line\neach time.",
      .examples = { { "All platforms of all namespaces, live", "kubectl lp status -A -w" },
                    { "One platform, for a script",
                      "kubectl lp status english -n learning -o json" } },
      .rights = { PLATFORMS("get list", "everything"),
                  HPAS,
                  { "custom.metrics.k8s.io", "services/queue_depth", "get", "the queue depth",
                    false } },
      .formats = { CLI_TABLE, CLI_JSON },
      .names = { "PLATFORM" } },
    { .name = "why",
      .arguments = "[PLATFORM] [SERVICE] [-n NAMESPACE | -A] [--at TIME | --since DURATION] "
                   "[-o text|json]",
      .summary = "why each service has the number of pods that it has",
      .text =
          "With --at why it had them then, and what every metric, schedule and floor asked for; "
          "with\n--since each decision from then on. The operator keeps decisions for 24 hours. "
          "A single\nname that is a service's is that.",
      .examples = { { "Every service of every platform here", "kubectl lp why" },
                    { "One service, an hour ago", "kubectl lp why english gateway --at "
                                                  "2026-12-01T02:00:00Z" },
                    { "What was decided in the last hour", "kubectl lp why english --since 1h" } },
      .rights = { PLATFORMS("get list", "everything"),
                  HPAS,
                  { "", "configmaps", "get", "the past (--at, --since)", false } },
      .formats = { CLI_TEXT, CLI_JSON },
      .names = { "PLATFORM", "SERVICE" } },
    { .name = "slo",
      .arguments = "[PLATFORM] [-n NAMESPACE | -A] [--prometheus URL] [-o table|json]",
      .summary = "error budget left, how fast it is spent, and what spends it",
      .text =
          "By the goals of spec.monitoring.slo, or those of the alerts where it has none: answers "
          "of\nthe gateway that are no 5xx, and answers in time. With --prometheus the budget of "
          "30 "
          "days, as\nfar back as that Prometheus has the platform, burn rates of 1h, 6h and 3d (1: "
          "the budget lasts\nexactly the month), and which routes and codes spent it. Without it "
          "only the last 30 seconds\nare known, by the custom metrics API: a burn rate of now, and "
          "no "
          "budget. Without a request\nthere is no burn rate.\n\n"
          "Status 0: no budget is known to be used up, 1: one is, 2: an error.",
      .examples = { { "Of a Prometheus in the cluster",
                      "kubectl -n monitoring port-forward svc/prometheus 9091:9090 & kubectl lp "
                      "slo english --prometheus http://127.0.0.1:9091" },
                    { "Of all platforms, now", "kubectl lp slo -A" } },
      .rights = { PLATFORMS("get list", "everything"),
                  { "custom.metrics.k8s.io", "services/arrival_rate", "get", "now", false },
                  { "custom.metrics.k8s.io", "services/error_rate", "get", "now", false },
                  { "custom.metrics.k8s.io", "services/p95_latency_ms", "get", "now", false } },
      .formats = { CLI_TABLE, CLI_JSON },
      .names = { "PLATFORM" },
      .one_is_an_answer = true },
    { .name = "dashboard",
      .arguments = "[PLATFORM] [-n NAMESPACE | -A] [--port N] [--no-open] [--interval SECONDS]",
      .summary = "a page on loopback: pods, load, decisions and schedules of platforms, live",
      .text =
          "Prints the page's URL, with a token that is new each time, and opens it in the browser; "
          "goes on\nuntil it is interrupted. Reads the cluster with your own rights and "
          "changes nothing. What\nyou may not read is named on the page, and the rest is "
          "shown.",
      .examples = { { "All platforms of all namespaces", "kubectl lp dashboard -A" },
                    { "On a machine without a browser",
                      "kubectl lp dashboard -n learning --no-open --port 8090" } },
      .rights = { PLATFORMS("get list", "everything"),
                  { "autoscaling", "horizontalpodautoscalers", "list", "limits of pods", false },
                  { "custom.metrics.k8s.io", "services/queue_depth", "get", "the queue depth",
                    false },
                  { "custom.metrics.k8s.io", "services/arrival_rate", "get", "the arrival rate",
                    false },
                  { "custom.metrics.k8s.io", "services/demand", "get", "the demand", false },
                  { "custom.metrics.k8s.io", "services/p95_latency_ms", "get", "the latency",
                    false },
                  { "custom.metrics.k8s.io", "services/p50_latency_ms", "get", "its median",
                    false },
                  { "custom.metrics.k8s.io", "services/p99_latency_ms", "get",
                    "its 99th percentile", false },
                  { "custom.metrics.k8s.io", "services/error_rate", "get", "errors", false },
                  { "custom.metrics.k8s.io", "services/circuits_open", "get",
                    "the gateway's circuit breakers", false },
                  { "", "configmaps", "get", "decisions", false },
                  { "events.k8s.io", "events", "list", "Events", false },
                  { "", "services", "get", "what learners do", false },
                  { "", "pods", "get list", "what learners do", false },
                  { "", "pods/portforward", "create", "what learners do", false } },
      .formats = { CLI_TEXT },
      .names = { "PLATFORM" } },
    { .name = "check",
      .arguments = "[-n NAMESPACE] [--pre] [--wait] [--wait-timeout SECONDS] [-o text|json]",
      .summary = "whether cluster, operator and platforms are as they must be, and what to do "
                 "where not",
      .text = "With --pre only what must be there before the operator is installed. With --wait it "
              "looks\nagain until nothing fails any more, for up to --wait-timeout. Asks the API "
              "server "
              "alone and\nchanges nothing. A right that you lack is named, and the rest is told "
              "all the "
              "same. A\nversion that differs is a warning.\n\n"
              "Status 0: nothing fails, 1: something does, 2: an error (no API server).",
      .examples = { { "Before an installation", "kubectl lp check --pre" },
                    { "After it, in a script", "kubectl lp check --wait" },
                    { "For a monitor", "kubectl lp check -o json | jq '.checks[] | select(.result "
                                       "== \"fail\")'" } },
      .rights = { OPERATORS("the operator"),
                  { "", "pods", "list", "image pulls and restarts", false },
                  { "coordination.k8s.io", "leases", "get", "who leads", false },
                  { "apiregistration.k8s.io", "apiservices", "get", "the metrics APIs", true },
                  { "storage.k8s.io", "storageclasses", "list", "volumes of databases", true },
                  { "apiextensions.k8s.io", "customresourcedefinitions", "get", "the definition",
                    true },
                  { "authorization.k8s.io", "subjectaccessreviews", "create",
                    "the operator's rights", true },
                  { LP, "learningplatforms", "list", "platforms", true },
                  { "autoscaling", "horizontalpodautoscalers", "list", "HPAs", true },
                  { "", "pods/proxy", "get", "the operator's watches", false } },
      .formats = { CLI_TEXT, CLI_JSON },
      .one_is_an_answer = true },
    { .name = "diff",
      .arguments = "[PLATFORM | -f FILE] [-n NAMESPACE] [-o text|json]",
      .summary = "what the operator would change if the platform were as FILE says, or as it is",
      .text = "A dry run by the API server: nothing is changed. Images are as the operator has "
              "them, of\nits Deployment, or of LP_IMAGE_REGISTRY, LP_IMAGE_TAG and the others in "
              "the environment.\n\n"
              "Status 0: nothing, 1: something, 2: an error.",
      .examples = { { "What a file would change, and whether pods restart",
                      "kubectl lp diff -f platform.yaml" },
                    { "What others changed, which the operator would put back",
                      "kubectl lp diff english -n learning" } },
      .rights = { PLATFORMS("get list create patch", "everything"), OPERATORS("its images"),
                  CHILD("apps", "deployments"), CHILD("apps", "statefulsets"),
                  CHILD("", "services"), CHILD("", "configmaps"), CHILD("", "serviceaccounts"),
                  CHILD("autoscaling", "horizontalpodautoscalers"),
                  CHILD("policy", "poddisruptionbudgets"),
                  CHILD("networking.k8s.io", "networkpolicies"),
                  CHILD("networking.k8s.io", "ingresses"),
                  CHILD("gateway.networking.k8s.io", "httproutes"),
                  CHILD("monitoring.coreos.com", "podmonitors"),
                  CHILD("monitoring.coreos.com", "prometheusrules"),
                  CHILD("", "persistentvolumeclaims") },
      .formats = { CLI_TEXT, CLI_JSON },
      .names = { "PLATFORM" },
      .one_is_an_answer = true },
    { .name = "render",
      .arguments = "-f FILE [-n NAMESPACE] [--at TIME] [-o yaml|json]",
      .summary = "the objects that the operator makes of a platform, without a cluster",
      .text =
          "With --at those of that time instead of now, with what spec.schedules asks for then. "
          "Images\nare those of this version, or of LP_IMAGE_REGISTRY, LP_IMAGE_TAG and the "
          "others in the\nenvironment.",
      .examples = { { "What would be there", "kubectl lp render -f platform.yaml" },
                    { "Of standard input, for a policy check",
                      "kustomize build . | kubectl lp render -f - | kubeconform" } },
      .formats = { CLI_YAML, CLI_JSON },
      .needs_file = true,
      .offline = true },
    { .name = "simulate",
      .arguments = "-f FILE --trace CSV [--service NAME] [--start TIME] [--compare FILE]\n"
                   "[-o text|json|csv|svg]",
      .summary = "how services would have scaled through a load, without a cluster",
      .text =
          "By the arithmetic of the HPA controller, with schedules, pauses, bursts and fallbacks "
          "of "
          "the\nplatform.\n\n"
          "CSV: a header line, time (seconds) and one or more of cpu (cores), memory (bytes),\n"
          "queue_depth, each of all pods together, or instead of queue_depth, which stays as it "
          "is,\n"
          "arrival_rate (requests a second) and service_time (seconds of a slot), whose backlog "
          "and\ndemand follow the simulated pods, and with request_cpu_ms (CPU of a request) their "
          "CPU,\nwithin its limit. \"auth.cpu\" is that of auth; without --service all services "
          "that "
          "columns\nname are simulated together. An empty cell is a missing metric; metrics "
          "without "
          "a column\nare left out.\n\n"
          "With --as-recorded each row is a look of the controller, as `kubectl lp record "
          "--looks`\nwrites them: what it saw then, with seen_replicas (in the status), seen_ready "
          "(pods with a\nsample), seen_counted (of them those whose CPU counts), seen_missing (run "
          "without a sample),\nseen_pending, seen_spec (spec.replicas, where others had changed "
          "it) "
          "and seen_min\n(minReplicas, where it was lifted: schedules then count by it alone). "
          "Replicas are then\nexactly what they were, or another platform's. With decided, what "
          "the "
          "HPA wanted, looks that\nare decided otherwise are told; those of the first window (300 "
          "s) apart, as the controller\nremembers what was before the recording. A trace of "
          "arrival_rate with seen_replicas tells\nfor how much of the time pods are within one of "
          "them.\n\n"
          "Status 0: within the limits, 1: over a limit of --max-..., 2: an error.",
      .examples = { { "A shipped trace of an exam", "kubectl lp simulate -f platform.yaml --trace "
                                                    "config/samples/traces/exam.csv" },
                    { "Whether a change makes learners wait",
                      "kubectl lp simulate -f new.yaml --compare old.yaml --trace load.csv "
                      "--max-minutes-over-target 2" } },
      .formats = { CLI_TEXT, CLI_JSON, CLI_CSV, CLI_SVG },
      .needs_file = true,
      .offline = true,
      .one_is_an_answer = true },
    { .name = "record",
      .arguments = "[PLATFORM] [SERVICE] [-n NAMESPACE] [--since DURATION]\n"
                   "PLATFORM SERVICE --looks [--for DURATION] [--sync-period SECONDS]",
      .summary = "the load of a platform in the last day, or each look of an HPA from now on",
      .text =
          "A trace for simulate: the load as the operator kept it with each decision, with the "
          "queue\nand the replicas that were seen.\n\n"
          "With --looks a trace for simulate --as-recorded: from now on a row for each look of "
          "the HPA\ncontroller at one service, as soon as its status tells of it: what it saw, "
          "and decided. Looks\nare the HPA's decisions: what a burst, a schedule or a person "
          "changes between two is seen at\nthe next. A look that changes nothing in the status is "
          "known by its absence: it is filled in\none --sync-period after the last. Values have "
          "the precision of the status: CPU and memory to a\npercent of the request, demand to "
          "seen_replicas - 1 thousandths; queue_depth is exact, and not\nknown of no replicas. "
          "Which pods counted is looked at some milliseconds after the controller.",
      .examples = { { "The last two hours of all services",
                      "kubectl lp record english --since 2h > load.csv" },
                    { "What the HPA of auth does in ten minutes, and whether it is simulated so",
                      "kubectl lp record english auth --looks --for 10m > looks.csv; kubectl get "
                      "lp "
                      "english -o yaml > english.yaml; kubectl lp simulate -f english.yaml --trace "
                      "looks.csv --as-recorded --max-differences 0" } },
      .rights = { PLATFORMS("get list", "everything"),
                  { "", "configmaps", "get", "everything without --looks", false },
                  { "autoscaling", "horizontalpodautoscalers", "list watch", "--looks", false },
                  { "apps", "deployments", "get list watch", "--looks", false },
                  { "", "pods", "list watch", "--looks", false },
                  { "metrics.k8s.io", "pods", "list", "with --looks which pods had a sample",
                    false } },
      .formats = { CLI_TEXT },
      .names = { "PLATFORM", "SERVICE" } },
    { .name = "load",
      .arguments = "--url URL [--learners N] [--duration SECONDS] [--pause SECONDS]\n"
                   "[--arrival-rate N] [--shape NAME] [--scenario FILE] [--fail-if LIMIT] "
                   "[-o text|json]",
      .summary = "sends a class of learners to a gateway and tests its latencies",
      .text =
          "Each logs in as LP_LOAD_EMAIL with LP_LOAD_PASSWORD, sends a sentence, asks for a\n"
          "recommendation and for /health, or does what --scenario says (docs/load.md). Only "
          "loopback\nand private addresses, or with --yes-this-is-mine any. With --arrival-rate "
          "time counts from\nwhen a request was meant to begin.\n\n"
          "Status 0: within the limits, 1: over a limit of --fail-if, 2: an error.",
      .examples = { { "A class of 20 for half a minute",
                      "LP_LOAD_EMAIL=ann@example.org LP_LOAD_PASSWORD=... kubectl lp load --url "
                      "http://127.0.0.1:30080" },
                    { "For CI", "kubectl lp load --url http://127.0.0.1:30080 --arrival-rate 50 "
                                "--fail-if 'p95>300ms' --fail-if 'errors>1%'" } },
      .formats = { CLI_TEXT, CLI_JSON },
      .offline = true,
      .one_is_an_answer = true },
    { .name = "report",
      .arguments = "[PLATFORM] [-n NAMESPACE | -A]",
      .summary = "platform, objects, events and the operator's logs, for a bug report",
      .text = "Credentials are taken out, Secrets are not read.",
      .examples = { { "For an issue", "kubectl lp report english -n learning > report.yaml" } },
      .rights = { PLATFORMS("get list", "everything"),
                  OPERATORS("the operator's logs"),
                  READ("apps", "deployments"),
                  READ("apps", "replicasets"),
                  READ("apps", "statefulsets"),
                  READ("", "services"),
                  READ("", "configmaps"),
                  READ("", "serviceaccounts"),
                  READ("", "persistentvolumeclaims"),
                  READ("autoscaling", "horizontalpodautoscalers"),
                  READ("policy", "poddisruptionbudgets"),
                  READ("networking.k8s.io", "networkpolicies"),
                  READ("networking.k8s.io", "ingresses"),
                  READ("gateway.networking.k8s.io", "httproutes"),
                  READ("monitoring.coreos.com", "podmonitors"),
                  READ("monitoring.coreos.com", "prometheusrules"),
                  READ("", "pods"),
                  READ("events.k8s.io", "events"),
                  { "", "pods/log", "get", "the operator's logs", false },
                  { "coordination.k8s.io", "leases", "list", "who leads", false } },
      .formats = { CLI_YAML },
      .names = { "PLATFORM" } },
    { .name = "export",
      .arguments = "[PLATFORM] [-n NAMESPACE | -A] [-o yaml|json]",
      .summary = "platforms as files, to be applied to another cluster",
      .text =
          "Without status and what else their cluster made of them. Secrets and the content of\n"
          "databases are not in it.",
      .examples = { { "All of them", "kubectl lp export -A > platforms.yaml" } },
      .rights = { PLATFORMS("get list", "everything") },
      .formats = { CLI_YAML, CLI_JSON },
      .names = { "PLATFORM" } },
    { .name = "version",
      .arguments = "[-o text|json]",
      .summary = "versions of plugin, operator, definition and API server",
      .text = "An operator or definition that is not known is left out, with the reason.",
      .examples = { { "All that are known", "kubectl lp version" } },
      .rights = { OPERATORS("the operator's"),
                  { "apiextensions.k8s.io", "customresourcedefinitions", "get", "the definition's",
                    true } },
      .formats = { CLI_TEXT, CLI_JSON } },
    { .name = "install",
      .arguments = "generate|definition [-n NAMESPACE] [--registry R] [--tag TAG] [--class NAME]\n"
                   "[--watch-namespaces A,B] [--metrics-api Own|Chain|None]",
      .summary = "the objects of an operator, to be applied; no checkout and no cluster is needed",
      .text = "generate: the operator in NAMESPACE (learning-platform-system where it is not "
              "given), with\nthe definition, for all namespaces; with --watch-namespaces one that "
              "has rights in these\nalone and serves no metrics API. definition: what an "
              "administrator applies once for the\nlatter. Manifests are those of the plugin's "
              "version.",
      .examples = { { "An operator for all namespaces",
                      "kubectl lp install generate --registry registry.example.org/english | "
                      "kubectl apply --server-side -f -" },
                    { "One for a team, after its administrator applied the definition",
                      "kubectl lp install generate -n learning --watch-namespaces learning" },
                    { "A new version for one class of platforms",
                      "kubectl lp install generate -n canary --watch-namespaces learning --class "
                      "canary --tag v0.2.0" } },
      .formats = { CLI_YAML },
      .names = { "WHAT" },
      .words = "generate definition",
      .offline = true,
      .takes_namespace = true },
    { .name = "completion",
      .arguments = "bash|zsh|fish",
      .summary = "prints what a shell needs to complete kubectl-lp",
      .text =
          "kubectl itself completes `kubectl lp` where kubectl_complete-lp is in the PATH and "
          "its own\ncompletion is on (in bash that needs the package bash-completion; ours does "
          "not). Names of\nplatforms and services come from the cluster.",
      .examples = { { "In this bash", "source <(kubectl-lp completion bash)" },
                    { "In every zsh", "kubectl-lp completion zsh > \"${fpath[1]}/_kubectl-lp\"" },
                    { "In every fish", "kubectl-lp completion fish > "
                                       "~/.config/fish/completions/kubectl-lp.fish" } },
      .formats = { CLI_TEXT },
      .names = { "SHELL" },
      .words = "bash zsh fish",
      .offline = true },
    { .name = "help",
      .arguments = "[COMMAND] [-o text|markdown|man]",
      .summary = "what a command does, its options, examples and the rights that it needs",
      .text = "Without a command all of them. So does --help after a command.",
      .examples = { { "One command", "kubectl lp help why" },
                    { "The man page", "kubectl lp help -o man | man -l -" } },
      .formats = { CLI_TEXT, CLI_MARKDOWN, CLI_MAN },
      .names = { "COMMAND" },
      .offline = true },
    { .name = NULL },
};

const struct cli_command *cli_command_find(const char *name)
{
    for (const struct cli_command *c = cli_commands; name && c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
