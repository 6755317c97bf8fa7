/* services/ai-feedback/tagging/features.c -- words around a gap and the trigram model's view of it.
 * A change here asks for new weights (bench/ai/train). No state. */
#include "services/ai-feedback/tagging/features.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "services/ai-feedback/tagging/linear.h"

#define WORD 48
#define EDGE 1 /* the hash of what stands before the first and behind the last word */

/* Words of a kind, with a space around each. */
static const char negated[] =
    " isn't aren't wasn't weren't don't doesn't didn't can't couldn't won't wouldn't shouldn't "
    "haven't hasn't hadn't ";
static const char short_forms[] =
    " i'm i've i'll i'd you're you've you'll you'd he's she's it's we're we've we'll they're "
    "they've they'll there's that's ";

static const char *const kinds[] = {
    " um umm uh uhh uhm erm er hmm ", /* sounds */
    " is are am was were do does did can could will would should have has had shall may must ",
    negated,
    " what where when why who which how whose what's where's who's how's when's ",
    " i you he she it we they there this that these those ",
    short_forms,
    " my your his her its our their the a an ",
    " and but or so because if then although while ",
    " to of in on at for with from by about into ",
    " yes no yeah yep nope ok okay oh hi hello hey well thanks sure ",
};

/* The number of its kind, 0 where it has none. */
static unsigned kind_of(const char *word)
{
    size_t len = strlen(word);

    for (unsigned i = 0; len > 0 && i < LP_COUNT(kinds); i++)
        for (const char *at = strstr(kinds[i], word); at; at = strstr(at + 1, word))
            if (at[-1] == ' ' && at[len] == ' ')
                return i + 1; /* each list begins with a space, which no word has */
    return 0;
}

static struct tag_word word_of(const struct sentence *s, size_t i, const struct model *model,
                               const char *word, size_t len)
{
    bool is_word = s->tokens[i].kind == TOKEN_WORD;
    struct tag_word w = { .token = i, .id = MODEL_UNKNOWN };

    if (!is_word) /* numbers, addresses: one is like the other */
        word = s->tokens[i].kind == TOKEN_NUMBER ? "0" : "@";
    w.hash = lp_hash(word);
    w.ending = lp_hash(is_word && len > 3 ? word + len - 3 : word);
    if (model && is_word)
        w.id = model_word(model, word, len);
    return w;
}

size_t tag_words(const struct sentence *s, const struct model *model, struct tag_word **ret_words)
{
    struct tag_word *words = lp_calloc(s->n + 1, sizeof *words);
    bool marked = false;
    size_t n = 0;

    for (size_t i = sentence_next(s, (size_t)-1); i < s->n; i = sentence_next(s, i)) {
        char word[WORD];
        size_t len = token_lower(s, i, word, sizeof word);
        bool is_mark = s->tokens[i].kind == TOKEN_MARK;
        unsigned kind = is_mark ? 0 : kind_of(word);
        if (is_mark || kind == KIND_SOUND) {
            marked = marked || is_mark;
            continue;
        }
        words[n] = word_of(s, i, model, word, len);
        words[n].kind = kind;
        words[n++].marked = marked;
        marked = false;
    }
    *ret_words = words;
    return n;
}

void tag_again(const struct sentence *s, const struct model *model, struct tag_word *word)
{
    char text[WORD];
    size_t len = token_lower(s, word->token, text, sizeof text);
    bool marked = word->marked;

    *word = word_of(s, word->token, model, text, len);
    word->kind = kind_of(text);
    word->marked = marked;
}

/* How much likelier the words around the gap are as the end and the begin of a sentence, in nats.
 */
static double gain(const struct model *m, const struct tag_word *w, size_t n, size_t i)
{
    int start = model_start(m), end = model_end(m);
    int a = w[i - 1].id, a2 = i > 1 ? w[i - 2].id : start, b = w[i].id;
    double apart = model_score(m, end, a, a2) + model_score(m, b, start, MODEL_UNKNOWN);
    double together = model_score(m, b, a, a2);

    if (i + 1 < n) {
        apart += model_score(m, w[i + 1].id, b, start);
        together += model_score(m, w[i + 1].id, b, a);
    }
    return apart - together;
}

