/* cli/options.c -- reads the command line. No state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "platform/images.h"

static const char usage[] =
    "kubectl lp: looks at LearningPlatforms\n\n"
    "  kubectl lp status [NAME] [-n NAMESPACE | -A] [-w] [--interval SECONDS] [-o table|json]\n"
    "      pods, queue depth and the last scaling decision of every service;\n"
    "      -w goes on until interrupted: the table is drawn again, JSON is one line each time\n\n"
    "  kubectl lp export [NAME] [-n NAMESPACE | -A] [-o yaml|json]\n"
    "      the platforms without status and what else their cluster made of them, to be applied\n"
    "      to another one; Secrets and the content of databases are not in it\n\n"
    "  kubectl lp diff [NAME | -f FILE] [-n NAMESPACE] [-o text|json]\n"
    "      what the operator would change if the platform were as FILE says (or as it is): a dry\n"
    "      run by the API server. Status 0: nothing, 1: something, 2: an error\n\n"
    "  kubectl lp render -f FILE [-n NAMESPACE] [-o yaml|json]\n"
    "      the objects that the operator makes of a platform, without a cluster\n\n"
    "  kubectl lp why [NAME] [-n NAMESPACE | -A] [-o text|json]\n"
    "      why each service has the number of pods that it has\n\n"
    "  kubectl lp report [NAME] [-n NAMESPACE | -A]\n"
    "      platform, objects, events and the operator's logs for a bug report; credentials are\n"
    "      taken out, Secrets are not read\n\n"
    "  diff and render take images as the operator has them: of its Deployment, or of\n"
    "  LP_IMAGE_REGISTRY, LP_IMAGE_TAG and the others in the environment; FILE - is standard "
    "input\n\n"
    "  --kubeconfig FILE, --context NAME as kubectl takes them; --help, --version\n";

/* The value of an option: the rest of `--option=value`, or the next argument. */
static int take_value(int argc, char **argv, int *i, const char *option, const char **ret,
                      struct lp_error *err)
{
    const char *equals = strchr(argv[*i], '=');

    if (equals) {
        *ret = equals + 1;
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
    return strncmp(arg, option, n) == 0 && (arg[n] == '\0' || (n > 2 && arg[n] == '='));
}

static int read_interval(const char *text, struct cli_options *o, struct lp_error *err)
{
    char *end;
    long seconds = strtol(text, &end, 10);

    if (*end || end == text || seconds < 1 || seconds > 60)
        return lp_error_set(err, LP_E_INVALID, "--interval: must be 1..60 seconds, is \"%.64s\"",
                            text);
    o->interval_ms = seconds * 1000;
    return 0;
}

static int read_format(const char *text, struct cli_options *o, struct lp_error *err)
{
    static const char *const names[] = {
        [CLI_TABLE] = "table", [CLI_TEXT] = "text", [CLI_YAML] = "yaml", [CLI_JSON] = "json"
    };

    for (unsigned i = CLI_TABLE; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            o->format = (enum cli_format)i;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_INVALID, "-o: must be table, text, yaml or json, is \"%.64s\"",
                        text);
}

static int read_option(int argc, char **argv, int *i, struct cli_options *o, struct lp_error *err)
{
    static const char *const with_value[] = { "-n",        "--namespace", "--interval",
                                              "-o",        "--output",    "--kubeconfig",
                                              "--context", "-f",          "--filename" };
    const char *arg = argv[*i], *value = NULL;

    if (strcmp(arg, "-A") == 0 || strcmp(arg, "--all-namespaces") == 0)
        o->all_namespaces = true;
    else if (strcmp(arg, "-w") == 0 || strcmp(arg, "--watch") == 0)
        o->watch = true;
    else {
        size_t k = 0;
        while (k < sizeof with_value / sizeof *with_value && !is_option(arg, with_value[k]))
            k++;
        if (k == sizeof with_value / sizeof *with_value)
            return lp_error_set(err, LP_E_INVALID, "unknown option %.64s: see --help", arg);
        int r = take_value(argc, argv, i, with_value[k], &value, err);
        if (r < 0 || !value)
            return r;
        if (k == 2)
            return read_interval(value, o, err);
        if (k == 3 || k == 4)
            return read_format(value, o, err);
        *(k < 2 ? &o->ns : k == 5 ? &o->kubeconfig : k == 6 ? &o->context : &o->file) = value;
    }
    return 0;
}

/* $KUBECONFIG (its first file), else ~/.kube/config. */
static void default_kubeconfig(struct cli_options *o)
{
    const char *set = getenv("KUBECONFIG"), *home = getenv("HOME");

    if (o->kubeconfig)
        return;
    if (set && *set)
        snprintf(o->buffer, sizeof o->buffer, "%.*s", (int)strcspn(set, ":"), set);
    else
        snprintf(o->buffer, sizeof o->buffer, "%s/.kube/config", home ? home : "");
    o->kubeconfig = o->buffer;
}

static int check_file(const struct cli_options *o, bool takes, bool needs, struct lp_error *err)
{
    if (o->file && !takes)
        return lp_error_set(err, LP_E_INVALID, "-f: %s takes no file; see --help", o->command);
    if (!o->file && needs)
        return lp_error_set(err, LP_E_INVALID, "-f: %s needs a file; see --help", o->command);
    if (o->file && o->name)
        return lp_error_set(err, LP_E_INVALID, "a name or -f, not both: \"%.64s\"", o->name);
    return 0;
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
                     { "why", CLI_TEXT, CLI_JSON, false, false },
                     { "report", CLI_YAML, CLI_YAML, false, false } };
    size_t i = 0, n = sizeof commands / sizeof *commands;

    while (i < n && (!o->command || strcmp(o->command, commands[i].name) != 0))
        i++;
    if (i == n)
        return lp_error_set(err, LP_E_INVALID,
                            "%s%.64s: the commands are: status, export, diff, render, why, report; "
                            "see --help",
                            o->command ? "unknown command " : "no command given",
                            o->command ? o->command : "");
    if (o->format == CLI_DEFAULT)
        o->format = commands[i].format;
    if (o->format != commands[i].format && o->format != commands[i].other)
        return lp_error_set(err, LP_E_INVALID, "-o: %s has no such form; see --help", o->command);
    return check_file(o, commands[i].takes_file, commands[i].needs_file, err);
}

int cli_options_parse(int argc, char **argv, struct cli_options *ret_options, struct lp_error *err)
{
    struct cli_options *o = ret_options;

    *o = (struct cli_options){ .interval_ms = 1000 };
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 ||
            strcmp(argv[i], "--version") == 0) {
            fputs(strcmp(argv[i], "--version") == 0 ? "kubectl-lp " LP_VERSION "\n" : usage,
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
        } else {
            return lp_error_set(err, LP_E_INVALID, "one name at most, \"%.64s\" is too many",
                                argv[i]);
        }
    }
    int r = check_command(o, err);
    if (r < 0)
        return r;
    default_kubeconfig(o);
    for (size_t i = 0; images_variables[i]; i++)
        o->images[i] = getenv(images_variables[i]);
    return 0;
}
