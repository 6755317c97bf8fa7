/* services/ai-feedback/rules/mend_context.c -- where the words around a place speak for it as it
 * is, which the classifier of mend.c does not see. No state. */
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/mend.h"

#define ONE " a an one this that each every another "
#define PREPOSITIONS " of in on at for with from by about "

/* "the lights in the house were", "the price of the tickets is": the verb at i goes with the noun
 * in front of the preposition as it is. */
static bool goes_with_first_noun(const struct mend_text *t, size_t i)
{
    bool many = mend_is_word(t, i, " are were have do don't "), plural;

    if (!many && !mend_is_word(t, i, " is was has does doesn't "))
        return false;
    for (size_t k = i; k > 1 && i - k < 4; k--) {
        const char *noun = t->words[k - 2].text;
        size_t len = strlen(noun);
        if (!mend_is_word(t, k - 1, PREPOSITIONS))
            continue;
        if (mend_is_word(t, k - 2,
                         " thousands hundreds millions lots dozens tons kinds types sorts "))
            return false;
        if (noun_find_any(noun, &plural) < 0)
            return many && len > 3 && noun[len - 1] == 's';
        return plural == many;
    }
    return false;
}

/* "the pages of the book are", "when the buses stop", "that other nation": other words tell how
 * many there are. */
static bool has_its_number(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    unsigned forms;

    if (way->group == MEND_NUMBER && !mend_is_plural(t, i) &&
        (mend_is_word(t, i - 1, ONE) || mend_is_word(t, i - 2, ONE)))
        return true;
    for (size_t k = i; k > 1 && i - k < 5; k--) /* "one of the first episodes" */
        if (mend_is_word(t, k - 1, " of ") && mend_is_word(t, k - 2, " one "))
            return mend_is_plural(t, i);
    return goes_with_first_noun(t, i + 1) ||
           (mend_is_plural(t, i) && strlen(way->word) < strlen(t->words[i].text) && i + 1 < t->n &&
            mend_is_word(t, i - 1, " the these those my our your his her their ") &&
            verb_find_any(t->words[i + 1].text, &forms) >= 0 && forms & 1u << VERB_BASE);
}

/* "do what you must to stay", "as we must to help", "she entered to applause": a "to" of its own.
 */
static bool is_own_to(const struct mend_text *t, size_t i)
{
    if (!mend_is_word(t, i, " to "))
        return false;
    if (mend_is_word(t, i - 1, " enter enters entered "))
        return true;
    for (size_t k = i; k > 0 && mend_is_word(t, i - 1, " can could must should will would "); k--)
        if (mend_is_word(t, k - 1, " what whatever all everything help best much that as "))
            return true;
    return false;
}

/* "friendship for and interest in", "as families do and we do not", "how very many". */
static bool is_not_needless(const struct mend_text *t, size_t i)
{
    bool ends = i + 1 == t->n || t->words[i + 1].marked;

    return ends || mend_is_word(t, i + 1, " and or but ") || is_own_to(t, i) ||
           (mend_is_word(t, i, " very ") && mend_is_word(t, i - 1, " how the this that so "));
}

/* "let it be", "what the poor need", "we need never go". */
static bool is_bare_verb(const struct mend_text *t, size_t i)
{
    for (size_t k = i; mend_is_word(t, i, " be ") && k > 0 && i - k < 6; k--)
        if (mend_is_word(t, k - 1, " let lest "))
            return true;
    return mend_is_word(t, i - 1, " poor rich old young sick ") ||
           (mend_is_word(t, i, " need ") && mend_is_word(t, i + 1, " never not "));
}

/* "the belief", "fears grow", "it offers you choice": noun and verb as they are. */
static bool is_its_own_form(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    unsigned forms;
    bool plural, noun = noun_find_any(way->word, &plural) >= 0;

    if (mend_is_word(t, i - 1, " the a an my your his her its our their ") && !noun &&
        verb_find_any(way->word, &forms) >= 0)
        return true;
    if (mend_is_word(t, i - 2, " offer offers offered give gives gave giving leaves left grants "))
        return true;
    const char *left = i > 0 ? t->words[i - 1].text : "";
    size_t len = strlen(left);
    bool many =
        mend_is_plural(t, i - 1) || (len > 3 && left[len - 1] == 's' && left[len - 2] != 's');
    return many && verb_find_any(t->words[i].text, &forms) >= 0 && forms & 1u << VERB_BASE;
}

/* "deadly", "finally, ...": no adverb of the shorter word, or one of the whole sentence. */
static bool is_own_adverb(const struct mend_text *t, size_t i)
{
    return mend_is_word(
        t, i,
        " deadly lively friendly lovely likely early daily weekly monthly yearly costly "
        "orderly elderly finally hardly lately only mainly firstly secondly hopefully "
        "really ");
}

static bool is_superlative(const struct mend_text *t, size_t i)
{
    size_t len = i < t->n ? strlen(t->words[i].text) : 0;

    return mend_is_word(t, i, " best worst most least same only first last next ") ||
           (len > 5 && strcmp(t->words[i].text + len - 3, "est") == 0);
}

bool mend_stands_as_it_is(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    switch (way->act) {
    case MEND_DROP:
        return is_not_needless(t, i);
    case MEND_PUT: /* "it comes in next year", "it depends on courts" */
        return (mend_is_word(t, i, " next last ") && mend_is_word(t, i - 1, " in on ")) ||
               (way->group == MEND_ARTICLE_MISSING && strcmp(way->word, "the") == 0 &&
                (mend_is_plural(t, i) || mend_is_plural(t, i + 1)));
    default:
        break;
    }
    switch (way->group) {
    case MEND_BE:
        return goes_with_first_noun(t, i) || is_bare_verb(t, i);
    case MEND_NUMBER:
        return has_its_number(t, i, way);
    case MEND_AGREEMENT:
        return has_its_number(t, i, way) || is_bare_verb(t, i);
    case MEND_WORD_FORM:
        return is_its_own_form(t, i, way);
    case MEND_ADVERB:
        return is_own_adverb(t, i);
    case MEND_ARTICLE_OTHER: /* what was told before a sentence does not tell */
        return mend_is_word(t, i, " a an ") && strcmp(way->word, "the") == 0 &&
               !is_superlative(t, i + 1);
    default:
        return false;
    }
}
