/* bench/ai/train_choices.c -- lp-ai-train-choices: the weights of
 * services/ai-feedback/rules/choice.c. Every word of a set in right English is an example of which
 * one is meant in its place. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/ai/train_parts.h"
#include "services/ai-feedback/rules/choice.h"
#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/tagging/linear.h"

#define ROUNDS 3
#define RATE 0.1
#define HARM                                                                                     \
    0.0005         /* share of right words that a margin may change, and one: the text has slips \
                    */
#define MARGIN 112 /* least margin, 32 a nat: what is written is right far more often than not */
#define FEW 400    /* examples that tell little of a margin */
#define MARGIN_OF_FEW 144
#define MARGIN_MAX \
    176           /* e^5.5 to one: where a set of few words errs by more, the text has a slip */
#define MANY 5000 /* examples that tell all of a margin */
#define SCORES_MAX 400 /* a margin is looked for up to here */

struct example {
    size_t at; /* of its places: CHOICE_WORDS candidates, `features` each */
    unsigned char n, right, features;
    unsigned char set;
};

struct examples {
    uint32_t *places;
    size_t n_places, cap_places;
    struct example *list;
    size_t n, cap;
};

static void add_example(struct examples *e, const struct choice_slot *slot,
                        const struct tag_word *w, size_t n, size_t i)
{
    struct example new = { e->n_places, (unsigned char)slot->n, (unsigned char)slot->written, 0,
                           (unsigned char)slot->set };

    if (e->n == e->cap) {
        e->cap = e->cap ? 2 * e->cap : 1 << 16;
        e->list = lp_realloc(e->list, e->cap * sizeof *e->list);
    }
    for (size_t c = 0; c < slot->n; c++) {
        uint64_t features[CHOICE_FEATURES];
        size_t k = choice_features(slot, w, n, i, c, features);
        new.features = (unsigned char)k;
        if (e->n_places + k > e->cap_places) {
            e->cap_places = e->cap_places ? 2 * e->cap_places : 1 << 22;
            e->places = lp_realloc(e->places, e->cap_places * sizeof *e->places);
        }
        for (size_t f = 0; f < k; f++)
            e->places[e->n_places++] = (uint32_t)linear_place(features[f], CHOICE_BITS);
    }
    e->list[e->n++] = new;
}

struct reading {
    const struct model *model;
    struct examples *examples;
};

static void read_sentence(const char *line, size_t len, void *user)
{
    const struct reading *r = user;
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *w = NULL;

    if (len == 0)
        return;
    sentence_init(&s, line, len);
    size_t n = tag_words(&s, r->model, &w);
    for (size_t i = 0; i < n; i++)
        for (size_t set = 0; set < choice_set_count; set++) {
            struct choice_slot slot;
            char word[CHOICE_ROOM];
            token_lower(&s, w[i].token, word, sizeof word);
            if (!choice_slot(set, word, &slot))
                continue;
            choice_weigh(&slot, r->model, w, n, i);
            add_example(r->examples, &slot, w, n, i);
        }
}

static double score(const struct examples *e, const struct example *x, size_t c,
                    const double *weights)
{
    const uint32_t *places = e->places + x->at + c * x->features;
    double sum = 0;

    for (size_t f = 0; f < x->features; f++)
        sum += weights[places[f]];
    return sum;
}

static void learn_from(const struct examples *e, const struct example *x, double *weights,
                       double *seen)
{
    double p[CHOICE_WORDS], sum = 0, best = -1e9;

    for (size_t c = 0; c < x->n; c++)
        best = fmax(best, p[c] = score(e, x, c, weights));
    for (size_t c = 0; c < x->n; c++)
        sum += p[c] = exp(p[c] - best);
    if (sum <= 0)
        return;
    for (size_t c = 0; c < x->n; c++) {
        double wrong = p[c] / sum - (c == x->right ? 1 : 0);
        const uint32_t *places = e->places + x->at + c * x->features;
        if (fabs(wrong) < 1e-3)
            continue;
        for (size_t f = 0; f < x->features; f++) {
            seen[places[f]] += wrong * wrong;
            weights[places[f]] -= RATE * wrong / sqrt(seen[places[f]] + 1e-8);
        }
    }
}

