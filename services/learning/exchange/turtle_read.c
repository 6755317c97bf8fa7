/*
 * services/learning/exchange/turtle_read.c -- serd takes the text byte by byte, so that the line of
 * each statement is known. Statements are gathered by subject; items and classes are made of them
 * at the end. No state.
 */
#include <serd/serd.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "json/json.h"
#include "services/learning/content/item.h"
#include "services/learning/exchange/turtle.h"
#include "services/learning/exchange/words.h"

struct turtle {
    struct collect *c;
    const char *at, *end;
    unsigned line;
    SerdEnv *env;
    json_t *subjects; /* by IRI: {"line", "isClass", "item", of a class "label", "subClassOf"} */
    int prefixes;     /* that were given */
    int depth;        /* of blank nodes that are open; serd goes down by a call for each */
    int code;         /* of the first failure; nothing is taken after it */
    struct lp_error *err;
};

static size_t give_byte(void *buf, size_t size, size_t n, void *stream)
{
    struct turtle *t = stream;
    if (t->at >= t->end || t->code < 0 || size * n == 0)
        return 0;
    *(char *)buf = *t->at;
    t->line += *t->at++ == '\n';
    return 1;
}

static int has_no_error(void *stream)
{
    (void)stream;
    return 0;
}

/* The first failure stays. */
static SerdStatus fail(struct turtle *t, int code)
{
    t->code = lp_error_wrap(t->err, "line %u", t->line);
    t->code = code;
    return SERD_ERR_BAD_ARG;
}

static SerdStatus refuse(struct turtle *t, int code, const char *what, const char *value)
{
    return fail(t, lp_error_set(t->err, code, "%s, is \"%.80s\"", what, value));
}

static SerdStatus on_error(void *handle, const SerdError *e)
{
    struct turtle *t = handle;
    if (t->code == 0)
        t->code = lp_error_set(t->err, LP_E_INVALID, "line %u, column %u: %s", e->line, e->col,
                               (const char *)serd_strerror(e->status));
    return SERD_SUCCESS;
}

/* The document is UTF-8 without NUL, but \u0000 and \uD800 are bytes of their own in what serd
 * makes of it. */
static SerdStatus check_escapes(struct turtle *t, const SerdNode *node)
{
    const char *text = (const char *)node->buf;
    for (size_t i = 0; i < node->n_bytes;) {
        size_t n = text[i] ? lp_utf8_sequence(text + i, node->n_bytes - i) : 0;
        if (n == 0)
            return fail(t, lp_error_set(t->err, LP_E_INVALID, "an escape that is no character"));
        i += n;
    }
    return SERD_SUCCESS;
}

/* Of what each name is resolved by: a long one would be copied for every name. */
static SerdStatus check_iri(struct turtle *t, const SerdNode *iri)
{
    if (t->code < 0)
        return SERD_ERR_BAD_ARG;
    if (iri->n_bytes <= EXCHANGE_IRI)
        return check_escapes(t, iri);
    return fail(t,
                lp_error_set(t->err, LP_E_TOO_LARGE, "an IRI of more than %d bytes", EXCHANGE_IRI));
}

static SerdStatus on_base(void *handle, const SerdNode *iri)
{
    struct turtle *t = handle;
    SerdStatus status = check_iri(t, iri);
    return status ? status : serd_env_set_base_uri(t->env, iri);
}

static SerdStatus on_prefix(void *handle, const SerdNode *name, const SerdNode *iri)
{
    struct turtle *t = handle;
    SerdStatus status = check_iri(t, iri);
    if (!status)
        status = check_iri(t, name);
    if (!status && ++t->prefixes > EXCHANGE_PREFIXES)
        status = fail(
            t, lp_error_set(t->err, LP_E_TOO_LARGE, "more than %d prefixes", EXCHANGE_PREFIXES));
    return status ? status : serd_env_set_prefix(t->env, name, iri);
}

/* The whole IRI, the caller's; NULL: of a blank node, or a failure is noted. */
static char *iri_of(struct turtle *t, const SerdNode *node)
{
    if (node->type != SERD_URI && node->type != SERD_CURIE)
        return NULL;
    if (check_iri(t, node))
        return NULL;
    SerdNode whole = serd_env_expand_node(t->env, node);
    char *text = lp_strdup(whole.buf ? (const char *)whole.buf : NULL);
    serd_node_free(&whole);
    if (!text)
        refuse(t, LP_E_INVALID, "an IRI must be whole, or have a prefix that is there",
               (const char *)node->buf);
    else if (strlen(text) > EXCHANGE_IRI)
        fail(t, lp_error_set(t->err, LP_E_TOO_LARGE, "an IRI of more than %d bytes", EXCHANGE_IRI));
    return text;
}

/* What is known of a subject so far; NULL where it is no class and no item, or a failure is noted.
 */
