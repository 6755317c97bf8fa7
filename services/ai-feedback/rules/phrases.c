/* services/ai-feedback/rules/phrases.c -- reads phrases.rules. */
#include "services/ai-feedback/rules/phrases.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/forms.h"

#define LINE 2048
#define ELEMENT 1024
#define ELEMENTS 8
#define MACROS 64
#define OPTIONAL 3 /* of one pattern */

extern const unsigned char phrases_rules[]; /* rules/phrases.rules */

/* One element of a pattern, as written. */
struct part {
    char was[ELEMENT], to[LINE];
    bool changes, optional;
};

/* A pattern on its way from a line. */
struct draft {
    struct part parts[ELEMENTS];
    size_t n;
    char before[ELEMENT], not_before[ELEMENT], after[ELEMENT], not_after[ELEMENT];
    char insert[LINE]; /* what comes in front of the next element */
};

/* A list of what is read; it grows while reading and is never freed. */
static struct phrase *phrases;
static struct phrase_key *keys;
static struct phrase_example *examples;
static size_t n_phrases, n_keys, n_examples;
static struct {
    const char *name, *list;
} macros[MACROS];
static size_t n_macros;
static struct pattern rule; /* the one that the lines belong to */
static char fault[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fail(const char *line, const char *why)
{
    if (!*fault)
        snprintf(fault, sizeof fault, "%s: %.160s", why, line);
}

/* Room for one more of `size` bytes in an array that doubles. */
static void *grow(void *array, size_t n, size_t size)
{
    return n & (n - 1) || (n > 0 && n < 16) ? array
                                            : lp_realloc(array, (n < 16 ? 16 : 2 * n) * size);
}

static const char *keep(const char *text)
{
    return *text ? lp_strdup(text) : NULL;
}

/* ---- lists ---- */

static const char *macro(const char *name, size_t len)
{
    for (size_t i = 0; i < n_macros; i++)
        if (strlen(macros[i].name) == len && memcmp(macros[i].name, name, len) == 0)
            return macros[i].list;
    return NULL;
}

static void add(char *out, size_t size, const char *text, size_t len)
{
    size_t n = strlen(out);

    if (n + len + 1 > size)
        fail(text, "too long");
    else
        snprintf(out + n, size - n, "%.*s", (int)len, text);
}

static void add_forms(char *out, size_t size, const char *verb, size_t len)
{
    char forms[VERB_FORMS][FORM_ROOM], entry[FORM_ROOM];

    snprintf(entry, sizeof entry, "%.*s", (int)len, verb);
    verb_spell(entry, forms);
    for (int f = 0; f < VERB_FORMS; f++) {
        add(out, size, f ? "|" : "", f ? 1 : 0);
        add(out, size, forms[f], strlen(forms[f]));
    }
}

/* `list` with its macros and forms written out, added to `out`. */
static void expand(const char *list, size_t len, char *out, size_t size)
{
    const char *end = list + len;

    while (list < end) {
        const char *bar = memchr(list, '|', (size_t)(end - list));
        size_t n = (size_t)((bar ? bar : end) - list);
        const char *named = *list == '$' && n > 1 ? macro(list + 1, n - 1) : NULL;
        if (named)
            add(out, size, named, strlen(named));
        else if (*list == '$' && n > 1)
            fail(list, "no such list");
        else if (*list == '~')
            add_forms(out, size, list + 1, n - 1);
        else
            add(out, size, list, n);
        if (bar)
            add(out, size, "|", 1);
        list += n + (bar != NULL);
    }
}

/* ---- patterns ---- */

/* "@1~make": the forms written out; other parts stay. Parts have "_" between them. */
static void expand_to(const char *to, char *out, size_t size)
{
    for (const char *at = to; *at;) {
        size_t n = strcspn(at, "_");
        size_t tilde = strcspn(at, "~_");
        if (tilde < n && !memchr(at, '|', n)) {
            add(out, size, at, tilde + 1);
            add_forms(out, size, at + tilde + 1, n - tilde - 1);
        } else {
            add(out, size, at, n);
        }
        at += n;
        if (*at) {
            add(out, size, "_", 1);
            at++;
        }
    }
}

static struct part *add_part(struct draft *d, const char *was, size_t len)
{
    struct part *p = &d->parts[d->n];

    if (d->n == ELEMENTS) {
        fail(was, "more than 8 elements");
        return NULL;
    }
    *p->was = *p->to = '\0';
    p->changes = false;
    p->optional = len > 1 && was[len - 1] == '?';
    bool not = *was == '!';
    add(p->was, sizeof p->was, "!", not );
    expand(was + not, len - not -p->optional, p->was, sizeof p->was);
    d->n++;
    if (*d->insert) {
        snprintf(p->to, sizeof p->to, "%s_=", d->insert);
        p->changes = true;
        *d->insert = '\0';
    }
    return p;
}

/* The words of `text`, as parts of one `to`. */
static void join(const char *text, size_t len, char *out, size_t size)
{
    char joined[LINE];

    snprintf(joined, sizeof joined, "%.*s", (int)len, text);
    for (char *c = joined; *c; c++)
        if (*c == ' ')
            *c = '_';
    expand_to(joined, out, size);
}

static size_t count_words(const char *text, size_t len)
{
    size_t n = len > 0;
    for (size_t i = 0; i < len; i++)
        n += text[i] == ' ';
    return n;
}

/* "[was>becomes]", without its brackets. */
static void read_change(struct draft *d, const char *text, size_t len)
{
    const char *mark = memchr(text, '>', len);
    size_t n = mark ? (size_t)(mark - text) : 0;

    if (!mark) {
        fail(text, "no > in brackets");
        return;
    }
    const char *to = mark + 1;
    size_t left = len - n - 1;
    if (n == 0) {
        join(to, left, d->insert, sizeof d->insert);
        return;
    }
    bool same = count_words(text, n) == count_words(to, left);
    for (const char *at = text; at < mark;) {
        size_t word = strcspn(at, " >"), part = same ? strcspn(to, " ]") : left;
        struct part *p = add_part(d, at, word);
        if (!p)
            return;
        if (*p->to)
            fail(text, "two changes of one word");
        if (part == 0)
            add(p->to, sizeof p->to, "-", 1);
        join(to, part, p->to, sizeof p->to);
        p->changes = true;
        to += part + (same && part < left);
        left -= part + (same && part < left);
        at += word + (at + word < mark);
    }
}

static bool read_context(struct draft *d, const char *word, size_t len)
{
    if (len == 1 && *word == '^') {
        add(d->before, sizeof d->before, word, 1);
    } else if (*word == '<' && word[1] == '!') {
        expand(word + 2, len - 2, d->not_before, sizeof d->not_before);
    } else if (*word == '<') {
        expand(word + 1, len - 1, d->before, sizeof d->before);
    } else if (*word == '!' && word[1] == '>') {
        expand(word + 2, len - 2, d->not_after, sizeof d->not_after);
    } else if (*word == '$' && (len == 1 || word[1] == '|')) {
        add(d->after, sizeof d->after, "$", 1);
        if (len > 1) {
            add(d->after, sizeof d->after, "|", 1);
            expand(word + 2, len - 2, d->after, sizeof d->after);
        }
    } else if (*word == '>') {
        expand(word + 1, len - 1, d->after, sizeof d->after);
    } else {
        return false;
    }
    return true;
}

/* ---- the index ---- */

static size_t alternatives(const char *list)
{
    size_t n = 1;
    for (; *list; list++)
        n += *list == '|';
    return n;
}

/* The part with the fewest words, and of these the longest. */
static size_t best_key(const struct draft *d, const char *line)
{
    size_t best = ELEMENTS, least = ELEMENT, longest = 0;

    for (size_t i = 0; i < d->n; i++) {
        const char *was = d->parts[i].was;
        size_t n = alternatives(was);
        if (strchr(was, ':') || *was == '!' || d->parts[i].optional || n > least ||
            (n == least && strlen(was) <= longest))
            continue;
        best = i;
        least = n;
        longest = strlen(was);
    }
    if (best == ELEMENTS)
        fail(line, "no element with words alone");
    return best;
}

static void add_keys(const char *was, size_t phrase, size_t at)
{
    while (*was) {
        size_t n = strcspn(was, "|");
        keys = grow(keys, n_keys, sizeof *keys);
        /* The number of the phrase: its place moves while the list grows. */
        keys[n_keys++] = (struct phrase_key){ lp_strndup(was, n), NULL, phrase << 8 | at };
        was += n + (was[n] == '|');
    }
}

/* One pattern of a draft: without the optional elements whose bit is not in `with`. */
static void add_phrase(const struct draft *d, unsigned with, const char *line)
{
    char match[LINE] = "", to[2 * LINE] = "";
    size_t key = best_key(d, line), at = 0, optional = 0;

    if (key == ELEMENTS)
        return;
    for (size_t i = 0; i < d->n; i++) {
        const struct part *p = &d->parts[i];
        if (p->optional && !(with >> optional++ & 1))
            continue;
        add(match, sizeof match, *match ? " " : "", *match != '\0');
        add(match, sizeof match, p->was, strlen(p->was));
        add(to, sizeof to, *to ? " " : "", *to != '\0');
        add(to, sizeof to, p->changes ? p->to : "=", strlen(p->changes ? p->to : "="));
        at += i < key;
    }
    phrases = grow(phrases, n_phrases, sizeof *phrases);
    struct phrase *new = &phrases[n_phrases];
    new->pattern = rule;
    new->pattern.match = lp_strdup(match);
    new->pattern.to = lp_strdup(to);
    new->pattern.before = keep(d->before);
    new->pattern.after = keep(d->after);
    new->pattern.not_after = keep(d->not_after);
    new->not_before = keep(d->not_before);
    new->keeps = rule.category == CATEGORY_NONE;
    add_keys(d->parts[key].was, n_phrases++, at);
}

static void read_pattern(const char *line)
{
    static struct draft d; /* large; only the thread that reads uses it */
    size_t optional = 0;
    bool changes = false;

    memset(&d, 0, sizeof d);
    for (const char *at = line; *at;) {
        size_t n = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, " ");
        if (*at == '[' && !at[n - 1]) {
            fail(line, "no ] behind [");
            return;
        }
        if (*at == '[')
            read_change(&d, at + 1, n - 2);
        else if (!read_context(&d, at, n))
            add_part(&d, at, n);
        at += n;
        at += strspn(at, " ");
    }
    if (*d.insert && d.n > 0 && !d.parts[d.n - 1].changes) {
        struct part *last = &d.parts[d.n - 1];
        snprintf(last->to, sizeof last->to, "=_%s", d.insert);
        last->changes = true;
    } else if (*d.insert) {
        fail(line, "nothing to add it to");
    }
    for (size_t i = 0; i < d.n; i++)
        optional += d.parts[i].optional;
    for (size_t i = 0; i < d.n; i++)
        changes = changes || d.parts[i].changes;
    if (changes == (rule.category == CATEGORY_NONE))
        fail(line, "brackets do not go with the kind of rule");
    if (optional > OPTIONAL)
        fail(line, "too many optional elements");
    for (unsigned with = 0; with < 1u << optional; with++)
        add_phrase(&d, with, line);
}

