/* bench/ai/train_network.c -- see the header. Dense weights by Adam (Kingma, Ba 2015), the others,
 * of which a text has few, by AdaGrad (Duchi, Hazan, Singer 2011). */
#include "bench/ai/train_network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/ai/train_parts.h"
#include "services/ai-feedback/tagging/linear.h"

#define BATCH 8 /* texts to a step of the dense weights */
#define DENSE_RATE 0.003F
#define WORD_RATE 0.06F
#define WIDE_RATE 0.06F
#define HIDDEN_WORDS 8   /* of a hundred, so that others tell what stands there */
#define HIDDEN_STATES 20 /* of a hundred numbers that are remembered */

struct sparse {
    float *weights, *seen;
};

struct learner {
    unsigned word_bits, wide_bits;
    struct network_dense dense, gradient, mean, square;
    struct sparse words, endings, wide;
    size_t texts, steps;
    uint64_t random;
};

static float random_between(uint64_t *random, float most)
{
    return most * ((float)(parts_random(random) >> 7) / 8388608.0F - 1);
}

static void fill(float *weights, size_t n, float most, uint64_t *random)
{
    for (size_t i = 0; i < n; i++)
        weights[i] = random_between(random, most);
}

static struct sparse sparse_new(size_t n)
{
    return (struct sparse){ lp_calloc(n, sizeof(float)), lp_calloc(n, sizeof(float)) };
}

struct learner *learner_new(unsigned word_bits, unsigned wide_bits)
{
    struct learner *l = lp_calloc(1, sizeof *l);

    l->word_bits = word_bits;
    l->wide_bits = wide_bits;
    l->random = 11;
    l->words = sparse_new(NETWORK_WORD * ((size_t)1 << word_bits));
    l->endings = sparse_new(NETWORK_WORD * ((size_t)1 << NETWORK_ENDING_BITS));
    l->wide = sparse_new((size_t)1 << wide_bits);
    for (size_t d = 0; d < 2; d++) {
        struct network_way *way = &l->dense.ways[d];
        fill(&way->input[0][0], sizeof way->input / sizeof(float), 0.2F, &l->random);
        fill(&way->state[0][0], sizeof way->state / sizeof(float), 0.15F, &l->random);
    }
    fill(&l->dense.mix[0][0], sizeof l->dense.mix / sizeof(float), 0.15F, &l->random);
    fill(l->dense.out, NETWORK_MIX, 0.2F, &l->random);
    return l;
}

static void sparse_free(struct sparse *s)
{
    free(s->weights);
    free(s->seen);
}

void learner_free(struct learner *l)
{
    sparse_free(&l->words);
    sparse_free(&l->endings);
    sparse_free(&l->wide);
    free(l);
}

/* n is a multiple of 16. */
static float dot(const float *restrict a, const float *restrict b, size_t n)
{
    float sums[16] = { 0 }, sum = 0;

    for (size_t i = 0; i < n; i += 16)
        for (size_t k = 0; k < 16; k++)
            sums[k] += a[i + k] * b[i + k];
    for (size_t k = 0; k < 16; k++)
        sum += sums[k];
    return sum;
}

static void sparse_step(struct sparse *s, size_t at, const float *gradient, size_t n, float rate)
{
    for (size_t k = 0; k < n; k++) {
        s->seen[at + k] += gradient[k] * gradient[k];
        s->weights[at + k] -= rate * gradient[k] / sqrtf(s->seen[at + k] + 1e-8F);
    }
}

static void dense_step(struct learner *l, float rate)
{
    float *w = (float *)&l->dense, *g = (float *)&l->gradient, *m = (float *)&l->mean;
    float *v = (float *)&l->square;
    float warm = l->steps < 2000 ? (float)l->steps / 2000 : 1; /* the squares are small at first */

    l->steps++;
    for (size_t i = 0; i < NETWORK_DENSE; i++) {
        float x = g[i] / BATCH;
        m[i] = 0.9F * m[i] + 0.1F * x;
        v[i] = 0.999F * v[i] + 0.001F * x * x;
        w[i] -= rate * warm * DENSE_RATE * m[i] / (sqrtf(v[i]) + 1e-6F);
    }
    memset(g, 0, sizeof l->gradient);
}

