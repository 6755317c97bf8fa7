/* services/ai-feedback/rules/mend.c -- features of a way to mend a place, and the decision: it must
 * win over leaving the place as it is by the margin of its group. A change of features asks for new
 * weights (bench/ai/train). No state. */
#include "services/ai-feedback/rules/mend.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/rules.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/linear.h"

#define EDGE 1 /* the hash of what stands before the first and behind the last word */
#define KIND_DETERMINER 7

/* ---- features ---- */

static const struct mend_word edge = { .hash = EDGE, .ending = EDGE, .class = EDGE };

static const struct mend_word *word_at(const struct mend_text *t, size_t i, int by)
{
    size_t at = i + (size_t)by; /* wraps where it is before the first */
    return at < t->n ? &t->words[at] : &edge;
}

/* The last word of the noun phrase that begins at i. */
static const struct mend_word *head_of(const struct mend_text *t, size_t i)
{
    const struct mend_word *head = word_at(t, i, 0);

    for (size_t k = i + 1; k < t->n && k < i + 4; k++) {
        if (t->words[k].kind != 0 || t->words[k].marked || t->words[k - 1].kind != 0)
            break;
        head = &t->words[k];
    }
    return head;
}

static bool says_how_many(const struct mend_word *w)
{
    static const char words[] = "many few several these those two three four five some all other "
                                "both various different much every each no most one another this "
                                "that";
    return w->kind == KIND_DETERMINER || w->number || word_is_among(w->text, words);
}

/* The nearest word to the left that says of how many things is spoken. */
static uint64_t determiner_of(const struct mend_text *t, size_t i)
{
    for (size_t k = i; k > 0 && i - k < 4; k--)
        if (says_how_many(&t->words[k - 1]))
            return t->words[k - 1].number ? 2 : linear_feature(0, t->words[k - 1].hash, i - k == 0);
    return EDGE;
}

static uint64_t helper_of(const struct mend_text *t, size_t i)
{
    static const uint64_t none = EDGE;

    for (size_t k = i; k > 0 && i - k < 3; k--) {
        const struct mend_word *w = &t->words[k - 1];
        if (w->kind == KIND_AUXILIARY || w->kind == KIND_NEGATED || strcmp(w->text, "to") == 0 ||
            strcmp(w->text, "be") == 0 || strcmp(w->text, "been") == 0)
            return linear_feature(1, w->hash, i - k == 0);
    }
    return none;
}

/* The nearest pronoun or noun to the left, which a verb may go with. */
static uint64_t subject_of(const struct mend_text *t, size_t i)
{
    for (size_t k = i; k > 0 && i - k < 5; k--) {
        const struct mend_word *w = &t->words[k - 1];
        if (w->kind == KIND_PRONOUN)
            return w->hash;
        if (w->kind == 0)
            return w->class;
    }
    return EDGE;
}

static uint64_t step_of(double nats)
{
    return (uint64_t)(fmax(-4, fmin(12, nats)) * 2 + 10);
}

struct list {
    uint64_t label, *at;
    size_t n;
};

static void add(struct list *l, uint64_t a, uint64_t b)
{
    l->at[l->n] = linear_feature((unsigned)l->n, linear_feature((unsigned)l->n, a, b), l->label);
    l->n++;
}

/* How likely the place is as it is: what is rare may be wrong. */
static uint64_t doubt_of(const struct mend_text *t, size_t i)
{
    const struct mend_word *l = word_at(t, i, -1), *l2 = word_at(t, i, -2);
    int before = l == &edge ? model_start(t->model) : l->id;
    int before2 = l2 == &edge ? MODEL_UNKNOWN : l2->id;
    return (uint64_t)fmin(15, -model_score(t->model, t->words[i].id, before, before2));
}

