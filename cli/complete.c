/* cli/complete.c -- see the header. No state. */
#include "cli/complete.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/command/command.h"
#include "cli/connect.h"
#include "cli/find.h"
#include "json/json.h"
#include "kube/config_merge.h"
#include "kube/kinds.h"
#include "platform/plan.h"

#define TIMEOUT_MS 3000
#define MOST 1000 /* names of the cluster */

struct completion {
    const char *prefix; /* of the word before what is completed: "--service=" */
    size_t prefix_len;
    const char *start; /* of it, up to the cursor */
    const struct cli_options *options;
    struct lp_stop *stop;
    struct lp_buf *out;
    unsigned n;
};

static void offer(struct completion *c, const char *word, const char *what)
{
    if (!word || strncmp(word, c->start, strlen(c->start)) != 0 || c->n >= MOST)
        return;
    c->n++;
    lp_buf_add(c->out, c->prefix, c->prefix_len);
    lp_buf_str(c->out, word);
    if (what)
        lp_buf_printf(c->out, "\t%s", what);
    lp_buf_char(c->out, '\n');
}

static void offer_words(struct completion *c, const char *words)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        lp_auto_free char *word = lp_strndup(words, n);
        offer(c, word, NULL);
        words += n + (words[n] == ' ');
    }
}

static void offer_commands(struct completion *c)
{
    for (const struct cli_command *k = cli_commands; k->name; k++)
        offer(c, k->name, k->summary);
}

/* Names of objects; `platforms` get their phase beside it. */
static void offer_objects(struct completion *c, const struct lp_kube_kind *kind)
{
    struct connection connection connection_auto = { 0 };
    json_auto_t *found = json_array();
    struct lp_error ignored;
    const json_t *object;
    size_t i;

    if (connection_open(c->options, false, c->stop, &connection, &ignored) < 0 ||
        find_objects(connection.client, kind, kind->cluster_scoped ? NULL : connection.ns, NULL,
                     found, &ignored) < 0)
        return;
    json_array_foreach(found, i, object) offer(c, lp_json_str(object, "metadata", "name", NULL),
                                               lp_json_str(object, "status", "phase", NULL));
}

/* Of the platform that is named before, or of all. False: there are none to be found. */
static bool services_of_cluster(struct completion *c)
{
    struct connection connection connection_auto = { 0 };
    json_auto_t *found = NULL;
    const json_t *platform, *service;
    struct lp_error ignored;
    size_t i, k;

    if (connection_open(c->options, false, c->stop, &connection, &ignored) < 0 ||
        find_platforms(connection.client, c->options, connection.ns, &found, &ignored) < 0)
        return false;
    json_array_foreach(found, i, platform)
        json_array_foreach(lp_json_at(platform, "status", "services", NULL), k, service) offer(
            c, lp_json_str(service, "name", NULL), lp_json_str(platform, "metadata", "name", NULL));
    return c->n > 0;
}

static void offer_services(struct completion *c, const struct cli_command *command)
{
    if (command && !command->offline && services_of_cluster(c))
        return;
    for (unsigned i = 0; i < N_SERVICES; i++)
        offer(c, service_kinds[i].name, NULL);
}

/* Names in one list of the kubeconfig: "contexts", "clusters", "users". */
static void offer_entries(struct completion *c, const char *list)
{
    json_auto_t *merged = NULL;
    struct lp_error ignored;
    const json_t *entry;
    size_t i;

    if (lp_kube_config_merge(c->options->kubeconfig, c->options->kubeconfig_list, &merged,
                             &ignored) < 0)
        return;
    json_array_foreach(json_object_get(merged, list), i, entry)
        offer(c, lp_json_str(entry, "name", NULL), NULL);
}

static void offer_formats(struct completion *c, const struct cli_command *command)
{
    for (size_t i = 0; command && i < LP_COUNT(command->formats); i++)
        if (command->formats[i] != CLI_DEFAULT)
            offer(c, cli_format_name(command->formats[i]), NULL);
}

static void complete_value(struct completion *c, const struct cli_command *command,
                           const struct cli_option *option)
{
    switch (option->complete) {
    case CLI_COMPLETE_WORDS:
        if (option->words)
            offer_words(c, option->words);
        else
            offer_formats(c, command);
        break;
    case CLI_COMPLETE_NAMESPACES:
        offer_objects(c, &lp_kube_namespaces);
        break;
    case CLI_COMPLETE_SERVICES:
        offer_services(c, command);
        break;
    case CLI_COMPLETE_CONTEXTS:
        offer_entries(c, "contexts");
        break;
    case CLI_COMPLETE_CLUSTERS:
        offer_entries(c, "clusters");
        break;
    case CLI_COMPLETE_USERS:
        offer_entries(c, "users");
        break;
    default:
        break;
    }
}

/* Long forms, and the short ones that have no other. */
static void complete_option(struct completion *c, const struct cli_command *command)
{
    for (const struct cli_option *o = cli_option_table; o->name; o++)
        if (!command || cli_takes(command, o))
            offer(c, o->other && o->other[1] == '-' ? o->other : o->name, o->help);
    offer(c, "--help", "what the command does");
}

static void complete_name(struct completion *c, const struct cli_command *command)
{
    const struct cli_options *o = c->options;

    bool all = o->name && (o->service || !command || !command->names[1]);
    if (!o->command ||
        (command && !o->name && command->names[0] && strcmp(command->names[0], "COMMAND") == 0))
        offer_commands(c);
    else if (!command || all || !command->names[0])
        return;
    else if (o->name)
        offer_services(c, command);
    else if (command->words)
        offer_words(c, command->words);
    else
        offer_objects(c, &lp_kube_platforms);
}

/* The option whose value the last word is; what of the word is the option stays before it. */
static const struct cli_option *under_way(int n, char **words, struct completion *c)
{
    const char *last = words[n - 1], *equals = strchr(last, '=');

    for (const struct cli_option *o = cli_option_table; o->name; o++) {
        const char *const forms[] = { o->name, o->other };
        for (size_t i = 0; o->value && i < LP_COUNT(forms) && forms[i]; i++) {
            if (n > 1 && strcmp(words[n - 2], forms[i]) == 0)
                return o;
            if (!equals || (size_t)(equals - last) != strlen(forms[i]) ||
                strncmp(last, forms[i], strlen(forms[i])) != 0)
                continue;
            c->prefix = last;
            c->prefix_len = (size_t)(equals + 1 - last);
            c->start = equals + 1;
            return o;
        }
    }
    return NULL;
}

void complete_words(int n, char **words, struct lp_stop *stop, struct lp_buf *out)
{
    struct cli_options options;
    struct completion c = {
        .prefix = "", .start = words[n - 1], .options = &options, .stop = stop, .out = out
    };
    const struct cli_option *option = under_way(n, words, &c);
    lp_auto_free char **before = lp_alloc((size_t)n * sizeof *before + sizeof *before);
    static char program[] = "kubectl-lp";

    before[0] = program;
    for (int i = 0; i < n - 1; i++)
        before[i + 1] = words[i];
    cli_options_read(n, before, &options);
    options.request_timeout_ms = TIMEOUT_MS;
    const struct cli_command *command = cli_command_find(options.command);
    if (option)
        complete_value(&c, command, option);
    else if (c.start[0] == '-')
        complete_option(&c, command);
    else
        complete_name(&c, command);
    lp_buf_str(out, option && option->complete == CLI_COMPLETE_FILES ? ":0\n" : ":4\n");
}
