/* bench/ai/train.c -- lp-ai-train: the weights of services/ai-feedback/tagging. bench/ai/train
 * gives it the text. The same text makes the same weights. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "bench/ai/train_network.h"
#include "bench/ai/train_parts.h"
#include "services/ai-feedback/spelling/model.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/reader.h"
#include "services/ai-feedback/tagging/tagger.h"

#define BOUNDARY_ROUNDS 4
#define QUESTION_ROUNDS 3
#define FILLER_ROUNDS 3
#define FAIR_ROUNDS 2 /* the last ones, over the fair copies alone */
#define PARTS 6
#define DEVELOPMENT 2   /* the first part of two for development */
#define GROUP_WORDS 400 /* a longer group is no lesson */
#define GROUP 6         /* sentences of a group at most */
#define LONE_CUT 3      /* of a hundred */

/* The first two parts are learnt from, the thresholds are chosen on the next two. */
static const char *const names[PARTS] = { "whatever was said",       "fair copies",
                                          "development on dialogue", "development on speeches",
                                          "test on dialogue",        "test on speeches" };

/* A sentence among the words of its part. */
struct said {
    size_t at, n, run;
    char mark; /* '?' and '.', 0: it has none */
};

struct part {
    const struct model *model;
    struct tag_word *words;
    size_t n_words, cap_words;
    struct said *list;
    size_t n, cap, runs;
};

static void add_sentence(struct part *p, const char *line, size_t len)
{
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *w = NULL;

    sentence_init(&s, line, len);
    size_t n = tag_words(&s, p->model, &w);
    while (len > 0 && strchr("\"')", line[len - 1]))
        len--;
    char last = 0;
    if (len > 0)
        last = line[len - 1];
    if (n == 0)
        return;
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 1 << 12;
        p->list = lp_realloc(p->list, p->cap * sizeof *p->list);
    }
    if (p->n_words + n > p->cap_words) {
        p->cap_words = 2 * (p->cap_words + n);
        p->words = lp_realloc(p->words, p->cap_words * sizeof *p->words);
    }
    char mark = (char)(last == '?' ? '?' : last == '.' || last == '!' ? '.' : 0);
    p->list[p->n++] = (struct said){ p->n_words, n, p->runs, mark };
    memcpy(p->words + p->n_words, w, n * sizeof *w);
    p->n_words += n;
}

/* One sentence a line, an empty line behind each group. */
static void read_line(const char *line, size_t len, void *user)
{
    struct part *p = user;

    if (len > 0)
        add_sentence(p, line, len);
    else
        p->runs++;
}

/* Neighbours that are read as one text. */
struct group {
    size_t at, n;
};

/* At most `most` each, fewer where `random` says so. Owned by the caller. */
static struct group *groups_of(const struct part *p, size_t most, bool often_one, uint64_t *random,
                               size_t *ret_n)
{
    struct group *list = lp_calloc(p->n + 1, sizeof *list);
    size_t n = 0, size = 0;

    for (size_t i = 0; i < p->n; i++) {
        if (i == 0 || p->list[i].run != p->list[i - 1].run || list[n - 1].n == size) {
            list[n++].at = i;
            size = random ? 1 + parts_random(random) % most : most;
            if (random && often_one && parts_random(random) % 6 > 0)
                size = 1;
        }
        list[n - 1].n++;
    }
    *ret_n = n;
    return list;
}

static size_t words_of(const struct part *p, const struct group *g)
{
    const struct said *last = &p->list[g->at + g->n - 1];
    return last->at + last->n - p->list[g->at].at;
}

/* A text and what there is to learn from it, or to ask about it. */
struct lesson_text {
    const struct tag_word *w; /* of the part, or `own` */
    size_t n, n_answers;
    struct lesson_answer answers[GROUP_WORDS];
    struct tag_word own[GROUP_WORDS + 2];
};

/* Fills all of `ret` but w and n, which are those of the group. */
typedef void lesson_fn(const struct part *p, const struct group *g, uint64_t *random,
                       struct lesson_text *ret);

