/* services/ai-feedback/rules/fluency.c -- what speaking leaves in a transcript: fillers and
 * repetitions. */
#include "services/ai-feedback/rules/rules.h"

#include <string.h>

#include "base/alloc.h"

static bool is_one_of(const struct sentence *s, size_t i, const char *const *words, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (token_is(s, i, words[k]))
            return true;
    return false;
}

static void delete_filler(struct sentence *s, size_t i, const char *what)
{
    token_change(s, i, "", CATEGORY_FILLER, "filler", 0.95,
                 "\"%s\" is a filler: it fills a pause and can be left out.", what);
}

/* A comma that stood beside a deleted filler has no work left. */
static void delete_comma(struct sentence *s, size_t i)
{
    if (i < s->n && token_is(s, i, ","))
        token_change(s, i, "", CATEGORY_FILLER, "filler", 0.9, "The comma belonged to the filler.");
}

static void delete_sound(struct sentence *s, size_t i)
{
    char word[16];
    size_t before = sentence_previous(s, i);
    bool at_start = before == s->n;

    token_lower(s, i, word, sizeof word);
    delete_filler(s, i, word);
    size_t after = sentence_next(s, i);
    bool comma_before = !at_start && token_is(s, before, ",");
    if (at_start || comma_before)
        delete_comma(s, after);
}

/* "you know" and the like are fillers only where commas set them off, or at the start before a
 * comma. */
static void delete_phrase(struct sentence *s, size_t i, const char *first, const char *second)
{
    size_t j = second ? sentence_next(s, i) : i;

    if (!token_is(s, i, first) || (second && !token_is(s, j, second)))
        return;
    size_t before = sentence_previous(s, i), after = sentence_next(s, j);
    if ((before != s->n && !token_is(s, before, ",")) || !token_is(s, after, ","))
        return;
    delete_filler(s, i, second ? "this phrase" : first);
    if (second)
        delete_filler(s, j, "this phrase");
    delete_comma(s, after);
}

void rule_fillers(struct sentence *s)
{
    static const char *const sounds[] = { "um",  "umm", "ummm", "uh", "uhh", "uhm",
                                          "erm", "er",  "hmm",  "mm", "mmm", "ah" };
    for (size_t i = 0; i < s->n; i++) {
        if (s->tokens[i].kind != TOKEN_WORD)
            continue;
        if (is_one_of(s, i, sounds, LP_COUNT(sounds))) {
            delete_sound(s, i);
            continue;
        }
        delete_phrase(s, i, "you", "know");
        delete_phrase(s, i, "i", "mean");
        delete_phrase(s, i, "like", NULL);
    }
}

static bool may_repeat(const struct sentence *s, size_t i)
{
    static const char *const fine[] = { "had", "that", "very", "really", "so",    "no",   "yes",
                                        "bye", "many", "much", "far",    "again", "never" };
    return is_one_of(s, i, fine, LP_COUNT(fine));
}

static void delete_repeated(struct sentence *s, size_t i)
{
    char word[64];
    token_lower(s, i, word, sizeof word);
    token_change(s, i, "", CATEGORY_REPETITION, "repeated-words", 0.9,
                 "\"%s\" is said twice in a row; once is enough.", word);
}

/* "I want I want to go": the first pair goes. */
static bool delete_pair(struct sentence *s, size_t i, size_t second)
{
    size_t third = second < s->n ? sentence_next(s, second) : s->n;
    size_t fourth = third < s->n ? sentence_next(s, third) : s->n;

    if (second == s->n || !token_same(s, i, third) || !token_same(s, second, fourth))
        return false;
    delete_repeated(s, i);
    delete_repeated(s, second);
    return true;
}

void rule_repetitions(struct sentence *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->tokens[i].now && !*s->tokens[i].now)
            continue;
        size_t j = sentence_next(s, i);
        if (token_same(s, i, j)) {
            if (!may_repeat(s, i))
                delete_repeated(s, i);
        } else {
            delete_pair(s, i, j);
        }
    }
}
