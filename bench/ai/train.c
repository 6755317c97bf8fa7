/* bench/ai/train.c -- lp-ai-train: the weights of services/ai-feedback/tagging. bench/ai/train
 * gives it the text. The same text makes the same weights. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/ai/train_parts.h"
#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/linear.h"
#include "services/ai-feedback/tagging/tagger.h"

#define ROUNDS 4
#define RATE 0.1
#define PARTS 4

static const char *const names[PARTS] = { "training", "development", "test on dialogue",
                                          "test on speeches" };

struct example {
    size_t at; /* of its features among all */
    unsigned n;
    bool yes;
};

struct examples {
    uint32_t *places; /* of weights */
    size_t n_places, cap_places;
    struct example *list;
    size_t n, cap;
};

static void add_example(struct examples *e, const uint64_t *features, size_t n, unsigned bits,
                        bool yes)
{
    if (e->n == e->cap) {
        e->cap = e->cap ? 2 * e->cap : 1 << 16;
        e->list = lp_realloc(e->list, e->cap * sizeof *e->list);
    }
    if (e->n_places + n > e->cap_places) {
        e->cap_places = e->cap_places ? 2 * e->cap_places : 1 << 20;
        e->places = lp_realloc(e->places, e->cap_places * sizeof *e->places);
    }
    e->list[e->n++] = (struct example){ e->n_places, (unsigned)n, yes };
    for (size_t i = 0; i < n; i++)
        e->places[e->n_places++] = (uint32_t)linear_place(features[i], bits);
}

/* Sentences that stand in a row, their words without marks. */
struct group {
    struct tag_word words[2048];
    size_t n, ends[256], n_ends;
};

static void add_group(const struct model *m, struct group *g, struct examples *boundaries)
{
    size_t from = 0, next = 0;

    for (size_t i = 1; i < g->n; i++) {
        uint64_t features[GAP_FEATURES];
        bool yes = g->ends[next] == i;
        size_t n = gap_features(m, g->words + from, g->n - from, i - from, features);
        add_example(boundaries, features, n, BOUNDARY_BITS, yes);
        if (yes) {
            from = i;
            next++;
        }
    }
    g->n = g->n_ends = 0;
}

static void add_sentence(const struct model *m, struct group *g, const char *line, size_t len,
                         struct examples *questions)
{
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *w = NULL;
    uint64_t features[QUESTION_FEATURES];

    sentence_init(&s, line, len);
    size_t n = tag_words(&s, m, &w);
    if (n == 0 || g->n + n > LP_COUNT(g->words) || g->n_ends == LP_COUNT(g->ends))
        return;
    add_example(questions, features, question_features(w, n, features), QUESTION_BITS,
                line[len - 1] == '?');
    memcpy(g->words + g->n, w, n * sizeof *w);
    g->n += n;
    g->ends[g->n_ends++] = g->n;
}

/* Where the lines of a text go. */
struct reading {
    const struct model *model;
    struct group group;
    struct examples *boundaries, *questions;
};

/* One sentence a line, an empty line behind each group. */
static void read_line(const char *line, size_t len, void *user)
{
    struct reading *r = user;

    if (len > 0)
        add_sentence(r->model, &r->group, line, len, r->questions);
    else
        add_group(r->model, &r->group, r->boundaries);
}

static void read_text(const char *path, const struct model *m, struct examples *boundaries,
                      struct examples *questions)
{
    static struct reading reading;

    reading.model = m;
    reading.boundaries = boundaries;
    reading.questions = questions;
    parts_read(path, read_line, &reading);
}

static double sum_of(const struct examples *e, size_t i, const double *weights)
{
    double sum = 0;
    for (unsigned k = 0; k < e->list[i].n; k++)
        sum += weights[e->places[e->list[i].at + k]];
    return sum;
}

/* Logistic regression, by AdaGrad (Duchi, Hazan, Singer 2011): on the development part it is a
 * point of F1 better at boundaries and three at questions than an averaged perceptron. */