size_t mend_features(const struct mend_text *t, size_t i, const struct mend_way *way,
                     uint64_t ret_features[MEND_FEATURES])
{
    const int right = way->act == MEND_PUT ? 0 : 1;
    const struct mend_word *l = word_at(t, i, -1), *l2 = word_at(t, i, -2), *self = &t->words[i];
    const struct mend_word *r = word_at(t, i, right), *r2 = word_at(t, i, right + 1);
    const struct mend_word *r3 = word_at(t, i, right + 2);
    const struct mend_word *head = head_of(t, i + (size_t)right < t->n ? i + (size_t)right : i);
    uint64_t nats = step_of(way->gain), doubt = doubt_of(t, i);
    uint64_t determiner = determiner_of(t, i), subject = subject_of(t, i);
    uint64_t helper = helper_of(t, i), shape = linear_feature(70, l->class, r->class);
    struct list f = { .label = linear_feature(80, way->group, nats), .at = ret_features };

    add(&f, 0, 0);
    add(&f, 0, doubt);
    f.label = linear_feature(81, way->label, way->group);
    add(&f, 0, 0);
    add(&f, nats, 0);
    add(&f, nats, doubt);
    add(&f, nats, r->class);
    add(&f, nats, l->class);
    add(&f, l->hash, 0);
    add(&f, r->hash, 0);
    add(&f, l->hash, r->hash);
    add(&f, l2->hash, l->hash);
    add(&f, r->hash, r2->hash);
    add(&f, shape, 0);
    add(&f, shape, self->class);
    add(&f, shape, r2->class);
    add(&f, shape, l2->class);
    add(&f, l2->class, l->class);
    add(&f, r->class, r2->class);
    add(&f, r2->class, r3->class);
    add(&f, self->hash, 0);
    add(&f, self->hash, l->hash);
    add(&f, self->hash, r->hash);
    add(&f, l->hash, r->class);
    add(&f, l->class, r->hash);
    add(&f, subject, self->class);
    add(&f, subject, l->class);
    add(&f, determiner, self->class);
    add(&f, determiner, head->class);
    add(&f, helper, self->class);
    add(&f, helper, r->class);
    add(&f, head->hash, l->hash);
    add(&f, head->hash, l->class);
    add(&f, head->class, l->hash);
    add(&f, l->ending, r->ending);
    add(&f, self->ending, shape);
    add(&f, self->marked, r->marked);
    return f.n;
}

/* ---- decision ---- */

extern const unsigned char mend_weights[]; /* rules/mend.weights */
static const struct linear weights = { mend_weights, MEND_GROUPS, MEND_BITS };

static const struct reason_of {
    enum category category;
    const char *id, *message;
} reasons[MEND_GROUPS] = {
    [MEND_ARTICLE_MISSING] = { CATEGORY_ARTICLE, "article-missing",
                               "Here an article is missing: one thing that can be counted has "
                               "\"a\", what is known already \"the\"." },
    [MEND_ARTICLE_NEEDLESS] = { CATEGORY_ARTICLE, "article-needless",
                                "No article here: it is about things in general, or about what "
                                "cannot be counted." },
    [MEND_ARTICLE_OTHER] = { CATEGORY_ARTICLE, "article-other",
                             "\"A\" is for one of several, \"the\" for what is known already." },
    [MEND_PREPOSITION_MISSING] = { CATEGORY_PREPOSITION, "preposition-missing",
                                   "Here a preposition is missing." },
    [MEND_PREPOSITION_NEEDLESS] = { CATEGORY_PREPOSITION, "preposition-needless",
                                    "No preposition is needed here." },
    [MEND_PREPOSITION_OTHER] = { CATEGORY_PREPOSITION, "preposition-other",
                                 "In this place English has another preposition." },
    [MEND_NUMBER] = { CATEGORY_COUNTABILITY, "number",
                      "One or many? The words around the noun tell which form it has." },
    [MEND_AGREEMENT] = { CATEGORY_AGREEMENT, "agreement",
                         "With he, she, it and one thing the verb has an -s; with others, and "
                         "behind \"to\" or \"can\", it has none." },
    [MEND_BE] = { CATEGORY_AGREEMENT, "auxiliary",
                  "\"Be\", \"have\" and \"do\" go with their subject, and with the verb behind "
                  "them." },
    [MEND_VERB_FORM] = { CATEGORY_VERB_FORM, "form-of-verb",
                         "In this place the verb has another form." },
    [MEND_TENSE] = { CATEGORY_TENSE, "tense", "What happened then is told in the past." },
    [MEND_VERB_MISSING] = { CATEGORY_VERB_FORM, "verb-missing",
                            "Here a form of \"be\", \"have\" or \"do\" is missing." },
    [MEND_VERB_NEEDLESS] = { CATEGORY_VERB_FORM, "verb-needless",
                             "The form of \"be\", \"have\" or \"do\" is not needed here." },
    [MEND_WORD_MISSING] = { CATEGORY_WORD_CHOICE, "word-missing", "Here a word is missing." },
    [MEND_WORD_NEEDLESS] = { CATEGORY_WORD_CHOICE, "word-needless", "This word is not needed." },
    [MEND_CONFUSED] = { CATEGORY_WORD_CHOICE, "confused",
                        "These words are often taken for each other; here the other one is "
                        "meant." },
    [MEND_ADVERB] = { CATEGORY_WORD_CHOICE, "adverb",
                      "What tells how something is done ends in -ly mostly; what tells how a thing "
                      "is does not." },
    [MEND_WORD_FORM] = { CATEGORY_WORD_CHOICE, "word-form",
                         "The noun, the verb and the adjective are different words: here another "
                         "one of them fits." },
};

