/* services/learning/exchange/sheet.c -- see sheet.h. No state. */
#include "services/learning/exchange/sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "json/json.h"
#include "services/learning/content/item.h"
#include "services/learning/exchange/columns.h"
#include "services/learning/exchange/table.h"

/* How the rows are to be read. */
struct layout {
    enum column columns[TABLE_FIELDS];
    int n;
    char between;
    bool html, is_anki;
    const char *tags; /* of every row; NULL: none */
};

/* A note of Anki without an id that may be ours has one that stays: of its guid, else its phrase
 * and class. */
static const char *anki_id(const struct row *row, char id[32])
{
    const char *guid = row->cells[COLUMN_ID], *class = row->cells[COLUMN_CLASS];
    const char *phrase = row->cells[COLUMN_PHRASE];
    bool named = guid && *guid;
    if (named && item_is_name(guid))
        return guid;
    uint64_t hash = named ? lp_hash(guid) : lp_hash_add(lp_hash_add(LP_HASH_START, phrase), class);
    snprintf(id, 32, "anki-%016" PRIx64, hash);
    return id;
}

/* The fields of a row by column; texts are the table's, or those of `d`. */
static struct row cells_of(const struct table *t, const struct layout *l,
                           const struct exchange_defaults *d)
{
    struct row row = { .between = l->between };
    for (int i = 0; i < l->n && i < t->n; i++) {
        char *text = t->text.ptr + t->start[i];
        if (l->columns[i] >= COLUMNS || row.cells[l->columns[i]])
            continue;
        if (l->html && l->columns[i] != COLUMN_ID) /* a guid may hold '<' and '&' */
            sheet_strip_html(text);
        row.cells[l->columns[i]] = text;
    }
    if (!row.cells[COLUMN_CLASS] || !*row.cells[COLUMN_CLASS])
        row.cells[COLUMN_CLASS] = d->class;
    if (!row.cells[COLUMN_LEVEL] || !*row.cells[COLUMN_LEVEL])
        row.cells[COLUMN_LEVEL] = d->level;
    return row;
}

/* Tags of every row, and those of this one. */
static void join_tags(struct row *row, const char *of_all, struct lp_buf *tags)
{
    const char *own = row->cells[COLUMN_TAGS];
    lp_buf_printf(tags, "%s%c%s", of_all, row->between, own ? own : "");
    row->cells[COLUMN_TAGS] = tags->ptr;
}

static int read_row(struct collect *c, const struct table *t, const struct layout *l,
                    const struct exchange_defaults *d, struct lp_error *err)
{
    lp_auto_buf struct lp_buf tags = LP_BUF_INIT(EXCHANGE_BYTES);
    struct row row = cells_of(t, l, d);
    json_t *item = NULL;
    char id[32];

    if (l->tags)
        join_tags(&row, l->tags, &tags);
    if (l->is_anki)
        row.cells[COLUMN_ID] = anki_id(&row, id);
    int r = row_item(&row, &item, err);
    if (r == 0)
        r = collect_item(c, item, err);
    json_decref(item);
    if (r < 0)
        lp_error_wrap(err, "line %u", t->row_line);
    return r;
}

static int read_rows(struct collect *c, struct table *t, const struct layout *l,
                     const struct exchange_defaults *d, struct lp_error *err)
{
    int r = table_next(t, err);
    while (r > 0) {
        r = read_row(c, t, l, d, err);
        if (r == 0)
            r = table_next(t, err);
    }
    return r;
}

/* Columns by the names in the table's row. */
static void name_columns(struct collect *c, const struct table *t, struct layout *l)
{
    for (l->n = 0; l->n < t->n; l->n++) {
        l->columns[l->n] = column_of(table_field(t, l->n));
        c->found.ignored += l->columns[l->n] == COLUMN_NONE;
    }
}

static bool has_column(const struct layout *l, enum column column)
{
    for (int i = 0; i < l->n; i++)
        if (l->columns[i] == column)
            return true;
    return false;
}

