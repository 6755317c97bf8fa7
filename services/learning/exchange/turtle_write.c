/* services/learning/exchange/turtle_write.c -- names with a prefix where Turtle lets them be. No
 * state. */
#include <ctype.h>
#include <string.h>

#include "json/json.h"
#include "services/learning/exchange/turtle.h"
#include "services/learning/exchange/words.h"

/* Letters, digits and '_' first, '-', '.' and ':' within (PN_LOCAL); else the IRI as a whole. */
static void write_name(const char *prefix, const char *iri, const char *name, struct lp_buf *b)
{
    size_t n = strlen(name);
    bool is_short =
        n > 0 && (isalnum((unsigned char)name[0]) || name[0] == '_') && name[n - 1] != '.';
    if (is_short)
        lp_buf_printf(b, "%s:%s", prefix, name);
    else
        lp_buf_printf(b, "<%s%s>", iri, name);
}

static void write_text(const char *text, struct lp_buf *b)
{
    lp_buf_char(b, '"');
    for (const char *p = text; *p; p++)
        if (*p == '"' || *p == '\\')
            lp_buf_printf(b, "\\%c", *p);
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            lp_buf_printf(b, "\\u%04X", (unsigned)(unsigned char)*p);
        else
            lp_buf_char(b, *p);
    lp_buf_char(b, '"');
}

static void write_value(const struct word *w, const json_t *value, struct lp_buf *b)
{
    if (w->kind == WORD_NUMBER) {
        lp_buf_printf(b, "%lld", (long long)json_integer_value(value));
    } else if (w->kind == WORD_ITEMS) {
        write_name("item", WORDS_ITEM, json_string_value(value), b);
    } else if (w->kind == WORD_JSON) {
        lp_auto_buf struct lp_buf json = LP_BUF_INIT(b->max);
        lp_json_write(value, &json);
        write_text(json.ptr, b);
        lp_buf_str(b, "^^rdf:JSON");
    } else {
        write_text(json_string_value(value), b);
    }
}

static void write_member(const struct word *w, const json_t *value, struct lp_buf *b)
{
    size_t i = 0, n = json_is_array(value) ? json_array_size(value) : 1;
    if (!value || n == 0 || (w->kind == WORD_JSON && json_object_size(value) == 0))
        return;
    lp_buf_printf(b, " ;\n    lp:%s ", w->property);
    for (; i < n; i++) {
        lp_buf_str(b, i > 0 ? ", " : "");
        write_value(w, json_is_array(value) ? json_array_get(value, i) : value, b);
    }
}

static void write_item(const json_t *item, struct lp_buf *b)
{
    write_name("item", WORDS_ITEM, lp_json_str(item, "id", NULL), b);
    lp_buf_str(b, " a ");
    write_name("class", WORDS_CLASS, lp_json_str(item, "class", NULL), b);
    for (const struct word *w = words; w->member; w++)
        write_member(w, json_object_get(item, w->member), b);
    lp_buf_str(b, " .\n");
}

static void write_class(const json_t *class, struct lp_buf *b)
{
    const char *parent = lp_json_str(class, "subClassOf", NULL);
    write_name("class", WORDS_CLASS, lp_json_str(class, "name", NULL), b);
    lp_buf_str(b, " a rdfs:Class ;\n    rdfs:label ");
    write_text(lp_json_str(class, "label", NULL), b);
    if (parent) {
        lp_buf_str(b, " ;\n    rdfs:subClassOf ");
        write_name("class", WORDS_CLASS, parent, b);
    }
    lp_buf_str(b, " .\n");
}

void turtle_write(const json_t *classes, const json_t *items, struct lp_buf *b)
{
    size_t i;
    json_t *o;
    lp_buf_str(b, "@prefix rdf: <" WORDS_RDF "> .\n@prefix rdfs: <" WORDS_RDFS
                  "> .\n@prefix lp: <" WORDS_NS "> .\n@prefix class: <" WORDS_CLASS
                  "> .\n@prefix item: <" WORDS_ITEM "> .\n\n");
    json_array_foreach(classes, i, o) write_class(o, b);
    json_array_foreach(items, i, o) write_item(o, b);
}
