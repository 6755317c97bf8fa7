/* lib/service/program.c -- main() of a service: arguments, configuration, signals. Main thread
 * only, before the others start. */
#include "service/program.h"

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "service/service.h"

#define AT(member) offsetof(struct lp_service_config, member)

static const struct lp_env common[] = {
    { "METRICS_PORT", LP_ENV_INT, AT(metrics_port), "9090", 0, 65535, NULL, false,
      "port for /metrics, /livez and /readyz" },
    { "CONCURRENCY", LP_ENV_INT, AT(concurrency), "32", 1, 1024, NULL, false,
      "requests worked on at once" },
    { "QUEUE_LIMIT", LP_ENV_INT, AT(queue_limit), "256", 0, 100000, NULL, false,
      "requests that may wait; beyond it 503" },
    { "REQUEST_DEADLINE", LP_ENV_DURATION, AT(deadline_ms), "30s", 100, 3600000, NULL, false,
      "a request that waited longer is dropped" },
    { "DRAIN_DELAY", LP_ENV_DURATION, AT(drain_ms), "5s", 0, 600000, NULL, false,
      "after SIGTERM: not ready, but still serving" },
    { "LOG_LEVEL", LP_ENV_STRING, AT(log_level), "info", 0, 0, lp_env_log_levels, false,
      "least level logged" },
    { "LOG_HASH_KEY", LP_ENV_STRING, AT(log_hash_key), "", 0, 0, NULL, true,
      "key of the hashes that stand for learners in logs; empty: random at each start" },
    { 0 },
};

/* The tables of the program: the port, whose default is its own, what all have, and its own. */
struct tables {
    struct lp_env port[2];
    const struct lp_env *list[4];
};

static void tables_init(struct tables *t, const struct lp_service_program *p)
{
    *t = (struct tables){
        .port = { { "PORT", LP_ENV_INT, AT(port), p->port, 0, 65535, NULL, false,
                    "port for traffic" } },
    };
    t->list[0] = t->port;
    t->list[1] = common;
    t->list[2] = p->table;
}

int lp_service_load(const struct lp_service_program *p, void *config, struct lp_error *err)
{
    struct tables t;

    tables_init(&t, p);
    int r = lp_env_load(t.list, config, err);
    return r < 0 || !p->check ? r : p->check(config, err);
}

static void print_help(const struct lp_service_program *p)
{
    struct tables t;

    tables_init(&t, p);
    printf("%s: %s\n\nusage: %s [--help | --version | --check-config]\n\n"
           "Configuration comes from the environment:\n",
           p->name, p->summary, p->name);
    lp_env_print_help(t.list);
}

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, const struct lp_service_program *p,
                          bool *ret_only_check)
{
    const char *argument = argc > 1 ? argv[1] : "";

    *ret_only_check = argc == 2 && strcmp(argument, "--check-config") == 0;
    if (argc < 2 || *ret_only_check)
        return -1;
    if (argc == 2 && strcmp(argument, "--version") == 0)
        return printf("%s %s\n", p->name, LP_VERSION) < 0;
    if (argc == 2 && strcmp(argument, "--help") == 0) {
        print_help(p);
        return 0;
    }
    fprintf(stderr, "%s: unknown argument \"%s\"; try %s --help\n", p->name, argument, p->name);
    return 2;
}

static void apply(const struct lp_service_program *p, const struct lp_service_config *config)
{
    enum lp_log_level level = LP_LOG_INFO;

    lp_log_parse_level(config->log_level, &level);
    lp_log_set_level(level);
    lp_metrics_set_program(p->name, LP_VERSION);
    lp_log_identity(p->name, LP_VERSION, NULL);
    lp_pseudonym_key(config->log_hash_key);
    mallopt(M_ARENA_MAX, 2); /* one arena a thread would cost a small pod its memory */
}

int lp_service_main(int argc, char **argv, const struct lp_service_program *p, void *config)
{
    struct lp_error err;
    bool only_check;

    int status = read_arguments(argc, argv, p, &only_check);
    if (status >= 0)
        return status;
    lp_json_init();
    if (lp_service_load(p, config, &err) < 0) {
        fprintf(stderr, "%s: %s\n", p->name, err.msg);
        return 2;
    }
    if (only_check)
        return printf("%s: the configuration is valid\n", p->name) < 0;
    apply(p, config);
    struct lp_stop *stop = lp_stop_new(); /* the signals' thread uses it until the end */
    int r = lp_stop_on_signals(stop);
    if (r < 0)
        lp_error_set(&err, r, "cannot wait for signals");
    else
        r = p->run(config, stop, &err);
    if (r < 0)
        lp_log_error("the program ends", "error", err.msg);
    lp_log_end();
    if (r == LP_E_TIMEOUT)
        _exit(1); /* threads still use what exit() would tear down */
    return r == LP_E_INVALID ? 2 : r < 0;
}