static json_t *subject_of(struct turtle *t, const char *iri)
{
    json_t *o = json_object_get(t->subjects, iri);
    const char *id = words_after(iri, WORDS_ITEM), *class = words_after(iri, WORDS_CLASS);
    if (o || (!id && !class))
        return o;
    if (json_object_size(t->subjects) >= EXCHANGE_ITEMS + EXCHANGE_CLASSES) {
        fail(t, lp_error_set(t->err, LP_E_TOO_LARGE, "more than %d items and classes",
                             EXCHANGE_ITEMS + EXCHANGE_CLASSES));
        return NULL;
    }
    o = lp_json_make("{s:i,s:b,s:{s:s}}", "line", (int)t->line, "isClass", !id, "item", "id",
                     id ? id : class);
    json_object_set_new(t->subjects, iri, o);
    return o;
}

/* A statement that is there twice is one statement (RDF 1.1). */
static SerdStatus set_once(struct turtle *t, json_t *o, const char *key, json_t *value)
{
    json_auto_t *mine = value;
    const json_t *there = json_object_get(o, key);
    if (there && !json_equal(there, value))
        return fail(t, lp_error_set(t->err, LP_E_INVALID, "%s: more than one value", key));
    if (!there)
        json_object_set(o, key, mine);
    return SERD_SUCCESS;
}

static SerdStatus append(struct turtle *t, json_t *o, const char *key, json_t *value)
{
    json_auto_t *mine = value;
    json_t *list = json_object_get(o, key), *one;
    size_t i;

    json_array_foreach(list, i, one) if (json_equal(one, mine)) return SERD_SUCCESS;
    if (json_array_size(list) >= ITEM_RELATED)
        return fail(
            t, lp_error_set(t->err, LP_E_TOO_LARGE, "%s: more than %d values", key, ITEM_RELATED));
    if (!list) {
        list = json_array();
        json_object_set_new(o, key, list);
    }
    json_array_append(list, mine);
    return SERD_SUCCESS;
}

/* The object as a literal's text; NULL: it is none, or a failure is noted. */
static const char *literal(struct turtle *t, const char *member, const SerdNode *object)
{
    if (object->type != SERD_LITERAL)
        refuse(t, LP_E_INVALID, "a text or a number is wanted here", (const char *)object->buf);
    else if (object->n_bytes > EXCHANGE_LITERAL)
        fail(t, lp_error_set(t->err, LP_E_TOO_LARGE, "%s: must have at most %d bytes, has %zu",
                             member, EXCHANGE_LITERAL, object->n_bytes));
    else if (!check_escapes(t, object))
        return (const char *)object->buf;
    return NULL;
}

static SerdStatus add_reference(struct turtle *t, json_t *item, const struct word *w,
                                const SerdNode *object)
{
    lp_auto_free char *iri = iri_of(t, object);
    const char *id = iri ? words_after(iri, WORDS_ITEM) : NULL;
    if (t->code < 0)
        return SERD_ERR_BAD_ARG;
    if (!id)
        return refuse(t, LP_E_INVALID, "an item is wanted here: " WORDS_ITEM "ID",
                      (const char *)object->buf);
    return append(t, item, w->member, json_string(id));
}

static SerdStatus add_member(struct turtle *t, json_t *item, const struct word *w,
                             const SerdNode *object)
{
    json_t *value = NULL;
    int r = 0;

    if (w->kind == WORD_ITEMS)
        return add_reference(t, item, w, object);
    const char *text = literal(t, w->member, object);
    if (!text)
        return SERD_ERR_BAD_ARG;
    if (w->kind == WORD_NUMBER)
        r = collect_number(w->member, text, &value, t->err);
    else if (w->kind == WORD_JSON)
        r = collect_json(w->member, text, &value, t->err);
    else
        value = json_string(text);
    if (r < 0)
        return fail(t, r);
    return w->kind == WORD_TEXTS ? append(t, item, w->member, value)
                                 : set_once(t, item, w->member, value);
}

static SerdStatus add_type(struct turtle *t, json_t *subject, const SerdNode *object)
{
    lp_auto_free char *iri = iri_of(t, object);
    if (!iri)
        return t->code < 0 ? SERD_ERR_BAD_ARG : SERD_SUCCESS;
    const char *class = words_after(iri, WORDS_CLASS);
    if (class)
        return set_once(t, json_object_get(subject, "item"), "class", json_string(class));
    t->c->found.ignored += !words_is_class_type(iri);
    return SERD_SUCCESS;
}

static SerdStatus add_parent(struct turtle *t, json_t *subject, const SerdNode *object)
{
    lp_auto_free char *iri = iri_of(t, object);
    const char *parent = iri ? words_after(iri, WORDS_CLASS) : NULL;
    if (parent)
        return set_once(t, subject, "subClassOf", json_string(parent));
    t->c->found.ignored++;
    return t->code < 0 ? SERD_ERR_BAD_ARG : SERD_SUCCESS;
}

