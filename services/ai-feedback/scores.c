/* services/ai-feedback/scores.c -- counts, shares of 100 words, advice. No state. */
#include "services/ai-feedback/scores.h"

#include "base/alloc.h"
#include "json/json.h"

/* spelling_frequency() of the thousandth, two and five thousandth most frequent word of CMUdict. */
static const double band_ends[] = { -9.38, -10.23, -11.51 };

static void count_band(struct scores *s, const char *word, const struct spelling *speller)
{
    size_t band = 0;

    while (band < LP_COUNT(band_ends) && spelling_frequency(speller, word) < band_ends[band])
        band++;
    s->bands[band]++;
}

void scores_count(struct scores *s, const struct sentence *sentence, const struct spelling *speller)
{
    for (size_t i = 0; i < sentence->n; i++) {
        const struct token *t = &sentence->tokens[i];
        char word[64];
        if (t->kind != TOKEN_WORD)
            continue;
        s->words++;
        s->fillers += t->reason.category == CATEGORY_FILLER;
        if (token_lower(sentence, i, word, sizeof word) > 0 && spelling_knows_lower(speller, word))
            count_band(s, word, speller);
    }
}

/* Of 100 words, those that need no edit of the categories from `first` to `last`. */
static json_int_t share_right(const struct scores *s, enum category first, enum category last)
{
    size_t edits = 0;

    for (size_t c = first; c <= last; c++)
        edits += s->by_category[c];
    edits = edits < s->words ? edits : s->words;
    return (json_int_t)(100 - (100 * edits + s->words / 2) / s->words);
}

/* Of 100 words, how many `n` are. */
static json_int_t share_of(const struct scores *s, size_t n)
{
    return (json_int_t)((100 * n + s->words / 2) / s->words);
}

json_t *scores_json(const struct scores *s)
{
    if (s->words == 0)
        return NULL;
    size_t rarer = s->bands[BAND_2000] + s->bands[BAND_5000] + s->bands[BAND_RARER];
    return lp_json_make("{s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}}", "fluency",
                        share_right(s, CATEGORY_FILLER, CATEGORY_REPETITION), "spelling",
                        share_right(s, CATEGORY_SPELLING, CATEGORY_SPELLING), "mechanics",
                        share_right(s, CATEGORY_CAPITALS, CATEGORY_PUNCTUATION), "grammar",
                        share_right(s, CATEGORY_ARTICLE, CATEGORY_WORD_CHOICE), "fillers",
                        share_of(s, s->fillers), "vocabulary", share_of(s, rarer), "bands", "1000",
                        share_of(s, s->bands[BAND_1000]), "2000", share_of(s, s->bands[BAND_2000]),
                        "5000", share_of(s, s->bands[BAND_5000]), "rarer",
                        share_of(s, s->bands[BAND_RARER]));
}

static const char *advice_about(enum category c)
{
    static const char *const advice[CATEGORIES] = {
        [CATEGORY_FILLER] = "Pause in silence instead of saying um or uh.",
        [CATEGORY_REPETITION] = "Say each word once; take a moment before you go on.",
        [CATEGORY_SPELLING] = "Look up words whose spelling you are not sure of.",
        [CATEGORY_CAPITALS] = "Begin sentences, names and I with a capital letter.",
        [CATEGORY_PUNCTUATION] = "End each sentence with a mark, without a space before.",
        [CATEGORY_ARTICLE] = "Look at a, an and the before nouns.",
        [CATEGORY_AGREEMENT] = "Make the verb fit its subject: he goes, they go.",
        [CATEGORY_TENSE] = "Look at the tense: when does it happen?",
        [CATEGORY_VERB_FORM] = "Mind verbs behind verbs: can go, want to go, enjoy going.",
        [CATEGORY_PREPOSITION] = "Learn verbs with their prepositions: depend on, listen to.",
        [CATEGORY_COUNTABILITY] = "Some nouns have no plural: information, advice, homework.",
        [CATEGORY_GRAMMAR] = "Read the reasons at the grammar edits one by one.",
        [CATEGORY_WORD_CHOICE] = "Some words are easily taken for others: look at each pair.",
    };
    return advice[c] ? advice[c] : "";
}

json_t *scores_advice(const struct scores *s, enum level level)
{
    json_t *list = json_array();
    bool told[CATEGORIES] = { false };

    while (json_array_size(list) < level_advice(level)) {
        enum category most = CATEGORY_NONE;
        for (enum category c = CATEGORY_FILLER; c < CATEGORIES; c++)
            if (!told[c] && s->by_category[c] > s->by_category[most])
                most = c;
        if (most == CATEGORY_NONE)
            break;
        told[most] = true;
        json_array_append_new(list, json_string(advice_about(most)));
    }
    return list;
}
