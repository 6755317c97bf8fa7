/* services/ai-feedback/rules/choice.c -- features of a word in its place, and the decision: another
 * word of the set must win by the set's margin. A change of features asks for new weights
 * (bench/ai/train). No state. */
#include "services/ai-feedback/rules/choice.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/rules.h"
#include "services/ai-feedback/tagging/linear.h"

#define EDGE 1 /* the hash of what stands before the first and behind the last word */

#define BEHIND_MARK 40 /* more of a margin there: half of the words around it say little */

extern const unsigned char choice_weights[]; /* rules/choice.weights */

static void add_word(struct choice_slot *slot, const char *word, uint64_t label,
                     const char *written)
{
    for (size_t i = 0; i < slot->n; i++)
        if (strcmp(slot->words[i], word) == 0)
            return;
    if (strcmp(word, written) == 0)
        slot->written = slot->n;
    snprintf(slot->words[slot->n], CHOICE_ROOM, "%s", word);
    slot->labels[slot->n++] = label;
}

static bool verb_slot(const char *word, struct choice_slot *slot)
{
    unsigned forms;
    int verb = verb_find(word, &forms);

    for (int f = 0; verb >= 0 && f < VERB_FORMS; f++) {
        char text[FORM_ROOM];
        verb_write(verb, (enum verb_form)f, text);
        add_word(slot, text, (uint64_t)f + 1, word);
    }
    return slot->n > 1;
}

static bool noun_slot(const char *word, struct choice_slot *slot)
{
    bool plural;
    int noun = noun_find(word, &plural);

    for (int p = 0; noun >= 0 && p < 2; p++) {
        char text[FORM_ROOM];
        noun_write(noun, p == 1, text);
        add_word(slot, text, (uint64_t)p + 20, word);
    }
    return slot->n > 1;
}

bool choice_slot(size_t set, const char *word, struct choice_slot *ret_slot)
{
    const struct choice_set *s = &choice_sets[set];
    bool there = !s->words[0];

    for (size_t i = 0; s->words[i] && !there; i++)
        there = *s->words[i] == *word && strcmp(s->words[i], word) == 0;
    if (!there)
        return false; /* nearly always: so nothing was cleared up to here */
    ret_slot->set = set;
    ret_slot->n = ret_slot->written = 0;
    if (!s->words[0])
        return s->category == CATEGORY_VERB_FORM ? verb_slot(word, ret_slot)
                                                 : noun_slot(word, ret_slot);
    for (size_t i = 0; s->words[i]; i++)
        add_word(ret_slot, s->words[i], lp_hash(s->words[i]), word);
    return true;
}

void choice_weigh(struct choice_slot *slot, const struct model *m, const struct tag_word *w,
                  size_t n, size_t i)
{
    int start = model_start(m), end = model_end(m);
    int b = i > 0 ? w[i - 1].id : start, a = i + 1 < n ? w[i + 1].id : end;
    int b2 = i > 1 ? w[i - 2].id : i == 1 ? start : MODEL_UNKNOWN;
    int a2 = i + 2 < n ? w[i + 2].id : end;

    for (size_t c = 0; c < slot->n; c++) {
        int id = model_word(m, slot->words[c], strlen(slot->words[c]));
        slot->nats[c] = model_score(m, id, b, b2) + model_score(m, a, id, b);
        if (i + 1 < n)
            slot->nats[c] += model_score(m, a2, a, id);
    }
}

static uint64_t lead(const struct choice_slot *slot, size_t c)
{
    double best = -1e9;

    for (size_t k = 0; k < slot->n; k++)
        if (k != c)
            best = fmax(best, slot->nats[k]);
    return (uint64_t)(fmax(-12, fmin(12, slot->nats[c] - best)) * 2 + 25);
}

/* The nearest word to the left that can be a subject: a pronoun, or what begins the sentence. */
static uint64_t subject_of(const struct tag_word *w, size_t i)
{
    size_t k = i;
    while (k > 0 && i - k < 4)
        if (w[--k].kind == KIND_PRONOUN)
            return w[k].hash;
    return EDGE;
}

size_t choice_features(const struct choice_slot *slot, const struct tag_word *w, size_t n, size_t i,
                       size_t c, uint64_t ret_features[CHOICE_FEATURES])
{
    uint64_t l2 = i > 1 ? w[i - 2].hash : EDGE, l = i > 0 ? w[i - 1].hash : EDGE;
    uint64_t r = i + 1 < n ? w[i + 1].hash : EDGE, r2 = i + 2 < n ? w[i + 2].hash : EDGE;
    uint64_t l_end = i > 0 ? w[i - 1].ending : EDGE, r_end = i + 1 < n ? w[i + 1].ending : EDGE;
    uint64_t kinds = (i > 1 ? w[i - 2].kind : 15) * 4096 + (i > 0 ? w[i - 1].kind : 15) * 256 +
                     (i + 1 < n ? w[i + 1].kind : 15) * 16 + (i + 2 < n ? w[i + 2].kind : 15);
    uint64_t marks = w[i].marked + 2 * (uint64_t)(i + 1 < n && w[i + 1].marked);
    uint64_t nats = lead(slot, c), self = lp_hash(slot->words[c]);
    const uint64_t found[][2] = {
        { 0, 0 },
        { l, 0 },
        { r, 0 },
        { l2, l },
        { l, r },
        { r, r2 },
        { l_end, 0 },
        { r_end, 0 },
        { l, r_end },
        { l_end, r },
        { kinds, 0 },
        { kinds / 16 % 256, 0 },
        { l2, 0 },
        { r2, 0 },
        { nats, 0 },
        { marks, 0 },
        { l2, r },
        { self, l },
        { self, r },
        { self, 0 },
        { subject_of(w, i), l },
        { subject_of(w, i), kinds % 4096 },
        { l_end, r_end },
    };
    uint64_t label = linear_feature((unsigned)slot->set, slot->labels[c], 0);

    for (size_t k = 0; k < LP_COUNT(found); k++)
        ret_features[k] = linear_feature(
            (unsigned)k, linear_feature((unsigned)k, found[k][0], found[k][1]), label);
    /* How far the trigram model prefers it, for all words of a set alike. */
    ret_features[LP_COUNT(found)] = linear_feature(LP_COUNT(found), nats, slot->set);
    return LP_COUNT(found) + 1;
}

