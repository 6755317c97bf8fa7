/*
 * lib/json/write.c -- the same bytes as jansson's compact text, straight into the buffer: jansson
 * calls back for every token and keeps a table of the containers it is in, against loops, which a
 * document of ours cannot have. Hashes of texts are kept in clusters, so the bytes must never
 * change. No state, any thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

#define FEW 32 /* members that are sorted on the stack */

struct member {
    const char *key;
    size_t len;
    const json_t *value;
};

/* RFC 8259, section 7; a character that needs no escape is written as it is. */
static void write_escape(unsigned char c, struct lp_buf *b)
{
    static const char letters[] = "btn.fr"; /* 8 to 13 */
    char text[8];

    if (c == '"' || c == '\\')
        snprintf(text, sizeof text, "\\%c", c);
    else if (c >= 8 && c <= 13 && c != 11)
        snprintf(text, sizeof text, "\\%c", letters[c - 8]);
    else
        snprintf(text, sizeof text, "\\u%04X", c);
    lp_buf_str(b, text);
}

static void write_string(const char *s, size_t n, struct lp_buf *b)
{
    size_t from = 0;

    lp_buf_char(b, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        lp_buf_add(b, s + from, i - from);
        write_escape(c, b);
        from = i + 1;
    }
    lp_buf_add(b, s + from, n - from);
    lp_buf_char(b, '"');
}

static void write_number(const json_t *o, struct lp_buf *b)
{
    char text[64];
    size_t n;

    if (json_is_integer(o))
        n = (size_t)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(o));
    else
        n = json_dumpb(o, text, sizeof text, JSON_ENCODE_ANY);
    lp_buf_add(b, text, n);
}

static void write_any(const json_t *o, bool sorted, struct lp_buf *b);

static void write_member(const struct member *m, bool sorted, struct lp_buf *b)
{
    write_string(m->key, m->len, b);
    lp_buf_char(b, ':');
    write_any(m->value, sorted, b);
}

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    int order = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);

    return order != 0 ? order : x->len < y->len ? -1 : x->len > y->len;
}

static void write_sorted(const json_t *o, struct lp_buf *b)
{
    struct member few[FEW];
    size_t size = json_object_size(o), n = 0;
    lp_auto_free struct member *many = size > FEW ? lp_calloc(size, sizeof *many) : NULL;
    struct member *all = many ? many : few;

    for (void *i = json_object_iter((json_t *)o); i; i = json_object_iter_next((json_t *)o, i))
        all[n++] = (struct member){ json_object_iter_key(i), json_object_iter_key_len(i),
                                    json_object_iter_value(i) };
    qsort(all, n, sizeof *all, by_key);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            lp_buf_char(b, ',');
        write_member(&all[i], true, b);
    }
}

static void write_object(const json_t *o, bool sorted, struct lp_buf *b)
{
    void *first = json_object_iter((json_t *)o);

    lp_buf_char(b, '{');
    if (sorted)
        write_sorted(o, b);
    for (void *i = sorted ? NULL : first; i; i = json_object_iter_next((json_t *)o, i)) {
        struct member m = { json_object_iter_key(i), json_object_iter_key_len(i),
                            json_object_iter_value(i) };
        if (i != first)
            lp_buf_char(b, ',');
        write_member(&m, false, b);
    }
    lp_buf_char(b, '}');
}

static void write_array(const json_t *o, bool sorted, struct lp_buf *b)
{
    lp_buf_char(b, '[');
    for (size_t i = 0; i < json_array_size(o); i++) {
        if (i > 0)
            lp_buf_char(b, ',');
        write_any(json_array_get(o, i), sorted, b);
    }
    lp_buf_char(b, ']');
}

static void write_any(const json_t *o, bool sorted, struct lp_buf *b)
{
    if (json_is_object(o))
        write_object(o, sorted, b);
    else if (json_is_array(o))
        write_array(o, sorted, b);
    else if (json_is_string(o))
        write_string(json_string_value(o), json_string_length(o), b);
    else if (json_is_number(o))
        write_number(o, b);
    else if (json_is_boolean(o))
        lp_buf_str(b, json_is_true(o) ? "true" : "false");
    else if (json_is_null(o))
        lp_buf_str(b, "null");
}

void lp_json_write(const json_t *o, struct lp_buf *b)
{
    write_any(o, true, b);
}

void lp_json_write_unsorted(const json_t *o, struct lp_buf *b)
{
    write_any(o, false, b);
}