/* ---- lines ---- */

static enum category category_of(const char *name, size_t len)
{
    for (int c = CATEGORY_NONE + 1; c < CATEGORIES; c++) {
        const char *known = category_name((enum category)c);
        bool same = strlen(known) == len;
        for (size_t i = 0; i < len && same; i++)
            same = known[i] == name[i] || (known[i] == ' ' && name[i] == '-');
        if (same)
            return (enum category)c;
    }
    return CATEGORY_NONE;
}

/* "id category sure why" */
static void read_rule(const char *line)
{
    size_t id = strcspn(line, " "), category = line[id] ? strcspn(line + id + 1, " ") : 0;
    const char *sure = line + id + (line[id] != '\0') + category;
    char *why;

    if (!line[id]) {
        fail(line, "no rule");
        return;
    }
    rule = (struct pattern){ .id = lp_strndup(line, id),
                             .category = category_of(line + id + 1, category),
                             .confidence = strtod(sure, &why) };
    why += strspn(why, " ");
    rule.message = lp_strdup(why);
    if (strncmp(rule.id, "keep-", 5) != 0 &&
        (rule.category == CATEGORY_NONE || rule.confidence <= 0.5 || strlen(why) < 10))
        fail(line, "no rule");
}

static void read_example(const char *line, bool stays)
{
    const char *arrow = strstr(line, " => ");

    if (stays == (arrow != NULL)) {
        fail(line, "no example");
        return;
    }
    examples = grow(examples, n_examples, sizeof *examples);
    examples[n_examples++] =
        (struct phrase_example){ rule.id, stays ? NULL : lp_strndup(line, (size_t)(arrow - line)),
                                 lp_strdup(stays ? line : arrow + 4) };
}