static int score_of(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    uint64_t features[MEND_FEATURES];
    return linear_score(&weights, features, mend_features(t, i, way, features));
}

/* "victory-for", "the students' work", "@for": a part of something. */
static bool is_part(const struct sentence *s, const struct token *t)
{
    char before = ' ', after = ' ';

    if (t->at > 0)
        before = s->text[t->at - 1];
    if (t->at + t->len < s->len)
        after = s->text[t->at + t->len];
    return strchr("-'_/@#", before) || strchr("-'_/@#", after);
}

/* A token that nothing has changed and no phrase keeps. */
static bool is_free(const struct sentence *s, size_t token)
{
    if (token == MEND_NO_TOKEN)
        return false;
    const struct token *t = &s->tokens[token];
    return t->kind == TOKEN_WORD && !t->now && !t->kept && !*t->after && t->len < MEND_ROOM &&
           !(t->len > 1 && isupper((unsigned char)s->text[t->at + 1])) && !is_part(s, t);
}

static bool is_kept(const struct sentence *s, size_t token)
{
    return token != MEND_NO_TOKEN && s->tokens[token].kept;
}

/* "I suggest that he take it": neither -s nor a past. */
static bool is_demanded(const struct mend_text *t, size_t i)
{
    static const char demands[] =
        " suggest suggests suggested insist insists insisted recommend recommends recommended urge "
        "urges urged demand demands demanded require requires required propose proposes proposed "
        "ask asked important essential necessary vital order ";
    for (size_t k = i; k > 0 && i - k < 6; k--)
        if (mend_is_word(t, k - 1, demands))
            return true;
    return false;
}

/* Which time is meant the sentence does not tell: "It is fine", "It was fine". */
static bool is_other_time(const char *from, const char *to)
{
    static const char past[] = "was were had did didn't";
    static const char now[] = "is are am has have do does don't doesn't be";

    return (word_is_among(from, past) && word_is_among(to, now)) ||
           (word_is_among(from, now) && word_is_among(to, past));
}

static bool is_helper(const struct mend_text *t, size_t i)
{
    const struct mend_word *w = &t->words[i];
    return !w->name && (w->kind == KIND_AUXILIARY || w->kind == KIND_NEGATED ||
                        mend_is_word(t, i, " to be been being not let make help "));
}

/* A verb that no auxiliary stands before may be of any time; "did he went", but "what they did they
 * knew". */
static bool is_finite(const struct mend_text *t, size_t i)
{
    bool asks = i > 1 && (i == 2 || t->words[i - 3].kind == KIND_ASKING);
    bool will = i == 1 && mend_is_word(t, 0, " will "); /* mostly a name */
    return !(i > 0 && !will && is_helper(t, i - 1)) && !(asks && is_helper(t, i - 2));
}

