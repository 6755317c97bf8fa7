/* services/ai-feedback/spelling/affix.c -- reads SFX and PFX lines into lists by flag (one byte
 * each), then goes through the stems. No state. */
#include "services/ai-feedback/spelling/affix.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define RULES_MAX 8192

struct rule {
    char strip[16], add[16], condition[48];
    unsigned char flag;
    bool prefix, crosses;
};

struct affixes {
    struct rule *rules; /* in the order of the file, so those of a flag stand together */
    size_t n;
    size_t first[256], count[256]; /* by flag; prefixes and suffixes have different flags */
    char shy, in_compounds;        /* flags; 0: none */
};

struct expansion {
    const struct affixes *affixes;
    affix_each *each;
    void *user;
    bool shy;
};

static FILE *open_file(const char *path, struct lp_error *err)
{
    FILE *f = fopen(path, "re");
    if (!f)
        lp_error_set(err, LP_E_NOT_FOUND,
                     "dictionary %s cannot be read: install the package hunspell-en-us or "
                     "hunspell-en-gb, or set DICTIONARY_DIR",
                     path);
    return f;
}

/* "0" stands for nothing. */
static void copy_part(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", strcmp(from, "0") == 0 ? "" : from);
}

/* "SFX D y ied [^aeiou]y", or its head "SFX D Y 4". */
static void read_rule(struct affixes *a, const char *line, bool crosses[256])
{
    char kind[8], flag[8], strip[16], add[32], condition[48];

    int n = sscanf(line, "%7s %7s %15s %31s %47s", kind, flag, strip, add, condition);
    if (n < 4 || flag[1])
        return;
    unsigned char f = (unsigned char)*flag;
    if (n == 4 && (strcmp(strip, "Y") == 0 || strcmp(strip, "N") == 0)) {
        crosses[f] = *strip == 'Y';
        return;
    }
    add[strcspn(add, "/")] = '\0';
    if (a->n >= RULES_MAX || strlen(add) >= sizeof a->rules->add)
        return;
    struct rule *r = &a->rules[a->n];
    copy_part(r->strip, sizeof r->strip, strip);
    copy_part(r->add, sizeof r->add, add);
    snprintf(r->condition, sizeof r->condition, "%s", n == 5 ? condition : ".");
    r->flag = f;
    r->prefix = *kind == 'P';
    r->crosses = crosses[f];
    if (a->count[f]++ == 0)
        a->first[f] = a->n;
    a->n++;
}

static int read_affixes(const char *path, struct affixes *a, struct lp_error *err)
{
    bool crosses[256] = { false };
    lp_auto_free char *line = NULL;
    size_t size = 0;
    FILE *f = open_file(path, err);

    if (!f)
        return LP_E_NOT_FOUND;
    a->rules = lp_calloc(RULES_MAX, sizeof *a->rules);
    while (getline(&line, &size, f) > 0) {
        if (strncmp(line, "PFX ", 4) == 0 || strncmp(line, "SFX ", 4) == 0)
            read_rule(a, line, crosses);
        else if (strncmp(line, "NOSUGGEST ", 10) == 0)
            a->shy = line[10];
        else if (strncmp(line, "ONLYINCOMPOUND ", 15) == 0)
            a->in_compounds = line[15];
    }
    fclose(f);
    return 0;
}

/* Elements of a condition: characters, '.', "[abc]", "[^abc]". */
static size_t count_elements(const char *c)
{
    size_t n = 0;
    for (; *c; c++, n++)
        if (*c == '[')
            while (c[1] && *c != ']')
                c++;
    return n;
}

/* Compares one element with a byte and moves behind it. */
static bool element_takes(const char **at, char byte)
{
    const char *c = *at;

    if (*c != '[') {
        *at = c + 1;
        return *c == '.' || *c == byte;
    }
    bool negated = c[1] == '^', found = false;
    for (c += negated ? 2 : 1; *c && *c != ']'; c++)
        found = found || *c == byte;
    *at = *c ? c + 1 : c;
    return found != negated;
}

static bool condition_holds(const struct rule *r, const char *word, size_t len)
{
    size_t n = count_elements(r->condition);
    const char *at = r->condition;

    if (n > len)
        return strcmp(r->condition, ".") == 0;
    const char *from = r->prefix ? word : word + len - n;
    for (size_t i = 0; i < n; i++)
        if (!element_takes(&at, from[i]))
            return false;
    return true;
}

/* The form into `out`; false where the rule does not apply. */
static bool apply(const struct rule *r, const char *word, char out[AFFIX_WORD])
{
    size_t len = strlen(word), strip = strlen(r->strip), add = strlen(r->add);

    if (strip >= len || len - strip + add >= AFFIX_WORD || !condition_holds(r, word, len))
        return false;
    if (r->prefix) {
        if (memcmp(word, r->strip, strip) != 0)
            return false;
        memcpy(out, r->add, add);
        memcpy(out + add, word + strip, len - strip + 1);
    } else {
        if (memcmp(word + len - strip, r->strip, strip) != 0)
            return false;
        memcpy(out, word, len - strip);
        memcpy(out + len - strip, r->add, add + 1);
    }
    return true;
}

static void give(const struct expansion *e, const char *word)
{
    size_t len = strlen(word);
    if (len < 3 || strcmp(word + len - 2, "'s") != 0)
        e->each(word, e->shy, e->user);
}

/* Forms of `word` by the rules of `flags` of one kind; `crossed`: only those that may be. */
static void add_forms(const struct expansion *e, const char *word, const char *flags, bool prefix,
                      bool crossed)
{
    const struct affixes *a = e->affixes;

    for (const char *f = flags; *f; f++) {
        const struct rule *r = &a->rules[a->first[(unsigned char)*f]];
        for (size_t i = 0; i < a->count[(unsigned char)*f]; i++, r++) {
            char form[AFFIX_WORD];
            if (r->prefix != prefix || (crossed && !r->crosses) || !apply(r, word, form))
                continue;
            give(e, form);
            if (!prefix && r->crosses)
                add_forms(e, form, flags, true, true);
        }
    }
}

/* "word/FLAGS" and what morphology may follow. */
static void expand_line(char *line, struct expansion *e)
{
    const struct affixes *a = e->affixes;

    line[strcspn(line, " \t\r\n")] = '\0';
    char *flags = strchr(line, '/');
    if (flags)
        *flags++ = '\0';
    else
        flags = line + strlen(line);
    if (!*line || strlen(line) >= AFFIX_WORD || (a->in_compounds && strchr(flags, a->in_compounds)))
        return;
    e->shy = a->shy && strchr(flags, a->shy);
    give(e, line);
    add_forms(e, line, flags, false, false);
    add_forms(e, line, flags, true, false);
}

static int expand_words(const char *path, struct expansion *e, struct lp_error *err)
{
    lp_auto_free char *line = NULL;
    size_t size = 0;
    FILE *f = open_file(path, err);

    if (!f)
        return LP_E_NOT_FOUND;
    if (getline(&line, &size, f) > 0) /* the number of lines */
        while (getline(&line, &size, f) > 0)
            expand_line(line, e);
    fclose(f);
    return 0;
}

int affix_expand(const char *aff, const char *dic, affix_each *each, void *user,
                 struct lp_error *err)
{
    struct affixes a = { 0 };
    struct expansion e = { .affixes = &a, .each = each, .user = user };
    int r = read_affixes(aff, &a, err);

    if (r == 0)
        r = expand_words(dic, &e, err);
    free(a.rules);
    return r;
}
