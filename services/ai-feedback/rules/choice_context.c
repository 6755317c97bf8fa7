/* services/ai-feedback/rules/choice_context.c -- what of a sentence the classifiers do not see. No
 * state. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/rules/choice.h"
#include "services/ai-feedback/rules/forms.h"

static const char *word_at(const struct sentence *s, const struct tag_word *w, size_t i,
                           char out[CHOICE_ROOM])
{
    token_lower(s, w[i].token, out, CHOICE_ROOM);
    return out;
}

/* "you and she are": what the verb goes with is more than the word in front of it. */
static bool follows_and(const struct tag_word *w, size_t i)
{
    for (size_t k = i; k > 0 && i - k < 4; k--)
        if (w[k - 1].hash == lp_hash("and") || w[k - 1].hash == lp_hash("or"))
            return true;
    return false;
}

/* "my friend's cars": how many there are the noun alone tells. */
static bool follows_owner(const struct sentence *s, const struct tag_word *w, size_t i)
{
    char word[CHOICE_ROOM];
    size_t n = i > 0 ? token_lower(s, w[i - 1].token, word, sizeof word) : 0;
    return n > 2 && strcmp(word + n - 2, "'s") == 0;
}

/* "people that complain about it are right": the verb does not go with what a preposition has. */
static bool follows_object(const struct sentence *s, const struct tag_word *w, size_t i)
{
    static const char *const before[] = { "about", "of", "with", "for", "from",
                                          "by",    "in", "on",   "at",  "without" };

    for (size_t k = 0; i > 1 && w[i - 1].kind == KIND_PRONOUN && k < LP_COUNT(before); k++)
        if (token_is(s, w[i - 2].token, before[k]))
            return true;
    return false;
}

/* "a three days' journey": its apostrophe is no part of the word. */
static bool is_owner(const struct sentence *s, const struct token *t)
{
    return t->at + t->len < s->len && s->text[t->at + t->len] == '\'';
}

/* "people who can write music are": the verb goes with what "who" stands for. */
static bool follows_relative(const struct sentence *s, const struct tag_word *w, size_t i)
{
    char word[CHOICE_ROOM];
    bool plural;

    if (i < 3 || noun_find_any(word_at(s, w, i - 1, word), &plural) < 0)
        return false;
    for (size_t k = i - 2; k > 0 && i - k < 7 && !w[k + 1].marked; k--)
        if (word_is_among(word_at(s, w, k, word), "who which whom"))
            return true;
    return false;
}

#define PREPOSITIONS "of in on at for with from by about"
#define QUANTITIES "lot number couple majority variety range kind type sort group bunch pair series"

/* "the dungeons in this game are", "the price of the tickets is": the verb goes with the noun in
 * front of the preposition, not with the one that it follows. */
static bool goes_with_first_noun(const struct sentence *s, const struct tag_word *w, size_t i)
{
    char verb[CHOICE_ROOM], noun[CHOICE_ROOM], word[CHOICE_ROOM];
    bool plural;

    if (i < 3 || noun_find_any(word_at(s, w, i - 1, noun), &plural) < 0)
        return false;
    for (size_t k = i - 2; k > 0 && i - k < 6 && !w[k + 1].marked; k--) {
        if (!word_is_among(word_at(s, w, k, word), PREPOSITIONS))
            continue;
        word_at(s, w, k - 1, noun);
        if (noun_find_any(noun, &plural) < 0 || word_is_among(noun, QUANTITIES))
            return false;
        return word_is_among(word_at(s, w, i, verb), "is was has does doesn't") ? !plural : plural;
    }
    return false;
}

/* "I want to hear about these": nothing follows that it could go with. */
static bool stands_alone(const struct tag_word *w, size_t n, size_t i)
{
    return i + 1 == n || w[i + 1].marked || w[i + 1].kind >= KIND_JOINING;
}