/* "the number of people grows", "she goes and comes": the word before is not all that the verb
 * goes with. */
static bool has_far_subject(const struct mend_text *t, size_t i)
{
    for (size_t k = i; k > 0 && i - k < 4; k--)
        if (mend_is_word(t, k - 1,
                         " and or of than with in on at for from by about to like as that "
                         "which who "))
            return true;
    return false;
}

static bool is_verb_left_alone(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    const char *word = t->words[i].text;
    size_t len = strlen(word);
    bool plural, noun = noun_find_any(word, &plural) >= 0;

    bool ing = len > 4 && strcmp(word + len - 3, "ing") == 0;

    if (is_demanded(t, i) || is_other_time(word, way->word))
        return true;
    if (way->group == MEND_TENSE) /* "She borrowing a book last week" */
        return !ing || i == 0 || t->words[i - 1].kind != KIND_PRONOUN;
    if (noun && mend_is_word(t, i + 1, " is was has are were have ") && has_far_subject(t, i))
        return true; /* "the oldest map in the books is torn" */
    if (way->group == MEND_AGREEMENT && i == 1 && t->words[0].kind == 0 && !mend_is_plural(t, 0))
        return true; /* "Thanh studies" */
    if (way->group == MEND_AGREEMENT && noun && mend_is_word(t, i - 1, " to "))
        return true; /* "going to plays" */
    if (way->group == MEND_AGREEMENT && !noun)
        return has_far_subject(t, i);
    if (way->group != MEND_VERB_FORM)
        return false;
    if (ing)
        return mend_is_word(t, i - 1, " to be been is are am was were "); /* "used to getting up" */
    return is_finite(t, i);
}

/* "the very success"; "we are greatly accelerating it" */
static bool is_very_one(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    const char *next = i + 1 < t->n ? t->words[i + 1].text : "";
    size_t len = strlen(next);

    if (way->group == MEND_ARTICLE_OTHER)
        return strcmp(next, "very") == 0;
    return way->group == MEND_ADVERB && strlen(way->word) < strlen(t->words[i].text) &&
           (mend_is_word(t, i + 1, " and or than ") || strcmp(t->words[i].text, "timely") == 0 ||
            (len > 4 && (strcmp(next + len - 3, "ing") == 0 || strcmp(next + len - 2, "ed") == 0)));
}

/* "I am like my father", "we did what we could to help", "the chicken and the egg" */
static bool is_drop_left_alone(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    switch (way->group) {
    case MEND_VERB_NEEDLESS:
        return mend_is_word(t, i + 1, " like used ");
    case MEND_PREPOSITION_NEEDLESS:
        return i > 0 && t->words[i - 1].kind == KIND_AUXILIARY;
    default:
        return mend_is_word(t, i - 1, " and about ") || mend_is_word(t, i + 1, " kind ");
    }
}

/* "in future"; "it was worst for us"; "we want live music"; "where you live it rains" */
static bool is_put_left_alone(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    if (way->group == MEND_VERB_MISSING)
        return i > 0 && t->words[i - 1].kind == KIND_ASKING;
    if (strcmp(way->word, "to") == 0)
        return mend_is_plural(t, i + 1) ||
               mend_is_word(t, i - 1, " want wants wanted allowed ready ");
    return mend_is_word(t, i, " worst best word ") ||
           (mend_is_word(t, i, " future ") && mend_is_word(t, i - 1, " in "));
}

/* What the classifier does not see. */
static bool is_left_alone(const struct mend_text *t, size_t i, const struct mend_way *way)
{
    const char *left = i > 0 ? t->words[i - 1].text : "";
    size_t len = strlen(left);
    bool ends = i + 1 == t->n || t->words[i + 1].marked;

    switch (way->act) {
    case MEND_DROP:
        return is_drop_left_alone(t, i, way);
    case MEND_PUT:
        return is_put_left_alone(t, i, way);
    default: /* a name, or an order; "my own hand", "in the last minutes"; "my friend's cars" */
        return i == 0 || mend_is_word(t, i, " people well it's senses ") ||
               (ends && mend_is_word(t, i, " this these that those some any ")) ||
               mend_is_word(t, i - 1, " own last amounts part good wrote passionate ") ||
               is_very_one(t, i, way) || (len > 2 && strcmp(left + len - 2, "'s") == 0) ||
               is_verb_left_alone(t, i, way);
    }
}

