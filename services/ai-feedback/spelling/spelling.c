/* services/ai-feedback/spelling/spelling.c -- a noisy channel: of the words within two edits, the
 * one that is most likely in its place and most likely to be written like this. */
#include "services/ai-feedback/spelling/spelling.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "services/ai-feedback/spelling/channel.h"
#include "services/ai-feedback/spelling/lexicon.h"
#include "services/ai-feedback/spelling/model.h"

#define BEST 24            /* candidates that are looked at in their place */
#define RARE 2.0           /* nats against a word that the model does not have */
#define KEEP_LOWER 19.0    /* cost of taking a word in small letters for one that we do not know */
#define KEEP_NAME 15.0     /* the same for one with a capital */
#define KEEP_PHRASE 16.0   /* the same for one beside another that we do not know */
#define KEEP_SHORT 11.5    /* for one of three letters: there are many short forms */
#define KEEP_FOUR 15.0     /* for one of four */
#define PHRASE_CHANNEL 7.5 /* and what may then be miswritten */
#define SURE 0.6           /* least share of the best among all */
#define FAR_OF_FOUR 6.0    /* what may be miswritten of four letters and fewer */
#define FAR_OF_FIVE 7.5    /* of five */
#define FAR 10.0           /* of more */

struct spelling {
    struct lexicon *lexicon;
    struct model *model;
};

const char *const spelling_dialects[] = { "any", "en-US", "en-GB", NULL };

int spelling_new(const struct spelling_files *files, struct spelling **ret_speller,
                 struct lp_error *err)
{
    struct spelling *s = lp_alloc(sizeof *s);
    int r = lexicon_new(files->dialect, files->dictionaries, &s->lexicon, err);

    if (r == 0)
        r = model_open(files->model, &s->model, err);
    if (r < 0) {
        spelling_free(s);
        return r;
    }
    *ret_speller = s;
    return 0;
}

void spelling_free(struct spelling *s)
{
    if (!s)
        return;
    lexicon_free(s->lexicon);
    model_close(s->model);
    free(s);
}

const struct model *spelling_model(const struct spelling *s)
{
    return s->model;
}

/* ---- what is a word ---- */

/* Without "'s" or the apostrophe of a plural. */
static size_t stem_length(const char *word, size_t len)
{
    if (len > 2 && word[len - 2] == '\'' && word[len - 1] == 's')
        return len - 2;
    return len > 2 && word[len - 1] == '\'' ? len - 1 : len;
}

static unsigned bits_of(const struct spelling *s, const char *word, size_t len)
{
    unsigned bits = lexicon_find(s->lexicon, word, len);
    size_t stem = stem_length(word, len);
    return bits || stem == len ? bits : lexicon_find(s->lexicon, word, stem);
}

/* "globals", "reindent": made of a word as English makes them, though no dictionary has it. */
static bool is_derived(const struct spelling *s, const char *word, size_t len)
{
    static const char *const prefixes[] = { "re",    "un",    "pre",   "non",   "multi", "over",
                                            "under", "de",    "sub",   "auto",  "micro", "mini",
                                            "mega",  "super", "hyper", "inter", "anti" };

    if (len > 5 && word[len - 1] == 's' && !strchr("sx", word[len - 2]) &&
        lexicon_find(s->lexicon, word, len - 1) & LEXICON_LOWER)
        return true;
    for (size_t i = 0; i < LP_COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (len >= n + 5 && memcmp(word, prefixes[i], n) == 0 &&
            lexicon_find(s->lexicon, word + n, len - n) & LEXICON_LOWER)
            return true;
    }
    return false;
}

/* "haha", "hehehe", "bahaha": as long as somebody laughs. */
static bool is_laughter(const char *word, size_t len)
{
    size_t h = 0;

    for (size_t i = 0; i < len; i++) {
        if (!strchr(i < 2 ? "bmwahei" : "hahei", word[i]))
            return false;
        h += word[i] == 'h';
    }
    return len >= 3 && 2 * h + 3 >= len && h >= 2 && strspn(word, "bmw") < 3;
}

bool spelling_knows(const struct spelling *s, const char *word)
{
    size_t len = strlen(word);

    if (bits_of(s, word, len) || is_derived(s, word, len) || is_laughter(word, len))
        return true;
    if (!memchr(word, '-', len))
        return false;
    for (const char *part = word; part;) {
        size_t n = strcspn(part, "-");
        if (n > 0 && !bits_of(s, part, n))
            return false;
        part = part[n] ? part + n + 1 : NULL;
    }
    return true;
}