/* "used to living", "key to winning": this "to" is a preposition. */
static bool follows_prepositional_to(const struct sentence *s, const struct tag_word *w, size_t i)
{
    char word[CHOICE_ROOM];
    size_t n = strlen(word_at(s, w, i, word));

    return n > 4 && strcmp(word + n - 3, "ing") == 0 && i > 1 &&
           strcmp(word_at(s, w, i - 1, word), "to") == 0 &&
           word_is_among(
               word_at(s, w, i - 2, word),
               "used forward accustomed addicted committed devoted dedicated opposed close due "
               "prior addition objection key approach alternative contribute admit admitted "
               "confess confessed resort resorted thanks lead leads led back down object");
}

/* "without breaking their ...": what follows is left out. */
static bool is_cut_off(const struct sentence *s, const struct tag_word *w, size_t n, size_t i)
{
    size_t next = sentence_next(s, w[i].token);
    return i + 1 == n && next < s->n && s->tokens[next].len > 1 &&
           s->text[s->tokens[next].at] == '.';
}

/* "are there solutions?", "it crashed off the road", "it's being sent": what is in front tells. */
static bool is_told_by_word_before(const struct sentence *s, const struct tag_word *w, size_t i,
                                   const struct choice_set *of)
{
    static const struct {
        const char *set, *word, *before;
    } told[] = {
        { "their-there", "there", "is are was were isn't aren't wasn't weren't will" },
        { "of-off", "off",
          "crash crashes crashed fall falls fell fallen falling jump jumps jumped slip slips "
          "slipped "
          "slid slide roll rolls rolled drive drives drove knock knocked push pushed bounce "
          "bounced "
          "dive dived drop drops dropped step stepped climb climbed swerve swerved ran run back" },
        { "been-being", "being", "it's he's she's that's" },
    };
    char word[CHOICE_ROOM], before[CHOICE_ROOM];

    if (i == 0)
        return false;
    word_at(s, w, i, word);
    word_at(s, w, i - 1, before);
    for (size_t k = 0; k < LP_COUNT(told); k++)
        if (strcmp(of->id, told[k].set) == 0 && strcmp(word, told[k].word) == 0)
            return word_is_among(before, told[k].before);
    return false;
}

bool choice_is_left_alone(const struct sentence *s, const struct tag_word *w, size_t n, size_t i,
                          const struct choice_set *of)
{
    if (is_cut_off(s, w, n, i) || is_told_by_word_before(s, w, i, of) ||
        (strcmp(of->id, "this-these") == 0 && stands_alone(w, n, i)))
        return true;
    if (of->category == CATEGORY_VERB_FORM &&
        (i == 0 || w[i].marked || follows_prepositional_to(s, w, i)))
        return true; /* "Letting me in?": what it goes with is not said */
    return (of->not_before && i + 1 < n && token_is(s, w[i + 1].token, of->not_before)) ||
           (of->category == CATEGORY_AGREEMENT &&
            (follows_and(w, i) || follows_object(s, w, i) || follows_relative(s, w, i) ||
             goes_with_first_noun(s, w, i))) ||
           (of->category == CATEGORY_COUNTABILITY &&
            (follows_owner(s, w, i) || is_owner(s, &s->tokens[w[i].token])));
}

bool choice_breaks_number(const struct sentence *s, const struct tag_word *w, size_t i,
                          const struct choice_set *of, const char *other)
{
    static const char singular[] = "a an one 1 this that each every another either neither";
    static const char clause[] = "think know believe hope say said feel sure so is was means mean";
    char word[CHOICE_ROOM], before[CHOICE_ROOM];
    bool plural;

    if (of->category != CATEGORY_COUNTABILITY || of->words[0] || noun_find(other, &plural) < 0 ||
        !plural)
        return false;
    for (size_t k = i; k > 0 && i - k < 4; k--) {
        if (word_is_among(word_at(s, w, k - 1, word),
                          singular)) /* but "I think that student ..." */
            return strcmp(word, "that") != 0 || k < 2 ||
                   !word_is_among(word_at(s, w, k - 2, before), clause);
        if (w[k - 1].kind != 0 ||
            word_is_among(word,
                          "few many several two three four five six ten hundred thousand couple"))
            return false;
    }
    return false;
}
