/* services/learning/exchange/jsonld.c -- see jsonld.h. No state. */
#include "services/learning/exchange/jsonld.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "services/learning/exchange/words.h"

/* What each term of ours means. */
static json_t *make_context(void)
{
    json_t *context =
        lp_json_make("{s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s}}", "lp", WORDS_NS, "item", WORDS_ITEM,
                     "class", WORDS_CLASS, "rdf", WORDS_RDF, "rdfs", WORDS_RDFS, "label",
                     "rdfs:label", "subClassOf", "@id", "rdfs:subClassOf", "@type", "@id");
    for (const struct word *w = words; w->member; w++) {
        char iri[64];
        const char *type = w->kind == WORD_ITEMS ? "@id" : w->kind == WORD_JSON ? "@json" : NULL;
        snprintf(iri, sizeof iri, "lp:%s", w->property);
        json_object_set_new(context, w->property,
                            type ? lp_json_make("{s:s,s:s}", "@id", iri, "@type", type)
                                 : json_string(iri));
    }
    return context;
}

/* "@context" may hold what ours holds, and nothing else. */
static int check_context(const json_t *given, struct lp_error *err)
{
    json_auto_t *ours = make_context();
    const char *term;
    json_t *meaning;

    if (given && !json_is_object(given))
        return lp_error_set(err, LP_E_INVALID,
                            "@context: must be absent or an object with terms of ours");
    json_object_foreach((json_t *)given, term, meaning)
    {
        if (!json_equal(meaning, json_object_get(ours, term)))
            return lp_error_set(err, LP_E_INVALID,
                                "@context: \"%.80s\" is no term of ours, or means something else",
                                term);
    }
    return 0;
}

/* The name behind a prefix, written short or whole; NULL: another IRI. */
static const char *name_of(const json_t *value, const char *prefix, const char *iri)
{
    const char *text =
        json_string_value(json_is_object(value) ? json_object_get(value, "@id") : value);
    if (!text || (json_is_object(value) && json_object_size(value) != 1))
        return NULL;
    const char *name = words_after(text, iri);
    return name ? name : words_after(text, prefix);
}

static const json_t *plain(const json_t *value)
{
    const json_t *inner = json_object_get(value, "@value");
    return inner ? inner : value;
}

static int add_items(json_t *item, const struct word *w, const json_t *list, struct lp_error *err)
{
    size_t i = 0, n = json_is_array(list) ? json_array_size(list) : 1;
    json_t *ids = json_array();
    json_object_set_new(item, w->member, ids);
    for (; i < n; i++) {
        const json_t *one = json_is_array(list) ? json_array_get(list, i) : list;
        const char *id = name_of(one, "item:", WORDS_ITEM);
        if (!id)
            return lp_error_set(err, LP_E_INVALID, "%s: must be items, as \"item:ID\"",
                                w->property);
        json_array_append_new(ids, json_string(id));
    }
    return 0;
}

static int add_member(json_t *item, const struct word *w, const json_t *value, struct lp_error *err)
{
    size_t i;
    json_t *one;

    if (w->kind == WORD_ITEMS)
        return add_items(item, w, value, err);
    if (w->kind != WORD_TEXTS) {
        json_object_set(item, w->member, (json_t *)plain(value));
        return 0;
    }
    json_t *list = json_array();
    json_object_set_new(item, w->member, list);
    json_array_foreach(value, i, one) json_array_append(list, (json_t *)plain(one));
    if (!json_is_array(value))
        json_array_append(list, (json_t *)plain(value));
    return 0;
}

/* The first of "@type" (a text, or an array of them) that is a class of ours. */
static const char *class_of(const json_t *types)
{
    size_t i;
    json_t *one;
    const char *name = name_of(types, "class:", WORDS_CLASS);
    json_array_foreach(types, i, one) if (!name) name = name_of(one, "class:", WORDS_CLASS);
    return name;
}

static int read_item(struct collect *c, const json_t *node, const char *id, struct lp_error *err)
{
    json_auto_t *item =
        lp_json_make("{s:s,s:s*}", "id", id, "class", class_of(json_object_get(node, "@type")));
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)node, key, value)
    {
        const struct word *w = word_of(words_after(key, "lp:") ? words_after(key, "lp:") : key);
        int r = w ? add_member(item, w, value, err) : 0;
        if (r < 0)
            return r;
        c->found.ignored += !w && key[0] != '@';
    }
    return collect_item(c, item, err);
}