static void read_macro(const char *line)
{
    char list[LINE] = "";
    size_t n = strcspn(line, " ");

    if (n_macros == MACROS) {
        fail(line, "too many lists");
        return;
    }
    expand(line + n + (line[n] == ' '), strlen(line + n + (line[n] == ' ')), list, sizeof list);
    macros[n_macros].name = lp_strndup(line, n);
    macros[n_macros++].list = lp_strdup(list);
}

static void read_line(const char *line)
{
    if (!*line || *line == '#')
        return;
    if (*line == '@')
        read_rule(line + 1);
    else if (strncmp(line, "list ", 5) == 0)
        read_macro(line + 5);
    else if (strchr("+=", *line) && line[1] == ' ')
        read_example(line + 2, *line == '=');
    else
        read_pattern(line);
}

static int compare_keys(const void *a, const void *b)
{
    const struct phrase_key *x = a, *y = b;
    int r = strcmp(x->word, y->word);

    if (r != 0)
        return r;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void read_all(void)
{
    char line[LINE];

    for (const char *at = (const char *)phrases_rules; *at;) {
        size_t n = strcspn(at, "\n");
        if (n >= sizeof line)
            fail(at, "line too long");
        snprintf(line, sizeof line, "%.*s", (int)n, at);
        read_line(line);
        at += n + (at[n] == '\n');
    }
    qsort(keys, n_keys, sizeof *keys, compare_keys);
    for (size_t i = 0; i < n_keys; i++) {
        keys[i].phrase = &phrases[keys[i].at >> 8];
        keys[i].at &= 0xff;
    }
}

void phrases_load(void)
{
    pthread_once(&once, read_all);
}

const struct phrase_key *phrases_of(const char *word, size_t *ret_n)
{
    size_t low = 0, high;

    pthread_once(&once, read_all);
    high = n_keys;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(keys[middle].word, word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < n_keys && strcmp(keys[high].word, word) == 0;)
        high++;
    *ret_n = high - low;
    return keys + low;
}

const struct phrase_example *phrases_examples(size_t *ret_n)
{
    pthread_once(&once, read_all);
    *ret_n = n_examples;
    return examples;
}

const char *phrases_fault(void)
{
    pthread_once(&once, read_all);
    return *fault ? fault : NULL;
}
