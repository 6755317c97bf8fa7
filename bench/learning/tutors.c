/* bench/learning/tutors.c -- see tutors.h. No state. */
#include "bench/learning/tutors.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK 20       /* items that are asked for at once, as an app does */
#define DUE_FIRST 20 /* services/learning/database/learners.c, read_ahead and read_due */
#define DUE_OF_NEXT 60
#define DUE_LOOKED_AT 240
#define LEARN 0.1 /* Q-learning: rate, discount, share of exploration */
#define DISCOUNT 0.9
#define EXPLORE 0.1

const char *const tutor_names[TUTORS] = { "random", "sm2", "fsrs", "q-learning", "ours" };

static char names[TUTOR_ITEMS][16]; /* ids, which are phrases too; written once, before threads */

void tutors_name_items(void)
{
    for (int i = 0; i < TUTOR_ITEMS; i++)
        snprintf(names[i], sizeof names[i], "item-%03d", i);
}

/* 500 items of three levels by rank, one in ten takes 40 s as a grammar point of the starter set,
 * the others 12 s. */
void tutor_init(struct tutor *t, enum tutor_kind kind, int64_t exam_ms, uint64_t seed)
{
    struct lp_error err;
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->exam_ms = exam_ms;
    t->chance = seed;
    t->level = 1;
    if (fsrs_init(NULL, 0.9, &t->model, &err) < 0)
        abort();
    bandit_init(&t->bandit);
    for (int i = 0; i < TUTOR_ITEMS; i++) {
        t->items[i] = (struct known){ .level = 1 + i * 3 / TUTOR_ITEMS,
                                      .seconds = i % 10 == 9 ? 40 : 12,
                                      .ease = 2.5 };
    }
}

static bool fits(const struct tutor *t, int i, double left_s)
{
    return t->items[i].seconds <= left_s;
}

static int any_item(struct tutor *t, double left_s)
{
    for (int tries = 0; tries < 100; tries++) {
        int i = (int)(bandit_random(&t->chance) % TUTOR_ITEMS);
        if (fits(t, i, left_s))
            return i;
    }
    return -1;
}

static int64_t due_of(const struct tutor *t, int i)
{
    return t->kind == TUTOR_SM2 ? t->items[i].due_ms : t->items[i].fsrs.due_ms;
}

/* Longest due first, then new ones by rank. */
static int by_due(const struct tutor *t, int64_t now_ms, double left_s)
{
    int best = -1, fresh = -1;
    for (int i = 0; i < TUTOR_ITEMS; i++) {
        const struct known *k = &t->items[i];
        if (!fits(t, i, left_s))
            continue;
        if (k->seen == 0)
            fresh = fresh < 0 ? i : fresh;
        else if (due_of(t, i) <= now_ms && (best < 0 || due_of(t, i) < due_of(t, best)))
            best = i;
    }
    return best >= 0 ? best : fresh;
}

static int state_of(const struct tutor *t, int i, int64_t now_ms)
{
    const struct known *k = &t->items[i];
    double days = k->seen ? (double)(now_ms - k->last_ms) / FSRS_DAY_MS : 0;
    int since = days < 0.5 ? 0 : days < 2 ? 1 : days < 5 ? 2 : days < 12 ? 3 : days < 30 ? 4 : 5;
    int seen = k->seen < 5 ? k->seen : 5;
    return (((k->level - 1) * 6 + seen) * 5 + k->last) * 6 + since;
}

static int by_value(struct tutor *t, int64_t now_ms, double left_s)
{
    int best = -1, ties = 0;
    if (bandit_uniform(&t->chance) < EXPLORE)
        return any_item(t, left_s);
    for (int i = 0; i < TUTOR_ITEMS; i++) {
        if (!fits(t, i, left_s))
            continue;
        double d = best < 0 ? 1 : t->q[state_of(t, i, now_ms)] - t->q[state_of(t, best, now_ms)];
        ties = d > 0 ? 1 : d == 0 ? ties + 1 : ties;
        if (d > 0 || (d == 0 && bandit_random(&t->chance) % (uint64_t)(ties > 0 ? ties : 1) == 0))
            best = i;
    }
    return best;
}

