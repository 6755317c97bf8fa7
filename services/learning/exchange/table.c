/* services/learning/exchange/table.c -- see table.h. No state. */
#include "services/learning/exchange/table.h"

#include <string.h>

#include "services/learning/exchange/format.h"

void table_init(struct table *t, const char *text, size_t len, char separator)
{
    *t = (struct table){ .at = text,
                         .end = text + len,
                         .separator = separator,
                         .line = 1,
                         .text = LP_BUF_INIT(EXCHANGE_BYTES + TABLE_FIELDS) };
}

void table_done(struct table *t)
{
    lp_buf_done(&t->text);
}

const char *table_field(const struct table *t, int i)
{
    return i >= 0 && i < t->n ? t->text.ptr + t->start[i] : "";
}

static bool is_over(const struct table *t, char c)
{
    return c == t->separator || c == '\n' || c == '\r';
}

static void take_plain(struct table *t)
{
    const char *from = t->at;
    while (t->at < t->end && !is_over(t, *t->at))
        t->at++;
    lp_buf_add(&t->text, from, (size_t)(t->at - from));
}

static int take_quoted(struct table *t, struct lp_error *err)
{
    unsigned began = t->line;
    for (t->at++; t->at < t->end; t->at++) {
        if (*t->at == '"' && (t->at + 1 == t->end || t->at[1] != '"'))
            break;
        t->at += *t->at == '"';
        t->line += *t->at == '\n';
        lp_buf_char(&t->text, *t->at);
    }
    if (t->at == t->end)
        return lp_error_set(err, LP_E_INVALID, "line %u: a quote is not closed", began);
    t->at++;
    if (t->at < t->end && !is_over(t, *t->at))
        return lp_error_set(err, LP_E_INVALID,
                            "line %u: after a closing quote the field must end; a quote within is "
                            "doubled",
                            t->line);
    return 0;
}

static int take_field(struct table *t, struct lp_error *err)
{
    int r = 0;
    if (t->n == TABLE_FIELDS)
        return lp_error_set(err, LP_E_TOO_LARGE, "line %u: more than %d fields", t->line,
                            TABLE_FIELDS);
    t->start[t->n] = t->text.len;
    if (t->at < t->end && *t->at == '"')
        r = take_quoted(t, err);
    else
        take_plain(t);
    if (r == 0 && t->text.len - t->start[t->n] > EXCHANGE_LITERAL)
        return lp_error_set(err, LP_E_TOO_LARGE, "line %u: field %d must have at most %d bytes",
                            t->row_line, t->n + 1, EXCHANGE_LITERAL);
    lp_buf_char(&t->text, '\0');
    t->n++;
    return r;
}

/* Over the ends of lines. */
static void skip_ends(struct table *t)
{
    for (; t->at < t->end && (*t->at == '\n' || *t->at == '\r'); t->at++)
        t->line += *t->at == '\n';
}

int table_next(struct table *t, struct lp_error *err)
{
    lp_buf_reset(&t->text);
    t->n = 0;
    skip_ends(t);
    t->row_line = t->line;
    if (t->at == t->end)
        return 0;
    for (;;) {
        int r = take_field(t, err);
        if (r < 0)
            return r;
        if (t->at == t->end || *t->at != t->separator)
            return 1;
        t->at++;
    }
}

void table_write(const char *field, char separator, struct lp_buf *b)
{
    const char special[] = { separator, '"', '\n', '\r', '\0' };
    bool quoted = strpbrk(field, special) || field[0] == '#';
    if (!quoted) {
        lp_buf_str(b, field);
        return;
    }
    lp_buf_char(b, '"');
    for (const char *p = field; *p; p++)
        lp_buf_str(b, *p == '"' ? "\"\"" : (const char[]){ *p, '\0' });
    lp_buf_char(b, '"');
}
