/* services/ai-feedback/rules/words.c -- contractions, spelling, "a" and "an". */
#include "services/ai-feedback/rules/rules.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"

/* Gives `to` the capital that token i has. */
static void keep_capital(const struct sentence *s, size_t i, char *to)
{
    const struct token *t = &s->tokens[i];
    const char *from = t->now ? t->now : s->text + t->at;
    if (isupper((unsigned char)*from))
        *to = (char)toupper((unsigned char)*to);
}

static bool is_shouted(const struct sentence *s, size_t i)
{
    const struct token *t = i < s->n ? &s->tokens[i] : NULL;
    return t && t->kind == TOKEN_WORD && t->len > 1 && isupper((unsigned char)s->text[t->at]) &&
           isupper((unsigned char)s->text[t->at + 1]);
}

/* "the CANT project": capitals among words that have none are a name. */
static bool is_name_in_capitals(const struct sentence *s, size_t i)
{
    size_t before = sentence_previous(s, i), after = sentence_next(s, i);
    return is_shouted(s, i) && !is_shouted(s, before) && !is_shouted(s, after) &&
           (before < s->n || after < s->n);
}

/* "Cant is jargon", "as is his wont": with a verb that does not follow the short form. */
static bool is_noun_too(const struct sentence *s, size_t i)
{
    static const char *const owners[] = {
        "his", "her", "their", "my", "its", "our", "your", "the"
    };
    static const char *const be[] = { "is", "are", "was", "were", "been", "am" };
    static const char *const kinds[] = { "the", "religious", "political", "pious", "moral",
                                         "of",  "such",      "mere",      "legal", "thieves'" };
    size_t before = sentence_previous(s, i), next = sentence_next(s, i);

    for (size_t k = 0; token_is(s, i, "wont") && k < LP_COUNT(owners); k++)
        if (token_is(s, before, owners[k]))
            return true;
    for (size_t k = 0; token_is(s, i, "wont") && token_is(s, next, "to") && k < LP_COUNT(be); k++)
        if (token_is(s, before, be[k]))
            return true;
    for (size_t k = 0; token_is(s, i, "cant") && k < LP_COUNT(kinds); k++)
        if (token_is(s, before, kinds[k]))
            return true;
    return token_is(s, i, "cant") &&
           (token_same(s, i, next) || token_is(s, next, "is") || token_is(s, next, "and") ||
            token_is(s, next, "of") || token_is(s, next, "can't"));
}

void rule_contractions(struct sentence *s)
{
    static const char *const pairs[][2] = {
        { "dont", "don't" },       { "doesnt", "doesn't" },     { "didnt", "didn't" },
        { "cant", "can't" },       { "couldnt", "couldn't" },   { "wont", "won't" },
        { "wouldnt", "wouldn't" }, { "shouldnt", "shouldn't" }, { "isnt", "isn't" },
        { "arent", "aren't" },     { "wasnt", "wasn't" },       { "werent", "weren't" },
        { "hasnt", "hasn't" },     { "havent", "haven't" },     { "hadnt", "hadn't" },
        { "im", "I'm" },           { "ive", "I've" },           { "youre", "you're" },
        { "theyre", "they're" },   { "thats", "that's" },       { "whats", "what's" },
        { "theres", "there's" },   { "youve", "you've" },       { "weve", "we've" },
    };
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; s->tokens[i].kind == TOKEN_WORD && k < LP_COUNT(pairs); k++) {
            if (!token_is(s, i, pairs[k][0]) || is_name_in_capitals(s, i))
                continue;
            if (is_noun_too(s, i))
                continue;
            lp_auto_free char *to = lp_strdup(pairs[k][1]);
            keep_capital(s, i, to);
            for (char *c = to; is_shouted(s, i) && *c; c++)
                *c = (char)toupper((unsigned char)*c);
            token_change(s, i, to, CATEGORY_SPELLING, "contraction", 0.95,
                         "The short form is written with an apostrophe: \"%s\".", to);
        }
    }
}

static bool is_quote(const struct sentence *s, size_t i)
{
    const struct token *t = i < s->n ? &s->tokens[i] : NULL;
    if (!t || t->kind != TOKEN_MARK)
        return false;
    const char *mark = s->text + t->at;
    return *mark == '"' || *mark == '\'' ||
           (t->len == 3 && memcmp(mark, "\xe2\x80", 2) == 0 && (unsigned char)mark[2] >= 0x98 &&
            (unsigned char)mark[2] <= 0x9f);
}

