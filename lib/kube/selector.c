/* lib/kube/selector.c -- label selectors. The parser works in place on its own copy of the text: an
 * identifier is ended by a NUL that is written after the byte behind it was looked at. Threads:
 * none of its own. */
#include <ctype.h>
#include <string.h>

#include "kube/labels.h"

/* `held` is the byte of the text where a NUL was written to end the last identifier. */
struct parser {
    struct lp_selector *s;
    char *at;
    char held;
    bool holds;
};

static char peek(const struct parser *p)
{
    if (p->holds)
        return p->held;
    return *p->at;
}

static void advance(struct parser *p)
{
    p->holds = false;
    p->at++;
}

static void skip_blanks(struct parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t')
        advance(p);
}

static bool take(struct parser *p, char wanted)
{
    skip_blanks(p);
    if (peek(p) != wanted || wanted == '\0')
        return false;
    advance(p);
    return true;
}

static bool is_name_byte(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '/';
}

/* A key or value; "" where there is none. */
static const char *identifier(struct parser *p)
{
    skip_blanks(p);
    if (!is_name_byte(peek(p)))
        return "";
    const char *start = p->at;
    while (is_name_byte(*p->at))
        p->at++;
    p->held = *p->at;
    p->holds = p->held != '\0';
    *p->at = '\0';
    return start;
}

static int wrong(const struct parser *p, const char *what, struct lp_error *err)
{
    return lp_error_set(err, LP_E_INVALID, "label selector: %s at byte %td", what,
                        p->at - p->s->text);
}

static int add_value(struct parser *p, struct lp_requirement *r, struct lp_error *err)
{
    const char *value = identifier(p);
    if (strlen(value) > 63 || strchr(value, '/'))
        return wrong(p, "a label value has at most 63 bytes and no slash", err);
    if (p->s->n_values == LP_SELECTOR_VALUES)
        return wrong(p, "more than 64 values", err);
    p->s->values[p->s->n_values++] = value;
    r->n++;
    return 0;
}

static int value_list(struct parser *p, struct lp_requirement *r, struct lp_error *err)
{
    if (!take(p, '('))
        return wrong(p, "expected (", err);
    do {
        int n = add_value(p, r, err);
        if (n < 0)
            return n;
    } while (take(p, ','));
    return take(p, ')') ? 0 : wrong(p, "expected , or )", err);
}

/* What stands between the key and the next comma. */
static int operation(struct parser *p, struct lp_requirement *r, struct lp_error *err)
{
    if (take(p, '=')) {
        (void)take(p, '=');
        r->op = LP_SELECTOR_IN;
        return add_value(p, r, err);
    }
    if (take(p, '!')) {
        if (peek(p) != '=')
            return wrong(p, "expected !=", err);
        advance(p);
        r->op = LP_SELECTOR_NOT_IN;
        return add_value(p, r, err);
    }
    const char *word = identifier(p);
    if (strcmp(word, "in") == 0)
        r->op = LP_SELECTOR_IN;
    else if (strcmp(word, "notin") == 0)
        r->op = LP_SELECTOR_NOT_IN;
    else if (*word == '\0')
        r->op = LP_SELECTOR_EXISTS;
    else
        return wrong(p, "expected =, !=, in or notin", err);
    return r->op == LP_SELECTOR_EXISTS ? 0 : value_list(p, r, err);
}

static int requirement(struct parser *p, struct lp_error *err)
{
    struct lp_selector *s = p->s;
    if (s->n == LP_SELECTOR_REQUIREMENTS)
        return wrong(p, "more than 32 requirements", err);
    bool absent = take(p, '!');
    struct lp_requirement *r = &s->requirements[s->n];
    *r = (struct lp_requirement){ .key = identifier(p), .first = s->n_values };
    if (*r->key == '\0' || strlen(r->key) > 317)
        return wrong(p, "expected a label name", err);
    s->n++;
    if (absent) {
        r->op = LP_SELECTOR_NOT_EXISTS;
        return 0;
    }
    return operation(p, r, err);
}

int lp_selector_parse(const char *text, struct lp_selector *ret_selector, struct lp_error *err)
{
    struct parser p = { .s = ret_selector, .at = ret_selector->text };
    ret_selector->n = ret_selector->n_values = 0;
    size_t len = text ? strlen(text) : 0;
    if (len >= LP_SELECTOR_TEXT)
        return lp_error_set(err, LP_E_INVALID, "label selector: over %d bytes",
                            LP_SELECTOR_TEXT - 1);
    if (len > 0)
        memcpy(ret_selector->text, text, len);
    ret_selector->text[len] = '\0';

    skip_blanks(&p);
    if (peek(&p) == '\0')
        return 0;
    do {
        int r = requirement(&p, err);
        if (r < 0)
            return r;
    } while (take(&p, ','));
    skip_blanks(&p);
    return peek(&p) == '\0' ? 0 : wrong(&p, "expected a comma", err);
}

static bool is_one_of(const struct lp_selector *s, const struct lp_requirement *r,
                      const char *value)
{
    for (unsigned i = 0; i < r->n; i++)
        if (strcmp(s->values[r->first + i], value) == 0)
            return true;
    return false;
}

bool lp_selector_matches(const struct lp_selector *s, const struct lp_labels *labels)
{
    for (unsigned i = 0; i < s->n; i++) {
        const struct lp_requirement *r = &s->requirements[i];
        const char *value = lp_labels_get(labels, r->key);
        bool holds = r->op == LP_SELECTOR_IN       ? value && is_one_of(s, r, value)
                     : r->op == LP_SELECTOR_NOT_IN ? !value || !is_one_of(s, r, value)
                     : r->op == LP_SELECTOR_EXISTS ? value != NULL
                                                   : value == NULL;
        if (!holds)
            return false;
    }
    return true;
}
