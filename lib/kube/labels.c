/* lib/kube/labels.c -- see the header. Threads: none of its own. */
#include "kube/labels.h"

#include <string.h>

#include "base/alloc.h"

struct lp_labels *lp_labels_new(const json_t *object)
{
    json_t *all = json_object_get(json_object_get(object, "metadata"), "labels");
    const char *key;
    json_t *value;
    size_t len = 0;
    json_object_foreach(all, key, value) if (json_is_string(value)) len +=
        strlen(key) + 1 + json_string_length(value) + 1;

    struct lp_labels *l = lp_alloc(sizeof *l + len);
    l->refs = 1;
    json_object_foreach(all, key, value)
    {
        if (!json_is_string(value))
            continue;
        memcpy(l->text + l->len, key, strlen(key) + 1);
        l->len += strlen(key) + 1;
        memcpy(l->text + l->len, json_string_value(value), json_string_length(value) + 1);
        l->len += json_string_length(value) + 1;
        l->n++;
    }
    return l;
}

struct lp_labels *lp_labels_ref(struct lp_labels *l)
{
    l->refs++;
    return l;
}

void lp_labels_unref(struct lp_labels *l)
{
    if (l && --l->refs == 0)
        free(l);
}

bool lp_labels_equal(const struct lp_labels *a, const struct lp_labels *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

const char *lp_labels_get(const struct lp_labels *l, const char *key)
{
    const char *at = l ? l->text : NULL;
    for (unsigned i = 0; l && i < l->n; i++) {
        const char *value = at + strlen(at) + 1;
        if (strcmp(at, key) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}