/* Words of programs, which no dictionary has. */
static bool is_technical(const char *word)
{
    static const char *const words[] = {
        "admin",      "api",       "apis",      "async",     "autocomplete", "backend",
        "bool",       "boolean",   "booleans",  "changelog", "checkbox",     "cli",
        "codebase",   "config",    "configs",   "cron",      "css",          "dataset",
        "datasets",   "debian",    "dev",       "devs",      "diff",         "dropdown",
        "emoji",      "endpoint",  "endpoints", "enum",      "enums",        "env",
        "eval",       "frontend",  "func",      "github",    "gui",          "html",
        "http",       "inline",    "ints",      "ip",        "json",         "lang",
        "linter",     "localhost", "login",     "malloc",    "markdown",     "metadata",
        "middleware", "mutex",     "namespace", "npm",       "offline",      "param",
        "params",     "parser",    "plugin",    "plugins",   "popup",        "readme",
        "refactor",   "regex",     "repo",      "repos",     "runtime",      "screenshot",
        "sdk",        "setup",     "src",       "stdin",     "stdout",       "stderr",
        "struct",     "structs",   "sudo",      "sync",      "tmp",          "timestamp",
        "toml",       "tooltip",   "tuple",     "tuples",    "typename",     "uint",
        "url",        "urls",      "usb",       "utils",     "webpage",      "widget",
        "wifi",       "workflow",  "xml",       "yaml",      "dockerfile",   "kubernetes",
        "backport",   "tk",
    };
    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* Names, abbreviations, codes, quoted and long words are not for the speller. */
static bool is_checkable(const struct sentence *s, size_t i, size_t before)
{
    const struct token *t = &s->tokens[i];
    const char *text = s->text + t->at;
    size_t capitals = 0;

    if (t->kind != TOKEN_WORD || t->now || t->len < 2 || t->len > 32)
        return false;
    for (size_t k = 0; k < t->len; k++) {
        if (isdigit((unsigned char)text[k]) || text[k] & 0x80)
            return false;
        capitals += isupper((unsigned char)text[k]) != 0;
    }
    if (is_quote(s, before) || is_quote(s, i + 1))
        return false;
    /* At the start a short word with a capital is as likely a name. */
    bool starts = before == s->n && t->len > 4;
    return capitals == 0 || (capitals == 1 && starts && isupper((unsigned char)*text));
}

/* "my name is budi": what follows is a name, though written small. */
static bool follows_name_is(const struct sentence *s, size_t before)
{
    size_t first = before < s->n ? sentence_previous(s, before) : s->n;

    return token_is(s, before, "named") ||
           (token_is(s, before, "is") &&
            (token_is(s, first, "name") || token_is(s, first, "nickname")));
}

/* The words around token i, for the speller; strings of the caller's. */
struct neighbours {
    char before2[64], before[64], after[64], after2[64];
};

static const char *neighbour(const struct sentence *s, size_t i, char out[64])
{
    if (i >= s->n)
        return NULL;
    token_lower(s, i, out, 64);
    if (s->tokens[i].kind != TOKEN_WORD)
        return strchr(".?!", *out) ? NULL : "";
    return out;
}

static bool is_unknown(const struct sentence *s, size_t i, const struct spelling *speller)
{
    char word[64];
    return i < s->n && s->tokens[i].kind == TOKEN_WORD && !s->tokens[i].now &&
           token_lower(s, i, word, sizeof word) > 0 && !spelling_knows(speller, word);
}

static struct spelling_place place_of(const struct sentence *s, size_t i, const char *word,
                                      const struct spelling *speller, struct neighbours *n)
{
    size_t before = sentence_previous(s, i), after = sentence_next(s, i);
    struct spelling_place p = { .word = word,
                                .before = neighbour(s, before, n->before),
                                .after = neighbour(s, after, n->after),
                                .capital = isupper((unsigned char)s->text[s->tokens[i].at]),
                                .beside_unknown = is_unknown(s, before, speller) ||
                                                  is_unknown(s, after, speller) };
    if (before < s->n)
        p.before2 = neighbour(s, sentence_previous(s, before), n->before2);
    if (after < s->n)
        p.after2 = neighbour(s, sentence_next(s, after), n->after2);
    return p;
}

static void correct_word(struct sentence *s, size_t i, const char *word,
                         const struct spelling *speller)
{
    struct neighbours n;
    struct spelling_place place = place_of(s, i, word, speller, &n);
    char better[SPELLING_WORD];
    double confidence = spelling_suggest(speller, &place, better);

    if (confidence <= 0)
        return;
    keep_capital(s, i, better);
    if (strchr(better, ' '))
        token_change(s, i, better, CATEGORY_SPELLING, "two-words", confidence,
                     "These are two words: \"%s\".", better);
    else
        token_change(s, i, better, CATEGORY_SPELLING, "spelling", confidence,
                     "\"%s\" is not in the dictionary; did you mean \"%s\"?", word, better);
}

void rule_spelling(struct sentence *s, const struct spelling *speller, struct budget *budget)
{
    size_t before = s->n;

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        char word[64];
        if (is_checkable(s, i, before) && !follows_name_is(s, before) &&
            token_lower(s, i, word, sizeof word) > 0 && !spelling_knows(speller, word) &&
            !is_technical(word)) {
            if (budget->suggestions == 0 || lp_clock_ms() >= budget->deadline_ms)
                return;
            budget->suggestions--;
            correct_word(s, i, word, speller);
        }
        before = i;
    }
}

