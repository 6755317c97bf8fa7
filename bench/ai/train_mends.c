/* bench/ai/train_mends.c -- lp-ai-train-mends: the weights of services/ai-feedback/rules/mend.c, of
 * right English with errors in it (bench/ai/inject). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/ai/train_parts.h"
#include "services/ai-feedback/rules/mend.h"
#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/tagging/linear.h"

#define ROUNDS 2
#define RATE 0.1F
#define RIGHT 0.70  /* share of what a group changes that must be right */
#define HARM 8.0    /* mended errors that outweigh a change of what was right */
#define FEW 12      /* changes that tell little of a margin */
#define SURER 3 / 2 /* learners err in other ways than the injector does */
#define SCORE_MAX 1023
#define ERRORS 32
#define LINE 4096

struct error {
    size_t at, len; /* bytes of the wrong text */
    char right[2 * MEND_ROOM];
};

/* A line without its marks, and what they say. */
struct lesson {
    char text[LINE];
    size_t len, n;
    struct error errors[ERRORS];
};

/* "[wrong|right]" at `at`; how far it goes, 0 where it is none. */
static size_t read_error(const char *at, size_t left, struct lesson *l)
{
    const char *bar = memchr(at, '|', left), *end = memchr(at, ']', left);

    if (!bar || !end || bar > end || l->n == ERRORS)
        return 0;
    struct error *e = &l->errors[l->n++];
    e->at = l->len;
    e->len = (size_t)(bar - at) - 1;
    memcpy(l->text + l->len, at + 1, e->len);
    l->len += e->len;
    size_t n = (size_t)(end - bar) - 1;
    while (n > 0 && bar[n] == ' ')
        n--;
    snprintf(e->right, sizeof e->right, "%.*s", (int)n, bar + 1);
    for (char *p = e->right; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    return (size_t)(end - at) + 1;
}

static bool read_lesson(const char *line, size_t len, struct lesson *l)
{
    l->len = l->n = 0;
    if (len == 0 || len >= LINE)
        return false;
    for (size_t i = 0; i < len;) {
        size_t n = line[i] == '[' ? read_error(line + i, len - i, l) : 0;
        if (n == 0)
            l->text[l->len++] = line[i++];
        i += n;
    }
    l->text[l->len] = '\0';
    return true;
}

/* Of a place: which of its ways is right, n for none of them: it is right as it is; false where it
 * is wrong in a way that none of them mends. */
static bool right_way(const struct lesson *l, const struct sentence *s, const struct mend_word *w,
                      bool gap, const struct mend_way *ways, size_t n, size_t *ret_right)
{
    const struct token *t = &s->tokens[w->token];

    *ret_right = n;
    for (size_t i = 0; i < l->n; i++) {
        const struct error *e = &l->errors[i];
        if (e->at != t->at || (e->len == 0) != gap)
            continue;
        for (size_t k = 0; k < n; k++)
            if (strcmp(ways[k].word, e->right) == 0) {
                *ret_right = k;
                return true;
            }
        return false;
    }
    return true;
}

typedef void visit(const struct mend_way *ways, size_t n, size_t right, bool can,
                   const uint32_t *places, const size_t *features, void *user);

struct reading {
    const struct model *model;
    visit *visit;
    void *user;
};

static void visit_place(const struct reading *r, const struct lesson *l, const struct sentence *s,
                        const struct mend_text *t, size_t i, bool gap)
{
    struct mend_way ways[MEND_WAYS];
    uint32_t places[MEND_WAYS * MEND_FEATURES];
    size_t ends[MEND_WAYS], right, all = 0;
    size_t n = gap ? mend_gap_ways(t, i, ways) : mend_word_ways(t, i, ways);
    bool can = right_way(l, s, &t->words[i], gap, ways, n, &right);

    for (size_t k = 0; k < n; k++) {
        uint64_t features[MEND_FEATURES];
        size_t count = mend_features(t, i, &ways[k], features);
        for (size_t f = 0; f < count; f++)
            places[all++] = (uint32_t)linear_place(features[f], MEND_BITS);
        ends[k] = all;
    }
    if (n > 0 || !can)
        r->visit(ways, n, right, can, places, ends, r->user);
}

static void read_sentence(const char *line, size_t len, void *user)
{
    const struct reading *r = user;
    static struct lesson l;
    auto_sentence struct sentence s;
    struct mend_text t;

    if (!read_lesson(line, len, &l)) {
        s = (struct sentence){ 0 };
        return;
    }
    sentence_init(&s, l.text, l.len);
    mend_text_init(&t, &s, r->model);
    for (size_t i = 0; i < t.n; i++) {
        visit_place(r, &l, &s, &t, i, true);
        visit_place(r, &l, &s, &t, i, false);
    }
    mend_text_done(&t);
}

/* ---- learning ---- */

struct learner {
    float *weights, *seen;
    size_t examples, changed;
};

static float sum_of(const float *weights, const uint32_t *places, size_t from, size_t to)
{
    float sum = 0;
    for (size_t f = from; f < to; f++)
        sum += weights[places[f]];
    return sum;
}

/* Multinomial logistic regression, by AdaGrad (Duchi, Hazan, Singer 2011). */
static void learn(const struct mend_way *ways, size_t n, size_t right, bool can,
                  const uint32_t *places, const size_t *ends, void *user)
{
    struct learner *l = user;
    float p[MEND_WAYS], best = 0, sum;

    (void)ways;
    if (!can)
        return;
    l->examples++;
    l->changed += right < n;
    for (size_t k = 0; k < n; k++)
        best = fmaxf(best, p[k] = sum_of(l->weights, places, k ? ends[k - 1] : 0, ends[k]));
    sum = expf(-best);
    for (size_t k = 0; k < n; k++)
        sum += p[k] = expf(p[k] - best);
    for (size_t k = 0; k < n; k++) {
        float wrong = p[k] / sum - (k == right ? 1.0F : 0.0F);
        if (fabsf(wrong) < 2e-3F)
            continue;
        for (size_t f = k ? ends[k - 1] : 0; f < ends[k]; f++) {
            l->seen[places[f]] += wrong * wrong;
            l->weights[places[f]] -= RATE * wrong / sqrtf(l->seen[places[f]] + 1e-6F);
        }
    }
}

/* ---- margins ---- */

struct tally {
    const double *weights;
    size_t good[MEND_GROUPS][SCORE_MAX + 1], bad[MEND_GROUPS][SCORE_MAX + 1];
    size_t wanted[MEND_GROUPS];
};

static void count(const struct mend_way *ways, size_t n, size_t right, bool can,
                  const uint32_t *places, const size_t *ends, void *user)
{
    struct tally *t = user;
    size_t best = n;
    double most = 0;

    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        for (size_t f = k ? ends[k - 1] : 0; f < ends[k]; f++)
            sum += t->weights[places[f]];
        if (sum > most) {
            most = sum;
            best = k;
        }
    }
    if (can && right < n)
        t->wanted[ways[right].group]++;
    if (best == n)
        return;
    size_t at = (size_t)fmin(SCORE_MAX, most);
    if (can && best == right)
        t->good[ways[best].group][at]++;
    else
        t->bad[ways[best].group][at]++;
}