bool spelling_knows_lower(const struct spelling *s, const char *word)
{
    return bits_of(s, word, strlen(word)) & LEXICON_LOWER;
}

double spelling_frequency(const struct spelling *s, const char *word)
{
    return model_score(s->model, model_word(s->model, word, strlen(word)), MODEL_UNKNOWN,
                       MODEL_UNKNOWN);
}

static int number_of(const struct spelling *s, const char *word, int at_edge)
{
    return word ? model_word(s->model, word, strlen(word)) : at_edge;
}

double spelling_likelihood(const struct spelling *s, const char *const *words, size_t n)
{
    int ids[8];
    double sum = 0;

    n = n < LP_COUNT(ids) ? n : LP_COUNT(ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = number_of(s, words[i], i < 2 ? model_start(s->model) : model_end(s->model));
    for (size_t i = 2; i < n; i++)
        sum += model_score(s->model, ids[i], ids[i - 1],
                           ids[i - 1] == model_start(s->model) ? MODEL_UNKNOWN : ids[i - 2]);
    return sum;
}

/* ---- which word was meant ---- */

struct candidate {
    char word[LEXICON_WORD + 1];
    size_t split; /* where a space belongs; 0: nowhere */
    unsigned bits;
    double channel, frequency, total;
};

/* The candidates with the least cost, in order. */
struct choice {
    const struct spelling *speller;
    const struct spelling_place *place;
    size_t len; /* of the word */
    struct candidate best[BEST];
    size_t n;
};

static void offer(struct choice *c, const struct candidate *new)
{
    size_t i = c->n;

    if (c->place->beside_unknown && new->channel > PHRASE_CHANNEL)
        return;
    if (c->n == BEST && new->total >= c->best[BEST - 1].total)
        return;
    if (c->n == BEST)
        i--;
    else
        c->n++;
    for (; i > 0 && c->best[i - 1].total > new->total; i--)
        c->best[i] = c->best[i - 1];
    c->best[i] = *new;
}

static double frequency_of(const struct spelling *s, const char *word, size_t len)
{
    int id = model_word(s->model, word, len);
    return model_score(s->model, id, MODEL_UNKNOWN, MODEL_UNKNOWN) - (id < 0 ? RARE : 0);
}

/* A short word that is far from any other is one that we do not know. */
static bool is_too_far(const struct choice *c, double channel, unsigned bits, unsigned edits)
{
    if (c->place->capital && edits > 1 && (c->len <= 6 || !(bits & LEXICON_LOWER)))
        return true;
    return channel > (c->len <= 4 ? FAR_OF_FOUR : c->len == 5 ? FAR_OF_FIVE : FAR);
}

static void take_near(const char *word, size_t len, unsigned bits, unsigned edits, void *user)
{
    struct choice *c = user;
    struct candidate new = { .bits = bits };

    if (bits & LEXICON_SHY || edits == 0 || len < 2)
        return;
    memcpy(new.word, word, len + 1);
    new.channel = channel_cost(c->place->word, c->len, word, len);
    if (is_too_far(c, new.channel, bits, edits))
        return;
    new.frequency = frequency_of(c->speller, word, len);
    if (!(bits & LEXICON_LOWER))
        new.channel += 1; /* a name, without its capital */
    new.total = new.channel - new.frequency;
    offer(c, &new);
}

/* "alot": two words that the model has in a row. */
static void take_splits(struct choice *c)
{
    const struct spelling *s = c->speller;
    const char *word = c->place->word;

    for (size_t i = 1; i < c->len; i++) {
        struct candidate new = { .split = i, .bits = LEXICON_LOWER, .channel = 5.5 };
        int first = model_word(s->model, word, i);
        int second = model_word(s->model, word + i, c->len - i);
        bool short_one = (i == 1 && *word != 'a' && *word != 'i') || c->len - i == 1;
        if (first < 0 || second < 0 || short_one ||
            !(lexicon_find(s->lexicon, word, i) & LEXICON_LOWER) ||
            !(lexicon_find(s->lexicon, word + i, c->len - i) & LEXICON_LOWER))
            continue;
        memcpy(new.word, word, c->len + 1);
        new.frequency = model_score(s->model, first, MODEL_UNKNOWN, MODEL_UNKNOWN) +
                        model_score(s->model, second, first, MODEL_UNKNOWN);
        new.total = new.channel - new.frequency;
        offer(c, &new);
    }
}

/* Nats of the candidate between its neighbours. */
static double in_place(const struct choice *c, const struct candidate *k)
{
    const struct spelling *s = c->speller;
    const struct spelling_place *p = c->place;
    const struct model *m = s->model;
    int start = model_start(m), end = model_end(m);
    int b2 = p->before ? number_of(s, p->before2, start) : MODEL_UNKNOWN;
    int b = number_of(s, p->before, start), a = number_of(s, p->after, end);
    int first = model_word(m, k->word, k->split ? k->split : strlen(k->word)), last = first;
    int before_last = b;
    double sum = first < 0 ? MODEL_FLOOR - RARE : model_score(m, first, b, b2);

    if (k->split) {
        last = model_word(m, k->word + k->split, strlen(k->word + k->split));
        sum += model_score(m, last, first, b);
        before_last = first;
    }
    if (a >= 0)
        sum += model_score(m, a, last, before_last);
    int a2 = p->after ? number_of(s, p->after2, end) : MODEL_UNKNOWN;
    if (a >= 0 && a2 >= 0)
        sum += model_score(m, a2, a, last);
    return sum;
}

/* What the neighbours would weigh beside a word that nobody knows. */
static double place_alone(const struct choice *c)
{
    const struct candidate none = { .word = "\x01" };
    return in_place(c, &none) - (MODEL_FLOOR - RARE);
}

static void write_choice(const struct candidate *k, char ret_word[SPELLING_WORD])
{
    size_t n = 0;
    for (const char *w = k->word; *w; w++) {
        if (k->split && (size_t)(w - k->word) == k->split)
            ret_word[n++] = ' ';
        ret_word[n++] = *w;
    }
    ret_word[n] = '\0';
    if (!(k->bits & LEXICON_LOWER))
        *ret_word = (char)toupper((unsigned char)*ret_word);
}

/* What it costs to take the word for one that is right and that we do not know. A name that the
 * model has is right. */
static double keep_cost(const struct choice *c)
{
    const struct spelling_place *p = c->place;

    if (p->capital)
        return model_word(c->speller->model, p->word, c->len) >= 0 ? 0 : KEEP_NAME;
    if (c->len <= 4)
        return c->len <= 3 ? KEEP_SHORT : KEEP_FOUR;
    return p->beside_unknown ? KEEP_PHRASE : KEEP_LOWER;
}

/* "receive", "received": one is the beginning of the other. */
static bool are_forms(const struct candidate *a, const struct candidate *b)
{
    size_t n = strlen(a->word), m = strlen(b->word), least = n < m ? n : m;
    return !a->split && !b->split && least >= 4 && (n > m ? n - m : m - n) <= 3 &&
           memcmp(a->word, b->word, least) == 0;
}

/* Which form of a word fits is grammar's to say: the forms of the best do not compete with it.
 * Their weights together; *best becomes the one that is nearest to what was written. */
static double share_of_forms(const struct choice *c, size_t *best)
{
    size_t first = *best;
    double sum = 0;

    for (size_t i = 0; i < c->n; i++) {
        if (i != first && !are_forms(&c->best[i], &c->best[first]))
            continue;
        sum += exp(-c->best[i].total);
        if (c->best[i].channel < c->best[*best].channel)
            *best = i;
    }
    return sum;
}

double spelling_suggest(const struct spelling *s, const struct spelling_place *place,
                        char ret_word[SPELLING_WORD])
{
    struct choice c = { .speller = s, .place = place, .len = strlen(place->word) };
    size_t best = 0;

    if (c.len < 2 || c.len >= LEXICON_WORD)
        return 0;
    lexicon_near(s->lexicon, place->word, c.len, c.len <= 3 ? 1 : 2, take_near, &c);
    take_splits(&c);
    double alone = place_alone(&c);
    double all = exp(-keep_cost(&c));
    for (size_t i = 0; i < c.n; i++) {
        c.best[i].total = c.best[i].channel - in_place(&c, &c.best[i]) + alone;
        all += exp(-c.best[i].total);
        if (c.best[i].total <= c.best[best].total)
            best = i;
    }
    double share = share_of_forms(&c, &best);
    if (c.n == 0 || share / all < SURE)
        return 0;
    write_choice(&c.best[best], ret_word);
    return share / all > 0.99 ? 0.99 : share / all;
}
