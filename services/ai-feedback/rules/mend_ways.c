/* services/ai-feedback/rules/mend_ways.c -- which words can be missing, needless or another form. A
 * change here asks for new weights (bench/ai/train). No state. */
#include "services/ai-feedback/rules/mend.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/linear.h"

#define KIND_DETERMINER 7
#define KIND_PREPOSITION 9
#define LEAST_PUT (-1.0) /* nats; a way that the trigram model likes less is none */
#define LEAST_ARTICLE (-3.0)
#define LEAST_DROP (-2.0)
#define LEAST_TURN (-3.0)
#define NAME_CLASS 900
#define NUMBER_CLASS 901
#define ENDING_CLASS 600

/* ---- lists ---- */

static const char *const articles[] = { "a", "an", "the" };
static const char *const prepositions[] = { "to",   "in", "of",   "for", "on",
                                            "with", "at", "from", "by",  "about" };
static const char *const verbs[] = { "is",    "are", "was",  "were", "be", "am",   "been",
                                     "being", "has", "have", "had",  "do", "does", "did" };
static const char *const needless[] = { "it", "that", "more", "very", "and", "so", "then" };

/* What may be missing. */
static const struct missing {
    enum mend_group group;
    const char *word;
} missing[] = {
    { MEND_ARTICLE_MISSING, "a" },        { MEND_ARTICLE_MISSING, "an" },
    { MEND_ARTICLE_MISSING, "the" },      { MEND_PREPOSITION_MISSING, "to" },
    { MEND_PREPOSITION_MISSING, "in" },   { MEND_PREPOSITION_MISSING, "of" },
    { MEND_PREPOSITION_MISSING, "for" },  { MEND_PREPOSITION_MISSING, "on" },
    { MEND_PREPOSITION_MISSING, "with" }, { MEND_PREPOSITION_MISSING, "at" },
    { MEND_PREPOSITION_MISSING, "from" }, { MEND_VERB_MISSING, "is" },
    { MEND_VERB_MISSING, "are" },         { MEND_VERB_MISSING, "was" },
    { MEND_VERB_MISSING, "were" },        { MEND_VERB_MISSING, "be" },
    { MEND_VERB_MISSING, "am" },          { MEND_VERB_MISSING, "been" },
    { MEND_VERB_MISSING, "has" },         { MEND_VERB_MISSING, "have" },
    { MEND_VERB_MISSING, "do" },          { MEND_WORD_MISSING, "it" },
    { MEND_WORD_MISSING, "that" },        { MEND_WORD_MISSING, "there" },
    { MEND_WORD_MISSING, "not" },         { MEND_WORD_MISSING, "and" },
    { MEND_WORD_MISSING, "they" },        { MEND_WORD_MISSING, "as" },
};
_Static_assert(LP_COUNT(missing) == MEND_MISSING, "one number of the model each");

/* ---- words ---- */

static uint64_t class_by_ending(const char *word)
{
    static const char *const endings[] = { "ing", "ed",  "ly",   "tion", "ness", "ment", "ity",
                                           "ous", "ful", "able", "al",   "ive",  "ies",  "ss",
                                           "s",   "er",  "est",  "ic",   "y" };
    size_t len = strlen(word);

    for (size_t i = 0; i < LP_COUNT(endings); i++) {
        size_t n = strlen(endings[i]);
        if (len > n + 1 && strcmp(word + len - n, endings[i]) == 0)
            return ENDING_CLASS + 1 + i;
    }
    return ENDING_CLASS;
}

/* Its forms as a verb, its number as a noun, whether it is an adjective: a bit each. */
static uint64_t class_of(const char *word)
{
    unsigned forms = 0;
    bool plural;
    uint64_t bits = verb_find_any(word, &forms) >= 0 ? forms : 0;

    if (noun_find_any(word, &plural) >= 0)
        bits |= plural ? 64 : 32;
    if (adjective_find(word) >= 0)
        bits |= 128;
    if (is_uncountable(word))
        bits |= 256;
    return bits ? bits + 16 : class_by_ending(word);
}

static void set_word(struct mend_word *w, const struct tag_word *from, const char *text)
{
    w->hash = from->hash;
    w->ending = from->ending;
    w->id = from->id;
    w->kind = from->kind;
    snprintf(w->text, sizeof w->text, "%s", text);
    w->class = w->name ? NAME_CLASS : w->number ? NUMBER_CLASS : w->kind ? w->kind : class_of(text);
}