static void boundary_answers(const struct part *p, const struct group *g, uint64_t *random,
                             struct lesson_text *ret)
{
    size_t next = g->at + 1, end = g->at + g->n;

    (void)random;
    for (size_t i = 1; i < ret->n; i++) {
        struct lesson_answer *a = &ret->answers[ret->n_answers++];
        a->left = i - 1;
        a->right = i;
        a->n_features = gap_features(ret->w, ret->n, i, a->features);
        a->yes = next < end && p->list[next].at - p->list[g->at].at == i;
        next += a->yes;
    }
}

/* Where an end was missed, what is asked comes behind something else: the last sentence counts. */
static void question_answers(const struct part *p, const struct group *g, uint64_t *random,
                             struct lesson_text *ret)
{
    const struct said *last = &p->list[g->at + g->n - 1];
    struct lesson_answer *a = &ret->answers[0];

    (void)random;
    a->left = ret->n - 1;
    a->right = 0;
    a->n_features = question_features(ret->w, ret->n, a->features);
    a->yes = last->mark == '?';
    ret->n_answers = last->mark ? 1 : 0;
}

/* True where marks set off the `len` words at i. */
static bool set_off(const struct tag_word *w, size_t n, size_t i, size_t len)
{
    return (i == 0 || w[i].marked) && i + len < n && w[i + len].marked;
}

/* One in three sentences gets a filler somewhere. */
static void filler_answers(const struct part *p, const struct group *g, uint64_t *random,
                           struct lesson_text *ret)
{
    static const char *const phrases[] = { "like", "you know", "i mean" };
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *w = NULL;
    const char *phrase = phrases[parts_random(random) % 3];
    size_t at = ret->n;

    (void)g;
    if (parts_random(random) % 3 == 0) {
        sentence_init(&s, phrase, strlen(phrase));
        size_t n = tag_words(&s, p->model, &w);
        at = parts_random(random) % ret->n;
        memcpy(ret->own, ret->w, at * sizeof *w);
        memcpy(ret->own + at, w, n * sizeof *w);
        memcpy(ret->own + at + n, ret->w + at, (ret->n - at) * sizeof *w);
        ret->w = ret->own;
        ret->n += n;
    } else {
        sentence_init(&s, "", 0);
    }
    for (size_t i = 0; i < ret->n; i++) {
        size_t len = filler_at(ret->w, ret->n, i);
        if (len == 0 || len == ret->n)
            continue;
        struct lesson_answer *a = &ret->answers[ret->n_answers++];
        a->left = i + len - 1;
        a->right = i;
        a->n_features = filler_features(p->model, ret->w, ret->n, i, len, a->features);
        a->yes = (ret->w == ret->own && i == at) || set_off(ret->w, ret->n, i, len);
        i += len - 1;
    }
}

/* What is to be learnt. */
struct task {
    const char *name;
    lesson_fn *answers;
    bool by_model;        /* the trigram model is asked, too */
    size_t group, rounds; /* sentences of a text at most; how often all are read */
    bool often_one;       /* five of six texts are one sentence */
    unsigned word_bits, wide_bits;
};

struct figures {
    size_t hits, made, wanted;
};

static double share(size_t some, size_t of)
{
    return of > 0 ? (double)some / (double)of : 0;
}

static double f1(struct figures x)
{
    return share(2 * x.hits, x.made + x.wanted);
}

/* False where a group is too long to learn from. */
static bool lesson_of(const struct task *t, const struct part *p, const struct group *g,
                      uint64_t *random, struct lesson_text *ret)
{
    ret->w = p->words + p->list[g->at].at;
    ret->n = words_of(p, g);
    ret->n_answers = 0;
    if (ret->n >= GROUP_WORDS)
        return false;
    t->answers(p, g, random, ret);
    return ret->n_answers > 0;
}

/* Scores of a part. */
struct scored {
    int *scores;
    bool *yes;
    size_t n;
};