static SerdStatus add(struct turtle *t, json_t *subject, const char *property,
                      const SerdNode *object)
{
    const char *local = words_after(property, WORDS_NS);
    const struct word *w = local ? word_of(local) : NULL;
    bool is_class = json_is_true(json_object_get(subject, "isClass"));

    if (strcmp(property, WORDS_RDF "type") == 0)
        return add_type(t, subject, object);
    if (is_class && strcmp(property, WORDS_RDFS "subClassOf") == 0)
        return add_parent(t, subject, object);
    if (is_class && strcmp(property, WORDS_RDFS "label") == 0) {
        const char *text = literal(t, "label", object);
        return text ? set_once(t, subject, "label", json_string(text)) : SERD_ERR_BAD_ARG;
    }
    if (!is_class && w)
        return add_member(t, json_object_get(subject, "item"), w, object);
    t->c->found.ignored++;
    return SERD_SUCCESS;
}

/* serd tells of a bracket before it goes into it, of the subject's and the object's in one
 * statement where both open, and of each one's end; but does not tell of a list's end: lists, which
 * say nothing to us, are refused. */
static SerdStatus go_down(struct turtle *t, SerdStatementFlags flags)
{
    if (flags & (SERD_LIST_S_BEGIN | SERD_LIST_O_BEGIN | SERD_LIST_CONT))
        return fail(t, lp_error_set(t->err, LP_E_INVALID, "lists ( ) are not read"));
    t->depth += !!(flags & SERD_ANON_S_BEGIN) + !!(flags & SERD_ANON_O_BEGIN);
    if (t->depth > EXCHANGE_DEPTH)
        return fail(t, lp_error_set(t->err, LP_E_TOO_LARGE, "brackets nested deeper than %d",
                                    EXCHANGE_DEPTH));
    return SERD_SUCCESS;
}

static SerdStatus on_end(void *handle, const SerdNode *node)
{
    struct turtle *t = handle;
    (void)node;
    t->depth--;
    return SERD_SUCCESS;
}

static SerdStatus on_statement(void *handle, SerdStatementFlags flags, const SerdNode *graph,
                               const SerdNode *subject, const SerdNode *predicate,
                               const SerdNode *object, const SerdNode *datatype,
                               const SerdNode *language)
{
    struct turtle *t = handle;
    (void)graph, (void)datatype, (void)language;
    if (t->code < 0 || go_down(t, flags))
        return SERD_ERR_BAD_ARG;
    lp_auto_free char *who = iri_of(t, subject);
    lp_auto_free char *property = iri_of(t, predicate);
    if (t->code < 0)
        return SERD_ERR_BAD_ARG;
    json_t *o = who && property ? subject_of(t, who) : NULL;
    if (o)
        return add(t, o, property, object);
    t->c->found.ignored++;
    return t->code < 0 ? SERD_ERR_BAD_ARG : SERD_SUCCESS;
}

static int collect_subject(struct turtle *t, const json_t *o)
{
    const json_t *item = json_object_get(o, "item");
    int r = json_is_true(json_object_get(o, "isClass"))
                ? collect_class(t->c, lp_json_str(item, "id", NULL), lp_json_str(o, "label", NULL),
                                lp_json_str(o, "subClassOf", NULL), t->err)
                : collect_item(t->c, item, t->err);
    if (r < 0)
        lp_error_wrap(t->err, "line %lld, %s", (long long)lp_json_int(0, o, "line", NULL),
                      lp_json_str(item, "id", NULL));
    return r;
}

static void parse(struct turtle *t)
{
    SerdReader *reader =
        serd_reader_new(SERD_TURTLE, t, NULL, on_base, on_prefix, on_statement, on_end);
    serd_reader_set_strict(reader, true);
    serd_reader_set_error_sink(reader, on_error, t);
    SerdStatus status =
        serd_reader_read_source(reader, give_byte, has_no_error, t, (const uint8_t *)"import", 1);
    if (status > SERD_FAILURE && t->code == 0)
        t->code = lp_error_set(t->err, LP_E_INVALID, "line %u: no Turtle", t->line);
    serd_reader_free(reader);
}

int turtle_read(struct collect *c, const char *text, size_t len, struct lp_error *err)
{
    json_auto_t *subjects = json_object();
    struct turtle t = { .c = c,
                        .at = text,
                        .end = text + len,
                        .line = 1,
                        .env = serd_env_new(NULL),
                        .subjects = subjects,
                        .err = err };
    const char *iri;
    json_t *o;

    parse(&t);
    serd_env_free(t.env);
    json_object_foreach(subjects, iri, o) if (t.code == 0) t.code = collect_subject(&t, o);
    return t.code;
}
