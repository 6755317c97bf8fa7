/*
 * lib/json/cut.c -- looks for a member by brackets and strings alone; whether the text is JSON is
 * for the parser of what remains to say. No state, any thread.
 */
#include "json/cut.h"

#include <string.h>

struct cursor {
    char *at, *end;
};

struct span {
    char *from, *value, *value_end, *to; /* of the member with one comma, and of its value */
};

static bool sees(const struct cursor *c, char what)
{
    return c->at < c->end && *c->at == what;
}

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && strchr(" \t\r\n", *c->at))
        c->at++;
}

static bool skip_string(struct cursor *c)
{
    for (char *at = c->at + 1; at < c->end; at++) {
        if (*at == '"') {
            c->at = at + 1;
            return true;
        }
        at += *at == '\\';
    }
    return false;
}

static bool skip_container(struct cursor *c)
{
    size_t depth = 0;

    while (c->at < c->end) {
        char what = *c->at;
        if (what == '"') {
            if (!skip_string(c))
                return false;
            continue;
        }
        c->at++;
        depth += what == '{' || what == '[';
        if ((what == '}' || what == ']') && --depth == 0)
            return true;
    }
    return false;
}

static bool skip_value(struct cursor *c)
{
    char *from = c->at;

    if (sees(c, '"'))
        return skip_string(c);
    if (sees(c, '{') || sees(c, '['))
        return skip_container(c);
    while (c->at < c->end && !strchr(",]} \t\r\n", *c->at))
        c->at++;
    return c->at > from;
}

/* Over a key and its colon, to the value. */
static bool take_key(struct cursor *c, const char **ret_key, size_t *ret_len)
{
    skip_space(c);
    *ret_key = c->at + 1;
    if (!sees(c, '"') || !skip_string(c))
        return false;
    *ret_len = (size_t)(c->at - *ret_key) - 1;
    skip_space(c);
    if (!sees(c, ':'))
        return false;
    c->at++;
    skip_space(c);
    return true;
}

/* The value of the member whose key began at `from`; `comma` is the one before it, or NULL. */
static bool take_member(struct cursor *c, char *from, char *comma, struct span *ret)
{
    ret->from = comma ? comma : from;
    ret->value = c->at;
    if (!skip_value(c))
        return false;
    ret->value_end = c->at;
    skip_space(c);
    if (!comma && sees(c, ','))
        c->at++;
    ret->to = c->at;
    return true;
}

static bool find(struct cursor *c, const char *const path[], struct span *ret)
{
    char *comma = NULL;
    const char *key;
    size_t len;

    skip_space(c);
    if (!sees(c, '{'))
        return false;
    do {
        c->at++;
        skip_space(c);
        char *from = c->at;
        if (!take_key(c, &key, &len))
            return false;
        if (len == strlen(*path) && memcmp(key, *path, len) == 0)
            return path[1] ? find(c, path + 1, ret) : take_member(c, from, comma, ret);
        if (!skip_value(c))
            return false;
        skip_space(c);
        comma = c->at;
    } while (sees(c, ','));
    return false;
}

json_t *lp_json_cut(struct lp_buf *text, const char *const path[])
{
    struct cursor c = { text->ptr, text->ptr + text->len };
    struct span s;

    if (!find(&c, path, &s))
        return NULL;
    json_t *value = json_stringn(s.value, (size_t)(s.value_end - s.value));
    if (!value)
        return NULL; /* no UTF-8: the parser will say so */
    memmove(s.from, s.to, (size_t)(c.end - s.to) + 1);
    text->len -= (size_t)(s.to - s.from);
    return value;
}