void mend_text_init(struct mend_text *t, const struct sentence *s, const struct model *model)
{
    lp_auto_free struct tag_word *tags = NULL;

    *t = (struct mend_text){ .model = model };
    for (size_t k = 0; k < LP_COUNT(missing); k++)
        t->missing[k] = model_word(model, missing[k].word, strlen(missing[k].word));
    t->n = tag_words(s, model, &tags);
    t->cap = t->n + 1;
    t->words = lp_calloc(t->cap, sizeof *t->words);
    for (size_t i = 0; i < t->n; i++) {
        struct mend_word *w = &t->words[i];
        const struct token *token = &s->tokens[tags[i].token];
        char text[MEND_ROOM] = "";
        if (token->kind == TOKEN_WORD && token->len < MEND_ROOM)
            token_lower(s, tags[i].token, text, sizeof text);
        w->token = tags[i].token;
        w->marked = tags[i].marked;
        w->number = token->kind == TOKEN_NUMBER;
        w->name = i > 0 && isupper((unsigned char)s->text[token->at]) && strcmp(text, "i") != 0;
        set_word(w, &tags[i], text);
    }
}

void mend_text_done(struct mend_text *t)
{
    free(t->words);
}

static void read_word(const struct mend_text *t, struct mend_word *w, const char *text)
{
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *tags = NULL;

    w->name = w->number = false;
    sentence_init(&s, text, strlen(text));
    if (tag_words(&s, t->model, &tags) > 0)
        set_word(w, &tags[0], text);
}

void mend_text_change(struct mend_text *t, size_t i, const struct mend_way *way)
{
    struct mend_word *at = t->words + i;

    if (way->act == MEND_DROP) {
        memmove(at, at + 1, (t->n - i - 1) * sizeof *at);
        t->n--;
        return;
    }
    if (way->act == MEND_PUT) {
        if (t->n == t->cap) {
            t->cap *= 2;
            t->words = lp_realloc(t->words, t->cap * sizeof *t->words);
            at = t->words + i;
        }
        memmove(at + 1, at, (t->n - i) * sizeof *at);
        t->n++;
        at->token = MEND_NO_TOKEN;
        at[1].marked = false;
    }
    read_word(t, at, way->word);
}

bool mend_is_word(const struct mend_text *t, size_t i, const char *list)
{
    return i < t->n && word_is_among(t->words[i].text, list);
}

bool mend_is_plural(const struct mend_text *t, size_t i)
{
    bool plural = false;
    return i < t->n && noun_find_any(t->words[i].text, &plural) >= 0 && plural;
}

/* ---- the trigram model ---- */

static int id_at(const struct mend_text *t, size_t i, size_t before)
{
    if (i < before)
        return i + 1 == before ? model_start(t->model) : MODEL_UNKNOWN;
    i -= before;
    return i < t->n ? t->words[i].id : model_end(t->model);
}

/* Nats of ids[2..n) after the two in front; stops once they are below `least`. */
static double weigh(const struct model *m, const int *ids, size_t n, double least)
{
    double sum = 0;

    for (size_t i = 2; i < n && sum >= least; i++) {
        sum += model_score(m, ids[i], ids[i - 1], ids[i - 2]);
        if (ids[i] == model_end(m))
            break;
    }
    return sum;
}

/* How much likelier the words are, or something below `least`; `now` is what they weigh as they
 * are. */
static double gain_of(const struct mend_text *t, size_t i, const struct mend_way *way, int id,
                      double now, double least)
{
    int ids[6] = { id_at(t, i, 2), id_at(t, i, 1) };
    const size_t all = way->act == MEND_DROP ? 4 : 5;
    size_t n = 2;

    if (way->act != MEND_DROP)
        ids[n++] = id;
    for (size_t k = way->act == MEND_PUT ? i : i + 1; n < all; k++)
        ids[n++] = k < t->n ? t->words[k].id : model_end(t->model);
    return weigh(t->model, ids, n, now + least) - now;
}

/* ---- ways ---- */

struct ways {
    const struct mend_text *t;
    size_t i, n;
    double now; /* what the place weighs as it is */
    struct mend_way *list;
};

static void begin(struct ways *w, const struct mend_text *t, size_t i, bool gap,
                  struct mend_way *list)
{
    int ids[6] = { id_at(t, i, 2), id_at(t, i, 1) };
    size_t n = 2;