static double *train(struct examples *e, unsigned bits)
{
    size_t size = (size_t)1 << bits;
    double *weights = lp_calloc(size, sizeof *weights);
    lp_auto_free double *seen = lp_calloc(size, sizeof *seen);
    uint64_t random = 7;

    for (int round = 0; round < ROUNDS; round++) {
        parts_shuffle(e->list, e->n, sizeof *e->list, &random);
        for (size_t i = 0; i < e->n; i++) {
            double wrong = 1 / (1 + exp(-sum_of(e, i, weights))) - (e->list[i].yes ? 1 : 0);
            for (unsigned k = 0; k < e->list[i].n; k++) {
                size_t at = e->places[e->list[i].at + k];
                seen[at] += wrong * wrong;
                weights[at] -= RATE * wrong / sqrt(seen[at] + 1e-8);
            }
        }
    }
    return weights;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* To bytes, so that the largest of a thousand weights are cut. */
static void quantise(double *weights, unsigned bits)
{
    size_t size = (size_t)1 << bits, n = 0;
    lp_auto_free double *order = lp_calloc(size, sizeof *order);

    for (size_t i = 0; i < size; i++)
        if (fabs(weights[i]) > 0)
            order[n++] = fabs(weights[i]);
    qsort(order, n, sizeof *order, compare);
    double scale = n > 0 ? 127 / order[n - 1 - n / 1000] : 1;
    for (size_t i = 0; i < size; i++)
        weights[i] = fmax(-127, fmin(127, round(weights[i] * scale)));
}

struct figures {
    double p, r, f;
};

static struct figures measure(const struct examples *e, const double *weights, int threshold)
{
    double hits = 0, made = 0, wanted = 0;

    for (size_t i = 0; i < e->n; i++) {
        bool yes = sum_of(e, i, weights) > threshold;
        hits += yes && e->list[i].yes;
        made += yes;
        wanted += e->list[i].yes;
    }
    double p = made > 0 ? hits / made : 1, r = wanted > 0 ? hits / wanted : 1;
    return (struct figures){ p, r, p + r > 0 ? 2 * p * r / (p + r) : 0 };
}

/* The threshold of the best F1 on the development part, and the least ones of a precision. */
static void choose(const struct examples *dev, const double *weights,
                   int ret_thresholds[LINEAR_CARES])
{
    double best = 0;

    ret_thresholds[LINEAR_BALANCED] = 0;
    ret_thresholds[LINEAR_CAREFUL] = ret_thresholds[LINEAR_CERTAIN] = 1 << 20;
    for (int t = 1000; t >= -500; t -= 10) {
        struct figures x = measure(dev, weights, t);
        if (x.f > best) {
            best = x.f;
            ret_thresholds[LINEAR_BALANCED] = t;
        }
        if (x.p >= 0.90)
            ret_thresholds[LINEAR_CAREFUL] = t;
        if (x.p >= 0.98)
            ret_thresholds[LINEAR_CERTAIN] = t;
    }
}

static void learn(const char *what, struct examples *all, unsigned bits, const char *path)
{
    lp_auto_free double *weights = train(&all[0], bits);
    int thresholds[LINEAR_CARES];

    quantise(weights, bits);
    choose(&all[1], weights, thresholds);
    for (int part = 1; part < PARTS; part++)
        for (int t = 0; t < LINEAR_CARES; t++) {
            struct figures x = measure(&all[part], weights, thresholds[t]);
            printf("%s, %s, threshold %d: P %.3f R %.3f F1 %.3f of %zu (training %zu)\n", what,
                   names[part], thresholds[t], x.p, x.r, x.f, all[part].n, all[0].n);
        }
    parts_write(path, thresholds, LINEAR_CARES, weights, bits);
}

int main(int argc, char **argv)
{
    struct examples boundaries[PARTS] = { 0 }, questions[PARTS] = { 0 };
    struct model *model = NULL;
    struct lp_error err;

    if (argc != 8) {
        fprintf(stderr,
                "usage: lp-ai-train MODEL_DIR TRAINING DEVELOPMENT TEST TEST BOUNDARY.weights "
                "QUESTION.weights\n");
        return 2;
    }
    if (model_open(argv[1], &model, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (int i = 0; i < PARTS; i++)
        read_text(argv[2 + i], model, &boundaries[i], &questions[i]);
    learn("boundaries", boundaries, BOUNDARY_BITS, argv[6]);
    learn("questions", questions, QUESTION_BITS, argv[7]);
    for (int i = 0; i < PARTS; i++) {
        free(boundaries[i].list);
        free(boundaries[i].places);
        free(questions[i].list);
        free(questions[i].places);
    }
    model_close(model);
    return 0;
}