static void score_part(const struct task *t, const struct part *p, const unsigned char *bytes,
                       struct scored *ret)
{
    const struct network x = { bytes, t->word_bits, t->wide_bits };
    lp_auto_free struct lesson_text *text = lp_calloc(1, sizeof *text);
    size_t n = 0;
    uint64_t random = 3;
    lp_auto_free struct group *groups = groups_of(p, t->often_one ? 1 : t->group, false, NULL, &n);

    *ret = (struct scored){ lp_calloc(2 * p->n_words, sizeof(int)),
                            lp_calloc(2 * p->n_words, sizeof(bool)), 0 };
    for (size_t i = 0; i < n; i++) {
        auto_reading struct reading r = { 0 };
        if (!lesson_of(t, p, &groups[i], &random, text))
            continue;
        reading_init(&r, &x, t->by_model ? p->model : NULL, text->w, text->n);
        for (size_t k = 0; k < text->n_answers; k++) {
            const struct lesson_answer *a = &text->answers[k];
            ret->scores[ret->n] = reading_score(&r, a->left, a->right, a->features, a->n_features);
            ret->yes[ret->n++] = a->yes;
        }
    }
}

static struct figures measure(const struct scored *s, int threshold)
{
    struct figures x = { 0 };

    for (size_t i = 0; i < s->n; i++) {
        bool yes = s->scores[i] > threshold;
        x.hits += yes && s->yes[i];
        x.made += yes;
        x.wanted += s->yes[i];
    }
    return x;
}

/* On the two parts for development: the threshold of the best mean of their F1, and the least ones
 * of a precision over both. */
static void choose(const struct scored dev[2], int ret_thresholds[LINEAR_CARES])
{
    double best = 0;

    ret_thresholds[LINEAR_BALANCED] = 0;
    ret_thresholds[LINEAR_CAREFUL] = ret_thresholds[LINEAR_CERTAIN] = 1 << 20;
    for (int t = 1000; t >= -500; t -= 5) {
        struct figures a = measure(&dev[0], t), b = measure(&dev[1], t);
        double precision = share(a.hits + b.hits, a.made + b.made);
        if (f1(a) + f1(b) > best) {
            best = f1(a) + f1(b);
            ret_thresholds[LINEAR_BALANCED] = t;
        }
        if (precision >= 0.90)
            ret_thresholds[LINEAR_CAREFUL] = t;
        if (precision >= 0.98)
            ret_thresholds[LINEAR_CERTAIN] = t;
    }
}

/* The least threshold at which no more than LONE_CUT of 100 short sentences that stand alone are
 * cut. */
static int threshold_of_lone(const struct task *t, const struct part *p, const unsigned char *bytes)
{
    struct task one = *t;
    struct part lone = *p;
    struct scored scored;
    size_t n = 0;
    int threshold = 1 << 20;

    one.group = 1;
    lone.list = lp_calloc(p->n + 1, sizeof *lone.list);
    lone.n = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->list[i].n < TAGGER_SHORT && p->list[i].n > 1)
            lone.list[lone.n++] = p->list[i];
    score_part(&one, &lone, bytes, &scored);
    for (size_t i = 0; i < lone.n; i++) { /* its best gap */
        int best = scored.scores[n];
        for (size_t k = 1; k < lone.list[i].n; k++, n++)
            best = scored.scores[n] > best ? scored.scores[n] : best;
        scored.scores[i] = best;
        scored.yes[i] = false;
    }
    scored.n = lone.n;
    for (int x = 1000; x >= -500 && measure(&scored, x).made * 100 <= LONE_CUT * lone.n; x -= 5)
        threshold = x;
    printf("%s, of %zu short sentences alone %zu are cut at %d\n", t->name, lone.n,
           measure(&scored, threshold).made, threshold);
    free(lone.list);
    free(scored.scores);
    free(scored.yes);
    return threshold;
}

/* Scores the parts from the second on, chooses thresholds into `bytes` and tells the figures; of
 * the tests only at the end. */