/* The best of the ways, NULL where none wins by its margin. */
static const struct mend_way *meant(const struct mend_text *t, size_t i,
                                    const struct mend_way *ways, size_t n)
{
    const struct mend_way *best = NULL;
    int most = 0;

    for (size_t k = 0; k < n; k++) {
        int score = score_of(t, i, &ways[k]);
        if (score > most) {
            most = score;
            best = &ways[k];
        }
    }
    if (!best || most <= linear_threshold(&weights, best->group) || is_left_alone(t, i, best) ||
        mend_stands_as_it_is(t, i, best))
        return NULL;
    return best;
}

/* "A lot of book": what may be a verb as well is a noun behind these. */
static const struct reason_of *reason_for(const struct mend_text *t, size_t i,
                                          const struct mend_way *way)
{
    bool plural;

    if (way->group == MEND_AGREEMENT && i > 0 && noun_find_any(t->words[i].text, &plural) >= 0 &&
        (says_how_many(&t->words[i - 1]) ||
         mend_is_word(t, i - 1, " of in for with from by about at ")))
        return &reasons[MEND_NUMBER];
    return &reasons[way->group];
}

static void change(struct sentence *s, const struct mend_word *w, const struct mend_way *way,
                   bool follows, const struct reason_of *why)
{
    const struct token *t = &s->tokens[w->token];
    char text[2 * MEND_ROOM + 2];

    if (way->act == MEND_PUT && follows)
        snprintf(text, sizeof text, "%.*s %s", (int)t->len, s->text + t->at, way->word);
    else if (way->act == MEND_PUT)
        snprintf(text, sizeof text, "%s %.*s", way->word, (int)t->len, s->text + t->at);
    else
        snprintf(text, sizeof text, "%s", way->word);
    if (way->act == MEND_TURN && isupper((unsigned char)s->text[t->at]))
        *text = (char)toupper((unsigned char)*text);
    token_change(s, w->token, text, why->category, why->id, 0.7, "%s", why->message);
}

/* Where something is missing before word i, it is put to the word on either side that is free. */
static bool mend_gap(struct sentence *s, struct mend_text *t, size_t i)
{
    struct mend_way ways[MEND_WAYS];
    bool right = is_free(s, t->words[i].token);
    bool left = i > 0 && !t->words[i].marked && is_free(s, t->words[i - 1].token);

    if ((!right && !left) || is_kept(s, t->words[i].token) ||
        (i > 0 && is_kept(s, t->words[i - 1].token)))
        return false;
    const struct mend_way *way = meant(t, i, ways, mend_gap_ways(t, i, ways));
    if (!way)
        return false;
    change(s, &t->words[right ? i : i - 1], way, !right, &reasons[way->group]);
    mend_text_change(t, i, way);
    return true;
}

static bool mend_word(struct sentence *s, struct mend_text *t, size_t i)
{
    struct mend_way ways[MEND_WAYS];

    if (!is_free(s, t->words[i].token))
        return false;
    const struct mend_way *way = meant(t, i, ways, mend_word_ways(t, i, ways));
    if (!way)
        return false;
    bool dropped = way->act == MEND_DROP;
    change(s, &t->words[i], way, false, reason_for(t, i, way));
    mend_text_change(t, i, way);
    return dropped;
}

void rule_mends(struct sentence *s, const struct spelling *speller)
{
    struct mend_text t;

    mend_text_init(&t, s, spelling_model(speller));
    for (size_t i = 0; i < t.n; i++) {
        if (mend_gap(s, &t, i))
            i++;
        else if (mend_word(s, &t, i))
            i--;
    }
    mend_text_done(&t);
}