    for (size_t k = i; n < (gap ? 4 : 5); k++)
        ids[n++] = k < t->n ? t->words[k].id : model_end(t->model);
    *w = (struct ways){ t, i, 0, weigh(t->model, ids, n, (double)-INFINITY), list };
}

static void offer_known(struct ways *w, struct mend_way *new, int id, double least)
{
    if (w->n == MEND_WAYS)
        return;
    for (size_t k = 0; k < w->n; k++)
        if (w->list[k].act == new->act && strcmp(w->list[k].word, new->word) == 0)
            return;
    new->gain = gain_of(w->t, w->i, new, id, w->now, least);
    if (new->gain >= least)
        w->list[w->n++] = *new;
}

static void offer(struct ways *w, enum mend_act act, enum mend_group group, const char *word,
                  uint64_t label, double least)
{
    struct mend_way new = { .act = act, .group = group, .label = label };

    snprintf(new.word, sizeof new.word, "%s", word);
    offer_known(w, &new, model_word(w->t->model, word, strlen(word)), least);
}

static uint64_t label_of(enum mend_act act, const char *from, const char *to)
{
    return linear_feature(act, lp_hash(from), lp_hash(to));
}

static bool is_among(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (*list[i] == *word && strcmp(list[i], word) == 0)
            return true;
    return false;
}

static bool may_be_missing(const struct missing *x, const struct mend_word *left,
                           const struct mend_word *right)
{
    bool alone = left->kind != KIND_DETERMINER;

    switch (x->group) {
    case MEND_ARTICLE_MISSING:
        return alone && right->kind == 0 &&
               (*x->word == 't' || (strchr("aeiou", *right->text) != NULL) == (x->word[1] == 'n'));
    case MEND_PREPOSITION_MISSING:
        return alone && !right->marked && left->kind != KIND_PREPOSITION &&
               right->kind != KIND_PREPOSITION;
    case MEND_VERB_MISSING:
        return alone && !right->marked && right->kind != KIND_AUXILIARY;
    default:
        return !right->marked;
    }
}

size_t mend_gap_ways(const struct mend_text *t, size_t i, struct mend_way ret_ways[MEND_WAYS])
{
    const struct mend_word *right = &t->words[i], *left = i > 0 ? right - 1 : NULL;
    struct ways w;

    if (!left || !*right->text || right->name || (!*left->text && !left->number))
        return 0;
    begin(&w, t, i, true, ret_ways);
    for (size_t k = 0; k < LP_COUNT(missing); k++) {
        const struct missing *x = &missing[k];
        struct mend_way new = { .act = MEND_PUT, .group = x->group };
        if (!may_be_missing(x, left, right))
            continue;
        snprintf(new.word, sizeof new.word, "%s", x->word);
        new.label = label_of(MEND_PUT, "", strcmp(x->word, "an") == 0 ? "a" : x->word);
        offer_known(&w, &new, t->missing[k],
                    x->group == MEND_ARTICLE_MISSING ? LEAST_ARTICLE : LEAST_PUT);
    }
    return w.n;
}

static void turn_in_sets(struct ways *w, const char *word)
{
    for (size_t i = 0; i < mend_set_count; i++) {
        bool there = false;
        for (size_t k = 0; mend_sets[i].words[k] && !there; k++)
            there = strcmp(mend_sets[i].words[k], word) == 0;
        for (size_t k = 0; there && mend_sets[i].words[k]; k++)
            if (strcmp(mend_sets[i].words[k], word) != 0)
                offer(w, MEND_TURN, mend_sets[i].group, mend_sets[i].words[k],
                      label_of(MEND_TURN, word, mend_sets[i].words[k]), LEAST_TURN);
    }
}

/* What is to be said about a verb's form `from` that becomes `to`. */
static enum mend_group group_of_forms(unsigned from, unsigned to)
{
    const unsigned plain = 1u << VERB_BASE | 1u << VERB_THIRD;

    if (from & plain && 1u << to & plain)
        return MEND_AGREEMENT;
    return to == VERB_PAST && !(from & 1u << VERB_PARTICIPLE) ? MEND_TENSE : MEND_VERB_FORM;
}

