/* platform/scope.c -- which platforms are ours. Threads: parsed once in main, then only read.
 */
#include "platform/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/labels.h"

static bool is_label(const char *text)
{
    size_t n = strlen(text);

    if (n == 0 || n > 63 || text[0] == '-' || text[n - 1] == '-')
        return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int add(struct scope *s, const char *name, struct lp_error *err)
{
    if (!is_label(name))
        return lp_error_set(err, LP_E_INVALID,
                            "--watch-namespaces: \"%.80s\" is no name of a namespace; wanted names "
                            "with commas between them, such as english,german",
                            name);
    for (unsigned i = 0; i < s->n; i++)
        if (strcmp(s->namespaces[i], name) == 0)
            return lp_error_set(err, LP_E_INVALID, "--watch-namespaces: \"%s\" is there twice",
                                name);
    if (s->n == SCOPE_NAMESPACES)
        return lp_error_set(err, LP_E_INVALID,
                            "--watch-namespaces: more than %d; watch all of them instead",
                            SCOPE_NAMESPACES);
    s->namespaces[s->n++] = name;
    return 0;
}

int scope_parse(const char *namespaces, const char *selector, const char *class_name,
                struct scope *ret_scope, struct lp_error *err)
{
    struct scope s = { .selector = *selector ? selector : NULL,
                       .class_name = *class_name ? class_name : NULL,
                       .text = lp_strdup(namespaces) };
    char *rest = s.text;
    int r = 0;

    while (r == 0 && *namespaces && rest)
        r = add(&s, strsep(&rest, ","), err);
    if (r == 0 && s.class_name && !is_label(s.class_name))
        r = lp_error_set(err, LP_E_INVALID,
                         "--class: must be at most 63 lower-case letters, digits and dashes, is "
                         "\"%.80s\"",
                         s.class_name);
    if (r < 0) {
        scope_done(&s);
        return r;
    }
    *ret_scope = s;
    return 0;
}

void scope_done(struct scope *s)
{
    free(s->text);
    *s = (struct scope){ 0 };
}

unsigned scope_watches(const struct scope *s)
{
    return s->n ? s->n : 1;
}

const char *scope_namespace(const struct scope *s, unsigned i)
{
    return s->n ? s->namespaces[i] : NULL;
}

bool scope_has_class_of(const struct scope *s, const json_t *platform)
{
    const char *name = lp_json_str(platform, "spec", "className", NULL);
    return name ? s->class_name && strcmp(name, s->class_name) == 0 : !s->class_name;
}

static bool has_labels_of(const struct scope *s, const json_t *platform)
{
    struct lp_selector selector;
    struct lp_error ignored;

    if (lp_selector_parse(s->selector, &selector, &ignored) < 0)
        return false;
    struct lp_labels *labels = lp_labels_new(platform);
    bool matches = lp_selector_matches(&selector, labels);
    lp_labels_unref(labels);
    return matches;
}

bool scope_takes(const struct scope *s, const json_t *platform)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    bool watched = s->n == 0;

    for (unsigned i = 0; i < s->n; i++)
        watched |= ns && strcmp(ns, s->namespaces[i]) == 0;
    return watched && scope_has_class_of(s, platform) && has_labels_of(s, platform);
}

static int end_list(json_t *object, void *user, struct lp_error *err)
{
    (void)object;
    (void)user;
    return lp_error_set(err, LP_E_CANCELED, "one is enough");
}

int scope_check(const struct scope *s, struct lp_kube_config *kube, struct lp_stop *stop,
                struct lp_error *err)
{
    const struct lp_kube_client_options options = { .stop = stop };
    const struct lp_kube_list_options list = { .label_selector = s->selector };
    lp_auto_kube_client struct lp_kube_client *client = NULL;
    struct lp_error why;
    char version[64];

    if (!s->selector)
        return 0;
    int r = lp_kube_client_new(kube, &options, &client, err);
    if (r == 0 && lp_kube_list(client, &lp_kube_platforms, scope_namespace(s, 0), &list, end_list,
                               NULL, version, &why) == LP_E_INVALID)
        r = lp_error_set(err, LP_E_INVALID, "--selector \"%.80s\": %s", s->selector, why.msg);
    return r;
}