/* 1, 2, ... 6 as they are, then ever coarser. */
static uint64_t bucket(size_t n)
{
    static const size_t above[] = { 6, 8, 11, 15, 21, 30 };
    uint64_t b = 7;
    if (n <= 6)
        return n;
    for (size_t i = 0; i < LP_COUNT(above) && n > above[i]; i++)
        b++;
    return b;
}

static uint64_t hash_at(const struct tag_word *w, size_t n, size_t i)
{
    return i < n ? w[i].hash : EDGE;
}

/* Three kinds in a row, from word `i`. */
static uint64_t kinds_at(const struct tag_word *w, size_t n, size_t i)
{
    uint64_t kinds_there = 0;
    for (size_t k = i; k < i + 3; k++)
        kinds_there = kinds_there * 16 + (k < n ? w[k].kind : 15);
    return kinds_there;
}

struct features {
    uint64_t *at;
    size_t n;
};

static void add(struct features *f, uint64_t a, uint64_t b)
{
    f->at[f->n] = linear_feature((unsigned)f->n, a, b);
    f->n++;
}

static float tenth(double nats)
{
    return (float)(nats < -20 ? -2 : nats / 10);
}

void word_views(const struct model *m, const struct tag_word *w, size_t n, size_t i,
                float ret_views[NETWORK_VIEWS])
{
    memset(ret_views, 0, NETWORK_VIEWS * sizeof *ret_views);
    ret_views[1] = i == 0 ? 1 : 0;
    ret_views[7] = w[i].kind > KIND_SOUND && w[i].kind < KIND_PRONOUN ? 1 : 0;
    if (!m)
        return;
    ret_views[0] = w[i].id == MODEL_UNKNOWN ? 1 : 0;
    ret_views[2] = tenth(model_score(m, w[i].id, MODEL_UNKNOWN, MODEL_UNKNOWN));
    ret_views[3] = tenth(model_score(m, w[i].id, model_start(m), MODEL_UNKNOWN));
    if (i == 0)
        return;
    int a2 = i > 1 ? w[i - 2].id : model_start(m);
    ret_views[4] = tenth(model_score(m, model_end(m), w[i - 1].id, a2));
    ret_views[5] = tenth(model_score(m, w[i].id, w[i - 1].id, a2));
    ret_views[6] = (float)fmax(-15, fmin(15, gain(m, w, n, i))) / 5;
}

size_t gap_features(const struct tag_word *w, size_t n, size_t i,
                    uint64_t ret_features[GAP_FEATURES])
{
    struct features f = { .at = ret_features };
    uint64_t a2 = i > 1 ? w[i - 2].hash : EDGE, a = w[i - 1].hash, b = w[i].hash;
    uint64_t a3 = i > 2 ? w[i - 3].hash : EDGE;
    uint64_t b2 = hash_at(w, n, i + 1), b3 = hash_at(w, n, i + 2);

    add(&f, a, b);
    add(&f, a2, a);
    add(&f, b, b2);
    add(&f, linear_feature(90, a2, a), b);
    add(&f, linear_feature(91, a, b), b2);
    add(&f, linear_feature(92, b, b2), b3);
    add(&f, linear_feature(93, a3, a2), a);
    add(&f, linear_feature(94, a2, a), linear_feature(95, b, b2));
    add(&f, a2, b);
    add(&f, a, b2);
    add(&f, w[i - 1].ending, b);
    add(&f, a, w[i].ending);
    add(&f, kinds_at(w, n, i > 3 ? i - 3 : 0), kinds_at(w, n, i));
    add(&f, kinds_at(w, n, i), a);
    return f.n;
}