static void turn_verb(struct ways *w, const char *word)
{
    unsigned forms;
    int verb = verb_find_any(word, &forms);

    for (unsigned f = 0; verb >= 0 && f < VERB_FORMS; f++) {
        char text[FORM_ROOM];
        verb_write(verb, (enum verb_form)f, text);
        if (strcmp(text, word) != 0)
            offer(w, MEND_TURN, group_of_forms(forms, f), text, linear_feature(50, forms, f),
                  LEAST_TURN);
    }
}

static bool behind_noun_place(const struct mend_text *t, size_t i)
{
    const struct mend_word *l = i > 0 ? &t->words[i - 1] : NULL;
    return l && (l->kind == KIND_DETERMINER || l->kind == KIND_PREPOSITION || l->number);
}

static void turn_noun(struct ways *w, const char *word)
{
    bool plural;
    int noun = noun_find_any(word, &plural);
    char text[FORM_ROOM];

    if (noun < 0)
        return;
    noun_write(noun, !plural, text);
    if (strcmp(text, word) != 0)
        offer(w, MEND_TURN, MEND_NUMBER, text, linear_feature(51, plural, 0), LEAST_TURN);
}

/* A word of no list: with -s or without, with -ly or without, where the model has both. */
static void turn_ending(struct ways *w, const char *word)
{
    size_t len = strlen(word);
    char text[MEND_ROOM + 4];
    bool ends_in_s = len > 3 && word[len - 1] == 's' && !strchr("su", word[len - 2]);

    if (len < 4 || len + 3 >= MEND_ROOM || w->t->words[w->i].id < 0)
        return;
    if (ends_in_s && len > 4 && strcmp(word + len - 3, "ies") == 0)
        snprintf(text, sizeof text, "%.*sy", (int)len - 3, word);
    else if (ends_in_s)
        snprintf(text, sizeof text, "%.*s", (int)len - 1, word);
    else if (word[len - 1] == 'y' && !strchr("aeiou", word[len - 2]))
        snprintf(text, sizeof text, "%.*sies", (int)len - 1, word);
    else
        snprintf(text, sizeof text, "%ss", word);
    if (model_word(w->t->model, text, strlen(text)) >= 0)
        offer(w, MEND_TURN, behind_noun_place(w->t, w->i) ? MEND_NUMBER : MEND_AGREEMENT, text,
              linear_feature(52, ends_in_s, 0), LEAST_TURN);
}

static void turn_adverb(struct ways *w, const char *word)
{
    size_t len = strlen(word);
    char text[MEND_ROOM + 4];
    bool ends = len > 4 && strcmp(word + len - 2, "ly") == 0;

    if (len < 4 || len + 3 >= MEND_ROOM || w->t->words[w->i].id < 0)
        return;
    if (ends)
        snprintf(text, sizeof text, "%.*s", (int)len - 2, word);
    else
        snprintf(text, sizeof text, "%sly", word);
    if (model_word(w->t->model, text, strlen(text)) >= 0)
        offer(w, MEND_TURN, MEND_ADVERB, text, linear_feature(53, ends, 0), LEAST_TURN);
}

static void drop(struct ways *w, const char *word)
{
    enum mend_group group = MEND_WORD_NEEDLESS;

    if (w->i == 0)
        return;
    if (is_among(word, articles, LP_COUNT(articles)))
        group = MEND_ARTICLE_NEEDLESS;
    else if (is_among(word, prepositions, LP_COUNT(prepositions)))
        group = MEND_PREPOSITION_NEEDLESS;
    else if (is_among(word, verbs, LP_COUNT(verbs)))
        group = MEND_VERB_NEEDLESS;
    else if (!is_among(word, needless, LP_COUNT(needless)))
        return;
    offer(w, MEND_DROP, group, "", label_of(MEND_DROP, word, ""), LEAST_DROP);
}

size_t mend_word_ways(const struct mend_text *t, size_t i, struct mend_way ret_ways[MEND_WAYS])
{
    const struct mend_word *word = &t->words[i];
    struct ways w;

    if (!*word->text || word->name)
        return 0;
    begin(&w, t, i, false, ret_ways);
    drop(&w, word->text);
    turn_in_sets(&w, word->text);
    if (word->kind == 0) {
        turn_verb(&w, word->text);
        turn_noun(&w, word->text);
        if (word->class >= ENDING_CLASS)
            turn_ending(&w, word->text);
        turn_adverb(&w, word->text);
    }
    return w.n;
}