/* One text while it is learnt from. */
struct lesson {
    const struct tag_word *w;
    size_t n;
    bool *hidden;
    float (*input)[NETWORK_INPUT], (*input_gradient)[NETWORK_INPUT];
    struct network_step *steps[2];
    float (*gradients[2])[NETWORK_STATE]; /* of what is remembered */
    float mask[2][NETWORK_STATE];
};

static void lesson_init(struct lesson *t, struct learner *l, const struct model *m,
                        const struct tag_word *w, size_t n)
{
    *t = (struct lesson){ .w = w, .n = n };
    t->hidden = lp_calloc(n, sizeof *t->hidden);
    t->input = lp_calloc(n, sizeof *t->input);
    t->input_gradient = lp_calloc(n, sizeof *t->input_gradient);
    for (size_t i = 0; i < n; i++) {
        const float *word =
            l->words.weights + NETWORK_WORD * network_place(w[i].hash, l->word_bits);
        const float *ending =
            l->endings.weights + NETWORK_WORD * network_place(w[i].ending, NETWORK_ENDING_BITS);
        t->hidden[i] = parts_random(&l->random) % 100 < HIDDEN_WORDS;
        for (size_t k = 0; k < NETWORK_WORD; k++)
            t->input[i][k] = (t->hidden[i] ? 0 : word[k]) + ending[k];
        word_views(m, w, n, i, t->input[i] + NETWORK_WORD);
    }
    for (size_t d = 0; d < 2; d++) {
        t->steps[d] = lp_calloc(n, sizeof *t->steps[d]);
        t->gradients[d] = lp_calloc(n, sizeof *t->gradients[d]);
        network_run(&l->dense.ways[d], (int)d, n, t->input, t->steps[d]);
        for (size_t k = 0; k < NETWORK_STATE; k++)
            t->mask[d][k] =
                parts_random(&l->random) % 100 < HIDDEN_STATES ? 0 : 100.0F / (100 - HIDDEN_STATES);
    }
}

static void lesson_done(struct lesson *t)
{
    free(t->hidden);
    free(t->input);
    free(t->input_gradient);
    for (size_t d = 0; d < 2; d++) {
        free(t->steps[d]);
        free(t->gradients[d]);
    }
}

/* From the answer back to what was remembered on both sides of it. */
static void learn_answer(struct learner *l, struct lesson *t, const struct lesson_answer *a,
                         float rate)
{
    struct network_dense *d = &l->dense, *g = &l->gradient;
    size_t at[2] = { a->left, a->right };
    float sides[2][NETWORK_STATE], mix[NETWORK_MIX], back[NETWORK_MIX], sum = 0;

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < NETWORK_STATE; k++)
            sides[i][k] = t->mask[i][k] * t->steps[i][at[i]].state[k];
    for (size_t i = 0; i < a->n_features; i++)
        sum += l->wide.weights[linear_place(a->features[i], l->wide_bits)];
    sum += network_mix(d, sides[0], sides[1], mix);
    float wrong = 0.5F + 0.5F * network_tanh(0.5F * sum) - (a->yes ? 1.0F : 0.0F);
    for (size_t i = 0; i < a->n_features; i++)
        sparse_step(&l->wide, linear_place(a->features[i], l->wide_bits), &wrong, 1,
                    rate * WIDE_RATE);
    for (size_t k = 0; k < NETWORK_MIX; k++)
        back[k] = wrong * d->out[k] * (1 - mix[k] * mix[k]);
    g->out_bias += wrong;
    network_add(g->out, wrong, mix, NETWORK_MIX);
    network_add(g->mix_bias, 1, back, NETWORK_MIX);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < NETWORK_STATE; k++) {
            size_t row = i * NETWORK_STATE + k;
            network_add(g->mix[row], sides[i][k], back, NETWORK_MIX);
            t->gradients[i][at[i]][k] += t->mask[i][k] * dot(d->mix[row], back, NETWORK_MIX);
        }
}

