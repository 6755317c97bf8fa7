/* cli/command/options.c -- the table of options. No state. */
#include "cli/command/command.h"

#include <string.h>

#include "cli/options.h"

#define OF(field) .offset = offsetof(struct cli_options, field)
#define NUMBER(low, high, otherwise, of_what) \
    .kind = CLI_NUMBER, .least = (low), .most = (high), .fallback = (otherwise), .unit = (of_what)
#define KUBECTLS(n, o, v, h, field)                                                         \
    {                                                                                       \
        .name = (n), .other = (o), .value = (v), .help = (h), .kind = CLI_VALUE, OF(field), \
        .connection = true                                                                  \
    }

#define INSTALLS(n, v, h, field)                                                          \
    {                                                                                     \
        .name = (n), .value = (v), .commands = "install", .help = (h), .kind = CLI_VALUE, \
        OF(field)                                                                         \
    }
#define INSTALLS_WORD(n, v, h, field, words_)                                             \
    {                                                                                     \
        .name = (n), .value = (v), .commands = "install", .help = (h), .kind = CLI_VALUE, \
        OF(field), .complete = CLI_COMPLETE_WORDS, .words = (words_)                      \
    }

const struct cli_option cli_option_table[] = {
    { "-A", "--all-namespaces", NULL, "status, export, diff, why, slo, report and dashboard",
      "in all namespaces", CLI_FLAG, OF(all_namespaces) },
    { "-w", "--watch", NULL, "status", "goes on until interrupted", CLI_FLAG, OF(watch) },
    { "--interval", NULL, "SECONDS", "status and dashboard",
      "between two looks: of status with -w (1), of dashboard (2)", OF(interval_ms),
      NUMBER(1, 60, -1, "seconds") },
    { "--port", NULL, "N", "dashboard", "of 127.0.0.1; 0: a free one (0)", OF(port),
      NUMBER(0, 65535, 0, "as a whole number") },
    { "--no-open", NULL, NULL, "dashboard", "opens no browser, prints the URL alone", CLI_FLAG,
      OF(no_open) },
    { "-f", "--filename", "FILE", "diff, render and simulate",
      "a file or folder with platforms, \"-\": standard input; may be given again", CLI_LIST,
      OF(files), .room = CLI_MAX_FILES, .complete = CLI_COMPLETE_FILES },
    { "--pre", NULL, NULL, "check", "only what must be there before an installation", CLI_FLAG,
      OF(pre) },
    { "--wait", NULL, NULL, "check", "looks again until nothing fails", CLI_FLAG, OF(wait) },
    { "--wait-timeout", NULL, "SECONDS", "check", "how long it waits at most (300)", OF(wait_ms),
      NUMBER(1, 86400, 300000, "seconds") },
    { "--prometheus", NULL, "URL", "slo",
      "its HTTP API: http or https, as a port-forward has it; a path in front is kept", CLI_VALUE,
      OF(prometheus) },
    { "--at", NULL, "TIME", "render and why",
      "a time as 2026-12-01T02:00:00Z (RFC 3339): of why one of the last 24 h", CLI_VALUE, OF(at) },
    { "--since", NULL, "DURATION", "why and record", "90s, 30m, 1h: 24h at most", CLI_VALUE,
      OF(since) },
    { "--looks", NULL, NULL, "record",
      "from now on, what the HPA controller sees and decides each time, for simulate --as-recorded",
      CLI_FLAG, OF(looks) },
    { "--for", NULL, "DURATION", "record",
      "with --looks: ends by itself after 90s, 30m, 1h (24h, or until interrupted)", CLI_VALUE,
      OF(length) },
    { "--service", NULL, "NAME", "simulate, why and record", "this service alone", CLI_VALUE,
      OF(service), .complete = CLI_COMPLETE_SERVICES },
    { "--trace", NULL, "CSV", "simulate", "the load; \"-\": standard input", CLI_VALUE, OF(trace),
      .complete = CLI_COMPLETE_FILES },
    { "--start", NULL, "TIME", "simulate",
      "of the first row (RFC 3339), where time is not in seconds since 1970; schedules and pauses "
      "count only where there is a date",
      CLI_VALUE, OF(start) },
    { "--compare", NULL, "FILE", "simulate", "the summary of another platform beside it", CLI_VALUE,
      OF(compare), .complete = CLI_COMPLETE_FILES },
    { "--sync-period", NULL, "SECONDS", "simulate and record",
      "between two looks of the HPA controller (15)", OF(sync_ms),
      NUMBER(1, 300, 15000, "seconds") },
    { "--ready-after", NULL, "SECONDS", "simulate", "that a pod needs to be ready (30)",
      OF(ready_after_ms), NUMBER(0, 3600, 30000, "seconds") },
    { "--as-recorded", NULL, NULL, "simulate",
      "each row is a look of the HPA controller, with what it saw (see above)", CLI_FLAG,
      OF(as_recorded) },
    { "--cpu-delay", NULL, "SECONDS", "simulate",
      "how old a sample of CPU by request_cpu_ms is when it is seen first; it is of 15 s (10)",
      OF(usage_delay_ms), NUMBER(0, 60, 10000, "seconds") },
    { "--target-wait", NULL, "SECONDS", "simulate",
      "a minute is over it where 5 % of its requests wait longer (0.25)", OF(target_wait_ms),
      NUMBER(0, 60, 250, "seconds") },
    { "--max-pod-hours", NULL, "N", "simulate", "status 1 where there are more", OF(max_pod_hours),
      NUMBER(0, 1000000, -1, "hours") },
    { "--max-minutes-over-target", NULL, "N", "simulate", "status 1 where there are more",
      OF(max_minutes_over), NUMBER(0, 100000, -1, "minutes") },
    { "--max-seconds-over-target", NULL, "N", "simulate", "the same of the queue depth",
      OF(max_over_target), NUMBER(0, 10000000, -1, "seconds") },
    { "--max-differences", NULL, "N", "simulate",
      "with --as-recorded: status 1 where more looks are decided otherwise than in column decided",
      OF(max_differences), NUMBER(0, 1000000, -1, "looks") },
    { "--url", NULL, "URL", "load", "of the gateway", CLI_VALUE, OF(url) },
    { "--learners", NULL, "N", "load",
      "that are there (20), or with --arrival-rate are under way "
      "at most (1000)",
      OF(learners), NUMBER(1, 10000, -1, "learners") },
    { "--duration", NULL, "SECONDS", "load", "of the load (30)", OF(duration_ms),
      NUMBER(1, 86400, 30000, "seconds") },
    { "--pause", NULL, "SECONDS", "load", "of a learner after each round (2)", OF(pause_ms),
      NUMBER(0, 3600, -1, "seconds") },
    { "--arrival-rate", NULL, "N", "load",
      "so many rounds begin each second, however slow the answers are", OF(arrival_rate),
      NUMBER(0, 100000, -1, "rounds a second") },
    { "--shape", NULL, "NAME", "load",
      "how learners or arrivals grow and fall: flat, ramp, steps, "
      "exam",
      CLI_VALUE, OF(shape), .complete = CLI_COMPLETE_WORDS, .words = "flat ramp steps exam" },
    { "--scenario", NULL, "FILE", "load", "what each learner does (YAML; docs/load.md)", CLI_VALUE,
      OF(scenario), .complete = CLI_COMPLETE_FILES },
    { "--seed", NULL, "N", "load", "of what is random (1)", OF(seed),
      NUMBER(0, 1000000000, 1000, "as a whole number") },
    { "--progress", NULL, "SECONDS", "load", "between two lines on stderr (10), 0: none",
      OF(progress_ms), NUMBER(0, 3600, 10000, "seconds") },
    { "--fail-if", NULL, "LIMIT", "load",
      "status 1 where it is so: 'p95>300ms', 'login:errors>1%' (p0..p100, mean, max, errors, "
      "count, clock); may be given again",
      CLI_LIST, OF(fail_if), .room = CLI_MAX_LIMITS },
    { "--yes-this-is-mine", NULL, NULL, "load",
      "other targets than loopback and private addresses too", CLI_FLAG, OF(yes_this_is_mine) },
    INSTALLS("--registry", "R", "first part of our images' names (learning-platform)", registry),
    INSTALLS("--tag", "TAG", "of our images; the plugin's version where it is not given", tag),
    INSTALLS_WORD("--pull-policy", "POLICY", "of our images (IfNotPresent)", pull_policy,
                  "Always IfNotPresent Never"),
    INSTALLS("--postgres-image", "IMAGE", "of embedded PostgreSQL (docker.io/library/postgres:16)",
             postgres_image),
    INSTALLS("--mongo-image", "IMAGE", "of embedded MongoDB (docker.io/library/mongo:7.0)",
             mongo_image),
    INSTALLS_WORD("--mongodb-auth", "BOOL", "whether that image knows users (true)", mongodb_auth,
                  "true false"),
    INSTALLS("--watch-namespaces", "A,B",
             "platforms of these namespaces alone, with rights there "
             "alone",
             watch_namespaces),
    INSTALLS("--class", "NAME",
             "spec.className of its platforms; those without one where it is "
             "not given",
             class_name),
    INSTALLS_WORD("--metrics-api", "MODE", "Own, Chain (beside another adapter) or None (Own)",
                  metrics_api, "Own Chain None"),
    { "-o", "--output", "FORM", NULL, "how the answer is written", CLI_FORMAT,
      .complete = CLI_COMPLETE_WORDS },
    { "-n", "--namespace", "NAMESPACE", NULL, "the namespace; the context's where it is not given",
      CLI_VALUE, OF(ns), .complete = CLI_COMPLETE_NAMESPACES },
    { "--kubeconfig", NULL, "FILE", NULL,
      "the kubeconfig; else $KUBECONFIG, ~/.kube/config or the "
      "pod's own",
      CLI_VALUE, OF(kubeconfig), .complete = CLI_COMPLETE_FILES, .connection = true },
    { "--context", NULL, "NAME", NULL, "of the kubeconfig", CLI_VALUE, OF(context),
      .complete = CLI_COMPLETE_CONTEXTS, .connection = true },
    { "--cluster", NULL, "NAME", NULL, "of the kubeconfig", CLI_VALUE, OF(flags.cluster),
      .complete = CLI_COMPLETE_CLUSTERS, .connection = true },
    { "--user", NULL, "NAME", NULL, "of the kubeconfig", CLI_VALUE, OF(flags.user),
      .complete = CLI_COMPLETE_USERS, .connection = true },
    KUBECTLS("--as", NULL, "USER", "acts as this user", as),
    { "--as-group", NULL, "GROUP", NULL, "and as one of this group; may be given again", CLI_LIST,
      OF(as_groups), .room = CLI_MAX_GROUPS, .connection = true },
    KUBECTLS("--as-uid", NULL, "UID", "and with this uid", as_uid),
    KUBECTLS("-s", "--server", "URL", "the API server", flags.server),
    KUBECTLS("--tls-server-name", NULL, "NAME", "that its certificate must have",
             flags.tls_server_name),
    { "--certificate-authority", NULL, "FILE", NULL, "that its certificate must be of", CLI_VALUE,
      OF(flags.certificate_authority), .complete = CLI_COMPLETE_FILES, .connection = true },
    { "--insecure-skip-tls-verify", NULL, NULL, NULL, "believes any certificate", CLI_FLAG,
      OF(flags.insecure_skip_tls_verify), .connection = true },
    KUBECTLS("--token", NULL, "TOKEN", "says who asks", flags.token),
    { "--client-certificate", NULL, "FILE", NULL, "says who asks", CLI_VALUE,
      OF(flags.client_certificate), .complete = CLI_COMPLETE_FILES, .connection = true },
    { "--client-key", NULL, "FILE", NULL, "of it", CLI_VALUE, OF(flags.client_key),
      .complete = CLI_COMPLETE_FILES, .connection = true },
    KUBECTLS("--request-timeout", NULL, "DURATION",
             "of one request: 30, 30s, 2m, 1h (10s); 0: an hour", request_timeout),
    { .name = NULL },
};

bool cli_names(const char *commands, const char *command)
{
    size_t n = strlen(command);

    if (n == 0 || command[strcspn(command, " ,")] != '\0')
        return false;
    for (const char *at = commands; (at = strstr(at, command)); at += n)
        if ((at == commands || at[-1] == ' ') && (at[n] == ' ' || at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

const char *cli_format_name(enum cli_format format)
{
    static const char *const names[] = {
        [CLI_DEFAULT] = "",  [CLI_TABLE] = "table",       [CLI_TEXT] = "text",
        [CLI_YAML] = "yaml", [CLI_JSON] = "json",         [CLI_CSV] = "csv",
        [CLI_SVG] = "svg",   [CLI_MARKDOWN] = "markdown", [CLI_MAN] = "man"
    };
    return names[format];
}

bool cli_takes(const struct cli_command *command, const struct cli_option *option)
{
    if (option->kind == CLI_FORMAT)
        return command->formats[1] != CLI_DEFAULT;
    if (option->connection)
        return !command->offline;
    if (!option->commands)
        return !command->offline || command->needs_file || command->takes_namespace;
    return cli_names(option->commands, command->name);
}