/* The value of the state in which the item is left counts as what comes of it. */
static void learn_value(struct tutor *t, int i, int before, int rating, int64_t now_ms)
{
    double *q = &t->q[before];
    double next = t->q[state_of(t, i, now_ms)];
    *q += LEARN * (features_reward(rating) + DISCOUNT * next - *q);
}

static void sm2_told(struct known *k, int rating, int64_t now_ms)
{
    static const int quality[] = { 0, 2, 3, 4, 5 };
    int q = quality[rating];
    if (q < 3) {
        k->right = 0;
        k->interval_days = 1;
    } else {
        k->right++;
        k->interval_days = k->right == 1 ? 1 : k->right == 2 ? 6 : k->interval_days * k->ease;
    }
    k->ease = fmax(1.3, k->ease + 0.1 - (5 - q) * (0.08 + (5 - q) * 0.02));
    /* What was not known is repeated the same day until it is (the tenth rule of SM-2). */
    k->due_ms = q < 4 && k->right == 0 ? now_ms + 60000
                                       : now_ms + (int64_t)(k->interval_days * FSRS_DAY_MS);
}

/* ---- ours: candidates as database/learners.c reads them, then choose() ---- */
static int earlier(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    return (p->state.due_ms > q->state.due_ms) - (p->state.due_ms < q->state.due_ms);
}

static struct candidate candidate_of(const struct tutor *t, int i, int place)
{
    const struct known *k = &t->items[i];
    return (struct candidate){
        .id = names[i],
        .phrase = names[i],
        .facts = { .class = k->seconds > 30 ? "GrammarPoint" : "Noun",
                   .level = k->level,
                   .seconds = k->seconds,
                   .place = place },
        .is_new = k->seen == 0,
        .seen = k->seen,
        .recalled = k->recalled,
        .state = k->fsrs,
        .average = k->last,
    };
}

static int by_turn(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    if (p->worth != q->worth)
        return p->worth < q->worth ? -1 : 1;
    return (p->state.stability > q->state.stability) - (p->state.stability < q->state.stability);
}

static bool is_ripe(const struct known *k, int64_t now_ms)
{
    return k->fsrs.due_ms <= now_ms || now_ms - k->last_ms >= CHOOSE_REST_MS;
}

/* Those that are due first, and behind them those whose turn it is. How many. */
static int put_turns_first(const struct tutor *t, int64_t now_ms, struct candidate *due, int n)
{
    bool exponential = forgetting_exponential(&t->forgetting) > 0.5;
    n = n < DUE_LOOKED_AT ? n : DUE_LOOKED_AT;
    for (int i = DUE_FIRST; i < n; i++) {
        const struct fsrs_state *s = &due[i].state;
        double lives = (double)(now_ms - s->last_ms) / FSRS_DAY_MS / fmax(s->stability, 0.001);
        due[i].worth = exponential ? fabs(0.5 - pow(0.9, lives)) : (double)s->last_ms;
    }
    if (n > DUE_FIRST)
        qsort(&due[DUE_FIRST], (size_t)(n - DUE_FIRST), sizeof *due, by_turn);
    return n < DUE_FIRST + DUE_OF_NEXT ? n : DUE_FIRST + DUE_OF_NEXT;
}

static int read_due(const struct tutor *t, int64_t now_ms, struct candidate *due)
{
    static _Thread_local struct candidate all[TUTOR_ITEMS];
    int n = 0;
    for (int i = 0; i < TUTOR_ITEMS; i++)
        if (t->items[i].seen > 0 && is_ripe(&t->items[i], now_ms))
            all[n++] = candidate_of(t, i, 0);
    qsort(all, (size_t)n, sizeof *all, earlier);
    if (choose_always_takes_new(POLICY_BANDIT, now_ms, t->exam_ms))
        n = put_turns_first(t, now_ms, all, n);
    n = n < CHOOSE_DUE ? n : CHOOSE_DUE;
    memcpy(due, all, (size_t)n * sizeof *all);
    return n;
}