/* Gradients of the gates at one word, by that of its state. */
static void gates_back(const struct network_step *s, const float *before, const float *state,
                       float gates[NETWORK_GATES], float kept[NETWORK_GATES])
{
    const size_t third = (size_t)2 * NETWORK_STATE;
    for (size_t k = 0; k < NETWORK_STATE; k++) {
        float z = s->update[k], r = s->reset[k], fresh = s->fresh[k];
        float of_fresh = state[k] * (1 - z) * (1 - fresh * fresh);
        gates[k] = state[k] * ((before ? before[k] : 0) - fresh) * z * (1 - z);
        gates[NETWORK_STATE + k] = of_fresh * s->before[k] * r * (1 - r);
        gates[third + k] = of_fresh;
        kept[k] = gates[k];
        kept[NETWORK_STATE + k] = gates[NETWORK_STATE + k];
        kept[third + k] = of_fresh * r;
    }
}

/* Through the words in the opposite order. */
static void learn_way(struct learner *l, struct lesson *t, size_t d)
{
    const struct network_way *way = &l->dense.ways[d];
    struct network_way *g = &l->gradient.ways[d];
    float carry[NETWORK_STATE] = { 0 };

    for (size_t i = t->n; i-- > 0;) {
        size_t at = d ? t->n - 1 - i : i;
        const float *before = i == 0 ? NULL : t->steps[d][d ? at + 1 : at - 1].state;
        float state[NETWORK_STATE], gates[NETWORK_GATES], kept[NETWORK_GATES];
        for (size_t k = 0; k < NETWORK_STATE; k++)
            state[k] = t->gradients[d][at][k] + carry[k];
        gates_back(&t->steps[d][at], before, state, gates, kept);
        network_add(g->bias, 1, gates, NETWORK_GATES);
        for (size_t k = 0; k < NETWORK_INPUT; k++)
            network_add(g->input[k], t->input[at][k], gates, NETWORK_GATES);
        for (size_t k = 0; k < NETWORK_WORD; k++)
            t->input_gradient[at][k] += dot(way->input[k], gates, NETWORK_GATES);
        for (size_t k = 0; before && k < NETWORK_STATE; k++) {
            network_add(g->state[k], before[k], kept, NETWORK_GATES);
            carry[k] =
                state[k] * t->steps[d][at].update[k] + dot(way->state[k], kept, NETWORK_GATES);
        }
    }
}

void learner_learn(struct learner *l, const struct model *m, const struct tag_word *w, size_t n,
                   const struct lesson_answer *answers, size_t n_answers, float rate)
{
    struct lesson t;

    lesson_init(&t, l, m, w, n);
    for (size_t i = 0; i < n_answers; i++)
        learn_answer(l, &t, &answers[i], rate);
    for (size_t d = 0; d < 2; d++)
        learn_way(l, &t, d);
    for (size_t i = 0; i < n; i++) {
        size_t ending = NETWORK_WORD * network_place(w[i].ending, NETWORK_ENDING_BITS);
        sparse_step(&l->endings, ending, t.input_gradient[i], NETWORK_WORD, rate * WORD_RATE);
        if (!t.hidden[i])
            sparse_step(&l->words, NETWORK_WORD * network_place(w[i].hash, l->word_bits),
                        t.input_gradient[i], NETWORK_WORD, rate * WORD_RATE);
    }
    lesson_done(&t);
    if (++l->texts % BATCH == 0)
        dense_step(l, rate);
}

static unsigned char *put(unsigned char *at, const float *weights, size_t n, float unit)
{
    for (size_t i = 0; i < n; i++)
        *at++ = (unsigned char)(int)fmaxf(-127, fminf(127, roundf(weights[i] / unit)));
    return at;
}

unsigned char *learner_bytes(const struct learner *l)
{
    unsigned char *bytes = lp_calloc(1, NETWORK_BYTES(l->word_bits, l->wide_bits));
    unsigned char *at = bytes + (size_t)4 * LINEAR_CARES;
    const float *dense = (const float *)&l->dense;

    for (size_t i = 0; i < NETWORK_DENSE; i++) {
        int x = (int)fmaxf(-32767, fminf(32767, roundf(dense[i] / NETWORK_SHORT)));
        *at++ = (unsigned char)((unsigned)x & 255);
        *at++ = (unsigned char)((unsigned)x >> 8 & 255);
    }
    at = put(at, l->words.weights, NETWORK_WORD * ((size_t)1 << l->word_bits), NETWORK_BYTE);
    at = put(at, l->endings.weights, (size_t)NETWORK_WORD << NETWORK_ENDING_BITS, NETWORK_BYTE);
    put(at, l->wide.weights, (size_t)1 << l->wide_bits, NETWORK_WIDE);
    return bytes;
}
