/* services/learning/content/item.c -- see item.h. No state. */
#include "services/learning/content/item.h"

#include <string.h>

#include "json/decode.h"
#include "json/json.h"

static const char *const levels[] = { "A1", "A2", "B1", "B2", "C1", "C2", NULL };

struct fields {
    const char *id, *class, *level, *phrase;
    int64_t rank, seconds;
    json_t *tags, *prerequisites, *confusables, *part_of, *content;
};

#define AT(member) offsetof(struct fields, member)
static const struct lp_json_field table[] = {
    { "id", LP_JSON_STRING, AT(id), false, 1, ITEM_NAME, NULL, NULL },
    { "class", LP_JSON_STRING, AT(class), true, 1, ITEM_NAME, NULL, NULL },
    { "level", LP_JSON_STRING, AT(level), true, 0, 0, levels, NULL },
    { "phrase", LP_JSON_STRING, AT(phrase), true, 1, ITEM_PHRASE, NULL, NULL },
    { "rank", LP_JSON_INT, AT(rank), false, 0, 1000000, NULL, NULL },
    { "seconds", LP_JSON_INT, AT(seconds), false, 1, 3600, NULL, NULL },
    { "tags", LP_JSON_ARRAY, AT(tags), false, 0, ITEM_RELATED, NULL, NULL },
    { "prerequisites", LP_JSON_ARRAY, AT(prerequisites), false, 0, ITEM_RELATED, NULL, NULL },
    { "confusableWith", LP_JSON_ARRAY, AT(confusables), false, 0, ITEM_RELATED, NULL, NULL },
    { "partOf", LP_JSON_ARRAY, AT(part_of), false, 0, ITEM_RELATED, NULL, NULL },
    { "content", LP_JSON_OBJECT, AT(content), false, 0, 0, NULL, NULL },
    { 0 },
};

bool item_is_name(const char *text)
{
    size_t n = strlen(text);
    return n >= 1 && n <= ITEM_NAME &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") == n;
}

static int check_name(const char *key, const char *value, struct lp_error *err)
{
    if (value && item_is_name(value))
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "%s: must be 1 to %d letters, digits, '.', '_', ':' or '-'", key,
                        ITEM_NAME);
}

static int check_names(const char *key, const json_t *list, struct lp_error *err)
{
    size_t i;
    json_t *value;
    json_array_foreach(list, i, value) if (check_name(key, json_string_value(value), err) <
                                           0) return LP_E_INVALID;
    return 0;
}

/* PostgreSQL's text and jsonb hold no NUL. */
static bool holds_nul(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;

    if (json_is_string(value))
        return strlen(json_string_value(value)) != json_string_length(value);
    json_array_foreach(value, i, member) if (holds_nul(member)) return true;
    json_object_foreach((json_t *)value, key, member) if (holds_nul(member)) return true;
    return false;
}

static int check_tags(const json_t *tags, struct lp_error *err)
{
    size_t i;
    json_t *tag;
    json_array_foreach(tags, i, tag)
    {
        size_t n = json_string_length(tag);
        if (!json_is_string(tag) || n < 1 || n > ITEM_NAME)
            return lp_error_set(err, LP_E_INVALID, "tags: each must be a text of 1 to %d bytes",
                                ITEM_NAME);
    }
    return 0;
}

static int check_content(const json_t *content, struct lp_error *err)
{
    size_t n = content ? json_dumpb(content, NULL, 0, JSON_COMPACT) : 0;
    return n <= ITEM_CONTENT
               ? 0
               : lp_error_set(err, LP_E_INVALID, "content: must have at most %d bytes, has %zu",
                              ITEM_CONTENT, n);
}

static int check(const struct fields *f, struct lp_error *err)
{
    int r = check_name("id", f->id, err);
    if (r == 0)
        r = check_name("class", f->class, err);
    if (r == 0)
        r = check_tags(f->tags, err);
    if (r == 0)
        r = check_names("prerequisites", f->prerequisites, err);
    if (r == 0)
        r = check_names("confusableWith", f->confusables, err);
    if (r == 0)
        r = check_names("partOf", f->part_of, err);
    return r < 0 ? r : check_content(f->content, err);
}

/* Each member once, in the order of the first; RDF knows no other lists. */
static json_t *set_of(const json_t *list)
{
    json_t *set = json_array(), *one, *other;
    size_t i, j;
    json_array_foreach(list, i, one)
    {
        json_array_foreach(set, j, other) if (json_equal(one, other)) break;
        if (j == json_array_size(set))
            json_array_append(set, one);
    }
    return set;
}

int item_read(const json_t *object, const char *id, json_t **ret_document, struct lp_error *err)
{
    struct fields f = { .rank = 1000000, .seconds = 15 };
    int r = json_is_object(object) ? lp_json_decode(object, table, false, "", &f, err)
                                   : lp_error_set(err, LP_E_INVALID, "an item must be an object");
    if (r < 0)
        return r;
    if (id)
        f.id = id;
    if (holds_nul(object))
        return lp_error_set(err, LP_E_INVALID, "an item must hold no \\u0000");
    r = check(&f, err);
    if (r < 0)
        return r;
    *ret_document = lp_json_make(
        "{s:s,s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "id", f.id, "class", f.class, "level",
        f.level, "phrase", f.phrase, "rank", (json_int_t)f.rank, "seconds", (json_int_t)f.seconds,
        "tags", set_of(f.tags), "prerequisites", set_of(f.prerequisites), "confusableWith",
        set_of(f.confusables), "partOf", set_of(f.part_of), "content",
        f.content ? json_incref(f.content) : json_object());
    return 0;
}
