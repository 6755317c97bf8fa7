/* cli/options.c -- reads the command line. No state. */
#include "cli/options_parts.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "kube/quantity.h"
#include "platform/images.h"

static bool is_short(const char *arg)
{
    return arg[0] == '-' && arg[1] != '-';
}

/* Whether a sentence of commands names this one. */
static bool takes(const char *commands, const char *command)
{
    size_t n = strlen(command);

    for (const char *at = commands; (at = strstr(at, command)); at += n)
        if ((at == commands || at[-1] == ' ') && (at[n] == ' ' || at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

/* The value of an option: the rest of `--option=value`, `-nvalue` or `-n=value`, or the next
 * argument. */
static int take_value(int argc, char **argv, int *i, const char *option, const char **ret,
                      struct lp_error *err)
{
    const char *arg = argv[*i], *equals = is_short(arg) ? NULL : strchr(arg, '=');

    if (equals) {
        *ret = equals + 1;
        return 0;
    }
    if (is_short(arg) && arg[2]) {
        *ret = arg + (arg[2] == '=' ? 3 : 2);
        return 0;
    }
    if (*i + 1 >= argc)
        return lp_error_set(err, LP_E_INVALID, "%s needs a value", option);
    *ret = argv[++*i];
    return 0;
}

static bool is_option(const char *arg, const char *option)
{
    size_t n = strlen(option);
    return strncmp(arg, option, n) == 0 && (arg[n] == '\0' || arg[n] == '=' || is_short(option));
}

#define NOT_GIVEN INT64_MIN

/* Options with a number, of up to three decimals; `fallback` in thousandths of the unit. */
static const struct number_option {
    const char *name, *command, *unit;
    int64_t least, most, fallback;
    size_t offset;
} numbers[] = {
    { "--interval", "status", "seconds", 1, 60, 1000, offsetof(struct cli_options, interval_ms) },
    { "--sync-period", "simulate", "seconds", 1, 300, 15000,
      offsetof(struct cli_options, sync_ms) },
    { "--ready-after", "simulate", "seconds", 0, 3600, 30000,
      offsetof(struct cli_options, ready_after_ms) },
    { "--target-wait", "simulate", "seconds", 0, 60, 250,
      offsetof(struct cli_options, target_wait_ms) },
    { "--max-minutes-over-target", "simulate", "minutes", 0, 100000, -1,
      offsetof(struct cli_options, max_minutes_over) },
    { "--max-pod-hours", "simulate", "hours", 0, 1000000, -1,
      offsetof(struct cli_options, max_pod_hours) },
    { "--max-seconds-over-target", "simulate", "seconds", 0, 10000000, -1,
      offsetof(struct cli_options, max_over_target) },
    { "--learners", "load", "learners", 1, 10000, -1, offsetof(struct cli_options, learners) },
    { "--duration", "load", "seconds", 1, 86400, 30000, offsetof(struct cli_options, duration_ms) },
    { "--pause", "load", "seconds", 0, 3600, -1, offsetof(struct cli_options, pause_ms) },
    { "--arrival-rate", "load", "rounds a second", 0, 100000, -1,
      offsetof(struct cli_options, arrival_rate) },
    { "--seed", "load", "as a whole number", 0, 1000000000, 1000,
      offsetof(struct cli_options, seed) },
    { "--progress", "load", "seconds", 0, 3600, 10000, offsetof(struct cli_options, progress_ms) },
};

static int64_t *number_of(struct cli_options *o, const struct number_option *n)
{
    return (int64_t *)(void *)((char *)o + n->offset);
}

static int read_number(const struct number_option *n, const char *text, struct cli_options *o,
                       struct lp_error *err)
{
    const char *point = strchr(text, '.');
    bool plain = text[strspn(text, "0123456789.")] == '\0' && (!point || strlen(point) <= 4);
    struct lp_error ignored;
    int64_t milli = -1;

    if (!plain || lp_quantity_parse(text, &milli, &ignored) < 0 || milli < n->least * 1000 ||
        milli > n->most * 1000)
        return lp_error_set(err, LP_E_INVALID,
                            "%s: must be %" PRId64 "..%" PRId64 " %s, is \"%.64s\"", n->name,
                            n->least, n->most, n->unit, text);
    *number_of(o, n) = milli;
    return 0;
}

static int read_format(const char *text, struct cli_options *o, struct lp_error *err)
{
    static const char *const names[] = {
        [CLI_TABLE] = "table", [CLI_TEXT] = "text", [CLI_YAML] = "yaml",
        [CLI_JSON] = "json",   [CLI_CSV] = "csv",   [CLI_SVG] = "svg"
    };

    for (unsigned i = CLI_TABLE; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            o->format = (enum cli_format)i;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_INVALID,
                        "-o: must be table, text, yaml, json, csv or svg, is \"%.64s\"", text);
}

/* Options with a text; NULL of `other`: it has one form; of `commands`, names as a sentence has
 * them: all take it. */
static const struct text_option {
    const char *name, *other, *commands;
    size_t offset;
} texts[] = {
    { "-n", "--namespace", NULL, offsetof(struct cli_options, ns) },
    { "--kubeconfig", NULL, NULL, offsetof(struct cli_options, kubeconfig) },
    { "--context", NULL, NULL, offsetof(struct cli_options, context) },
    { "--as", NULL, NULL, offsetof(struct cli_options, as) },
    { "--as-uid", NULL, NULL, offsetof(struct cli_options, as_uid) },
    { "--cluster", NULL, NULL, offsetof(struct cli_options, flags.cluster) },
    { "--user", NULL, NULL, offsetof(struct cli_options, flags.user) },
    { "-s", "--server", NULL, offsetof(struct cli_options, flags.server) },
    { "--tls-server-name", NULL, NULL, offsetof(struct cli_options, flags.tls_server_name) },
    { "--certificate-authority", NULL, NULL,
      offsetof(struct cli_options, flags.certificate_authority) },
    { "--token", NULL, NULL, offsetof(struct cli_options, flags.token) },
    { "--client-certificate", NULL, NULL, offsetof(struct cli_options, flags.client_certificate) },
    { "--client-key", NULL, NULL, offsetof(struct cli_options, flags.client_key) },
    { "--request-timeout", NULL, NULL, offsetof(struct cli_options, request_timeout) },
    { "--at", NULL, "render and why", offsetof(struct cli_options, at) },
    { "--since", NULL, "why and record", offsetof(struct cli_options, since) },
    { "--service", NULL, "simulate, why and record", offsetof(struct cli_options, service) },
    { "--start", NULL, "simulate", offsetof(struct cli_options, start) },
    { "--trace", NULL, "simulate", offsetof(struct cli_options, trace) },
    { "--compare", NULL, "simulate", offsetof(struct cli_options, compare) },
    { "--url", NULL, "load", offsetof(struct cli_options, url) },
    { "--scenario", NULL, "load", offsetof(struct cli_options, scenario) },
    { "--shape", NULL, "load", offsetof(struct cli_options, shape) },
};

static const char *text_of(const struct cli_options *o, const struct text_option *t)
{
    return *(const char *const *)(const void *)((const char *)o + t->offset);
}

/* Options that may be given again; each list has room for `most` and ends with NULL. */
static const struct list_option {
    const char *name, *other;
    size_t offset, most;
} lists[] = {
    { "-f", "--filename", offsetof(struct cli_options, files), CLI_MAX_FILES },
    { "--as-group", NULL, offsetof(struct cli_options, as_groups), CLI_MAX_GROUPS },
    { "--fail-if", NULL, offsetof(struct cli_options, fail_if), CLI_MAX_LIMITS },
};

static int append_value(const struct list_option *l, const char *value, struct cli_options *o,
                        struct lp_error *err)
{
    const char **list = (const char **)(void *)((char *)o + l->offset);
    size_t n = 0;

    while (list[n])
        n++;
    if (n == l->most)
        return lp_error_set(err, LP_E_INVALID, "%s: at most %zu times", l->name, l->most);
    list[n] = value;
    return 0;
}

/* An option that may be given again; 1 where `arg` is none. */
static int read_list(int argc, char **argv, int *i, struct cli_options *o, struct lp_error *err)
{
    const char *arg = argv[*i], *value;

    for (size_t k = 0; k < LP_COUNT(lists); k++) {
        if (!is_option(arg, lists[k].name) && !(lists[k].other && is_option(arg, lists[k].other)))
            continue;
        int r = take_value(argc, argv, i, arg, &value, err);
        return r < 0 ? r : append_value(&lists[k], value, o, err);
    }
    return 1;
}

static int read_value(int argc, char **argv, int *i, struct cli_options *o, struct lp_error *err)
{
    const char *arg = argv[*i], *value;

    for (size_t k = 0; k < LP_COUNT(texts); k++)
        if (is_option(arg, texts[k].name) || (texts[k].other && is_option(arg, texts[k].other)))
            return take_value(argc, argv, i, arg,
                              (const char **)(void *)((char *)o + texts[k].offset), err);
    for (size_t k = 0; k < LP_COUNT(numbers); k++) {
        if (!is_option(arg, numbers[k].name))
            continue;
        int r = take_value(argc, argv, i, arg, &value, err);
        return r < 0 ? r : read_number(&numbers[k], value, o, err);
    }
    int listed = read_list(argc, argv, i, o, err);
    if (listed <= 0)
        return listed;
    if (!is_option(arg, "-o") && !is_option(arg, "--output"))
        return lp_error_set(err, LP_E_INVALID, "unknown option %.64s: see --help", arg);
    int r = take_value(argc, argv, i, arg, &value, err);
    return r < 0 ? r : read_format(value, o, err);
}

static int read_option(int argc, char **argv, int *i, struct cli_options *o, struct lp_error *err)
{
    const char *arg = argv[*i];

    if (strcmp(arg, "-A") == 0 || strcmp(arg, "--all-namespaces") == 0)
        o->all_namespaces = true;
    else if (strcmp(arg, "-w") == 0 || strcmp(arg, "--watch") == 0)
        o->watch = true;
    else if (strcmp(arg, "--yes-this-is-mine") == 0)
        o->yes_this_is_mine = true;
    else if (strcmp(arg, "--insecure-skip-tls-verify") == 0 ||
             strcmp(arg, "--insecure-skip-tls-verify=true") == 0)
        o->flags.insecure_skip_tls_verify = true;
    else
        return read_value(argc, argv, i, o, err);
    return 0;
}

/* The files of $KUBECONFIG, else ~/.kube/config. */
static void default_kubeconfig(struct cli_options *o)
{
    const char *set = getenv("KUBECONFIG"), *home = getenv("HOME");

    if (o->kubeconfig)
        return;
    snprintf(o->buffer, sizeof o->buffer, "%s/.kube/config", home ? home : "");
    o->kubeconfig = set && *set ? set : o->buffer;
    o->kubeconfig_list = true;
}

static int check_file(const struct cli_options *o, bool takes, bool needs, struct lp_error *err)
{
    if (o->files[0] && !takes)
        return lp_error_set(err, LP_E_INVALID, "-f: %s takes no file; see --help", o->command);
    if (!o->files[0] && needs)
        return lp_error_set(err, LP_E_INVALID, "-f: %s needs a file; see --help", o->command);
    if (o->files[0] && o->name)
        return lp_error_set(err, LP_E_INVALID, "a name or -f, not both: \"%.64s\"", o->name);
    return 0;
}

static int check_taken(const struct cli_options *o, const char *option, const char *commands,
                       bool given, struct lp_error *err)
{
    if (!given || !commands || takes(commands, o->command))
        return 0;
    return lp_error_set(err, LP_E_INVALID, "%s: %s does not take it, only %s; see --help", option,
                        o->command, commands);
}

/* Options of other commands. The numbers that were not given get what they are without. */
static int check_others(struct cli_options *o, struct lp_error *err)
{
    int r = check_taken(o, "-w", "status", o->watch, err);

    if (r == 0)
        r = check_taken(o, "--yes-this-is-mine", "load", o->yes_this_is_mine, err);
    if (r == 0)
        r = check_taken(o, "--fail-if", "load", o->fail_if[0] != NULL, err);
    for (size_t i = 0; r == 0 && i < LP_COUNT(texts); i++)
        r = check_taken(o, texts[i].name, texts[i].commands, text_of(o, &texts[i]) != NULL, err);
    for (size_t i = 0; r == 0 && i < LP_COUNT(numbers); i++) {
        int64_t *number = number_of(o, &numbers[i]);
        r = check_taken(o, numbers[i].name, numbers[i].command, *number != NOT_GIVEN, err);
        if (*number == NOT_GIVEN)
            *number = numbers[i].fallback;
    }
    return r;
}

static int check_command(struct cli_options *o, struct lp_error *err)
{
    static const struct {
        const char *name;
        enum cli_format format, other; /* the first is the default */
        bool takes_file, needs_file;
    } commands[] = { { "status", CLI_TABLE, CLI_JSON, false, false },
                     { "export", CLI_YAML, CLI_JSON, false, false },
                     { "diff", CLI_TEXT, CLI_JSON, true, false },
                     { "render", CLI_YAML, CLI_JSON, true, true },
                     { "simulate", CLI_TEXT, CLI_JSON, true, true },
                     { "load", CLI_TEXT, CLI_JSON, false, false },
                     { "why", CLI_TEXT, CLI_JSON, false, false },
                     { "record", CLI_TEXT, CLI_TEXT, false, false },
                     { "report", CLI_YAML, CLI_YAML, false, false } };
    size_t i = 0, n = sizeof commands / sizeof *commands;

    while (i < n && (!o->command || strcmp(o->command, commands[i].name) != 0))
        i++;
    if (i == n)
        return lp_error_set(err, LP_E_INVALID,
                            "%s%.64s: the commands are: status, export, diff, render, simulate, "
                            "load, why, record, report; see --help",
                            o->command ? "unknown command " : "no command given",
                            o->command ? o->command : "");
    if (o->format == CLI_DEFAULT)
        o->format = commands[i].format;
    bool is_picture = o->format == CLI_CSV || o->format == CLI_SVG;
    if (o->format != commands[i].format && o->format != commands[i].other &&
        !(is_picture && strcmp(o->command, "simulate") == 0))
        return lp_error_set(err, LP_E_INVALID, "-o: %s has no such form; see --help", o->command);
    int r = check_file(o, commands[i].takes_file, commands[i].needs_file, err);
    if (r == 0)
        r = check_others(o, err);
    return r < 0 ? r : cli_options_check(o, err);
}

int cli_options_parse(int argc, char **argv, struct cli_options *ret_options, struct lp_error *err)
{
    struct cli_options *o = ret_options;

    *o = (struct cli_options){ .format = CLI_DEFAULT };
    for (size_t i = 0; i < LP_COUNT(numbers); i++)
        *number_of(o, &numbers[i]) = NOT_GIVEN;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--version") == 0) {
            fputs(strcmp(argv[i], "--version") == 0 ? "kubectl-lp " LP_VERSION "\n" : cli_usage,
                  stdout);
            return lp_error_set(err, LP_E_CANCELED, "help was printed");
        }
        if (argv[i][0] == '-') {
            int r = read_option(argc, argv, &i, o, err);
            if (r < 0)
                return r;
        } else if (!o->command) {
            o->command = argv[i];
        } else if (!o->name) {
            o->name = argv[i];
        } else if (!o->service && takes("why and record", o->command)) {
            o->service = argv[i];
        } else {
            return lp_error_set(err, LP_E_INVALID, "one name at most, \"%.64s\" is too many",
                                argv[i]);
        }
    }
    int r = check_command(o, err);
    if (r < 0)
        return r;
    default_kubeconfig(o);
    o->load_email = getenv("LP_LOAD_EMAIL");
    o->load_password = getenv("LP_LOAD_PASSWORD");
    for (size_t i = 0; images_variables[i]; i++)
        o->images[i] = getenv(images_variables[i]);
    return 0;
}