static void judge(const struct task *t, const struct part *parts, unsigned char *bytes, bool last)
{
    struct scored scored[PARTS] = { 0 };
    int thresholds[LINEAR_CARES];

    for (int i = DEVELOPMENT; i < (last ? PARTS : DEVELOPMENT + 2); i++)
        score_part(t, &parts[i], bytes, &scored[i]);
    choose(&scored[DEVELOPMENT], thresholds);
    if (t->answers == boundary_answers)
        thresholds[LINEAR_CAREFUL] = threshold_of_lone(t, &parts[DEVELOPMENT], bytes);
    for (size_t i = 0; i < (size_t)4 * LINEAR_CARES; i++)
        bytes[i] = (unsigned char)((uint32_t)thresholds[i / 4] >> (8 * (i % 4)) & 255);
    for (int i = DEVELOPMENT; i < (last ? PARTS : DEVELOPMENT + 2); i++) {
        for (int c = 0; c < (last ? LINEAR_CARES : 1); c++) {
            struct figures x = measure(&scored[i], thresholds[c]);
            printf("%s, %s, threshold %d: P %.3f R %.3f F1 %.3f of %zu\n", t->name, names[i],
                   thresholds[c], share(x.hits, x.made), share(x.hits, x.wanted), f1(x), x.wanted);
        }
        free(scored[i].scores);
        free(scored[i].yes);
    }
    fflush(stdout);
}

static void learn(const struct task *t, const struct part *parts, const char *path)
{
    struct learner *l = learner_new(t->word_bits, t->wide_bits);
    lp_auto_free struct lesson_text *text = lp_calloc(1, sizeof *text);
    uint64_t random = 7;

    for (size_t round = 0; round < t->rounds; round++) {
        const struct part *p = &parts[round + FAIR_ROUNDS < t->rounds ? 0 : 1];
        size_t n = 0;
        lp_auto_free struct group *groups = groups_of(p, t->group, t->often_one, &random, &n);
        parts_shuffle(groups, n, sizeof *groups, &random);
        for (size_t i = 0; i < n; i++) {
            float rate = 1 - ((float)round + (float)i / (float)n) / (float)t->rounds;
            if (lesson_of(t, p, &groups[i], &random, text))
                learner_learn(l, t->by_model ? p->model : NULL, text->w, text->n, text->answers,
                              text->n_answers, rate);
        }
        lp_auto_free unsigned char *bytes = learner_bytes(l);
        judge(t, parts, bytes, round + 1 == t->rounds);
        parts_write_bytes(path, bytes, NETWORK_BYTES(t->word_bits, t->wide_bits));
    }
    learner_free(l);
}

int main(int argc, char **argv)
{
    static const struct task tasks[] = {
        { "boundaries", boundary_answers, true, GROUP, BOUNDARY_ROUNDS, false, BOUNDARY_WORD_BITS,
          BOUNDARY_BITS },
        { "questions", question_answers, false, 2, QUESTION_ROUNDS, true, QUESTION_WORD_BITS,
          QUESTION_BITS },
        { "fillers", filler_answers, true, 2, FILLER_ROUNDS, true, FILLER_WORD_BITS, FILLER_BITS },
    };
    struct part parts[PARTS] = { 0 };
    struct model *model = NULL;
    struct lp_error err;

    if (argc != 2 + PARTS + (int)LP_COUNT(tasks)) {
        fprintf(stderr,
                "usage: lp-ai-train MODEL_DIR TRAINING TRAINING DEVELOPMENT DEVELOPMENT TEST TEST "
                "BOUNDARY.weights QUESTION.weights FILLER.weights\n");
        return 2;
    }
    if (model_open(argv[1], &model, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (int i = 0; i < PARTS; i++) {
        parts[i].model = model;
        parts_read(argv[2 + i], read_line, &parts[i]);
        printf("%s: %zu sentences, %zu words\n", names[i], parts[i].n, parts[i].n_words);
    }
    for (size_t i = 0; i < LP_COUNT(tasks); i++)
        learn(&tasks[i], parts, argv[2 + PARTS + i]);
    for (int i = 0; i < PARTS; i++) {
        free(parts[i].words);
        free(parts[i].list);
    }
    model_close(model);
    return 0;
}