static int read_fresh(const struct tutor *t, struct candidate *fresh)
{
    int n = 0, near = (int)(t->level + 0.5);
    for (int far = 0; far < 3 && n < CHOOSE_FRESH; far++)
        for (int level = 1; level <= 3; level++) {
            int most = far == 0 ? 32 : far == 1 ? 16 : 8;
            for (int i = 0; abs(level - near) == far && i < TUTOR_ITEMS && most > 0; i++)
                if (t->items[i].seen == 0 && t->items[i].level == level && n < CHOOSE_FRESH) {
                    fresh[n] = candidate_of(t, i, n);
                    n++;
                    most--;
                }
        }
    return n;
}

static void ask(struct tutor *t, int64_t now_ms, double left_s)
{
    static _Thread_local struct candidate due[CHOOSE_DUE], fresh[CHOOSE_FRESH];
    struct choice choice;
    int n_due = read_due(t, now_ms, due), n_fresh = read_fresh(t, fresh);
    const struct wish wish = { .policy = POLICY_BANDIT,
                               .n = ASK,
                               .now_ms = now_ms,
                               .exam_ms = t->exam_ms,
                               .budget_s = left_s,
                               .level = t->level,
                               .bandit = &t->bandit,
                               .forgetting = &t->forgetting,
                               .seed = bandit_random(&t->chance) };
    choose(&t->model, &wish, due, n_due, fresh, n_fresh, &choice);
    t->queued = choice.n;
    t->at = 0;
    t->asked++;
    for (int i = 0; i < choice.n; i++) {
        const struct candidate *c = choice.items[i];
        t->queue[i] = (int)((c->id - names[0]) / (ptrdiff_t)sizeof names[0]);
        t->is_new[i] = c->is_new;
        memcpy(t->x[i], c->x, sizeof c->x);
    }
}

static int from_queue(struct tutor *t, int64_t now_ms, double left_s)
{
    if (t->at == t->queued)
        ask(t, now_ms, left_s);
    return t->at < t->queued ? t->queue[t->at] : -1;
}

/* As database/reviews.c does with an answer. */
static void ours_told(struct tutor *t, int item, int rating, int64_t now_ms)
{
    const struct fsrs_state *s = &t->items[item].fsrs;
    double since = (double)(now_ms - s->last_ms) / FSRS_DAY_MS;
    struct forgetting_item before = { .recall = fsrs_recall(&t->model, s->stability, since),
                                      .days = since,
                                      .seen = t->items[item].seen,
                                      .recalled = t->items[item].recalled };
    if (before.seen > 0 && now_ms - s->last_ms >= FORGETTING_AFTER_MS)
        forgetting_learn(&t->forgetting, &before, rating > FSRS_AGAIN);
    if (t->is_new[t->at]) {
        bandit_learn(&t->bandit, t->x[t->at], features_reward(rating));
        t->level = features_level(t->level, t->items[item].level, rating > FSRS_AGAIN);
    }
    t->at++;
}

int tutor_next(struct tutor *t, int64_t now_ms, double left_s)
{
    switch (t->kind) {
    case TUTOR_RANDOM:
        return any_item(t, left_s);
    case TUTOR_Q:
        return by_value(t, now_ms, left_s);
    case TUTOR_OURS:
        return from_queue(t, now_ms, left_s);
    default:
        return by_due(t, now_ms, left_s);
    }
}

void tutor_told(struct tutor *t, int item, int rating, int64_t now_ms)
{
    struct known *k = &t->items[item];
    int before = state_of(t, item, now_ms);
    if (t->kind == TUTOR_OURS)
        ours_told(t, item, rating, now_ms);
    fsrs_review(&t->model, &k->fsrs, (enum fsrs_rating)rating, now_ms);
    sm2_told(k, rating, now_ms);
    k->seen++;
    k->recalled += rating > FSRS_AGAIN;
    k->last = rating;
    k->last_ms = now_ms;
    if (t->kind == TUTOR_Q)
        learn_value(t, item, before, rating, now_ms);
}