/* Multinomial logistic regression, by AdaGrad (Duchi, Hazan, Singer 2011). */
static double *train(struct examples *e)
{
    size_t size = (size_t)1 << CHOICE_BITS;
    double *weights = lp_calloc(size, sizeof *weights);
    lp_auto_free double *seen = lp_calloc(size, sizeof *seen);
    uint64_t random = 7;

    for (int round = 0; round < ROUNDS; round++) {
        parts_shuffle(e->list, e->n, sizeof *e->list, &random);
        for (size_t i = 0; i < e->n; i++)
            learn_from(e, &e->list[i], weights, seen);
    }
    for (size_t i = 0; i < size; i++)
        weights[i] = fmax(-127, fmin(127, round(weights[i] * 32)));
    return weights;
}

/* By how much another word beats the one that `written` is; *ret_best: which. */
static double lead_over(const struct examples *e, const struct example *x, size_t written,
                        const double *weights, size_t *ret_best)
{
    double own = score(e, x, written, weights), best = -1e9;

    for (size_t c = 0; c < x->n; c++) {
        double s = c == written ? -1e9 : score(e, x, c, weights);
        if (s > best) {
            best = s;
            *ret_best = c;
        }
    }
    return best - own;
}

/* Per set: the least margin at which no more than HARM of the right words change; and what it would
 * mend of words that were replaced by another of the set. */
static int choose_margin(const struct examples *e, size_t set, const double *weights)
{
    size_t harm[SCORES_MAX + 1] = { 0 }, mended[SCORES_MAX + 1] = { 0 }, n = 0, wrong = 0, best = 0;
    size_t margin = 0;

    for (size_t i = 0; i < e->n; i++) {
        const struct example *x = &e->list[i];
        if (x->set != set)
            continue;
        n++;
        double l = lead_over(e, x, x->right, weights, &best);
        harm[(size_t)fmax(0, fmin(SCORES_MAX, l))] += l > 0;
        for (size_t c = 0; c < x->n; c++) {
            if (c == x->right)
                continue;
            wrong++;
            l = lead_over(e, x, c, weights, &best);
            mended[(size_t)fmax(0, fmin(SCORES_MAX, l))] += l > 0 && best == x->right;
        }
    }
    size_t harmed = 0, good = 0;
    for (size_t k = SCORES_MAX; k > 0; k--) {
        if ((double)(harmed + harm[k]) > 1 + HARM * (double)n) {
            margin = k + 1;
            break;
        }
        harmed += harm[k];
    }
    size_t least = n < FEW ? MARGIN_OF_FEW : MARGIN;
    margin = margin > least ? margin : least;
    if (n < MANY && margin > MARGIN_MAX)
        margin = MARGIN_MAX;
    for (size_t k = margin; k <= SCORES_MAX; k++)
        good += mended[k];
    printf("%-24s of %7zu right ones %4zu change; of %7zu injected %5.1f %% mended; margin %zu\n",
           choice_sets[set].id, n, harmed, wrong, wrong ? 100.0 * (double)good / (double)wrong : 0,
           margin);
    return (int)margin;
}

int main(int argc, char **argv)
{
    struct examples training = { 0 }, development = { 0 };
    struct model *model = NULL;
    int margins[CHOICE_SETS] = { 0 };
    struct lp_error err;

    if (argc != 5) {
        fprintf(stderr,
                "usage: lp-ai-train-choices MODEL_DIR TRAINING DEVELOPMENT CHOICE.weights\n");
        return 2;
    }
    if (model_open(argv[1], &model, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    struct reading first = { model, &training }, second = { model, &development };
    parts_read(argv[2], read_sentence, &first);
    parts_read(argv[3], read_sentence, &second);
    printf("%zu words to learn from\n", training.n);
    lp_auto_free double *weights = train(&training);
    for (size_t set = 0; set < choice_set_count; set++)
        margins[set] = choose_margin(&development, set, weights);
    parts_write(argv[4], margins, CHOICE_SETS, weights, CHOICE_BITS);
    free(training.list);
    free(training.places);
    free(development.list);
    free(development.places);
    model_close(model);
    return 0;
}