int sheet_read_csv(struct collect *c, const char *text, size_t len,
                   const struct exchange_defaults *d, struct lp_error *err)
{
    auto_table struct table t;
    struct layout l = { .between = ';' };

    table_init(&t, text, len, ',');
    int r = table_next(&t, err);
    if (r < 0)
        return r;
    name_columns(c, &t, &l);
    if (!has_column(&l, COLUMN_ID) || !has_column(&l, COLUMN_PHRASE))
        return lp_error_set(err, LP_E_INVALID,
                            "line 1: must name the columns, of which id and phrase are needed");
    return read_rows(c, &t, &l, d, err);
}

/* The separator by its name or as it is; '\0': none of them. */
static char separator_of(const char *name)
{
    static const struct {
        const char *name;
        char separator;
    } known[] = { { "tab", '\t' },  { "comma", ',' }, { "semicolon", ';' },
                  { "space", ' ' }, { "pipe", '|' },  { "colon", ':' } };
    for (size_t i = 0; i < LP_COUNT(known); i++)
        if (strcasecmp(name, known[i].name) == 0)
            return known[i].separator;
    bool is_one = name[0] && !name[1] && !strchr("\"\r\n", name[0]);
    if (!is_one)
        return '\0';
    return name[0];
}

/* "#guid column:1": which column is what. */
static int read_place(const char *key, const char *value, struct layout *l, struct lp_error *err)
{
    char name[16];
    char *end = NULL;
    long n = strtol(value, &end, 10);
    if (end == value || *end || n < 1 || n > TABLE_FIELDS)
        return lp_error_set(err, LP_E_INVALID, "#%s: must be a column from 1 to %d, is \"%.80s\"",
                            key, TABLE_FIELDS, value);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(key, " "), key);
    for (; l->n < n; l->n++)
        l->columns[l->n] = COLUMN_NONE;
    l->columns[n - 1] = column_of(name);
    return 0;
}

/* One line of the head, without its '#'. */
struct head {
    struct layout *layout;
    char separator;
    char names[1024], tags[1024]; /* of #columns, #tags */
};

static int read_setting(struct head *h, const char *key, const char *value, struct lp_error *err)
{
    size_t n = strlen(key);
    if (strcmp(key, "separator") == 0 && !(h->separator = separator_of(value)))
        return lp_error_set(err, LP_E_INVALID,
                            "#separator: must be one character or tab, comma, semicolon, space, "
                            "pipe or colon, is \"%.80s\"",
                            value);
    if (strcmp(key, "html") == 0)
        h->layout->html = strcmp(value, "true") == 0;
    if (strlen(value) >= sizeof h->names)
        return lp_error_set(err, LP_E_TOO_LARGE, "#%.40s: must have less than %zu bytes", key,
                            sizeof h->names);
    if (strcmp(key, "columns") == 0)
        snprintf(h->names, sizeof h->names, "%s", value);
    if (strcmp(key, "tags") == 0)
        snprintf(h->tags, sizeof h->tags, "%s", value);
    if (n > 7 && strcmp(key + n - 7, " column") == 0)
        return read_place(key, value, h->layout, err);
    return 0;
}

static int read_head_line(struct head *h, const char *line, size_t n, struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(EXCHANGE_BYTES);
    lp_buf_add(&text, line, n);
    char *colon = strchr(text.ptr, ':');
    if (!colon)
        return 0; /* a comment */
    *colon = '\0';
    return read_setting(h, text.ptr, colon + 1, err);
}

/* Reads the lines that begin with '#'; `t` then begins behind them. */
static int read_head(struct table *t, struct head *h, struct lp_error *err)
{
    int r = 0;
    while (r == 0 && t->at < t->end && *t->at == '#') {
        size_t n = 0, left = (size_t)(t->end - t->at);
        while (n < left && t->at[n] != '\n' && t->at[n] != '\r')
            n++;
        r = read_head_line(h, t->at + 1, n - 1, err);
        if (r < 0)
            lp_error_wrap(err, "line %u", t->line);
        t->at += n;
        for (; t->at < t->end && (*t->at == '\r' || *t->at == '\n'); t->at++)
            t->line += *t->at == '\n';
    }
    return r;
}

