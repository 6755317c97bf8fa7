/* services/learning/exchange/columns.c -- see columns.h. No state. */
#include "services/learning/exchange/columns.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "json/json.h"

const char *const column_names[COLUMNS] = {
    "id",      "class",   "level",         "phrase",         "rank",
    "seconds", "tags",    "prerequisites", "confusableWith", "partOf",
    "meaning", "example", "content",
};

enum column column_of(const char *name)
{
    static const struct {
        const char *name;
        enum column column;
    } others[] = {
        { "guid", COLUMN_ID },
        { "front", COLUMN_PHRASE },
        { "word", COLUMN_PHRASE },
        { "expression", COLUMN_PHRASE },
        { "text", COLUMN_PHRASE },
        { "back", COLUMN_MEANING },
        { "definition", COLUMN_MEANING },
        { "translation", COLUMN_MEANING },
        { "sentence", COLUMN_EXAMPLE },
        { "deck", COLUMN_DECK },
        { "notetype", COLUMN_DECK },
    };
    for (int i = 0; i < COLUMNS; i++)
        if (strcasecmp(name, column_names[i]) == 0)
            return (enum column)i;
    for (size_t i = 0; i < LP_COUNT(others); i++)
        if (strcasecmp(name, others[i].name) == 0)
            return others[i].column;
    return COLUMN_NONE;
}

/* Parts between separators; with ';' a backslash takes the next character as it is. */
static json_t *read_list(const char *text, char between)
{
    json_t *list = json_array();
    lp_auto_buf struct lp_buf part = LP_BUF_INIT(EXCHANGE_LITERAL);

    for (const char *p = text; *p; p++) {
        if (*p == between) {
            if (part.len > 0)
                json_array_append_new(list, json_string(part.ptr));
            lp_buf_reset(&part);
            continue;
        }
        if (*p == '\\' && between == ';' && p[1])
            p++;
        lp_buf_char(&part, *p);
    }
    if (part.len > 0)
        json_array_append_new(list, json_string(part.ptr));
    return list;
}

static void write_list(const json_t *list, char between, struct lp_buf *b)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (i > 0)
            lp_buf_char(b, between);
        for (const char *p = json_string_value(one); *p; p++) {
            if (between == ';' && (*p == ';' || *p == '\\'))
                lp_buf_char(b, '\\');
            lp_buf_str(b, between == ' ' && *p == ' ' ? "_" : (const char[]){ *p, '\0' });
        }
    }
}

static int read_content(const struct row *row, json_t *item, struct lp_error *err)
{
    json_t *content = NULL;
    const char *json = row->cells[COLUMN_CONTENT];
    if (json && *json) {
        int r = collect_json("content", json, &content, err);
        if (r < 0)
            return r;
    } else {
        content = json_object();
    }
    json_object_set_new(item, "content", content);
    for (enum column c = COLUMN_MEANING; c <= COLUMN_EXAMPLE; c++)
        if (row->cells[c] && *row->cells[c])
            json_object_set_new(content, column_names[c], json_string(row->cells[c]));
    return 0;
}

/* One cell beside those of the content. */
static int read_cell(const struct row *row, enum column c, json_t *item, struct lp_error *err)
{
    json_t *value = NULL;
    int r = 0;
    if (c == COLUMN_RANK || c == COLUMN_SECONDS)
        r = collect_number(column_names[c], row->cells[c], &value, err);
    else if (c >= COLUMN_TAGS)
        value = c == COLUMN_TAGS ? read_list(row->cells[c], row->between)
                                 : read_list(row->cells[c], ';');
    else
        value = json_string(row->cells[c]);
    if (r == 0)
        json_object_set_new(item, column_names[c], value);
    return r;
}

int row_item(const struct row *row, json_t **ret_item, struct lp_error *err)
{
    json_t *item = json_object();
    int r = 0;
    for (enum column c = COLUMN_ID; c < COLUMN_MEANING && r == 0; c++)
        if (row->cells[c] && *row->cells[c])
            r = read_cell(row, c, item, err);
    if (r == 0)
        r = read_content(row, item, err);
    if (r < 0)
        json_decref(item);
    else
        *ret_item = item;
    return r;
}

/* A member of the content that has a column: a text, and not "", which a cell cannot tell from
 * none. */
static const char *own_cell(const json_t *content, enum column c)
{
    const char *text = lp_json_str(content, column_names[c], NULL);
    return text && *text ? text : NULL;
}

static void write_content(const json_t *content, struct lp_buf *b)
{
    json_auto_t *rest = json_copy((json_t *)content);
    for (enum column c = COLUMN_MEANING; c <= COLUMN_EXAMPLE; c++)
        if (own_cell(content, c))
            json_object_del(rest, column_names[c]);
    if (json_object_size(rest) > 0)
        lp_json_write(rest, b);
}

void column_write(const json_t *item, enum column column, char between, struct lp_buf *b)
{
    const json_t *content = json_object_get(item, "content");
    const json_t *value = json_object_get(item, column_names[column]);

    if (column == COLUMN_CONTENT)
        write_content(content, b);
    else if (column >= COLUMN_MEANING)
        lp_buf_str(b, own_cell(content, column) ? own_cell(content, column) : "");
    else if (json_is_array(value))
        column == COLUMN_TAGS ? write_list(value, between, b) : write_list(value, ';', b);
    else if (json_is_integer(value))
        lp_buf_printf(b, "%lld", (long long)json_integer_value(value));
    else
        lp_buf_str(b, json_string_value(value));
}