size_t filler_at(const struct tag_word *w, size_t n, size_t i)
{
    bool two = i + 1 < n;

    if (w[i].hash == lp_hash("like"))
        return 1;
    if (two && w[i].hash == lp_hash("you") && w[i + 1].hash == lp_hash("know"))
        return 2;
    return two && w[i].hash == lp_hash("i") && w[i + 1].hash == lp_hash("mean") ? 2 : 0;
}

/* By how much the words go better together without the `len` words at i, in nats. */
static double skipped(const struct model *m, const struct tag_word *w, size_t n, size_t i,
                      size_t len)
{
    int a = i > 0 ? w[i - 1].id : model_start(m), a2 = i > 1 ? w[i - 2].id : MODEL_UNKNOWN;
    int c = i + len < n ? w[i + len].id : model_end(m);
    double without = model_score(m, c, a, a2);
    double with = model_score(m, c, w[i + len - 1].id, len > 1 ? w[i].id : a);

    if (i + len + 1 < n) {
        without += model_score(m, w[i + len + 1].id, c, a);
        with += model_score(m, w[i + len + 1].id, c, w[i + len - 1].id);
    }
    return fmax(-15, fmin(15, without - with));
}

size_t filler_features(const struct model *m, const struct tag_word *w, size_t n, size_t i,
                       size_t len, uint64_t ret_features[GAP_FEATURES])
{
    struct features f = { .at = ret_features };
    uint64_t a2 = i > 1 ? w[i - 2].hash : EDGE, a = i > 0 ? w[i - 1].hash : EDGE, b = w[i].hash;
    uint64_t c = hash_at(w, n, i + len), c2 = hash_at(w, n, i + len + 1);
    uint64_t t = (uint64_t)(skipped(m, w, n, i, len) + 16);

    add(&f, b, 0);
    add(&f, b, a);
    add(&f, b, c);
    add(&f, linear_feature(90, a2, a), b);
    add(&f, linear_feature(91, c, c2), b);
    add(&f, linear_feature(92, a, c), b);
    add(&f, linear_feature(93, a2, a), linear_feature(94, b, c));
    add(&f, linear_feature(95, a, b), linear_feature(96, c, c2));
    add(&f, b, t);
    add(&f, linear_feature(97, a, b), t / 2);
    add(&f, linear_feature(98, c, b), t / 2);
    add(&f, b, kinds_at(w, n, i + len));
    add(&f, b, kinds_at(w, n, i > 3 ? i - 3 : 0));
    return f.n;
}

/* Kinds of features that belong to no place: each word and pair of a question, wherever it is. */
enum { ANY_PAIR = 200, LATE_PAIR };

size_t question_features(const struct tag_word *w, size_t n,
                         uint64_t ret_features[QUESTION_FEATURES])
{
    struct features f = { .at = ret_features };
    uint64_t a = hash_at(w, n, 0), b = hash_at(w, n, 1), c = hash_at(w, n, 2);
    uint64_t last = w[n - 1].hash, last2 = n > 1 ? w[n - 2].hash : EDGE;

    add(&f, 0, 0);
    add(&f, a, 0);
    add(&f, b, 0);
    add(&f, c, 0);
    add(&f, a, b);
    add(&f, b, c);
    add(&f, linear_feature(90, a, b), c);
    add(&f, last, 0);
    add(&f, last2, last);
    add(&f, bucket(n), 0);
    add(&f, a, bucket(n));
    add(&f, a, last);
    add(&f, linear_feature(91, c, hash_at(w, n, 3)), 0);
    add(&f, linear_feature(92, b, c), hash_at(w, n, 3));
    add(&f, kinds_at(w, n, 0), 0);
    add(&f, kinds_at(w, n, 1), 0);
    add(&f, kinds_at(w, n, 0), kinds_at(w, n, 3));
    add(&f, kinds_at(w, n, n > 2 ? n - 2 : 0), last);
    for (size_t i = 1; i < n && i < 12; i++) {
        ret_features[f.n++] = linear_feature(ANY_PAIR, w[i - 1].hash, w[i].hash);
        ret_features[f.n++] = linear_feature(LATE_PAIR, w[n - i - 1].hash, w[n - i].hash);
    }
    return f.n;
}