/* The margin at which a group does most good: places mended, less HARM for each right place of
 * `fine` that changes, where RIGHT of what it changes is right. */
static int choose_margin(const struct tally *t, const struct tally *fine, size_t group)
{
    size_t good = 0, bad = 0, harm = 0, sums[3] = { 0 };
    double most = 0;
    int margin = SCORE_MAX;

    for (int k = SCORE_MAX; k >= 0; k--) {
        good += t->good[group][k];
        bad += t->bad[group][k];
        harm += fine->bad[group][k];
        double use = (double)good - HARM * (double)harm;
        if (use <= most || (double)good < RIGHT * (double)(good + bad) || good + bad < FEW)
            continue;
        margin = k - 1;
        most = use;
        sums[0] = good;
        sums[1] = bad;
        sums[2] = harm;
    }
    printf("group %2zu: of %5zu errors %5zu mended, %5zu changes wrong; of right text %5zu; all "
           "that wins %5zu, %5zu, %5zu; margin %d\n",
           group, t->wanted[group], sums[0], sums[1], sums[2], good, bad, harm, margin);
    return margin < 0 ? 0 : margin == SCORE_MAX ? margin : (int)fmin(SCORE_MAX, margin * SURER);
}

static double *train(const struct model *model, const char *path)
{
    size_t size = (size_t)1 << MEND_BITS;
    struct learner l = { .weights = lp_calloc(size, sizeof *l.weights),
                         .seen = lp_calloc(size, sizeof *l.seen) };
    struct reading r = { model, learn, &l };
    double *weights = lp_calloc(size, sizeof *weights);

    for (int round = 0; round < ROUNDS; round++)
        parts_read(path, read_sentence, &r);
    printf("%zu places to learn from, %zu of them wrong\n", l.examples / ROUNDS,
           l.changed / ROUNDS);
    for (size_t i = 0; i < size; i++)
        weights[i] = fmax(-127, fmin(127, round((double)l.weights[i] * 32)));
    free(l.weights);
    free(l.seen);
    return weights;
}

static struct tally *tally_of(const struct model *model, const char *path, const double *weights)
{
    struct tally *t = lp_calloc(1, sizeof *t);
    struct reading r = { model, count, t };

    t->weights = weights;
    parts_read(path, read_sentence, &r);
    return t;
}

int main(int argc, char **argv)
{
    struct model *model = NULL;
    int margins[MEND_GROUPS] = { 0 };
    struct lp_error err;

    if (argc != 6) {
        fprintf(stderr,
                "usage: lp-ai-train-mends MODEL_DIR TRAINING CHOOSING RIGHT MEND.weights\n");
        return 2;
    }
    if (model_open(argv[1], &model, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    lp_auto_free double *weights = train(model, argv[2]);
    lp_auto_free struct tally *wrong = tally_of(model, argv[3], weights);
    lp_auto_free struct tally *fine = tally_of(model, argv[4], weights);
    for (size_t group = 0; group < MEND_GROUPS; group++)
        margins[group] = choose_margin(wrong, fine, group);
    parts_write(argv[5], margins, MEND_GROUPS, weights, MEND_BITS);
    model_close(model);
    return 0;
}
