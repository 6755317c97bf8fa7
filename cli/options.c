/* cli/options.c -- reads the command line, by the tables of cli/command/. No state. */
#include "cli/options_parts.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "cli/command/command.h"
#include "kube/quantity.h"
#include "platform/images.h"

static bool is_short(const char *arg)
{
    return arg[0] == '-' && arg[1] != '-';
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

static void *field_of(struct cli_options *o, const struct cli_option *option)
{
    return (char *)o + option->offset;
}

/* Of an option that the table has; NULL: it is none. */
static const struct cli_option *option_of(const char *arg)
{
    for (const struct cli_option *o = cli_option_table; o->name; o++)
        if (is_option(arg, o->name) || (o->other && is_option(arg, o->other)))
            return o;
    return NULL;
}

static int read_number(const struct cli_option *n, const char *text, struct cli_options *o,
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
    *(int64_t *)field_of(o, n) = milli;
    return 0;
}

static int read_format(const char *text, struct cli_options *o, struct lp_error *err)
{
    for (enum cli_format f = CLI_TABLE; f < CLI_FORMATS; f++) {
        if (strcmp(text, cli_format_name(f)) == 0) {
            o->format = f;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_INVALID,
                        "-o: must be table, text, yaml, json, csv, svg, markdown or man, is "
                        "\"%.64s\"",
                        text);
}

static int append_value(const struct cli_option *l, const char *value, struct cli_options *o,
                        struct lp_error *err)
{
    const char **list = field_of(o, l);
    size_t n = 0;

    while (list[n])
        n++;
    if (n == l->room)
        return lp_error_set(err, LP_E_INVALID, "%s: at most %zu times", l->name, l->room);
    list[n] = value;
    return 0;
}

static int read_flag(const struct cli_option *option, const char *arg, struct cli_options *o,
                     struct lp_error *err)
{
    const char *equals = is_short(arg) ? arg + 2 : strchr(arg, '=');

    if (equals && *equals && strcmp(equals, "=true") != 0)
        return lp_error_set(err, LP_E_INVALID, "unknown option %.64s: see --help", arg);
    *(bool *)field_of(o, option) = true;
    return 0;
}

static int read_option(int argc, char **argv, int *i, struct cli_options *o, struct lp_error *err)
{
    const char *arg = argv[*i], *value = NULL;
    const struct cli_option *option = option_of(arg);

    if (!option)
        return lp_error_set(err, LP_E_INVALID, "unknown option %.64s: see --help", arg);
    if (option->kind == CLI_FLAG)
        return read_flag(option, arg, o, err);
    int r = take_value(argc, argv, i, arg, &value, err);
    if (r < 0)
        return r;
    switch (option->kind) {
    case CLI_NUMBER:
        return read_number(option, value, o, err);
    case CLI_LIST:
        return append_value(option, value, o, err);
    case CLI_FORMAT:
        return read_format(value, o, err);
    default:
        *(const char **)field_of(o, option) = value;
        return 0;
    }
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

static bool is_given(struct cli_options *o, const struct cli_option *option)
{
    switch (option->kind) {
    case CLI_FLAG:
        return *(bool *)field_of(o, option);
    case CLI_NUMBER:
        return *(int64_t *)field_of(o, option) != CLI_NOT_GIVEN;
    case CLI_FORMAT:
        return false; /* it has a check of its own */
    default:          /* a list's first */
        return *(const char **)field_of(o, option) != NULL;
    }
}

/* Options of other commands. The numbers that were not given get what they are without. */
static int check_others(struct cli_options *o, struct lp_error *err)
{
    for (const struct cli_option *t = cli_option_table; t->name; t++) {
        if (is_given(o, t) && t->commands && !cli_names(t->commands, o->command))
            return lp_error_set(err, LP_E_INVALID, "%s: %s does not take it, only %s; see --help",
                                t->name, o->command, t->commands);
        if (t->kind == CLI_NUMBER && !is_given(o, t))
            *(int64_t *)field_of(o, t) = t->fallback;
    }
    return 0;
}

static int unknown_command(const char *command, struct lp_error *err)
{
    lp_auto_buf struct lp_buf names = LP_BUF_INIT(1000);

    for (const struct cli_command *c = cli_commands; c->name; c++)
        lp_buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", c->name);
    return lp_error_set(err, LP_E_INVALID, "%s%.64s: the commands are: %s; see --help",
                        command ? "unknown command " : "no command given", command ? command : "",
                        names.ptr);
}

static int check_format(struct cli_options *o, const struct cli_command *c, struct lp_error *err)
{
    if (o->format == CLI_DEFAULT)
        o->format = c->formats[0];
    for (size_t i = 0; i < LP_COUNT(c->formats); i++)
        if (o->format == c->formats[i])
            return 0;
    return lp_error_set(err, LP_E_INVALID, "-o: %s has no such form; see --help", o->command);
}

/* Only who takes a file and no name looks at `name` itself. */
static int check_names(const struct cli_options *o, const struct cli_command *c,
                       struct lp_error *err)
{
    if (o->name && !c->names[0] && !c->needs_file)
        return lp_error_set(err, LP_E_INVALID, "%s takes no name, is \"%.64s\"", c->name, o->name);
    if (c->words && (!o->name || !cli_names(c->words, o->name)))
        return lp_error_set(err, LP_E_INVALID, "%s: must be %s, is \"%.64s\"", c->name,
                            c->arguments, o->name ? o->name : "");
    return 0;
}

static int check_command(struct cli_options *o, struct lp_error *err)
{
    const struct cli_command *c = cli_command_find(o->command);

    if (!c)
        return unknown_command(o->command, err);
    int r = check_format(o, c, err);
    if (r == 0)
        r = check_names(o, c, err);
    if (r == 0)
        r = check_file(o, cli_names(option_of("-f")->commands, c->name), c->needs_file, err);
    if (r == 0)
        r = check_others(o, err);
    return r < 0 ? r : cli_options_check(o, err);
}

/* --help after a command is that command's. */
static int print_help(const struct cli_command *command, struct lp_error *err)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);

    cli_help(command, CLI_TEXT, &out);
    fputs(out.ptr, stdout);
    return lp_error_set(err, LP_E_CANCELED, "help was printed");
}

static void start(struct cli_options *o)
{
    *o = (struct cli_options){ .format = CLI_DEFAULT };
    for (const struct cli_option *t = cli_option_table; t->name; t++)
        if (t->kind == CLI_NUMBER)
            *(int64_t *)field_of(o, t) = CLI_NOT_GIVEN;
}

static int read_name(const char *arg, struct cli_options *o, struct lp_error *err)
{
    const struct cli_command *c = cli_command_find(o->command);

    if (!o->command)
        o->command = arg;
    else if (!o->name)
        o->name = arg;
    else if (!o->service && c && c->names[1])
        o->service = arg;
    else
        return lp_error_set(err, LP_E_INVALID, "one name at most, \"%.64s\" is too many", arg);
    return 0;
}

static const char *either(const char *name, const char *other)
{
    const char *value = getenv(name);
    return value && *value ? value : getenv(other);
}

/* What is of the environment. */
static void finish(struct cli_options *o)
{
    default_kubeconfig(o);
    o->service_host = getenv("KUBERNETES_SERVICE_HOST");
    o->service_port = getenv("KUBERNETES_SERVICE_PORT");
    o->https_proxy = either("HTTPS_PROXY", "https_proxy");
    o->http_proxy = either("HTTP_PROXY", "http_proxy");
    o->no_proxy = either("NO_PROXY", "no_proxy");
    o->desktop = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY");
    o->load_email = getenv("LP_LOAD_EMAIL");
    o->load_password = getenv("LP_LOAD_PASSWORD");
    for (size_t i = 0; images_variables[i]; i++)
        o->images[i] = getenv(images_variables[i]);
}

void cli_options_read(int argc, char **argv, struct cli_options *ret_options)
{
    struct lp_error ignored;

    start(ret_options);
    for (int i = 1; i < argc; i++) {
        int r = argv[i][0] == '-' ? read_option(argc, argv, &i, ret_options, &ignored)
                                  : read_name(argv[i], ret_options, &ignored);
        (void)r;
    }
    finish(ret_options);
}

int cli_options_parse(int argc, char **argv, struct cli_options *ret_options, struct lp_error *err)
{
    struct cli_options *o = ret_options;
    bool help = argc == 1;
    int r = 0;

    start(o);
    for (int i = 1; r == 0 && i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            fputs("kubectl-lp " LP_VERSION "\n", stdout);
            return lp_error_set(err, LP_E_CANCELED, "the version was printed");
        } else {
            r = argv[i][0] == '-' ? read_option(argc, argv, &i, o, err)
                                  : read_name(argv[i], o, err);
        }
    }
    if (help)
        return print_help(cli_command_find(o->command), err);
    if (r == 0)
        r = check_command(o, err);
    if (r == 0)
        finish(o);
    return r;
}