/* Names of #columns; without them what is left is phrase, meaning and example in this order. */
static int place_columns(struct collect *c, const struct head *h, struct layout *l,
                         struct lp_error *err)
{
    auto_table struct table names;
    enum column next = COLUMN_PHRASE;

    table_init(&names, h->names, strlen(h->names), h->separator);
    int r = table_next(&names, err);
    if (r < 0)
        return lp_error_wrap(err, "#columns");
    for (int i = 0; i < (r > 0 ? names.n : TABLE_FIELDS); i++) {
        bool placed = i < l->n && l->columns[i] != COLUMN_NONE;
        if (i >= l->n)
            l->n = i + 1;
        if (placed)
            continue;
        l->columns[i] = r > 0 ? column_of(table_field(&names, i)) : next;
        c->found.ignored += r > 0 && l->columns[i] == COLUMN_NONE;
        if (r == 0)
            next = next == COLUMN_PHRASE    ? COLUMN_MEANING
                   : next == COLUMN_MEANING ? COLUMN_EXAMPLE
                                            : COLUMN_NONE;
    }
    return 0;
}

int sheet_read_anki(struct collect *c, const char *text, size_t len,
                    const struct exchange_defaults *d, struct lp_error *err)
{
    auto_table struct table t;
    struct layout l = { .between = ' ', .is_anki = true };
    struct head h = { .layout = &l, .separator = '\t' };

    table_init(&t, text, len, '\t');
    int r = read_head(&t, &h, err);
    if (r == 0)
        r = place_columns(c, &h, &l, err);
    if (r < 0)
        return r;
    t.separator = h.separator;
    l.tags = h.tags[0] ? h.tags : NULL;
    return read_rows(c, &t, &l, d, err);
}

static void write_cell(const json_t *item, enum column column, char between, char separator,
                       struct lp_buf *b)
{
    lp_auto_buf struct lp_buf cell = LP_BUF_INIT(b->max);
    column_write(item, column, between, &cell);
    table_write(cell.ptr, separator, b);
}

void sheet_write_csv(const json_t *items, struct lp_buf *b)
{
    size_t i;
    json_t *item;
    for (int c = 0; c < COLUMNS; c++)
        lp_buf_printf(b, "%s%s", c > 0 ? "," : "", column_names[c]);
    lp_buf_str(b, "\r\n");
    json_array_foreach(items, i, item)
    {
        for (int c = 0; c < COLUMNS; c++) {
            lp_buf_str(b, c > 0 ? "," : "");
            write_cell(item, (enum column)c, ';', ',', b);
        }
        lp_buf_str(b, "\r\n");
    }
}

/* Phrase and meaning first, as a note's first field is what Anki knows it by; the class is the
 * deck, too. */
void sheet_write_anki(const json_t *items, struct lp_buf *b)
{
    static const enum column order[] = {
        COLUMN_ID,          COLUMN_CLASS,   COLUMN_PHRASE,  COLUMN_MEANING, COLUMN_EXAMPLE,
        COLUMN_CLASS,       COLUMN_LEVEL,   COLUMN_RANK,    COLUMN_SECONDS, COLUMN_PREREQUISITES,
        COLUMN_CONFUSABLES, COLUMN_PART_OF, COLUMN_CONTENT, COLUMN_TAGS,
    };
    size_t i;
    json_t *item;

    lp_buf_printf(b,
                  "#separator:tab\n#html:false\n#guid column:1\n#deck column:2\n#tags column:%zu\n"
                  "#columns:",
                  LP_COUNT(order));
    for (size_t c = 0; c < LP_COUNT(order); c++)
        lp_buf_printf(b, "%s%s", c > 0 ? "\t" : "", c == 1 ? "deck" : column_names[order[c]]);
    lp_buf_char(b, '\n');
    json_array_foreach(items, i, item)
    {
        for (size_t c = 0; c < LP_COUNT(order); c++) {
            lp_buf_str(b, c > 0 ? "\t" : "");
            write_cell(item, order[c], ' ', '\t', b);
        }
        lp_buf_char(b, '\n');
    }
}
