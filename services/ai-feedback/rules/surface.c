/* services/ai-feedback/rules/surface.c -- capitals and punctuation marks. */
#include "services/ai-feedback/rules/rules.h"
#include "services/ai-feedback/tagging/tagger.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool in_sorted(const char *word, const char *const *sorted, size_t n)
{
    return bsearch(&word, sorted, n, sizeof *sorted, compare_words) != NULL;
}

/* Proper nouns that learners write about; "may" and "march" are left alone, as they are words too.
 * Sorted. */
static bool is_proper(const char *word)
{
    static const char *const names[] = {
        "africa",   "america",   "american", "april",     "arabic",    "asia",       "asian",
        "august",   "australia", "bahasa",   "bali",      "bandung",   "britain",    "british",
        "canada",   "china",     "chinese",  "christmas", "december",  "dutch",      "england",
        "english",  "europe",    "european", "february",  "france",    "french",     "friday",
        "german",   "germany",   "google",   "india",     "indian",    "indonesia",  "indonesian",
        "islam",    "italian",   "italy",    "jakarta",   "january",   "japan",      "japanese",
        "java",     "javanese",  "july",     "june",      "korea",     "korean",     "london",
        "malaysia", "malaysian", "mexico",   "monday",    "november",  "october",    "ramadan",
        "russia",   "russian",   "saturday", "september", "singapore", "spain",      "spanish",
        "sunday",   "thailand",  "thursday", "tuesday",   "vietnam",   "vietnamese", "wednesday",
    };
    return in_sorted(word, names, LP_COUNT(names));
}

/* "iPhone", "eBay" */
static bool has_inner_capital(const char *word)
{
    for (word++; *word; word++)
        if (*word >= 'A' && *word <= 'Z')
            return true;
    return false;
}

static void capitalise(struct sentence *s, size_t i, const char *rule, const char *message)
{
    const struct token *t = &s->tokens[i];
    lp_auto_free char *to = t->now ? lp_strdup(t->now) : lp_strndup(s->text + t->at, t->len);

    if (!islower((unsigned char)*to) || has_inner_capital(to))
        return;
    *to = (char)toupper((unsigned char)*to);
    token_change(s, i, to, CATEGORY_CAPITALS, rule, 0.97, "%s", message);
}

void rule_names(struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        char word[32];
        if (s->tokens[i].kind == TOKEN_WORD && token_lower(s, i, word, sizeof word) > 0 &&
            is_proper(word))
            capitalise(
                s, i, "proper-noun",
                "Names of days, months, languages, peoples and places begin with a capital.");
    }
}

/* An item of a list, and what opens with an address, a number or an ellipsis, is no new sentence.
 */
static bool opens_a_sentence(const struct sentence *s)
{
    size_t i = sentence_next(s, (size_t)-1);
    while (i < s->n && s->tokens[i].kind == TOKEN_MARK && s->tokens[i].len == 1)
        i = sentence_next(s, i);
    return i < s->n && s->tokens[i].kind == TOKEN_WORD;
}

void rule_capitals(struct sentence *s)
{
    bool first = opens_a_sentence(s);
    for (size_t i = 0; i < s->n; i++) {
        char word[32];
        size_t n = token_lower(s, i, word, sizeof word);
        if (n == 0 || s->tokens[i].kind != TOKEN_WORD)
            continue;
        if (first)
            capitalise(s, i, "sentence-start", "A sentence begins with a capital letter.");
        else if (*word == 'i' && s->tokens[i].space && (n == 1 || word[1] == '\''))
            capitalise(s, i, "pronoun-i", "The pronoun \"I\" is always a capital letter.");
        first = false;
    }
}

static void explain(struct reason *r, const char *rule, double confidence, const char *message)
{
    reason_say(r, CATEGORY_PUNCTUATION, rule, confidence, message);
}

static bool is_mark(const struct sentence *s, size_t i, const char *set)
{
    const struct token *t = i < s->n ? &s->tokens[i] : NULL;
    return t && t->kind == TOKEN_MARK && t->len == 1 && !t->now && strchr(set, s->text[t->at]);
}

/* `before`: the kept token before i, s->n where there is none. */
static void fix_spaces(struct sentence *s, size_t i, size_t before)
{
    struct token *t = &s->tokens[i];

    if (is_mark(s, i, ",.;:!?") && t->space && before != s->n && !is_mark(s, before, "\"'([")) {
        size_t next = sentence_next(s, i);
        bool decimal = is_mark(s, i, ".") && next < s->n && !s->tokens[next].space;
        if (!decimal) {
            t->glued = true;
            explain(&t->space_reason, "space-before-mark", 0.95,
                    "No space stands before this mark.");
        }
    }
    if (before != s->n && is_mark(s, before, ",;!?") && t->kind == TOKEN_WORD && !t->space) {
        t->spaced = true;
        explain(&t->space_reason, "space-after-mark", 0.9, "A space follows this mark.");
    }
}

/* ",," and "??" once; "..." is an ellipsis and stays. */
static void drop_repeated_mark(struct sentence *s, size_t i, size_t before)
{
    if (before == s->n || !is_mark(s, i, ",;!?") || !is_mark(s, before, ",;!?") ||
        s->text[s->tokens[i].at] != s->text[s->tokens[before].at])
        return;
    token_change(s, i, "", CATEGORY_PUNCTUATION, "repeated-mark", 0.9, "One mark is enough here.");
}

static void end_sentence(struct sentence *s)
{
    size_t last = sentence_previous(s, s->n);

    if (last == s->n || s->tokens[last].kind == TOKEN_MARK ||
        s->tokens[last].kind == TOKEN_OPAQUE || s->tokens[0].kind == TOKEN_OPAQUE)
        return; /* nothing follows an address; a list's items need no mark */
    size_t first = sentence_next(s, (size_t)-1);
    if (token_is(s, first, "how") && token_is(s, sentence_next(s, first), "to"))
        return; /* "How to make tea" is a title as often as a question */
    bool question = tagger_is_question(s);
    struct token *t = &s->tokens[last];
    t->after[0] = question ? '?' : '.';
    explain(&t->after_reason, question ? "question-mark" : "full-stop", question ? 0.85 : 0.9,
            question ? "A question ends with a question mark."
                     : "A sentence ends with a full stop.");
}

void rule_marks(struct sentence *s)
{
    size_t before = s->n; /* walking back each time would be quadratic in deleted marks */

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        fix_spaces(s, i, before);
        drop_repeated_mark(s, i, before);
        if (!s->tokens[i].now || *s->tokens[i].now)
            before = i;
    }
    end_sentence(s);
}
