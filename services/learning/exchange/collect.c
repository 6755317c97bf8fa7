/* services/learning/exchange/collect.c -- see collect.h. No state. */
#include "services/learning/exchange/collect.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/learning/content/item.h"

void collect_init(struct collect *c)
{
    *c = (struct collect){ .found = { .classes = json_array(), .items = json_array() },
                           .ids = json_object(),
                           .names = json_object() };
}

void collect_done(struct collect *c)
{
    exchange_done(&c->found);
    json_decref(c->ids);
    json_decref(c->names);
}

void exchange_done(struct exchange *e)
{
    json_decref(e->classes);
    json_decref(e->items);
    *e = (struct exchange){ 0 };
}

/* Notes that `key` is there; LP_E_INVALID where it was. */
static int once(json_t *seen, const char *what, const char *key, json_t *value,
                struct lp_error *err)
{
    if (json_object_get(seen, key)) {
        json_decref(value);
        return lp_error_set(err, LP_E_INVALID, "%s: \"%s\" is there twice", what, key);
    }
    json_object_set_new(seen, key, value);
    return 0;
}

int collect_class(struct collect *c, const char *name, const char *label, const char *parent,
                  struct lp_error *err)
{
    const char *text = label ? label : name;
    if (!item_is_name(name) || (parent && !item_is_name(parent)))
        return lp_error_set(err, LP_E_INVALID,
                            "class: must be 1 to %d letters, digits, '.', '_', ':' or '-', is "
                            "\"%.80s\"",
                            ITEM_NAME, item_is_name(name) ? parent : name);
    if (strlen(text) < 1 || strlen(text) > ITEM_LABEL)
        return lp_error_set(err, LP_E_INVALID, "label of %s: must be 1 to %d bytes, has %zu", name,
                            ITEM_LABEL, strlen(text));
    if (json_array_size(c->found.classes) >= EXCHANGE_CLASSES)
        return lp_error_set(err, LP_E_TOO_LARGE, "more than %d classes", EXCHANGE_CLASSES);
    int r = once(c->names, "class", name, parent ? json_string(parent) : json_null(), err);
    if (r == 0)
        json_array_append_new(c->found.classes, lp_json_make("{s:s,s:s,s:s?}", "name", name,
                                                             "label", text, "subClassOf", parent));
    return r;
}

int collect_item(struct collect *c, const json_t *item, struct lp_error *err)
{
    json_t *document = NULL;
    if (json_array_size(c->found.items) >= EXCHANGE_ITEMS)
        return lp_error_set(err, LP_E_TOO_LARGE, "more than %d items", EXCHANGE_ITEMS);
    int r = item_read(item, NULL, &document, err);
    if (r < 0)
        return r;
    r = once(c->ids, "id", lp_json_str(document, "id", NULL), json_true(), err);
    if (r < 0)
        json_decref(document);
    else
        json_array_append_new(c->found.items, document);
    return r;
}

/* Each class has one parent: after as many steps as there are classes the top is reached. */
static int check_tree(const struct collect *c, struct lp_error *err)
{
    size_t most = json_object_size(c->names);
    const char *name;
    json_t *parent;

    json_object_foreach(c->names, name, parent)
    {
        const json_t *up = parent;
        size_t steps = 0;
        while (json_is_string(up) && steps <= most) {
            up = json_object_get(c->names, json_string_value(up));
            steps++;
        }
        if (steps > most)
            return lp_error_set(err, LP_E_INVALID, "subClassOf: %s would be below itself", name);
    }
    return 0;
}

int collect_end(struct collect *c, struct exchange *ret, struct lp_error *err)
{
    int r = check_tree(c, err);
    if (r < 0)
        return r;
    *ret = c->found;
    c->found = (struct exchange){ 0 };
    return 0;
}

int collect_number(const char *member, const char *text, json_t **ret_number, struct lp_error *err)
{
    char *end = NULL;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || strspn(text, "+-0123456789") != strlen(text))
        return lp_error_set(err, LP_E_INVALID, "%s: must be a whole number, is \"%.80s\"", member,
                            text);
    *ret_number = json_integer(n);
    return 0;
}

static bool is_deeper(const json_t *value, int left)
{
    const char *key;
    json_t *member;
    size_t i;

    if (left < 0)
        return true;
    json_array_foreach(value, i, member) if (is_deeper(member, left - 1)) return true;
    json_object_foreach((json_t *)value, key, member) if (is_deeper(member, left - 1)) return true;
    return false;
}

int collect_depth(const json_t *value, const char *what, struct lp_error *err)
{
    return is_deeper(value, EXCHANGE_DEPTH)
               ? lp_error_set(err, LP_E_TOO_LARGE, "%s: nested deeper than %d", what,
                              EXCHANGE_DEPTH)
               : 0;
}

int collect_json(const char *member, const char *text, json_t **ret_json, struct lp_error *err)
{
    json_t *value = NULL;
    int r = lp_json_parse(text, strlen(text), EXCHANGE_LITERAL, member, &value, err);
    if (r == 0)
        r = collect_depth(value, member, err);
    if (r < 0)
        json_decref(value);
    else
        *ret_json = value;
    return r;
}
