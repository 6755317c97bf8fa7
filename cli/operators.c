/* cli/operators.c -- see the header. No state. */
#include "cli/operators.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/find.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/images.h"
#include "platform/scope.h"

#define DEFAULT_NS "learning-platform-system"
#define SELECTOR_OF_OPERATORS LABEL_NAME "=lp-operator"

static const struct setting {
    const char *variable, *flag; /* a flag goes over its variable, as in operator/config.c */
} settings[] = { { "CLASS", "--class" },
                 { "WATCH_NAMESPACES", "--watch-namespaces" },
                 { "SELECTOR", "--selector" },
                 { "METRICS_API", NULL } };

enum { SETTING_CLASS, SETTING_NAMESPACES, SETTING_SELECTOR };

void operators_find(struct lp_kube_client *client, const char *ns, struct operators *ret)
{
    const char *const narrow[] = { ns, strcmp(ns, DEFAULT_NS) == 0 ? NULL : DEFAULT_NS };

    *ret = (struct operators){ .deployments = json_array() };
    int r = find_objects(client, &lp_kube_deployments, NULL, SELECTOR_OF_OPERATORS,
                         ret->deployments, &ret->why);
    if (r == 0)
        lp_error_set(&ret->why, LP_E_NOT_FOUND, "no Deployment has the label %s",
                     SELECTOR_OF_OPERATORS);
    for (size_t i = 0; r == LP_E_DENIED && i < LP_COUNT(narrow); i++) {
        struct lp_error why;
        if (narrow[i] && find_objects(client, &lp_kube_deployments, narrow[i],
                                      SELECTOR_OF_OPERATORS, ret->deployments, &why) < 0)
            ret->why = why;
    }
}

void operators_done(struct operators *o)
{
    json_decref(o->deployments);
}

/* Sidecars may stand beside it. */
static const json_t *container_of(const json_t *deployment)
{
    const json_t *all = lp_json_at(deployment, "spec", "template", "spec", "containers", NULL);
    const json_t *named = lp_json_find(all, "name", "operator");

    return named ? named : json_array_get(all, 0);
}

static const char *variable_of(const json_t *container, const char *variable)
{
    const char *value = NULL;
    const json_t *item;
    size_t i;

    json_array_foreach(json_object_get(container, "env"), i, item)
    {
        const char *name = lp_json_str(item, "name", NULL);
        if (name && strcmp(name, variable) == 0)
            value = lp_json_str(item, "value", NULL);
    }
    return value;
}

/* "--class", "canary" or "--class=canary"; the last one counts. */
static const char *flag_of(const json_t *words, const char *flag)
{
    const char *value = NULL;
    size_t n = strlen(flag), i;
    const json_t *word;

    json_array_foreach(words, i, word)
    {
        const char *text = json_string_value(word);
        if (!text || strncmp(text, flag, n) != 0)
            continue;
        if (text[n] == '=')
            value = text + n + 1;
        else if (text[n] == '\0')
            value = json_string_value(json_array_get(words, i + 1));
    }
    return value;
}

/* "" where it is not set. */
static const char *value_of(const json_t *deployment, const struct setting *s)
{
    const json_t *container = container_of(deployment);
    const char *value = s->flag ? flag_of(json_object_get(container, "args"), s->flag) : NULL;

    if (!value && s->flag)
        value = flag_of(json_object_get(container, "command"), s->flag);
    if (!value)
        value = variable_of(container, s->variable);
    return value ? value : "";
}

const char *operators_setting(const json_t *deployment, const char *variable)
{
    for (size_t i = 0; i < LP_COUNT(settings); i++)
        if (strcmp(settings[i].variable, variable) == 0)
            return value_of(deployment, &settings[i]);
    return "";
}

bool operators_takes(const json_t *deployment, const json_t *platform)
{
    struct scope scope = { 0 };
    struct lp_error ignored;

    if (scope_parse(value_of(deployment, &settings[SETTING_NAMESPACES]),
                    value_of(deployment, &settings[SETTING_SELECTOR]),
                    value_of(deployment, &settings[SETTING_CLASS]), &scope, &ignored) < 0)
        return false;
    bool takes = scope_takes(&scope, platform);
    scope_done(&scope);
    return takes;
}

const json_t *operators_of(const struct operators *o, const json_t *platform)
{
    const json_t *deployment, *idle = NULL;
    size_t i;

    json_array_foreach(o->deployments, i, deployment)
    {
        if (!operators_takes(deployment, platform))
            continue;
        if (lp_json_int(1, deployment, "spec", "replicas", NULL) > 0)
            return deployment;
        idle = idle ? idle : deployment;
    }
    return idle;
}

/* On one line, whatever it holds. */
static void add_line(const char *text, struct lp_buf *out)
{
    for (; *text; text++) {
        bool control = (unsigned char)*text < ' ';
        if (control)
            lp_buf_char(out, ' ');
        else
            lp_buf_char(out, *text);
    }
}

void operators_text(const json_t *deployment, struct lp_buf *out)
{
    const char *separator = ":";

    lp_buf_printf(out, "%s/%s", lp_json_str(deployment, "metadata", "namespace", NULL),
                  lp_json_str(deployment, "metadata", "name", NULL));
    for (size_t i = 0; i < LP_COUNT(settings); i++) {
        const char *value = value_of(deployment, &settings[i]);
        if (!*value)
            continue;
        lp_buf_printf(out, "%s %s ", separator, settings[i].variable);
        add_line(value, out);
        separator = ",";
    }
}

void operators_images(const json_t *deployment, const struct cli_options *options,
                      struct plan_images *ret_images)
{
    const json_t *container = container_of(deployment);

    *ret_images = images_defaults();
    for (size_t i = 0; images_variables[i]; i++) {
        images_set(ret_images, images_variables[i], variable_of(container, images_variables[i]));
        images_set(ret_images, images_variables[i], options->images[i]);
    }
}