static bool starts_with_any(const char *word, const char *const *starts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(word, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

/* By sound, as far as spelling tells: "an hour", "a university". */
static bool starts_with_vowel_sound(const char *word)
{
    static const char *const silent_h[] = { "hour", "honest", "honor", "honour", "heir" };
    static const char *const consonant[] = { "uni", "use",  "usa",  "usu",  "uti",  "eu",   "uta",
                                             "one", "once", "ubiq", "ute",  "udev", "uri",  "ufo",
                                             "url", "uuid", "utf",  "usb",  "uto",  "uran", "uke",
                                             "uku", "uga",  "ukr",  "ufol", "ewe" };
    static const char *const spelt_x[] = { "xbox", "xray", "x-ray", "xml" };
    static const char *const not_uni[] = { "unin", "unim", "unid", "unir", "uniss", "oner" };

    if (starts_with_any(word, silent_h, LP_COUNT(silent_h)) ||
        starts_with_any(word, spelt_x, LP_COUNT(spelt_x)))
        return true;
    if (starts_with_any(word, not_uni, LP_COUNT(not_uni)))
        return true;
    if (starts_with_any(word, consonant, LP_COUNT(consonant)))
        return false;
    return strchr("aeiou", *word) != NULL;
}

/* "html", "mp3": letters are read out, or a word is made of them ("sql"); people differ. */
static bool is_spelt_out(const char *word)
{
    return strpbrk(word, "aeiouy") == NULL;
}

/* "a is true", "a and b": a letter, no article. */
static bool follows_no_article(const char *word)
{
    static const char *const words[] = { "is", "are", "in",  "and", "or", "as", "of",
                                         "at", "if",  "on",  "it",  "up", "us", "i",
                                         "an", "a",   "was", "am",  "to", "by", "out" };
    for (size_t i = 0; i < LP_COUNT(words); i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

void rule_articles(struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        bool a = token_is(s, i, "a"), an = token_is(s, i, "an");
        size_t next = sentence_next(s, i);
        char word[64];
        if ((!a && !an) || next == s->n || s->tokens[next].kind != TOKEN_WORD ||
            token_lower(s, next, word, sizeof word) < 2 || word[0] & 0x80 ||
            follows_no_article(word) || is_spelt_out(word))
            continue;
        const char *original = s->text + s->tokens[next].at;
        if (s->tokens[next].len > 1 && isupper((unsigned char)original[1]))
            continue; /* "an MBA", "a UFO": letters are read out */
        bool vowel = starts_with_vowel_sound(word);
        if (vowel == an)
            continue;
        char to[4] = "a";
        if (vowel)
            memcpy(to, "an", 3);
        keep_capital(s, i, to);
        token_change(s, i, to, CATEGORY_ARTICLE, "a-an", 0.9,
                     "Before a %s sound, as in \"%s\", English uses \"%s\".",
                     vowel ? "vowel" : "consonant", word, vowel ? "an" : "a");
    }
}