static int read_class(struct collect *c, const json_t *node, const char *name, struct lp_error *err)
{
    const json_t *label = NULL, *parent = NULL;
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)node, key, value)
    {
        if (strcmp(key, "label") == 0 || strcmp(key, "rdfs:label") == 0)
            label = plain(value);
        else if (strcmp(key, "subClassOf") == 0 || strcmp(key, "rdfs:subClassOf") == 0)
            parent = value;
        else
            c->found.ignored += key[0] != '@';
    }
    const char *up = parent ? name_of(parent, "class:", WORDS_CLASS) : NULL;
    if (label &&
        (!json_is_string(label) || json_string_length(label) != strlen(json_string_value(label))))
        return lp_error_set(err, LP_E_INVALID, "label: must be a text");
    if (parent && !up)
        return lp_error_set(err, LP_E_INVALID, "subClassOf: must be a class, as \"class:NAME\"");
    return collect_class(c, name, json_string_value(label), up, err);
}

static int read_node(struct collect *c, const json_t *node, struct lp_error *err)
{
    const json_t *iri = json_object_get(node, "@id");
    const char *id = name_of(iri, "item:", WORDS_ITEM);
    const char *class = name_of(iri, "class:", WORDS_CLASS);

    if (!json_is_object(node))
        return lp_error_set(err, LP_E_INVALID, "must be an object");
    if (id)
        return read_item(c, node, id, err);
    if (class)
        return read_class(c, node, class, err);
    c->found.ignored++;
    return 0;
}

static int read_graph(struct collect *c, const json_t *graph, struct lp_error *err)
{
    size_t i;
    json_t *node;
    json_array_foreach(graph, i, node)
    {
        int r = read_node(c, node, err);
        if (r < 0) {
            const char *id = lp_json_str(node, "@id", NULL);
            lp_error_wrap(err, "@graph[%zu]%s%.100s", i, id ? ", " : "", id ? id : "");
            return r;
        }
    }
    return 0;
}

/* Each object takes far more memory than its two bytes of text. */
static int check_count(const char *text, size_t len, struct lp_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += text[i] == '{' || text[i] == '[';
    return n <= EXCHANGE_NODES
               ? 0
               : lp_error_set(err, LP_E_TOO_LARGE, "JSON-LD: more than %d objects and arrays, %zu",
                              EXCHANGE_NODES, n);
}

int jsonld_read(struct collect *c, const char *text, size_t len, struct lp_error *err)
{
    json_t *parsed = NULL;
    int r = check_count(text, len, err);
    if (r == 0)
        r = lp_json_parse(text, len, EXCHANGE_BYTES, "JSON-LD", &parsed, err);
    if (r < 0)
        return r;
    json_auto_t *root = parsed;
    r = collect_depth(root, "JSON-LD", err);
    if (r == 0)
        r = check_context(json_object_get(root, "@context"), err);
    if (r < 0)
        return r;
    const json_t *graph = json_is_array(root) ? root : json_object_get(root, "@graph");
    if (graph && !json_is_array(graph))
        return lp_error_set(err, LP_E_INVALID, "@graph: must be an array of nodes");
    return graph ? read_graph(c, graph, err) : read_node(c, root, err);
}

static json_t *class_node(const json_t *class)
{
    const char *parent = lp_json_str(class, "subClassOf", NULL);
    char id[128], up[128];
    snprintf(id, sizeof id, "class:%s", lp_json_str(class, "name", NULL));
    snprintf(up, sizeof up, "class:%s", parent ? parent : "");
    return lp_json_make("{s:s,s:s,s:s,s:s*}", "@id", id, "@type", "rdfs:Class", "label",
                        lp_json_str(class, "label", NULL), "subClassOf", parent ? up : NULL);
}

static json_t *with_prefix(const json_t *ids)
{
    json_t *list = json_array(), *id;
    size_t i;
    json_array_foreach(ids, i, id)
    {
        char text[128];
        snprintf(text, sizeof text, "item:%s", json_string_value(id));
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static json_t *item_node(const json_t *item)
{
    char id[128], class[128];
    snprintf(id, sizeof id, "item:%s", lp_json_str(item, "id", NULL));
    snprintf(class, sizeof class, "class:%s", lp_json_str(item, "class", NULL));
    json_t *node = lp_json_make("{s:s,s:s}", "@id", id, "@type", class);
    for (const struct word *w = words; w->member; w++) {
        json_t *value = json_object_get(item, w->member);
        bool is_empty = (json_is_array(value) && json_array_size(value) == 0) ||
                        (json_is_object(value) && json_object_size(value) == 0);
        if (value && !is_empty)
            json_object_set_new(node, w->property,
                                w->kind == WORD_ITEMS ? with_prefix(value) : json_incref(value));
    }
    return node;
}

void jsonld_write(const json_t *classes, const json_t *items, struct lp_buf *b)
{
    json_t *graph = json_array(), *o;
    size_t i;
    json_array_foreach(classes, i, o) json_array_append_new(graph, class_node(o));
    json_array_foreach(items, i, o) json_array_append_new(graph, item_node(o));
    json_auto_t *root = lp_json_make("{s:o,s:o}", "@context", make_context(), "@graph", graph);
    lp_json_write_unsorted(root, b);
    lp_buf_char(b, '\n');
}
