/*
 * lib/json/yaml_write.c -- JSON as YAML in block style, two spaces a level, lists as wide as their
 * key, as kubectl writes it. A string stands plain where no reader can take it for something else,
 * else in double quotes as in JSON, which YAML 1.2 reads the same. No state.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "json/json.h"
#include "json/yaml.h"

static void put_value(const json_t *v, int indent, bool in_list, struct lp_buf *b);

static void put_indent(struct lp_buf *b, int indent)
{
    lp_buf_printf(b, "%*s", indent, "");
}

/* A letter first, then what is no punctuation of YAML; no word of YAML 1.1 or 1.2. */
static bool is_plain(const char *s, size_t n)
{
    static const char *const words[] = { "true", "false", "null", "yes", "no", "on",
                                         "off",  "y",     "n",    "inf", "nan" };
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789._/-";

    if (n == 0 || !isalpha((unsigned char)s[0]) || strlen(s) != n || strspn(s, fine) != n)
        return false;
    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (strcasecmp(s, words[i]) == 0)
            return false;
    return true;
}

static void put_scalar(const json_t *v, struct lp_buf *b)
{
    if (json_is_string(v) && is_plain(json_string_value(v), json_string_length(v)))
        lp_buf_str(b, json_string_value(v));
    else
        lp_json_write(v, b); /* also {} and [] */
}

static bool is_block(const json_t *v)
{
    return json_object_size(v) > 0 || json_array_size(v) > 0;
}

static void put_object(const json_t *o, int indent, bool in_list, struct lp_buf *b)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        json_auto_t *name = json_string(key);
        if (!in_list)
            put_indent(b, indent);
        in_list = false;
        put_scalar(name, b);
        lp_buf_char(b, ':');
        put_value(v, json_is_array(v) ? indent : indent + 2, false, b);
    }
}

static void put_array(const json_t *a, int indent, struct lp_buf *b)
{
    json_t *v;
    size_t i;

    json_array_foreach(a, i, v)
    {
        put_indent(b, indent);
        lp_buf_char(b, '-');
        if (json_is_object(v))
            put_value(v, indent + 2, true, b);
        else
            put_value(v, indent + 2, false, b);
    }
}

/* After "key:" or "-"; the first line of an object in a list goes on where the dash stands. */
static void put_value(const json_t *v, int indent, bool in_list, struct lp_buf *b)
{
    if (!is_block(v)) {
        lp_buf_char(b, ' ');
        put_scalar(v, b);
        lp_buf_char(b, '\n');
        return;
    }
    lp_buf_char(b, in_list ? ' ' : '\n');
    if (json_is_object(v))
        put_object(v, indent, in_list, b);
    else
        put_array(v, indent, b);
}

void lp_yaml_write(const json_t *document, struct lp_buf *b)
{
    if (json_object_size(document) > 0) {
        put_object(document, 0, false, b);
    } else if (json_array_size(document) > 0) {
        put_array(document, 0, b);
    } else {
        put_scalar(document, b);
        lp_buf_char(b, '\n');
    }
}