static const struct linear weights = { choice_weights, CHOICE_SETS, CHOICE_BITS };

static int score_of(const struct choice_slot *slot, const struct tag_word *w, size_t n, size_t i,
                    size_t c)
{
    uint64_t features[CHOICE_FEATURES];
    return linear_score(&weights, features, choice_features(slot, w, n, i, c, features));
}

/* Which word of the slot is meant; the written one unless another wins clearly. */
static size_t meant(const struct choice_slot *slot, const struct tag_word *w, size_t n, size_t i)
{
    int written = score_of(slot, w, n, i, slot->written),
        best = written + linear_threshold(&weights, slot->set);
    size_t found = slot->written;

    if (w[i].marked)
        best += BEHIND_MARK;

    for (size_t c = 0; c < slot->n; c++) {
        int score = c == slot->written ? written : score_of(slot, w, n, i, c);
        if (score > best) {
            best = score;
            found = c;
        }
    }
    return found;
}

/* "FROM", "IT'S": shouted, or a name. */
static bool is_shouted(const struct sentence *s, const struct token *t)
{
    return t->len > 1 && isupper((unsigned char)s->text[t->at + 1]);
}

/* "Then Will threw it": a name, which no auxiliary is in the middle of a sentence. */
static bool is_name(const struct sentence *s, const struct tag_word *w, size_t k)
{
    return k > 0 && isupper((unsigned char)s->text[s->tokens[w[k].token].at]);
}

/* Which time is meant only an auxiliary or "to" tells: "did went", "to went", "did he went". */
static bool may_change_tense(const struct sentence *s, const struct tag_word *w, size_t i)
{
    size_t k = i > 1 && w[i - 1].kind == KIND_PRONOUN ? i - 2 : i - 1;

    if (i == 0 || (k + 2 == i && k > 0 && w[k - 1].kind != KIND_ASKING))
        return false;
    return (w[k].kind == KIND_AUXILIARY && !is_name(s, w, k)) || w[k].kind == KIND_NEGATED ||
           (k + 1 == i && w[k].hash == lp_hash("to"));
}

static bool is_tense(const struct choice_slot *slot, size_t c)
{
    bool was_past = slot->labels[slot->written] == VERB_PAST + 1;
    bool is_past = slot->labels[c] == VERB_PAST + 1;
    return choice_sets[slot->set].category == CATEGORY_VERB_FORM && was_past != is_past;
}

static bool choose_word(struct sentence *s, const struct model *m, struct tag_word *w, size_t n,
                        size_t i, size_t set, const char *word)
{
    const struct choice_set *of = &choice_sets[set];
    struct choice_slot slot;

    if (s->tokens[w[i].token].kept || !choice_slot(set, word, &slot) ||
        choice_is_left_alone(s, w, n, i, of))
        return false;
    choice_weigh(&slot, m, w, n, i);
    size_t c = meant(&slot, w, n, i);
    if (c == slot.written || (is_tense(&slot, c) && !may_change_tense(s, w, i)) ||
        choice_breaks_number(s, w, i, of, slot.words[c]))
        return false;
    if (isupper((unsigned char)s->text[s->tokens[w[i].token].at]))
        slot.words[c][0] = (char)toupper((unsigned char)slot.words[c][0]);
    token_change(s, w[i].token, slot.words[c], of->category, of->id, 0.8, "%s", of->message);
    tag_again(s, m, &w[i]);
    return true;
}

void rule_choices(struct sentence *s, const struct spelling *speller)
{
    const struct model *m = spelling_model(speller);
    lp_auto_free struct tag_word *w = NULL;
    size_t n = tag_words(s, m, &w);

    for (size_t i = 0; i < n; i++) {
        const struct token *t = &s->tokens[w[i].token];
        char word[CHOICE_ROOM];
        token_lower(s, w[i].token, word, sizeof word);
        bool done = t->kind != TOKEN_WORD || t->now || t->len >= CHOICE_ROOM || is_shouted(s, t);
        for (size_t set = 0; set < choice_set_count && !done; set++)
            done = choose_word(s, m, w, n, i, set, word);
    }
}
