/* services/learning/recommend/choose.c -- see choose.h. No state. */
#include "services/learning/recommend/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define HORIZON_DAYS 30.0
#define EXAM_WEEK_DAYS 7.0
#define REST_MS (FSRS_DAY_MS / 2)

const char *const policy_names[POLICIES + 1] = { "bandit", "fsrs", "lowest-average", "random",
                                                 NULL };

static double days(int64_t ms)
{
    return (double)ms / FSRS_DAY_MS;
}

/* Long before an exam what is practised now is practised again on the way there. */
static double horizon_of(const struct wish *w)
{
    return w->exam_ms > w->now_ms ? fmin(days(w->exam_ms - w->now_ms), CHOOSE_AHEAD_DAYS)
                                  : HORIZON_DAYS;
}

/* Of this learner, by what the model says of the stability. */
static double recall(const struct fsrs *model, const struct forgetting *f, double stability,
                     int seen, double after_days)
{
    return forgetting_recall(f, fsrs_recall(model, stability, after_days), seen);
}

static double recall_after(const struct fsrs *model, const struct wish *w,
                           const struct candidate *c, enum fsrs_rating rating)
{
    struct fsrs_state next = c->state;
    fsrs_review(model, &next, rating, w->now_ms);
    return recall(model, w->forgetting, next.stability, c->seen + 1, horizon_of(w));
}

/* What is recalled at the horizon after one exercise now, as recall is now. */
static double expect_after(const struct fsrs *model, const struct wish *w,
                           const struct candidate *c)
{
    return c->recall * recall_after(model, w, c, FSRS_GOOD) +
           (1 - c->recall) * recall_after(model, w, c, FSRS_AGAIN);
}

static void look_at_review(const struct fsrs *model, const struct wish *w, struct candidate *c)
{
    double since = days(w->now_ms - c->state.last_ms);
    c->recall = recall(model, w->forgetting, c->state.stability, c->seen, since);
    c->gain = expect_after(model, w, c) -
              recall(model, w->forgetting, c->state.stability, c->seen, since + horizon_of(w));
    c->propensity = 1;
}

static void look_at_new(const struct fsrs *model, const struct wish *w, struct candidate *c)
{
    int hour = (int)(w->now_ms / 3600000 % 24);

    c->recall = features_known(w->level, c->facts.level);
    c->gain = expect_after(model, w, c);
    c->propensity = 1;
    features_of(&c->facts, w->level, hour, c->x);
}

static int descending(double a, double b)
{
    return (a < b) - (a > b);
}

static double density(const struct candidate *c)
{
    return c->gain / c->facts.seconds;
}

static int by_gain(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    return descending(density(p), density(q));
}

static int by_due(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    return (p->state.due_ms > q->state.due_ms) - (p->state.due_ms < q->state.due_ms);
}

static int by_average(const void *a, const void *b)
{
    const struct candidate *p = a, *q = b;
    return descending(q->average, p->average);
}

/* Reviews that wait: with an exam what would be due by then is looked at too, which holds nothing
 * new back. */
static int waiting(const struct wish *w, const struct candidate *due, int n_due)
{
    int n = 0;
    for (int i = 0; i < n_due; i++)
        n += due[i].state.due_ms <= w->now_ms;
    return n;
}

static bool is_before_exam_week(const struct wish *w)
{
    return w->exam_ms > w->now_ms && days(w->exam_ms - w->now_ms) > EXAM_WEEK_DAYS;
}

static int new_slots(const struct wish *w, const struct candidate *due, int n_due, int n_fresh)
{
    bool soon = w->exam_ms > w->now_ms && !is_before_exam_week(w);
    bool by_rating = w->policy == POLICY_LOWEST_AVERAGE; /* whatever is due */
    int wait = soon || by_rating ? n_due : waiting(w, due, n_due);
    int least = soon || by_rating || wait >= 2 * w->n ? 0 : w->n / 4;
    int slots = w->n - wait > least ? w->n - wait : least;
    return slots < n_fresh ? slots : n_fresh;
}

/* Before an exam: how many new items bring more in their time than the reviews, which are in order.
 * Half at most while there are reviews. */
static int slots_by_gain(const struct wish *w, const struct candidate *due, int n_due,
                         const struct candidate *fresh, int n_fresh)
{
    double each = 0;
    int reviews = 0, half = (w->n + (int)(w->seed & 1)) / 2; /* of one, every other time */

    for (int i = 0; i < n_fresh; i++)
        each += density(&fresh[i]) / n_fresh;
    while (reviews < n_due && reviews < w->n && density(&due[reviews]) > each)
        reviews++;
    int least = n_due < half ? n_due : half;
    int slots = w->n - (reviews > least ? reviews : least);
    return slots < n_fresh ? slots : n_fresh;
}

/* Leaves out what was practised within half a day and is not due: a second look at once teaches
 * next to nothing. How many stay. */
static int keep_ripe(const struct wish *w, struct candidate *due, int n_due)
{
    int n = 0;
    for (int i = 0; i < n_due; i++)
        if (due[i].state.due_ms <= w->now_ms || w->now_ms - due[i].state.last_ms >= REST_MS)
            due[n++] = due[i];
    return n;
}

/* Moves the chosen new items to the front, in their order. */
static void choose_new(const struct wish *w, struct candidate *fresh, int n, int k)
{
    struct candidate all[CHOOSE_FRESH];
    double x[CHOOSE_FRESH][BANDIT_D], propensity[CHOOSE_FRESH];
    int index[CHOOSE_FRESH];

    for (int i = 0; i < n; i++)
        memcpy(x[i], fresh[i].x, sizeof x[i]);
    bandit_choose(w->bandit, (const double(*)[BANDIT_D])x, n, k, w->seed, index, propensity);
    for (int i = 0; i < n; i++)
        fresh[i].propensity = propensity[i];
    memcpy(all, fresh, (size_t)n * sizeof *all);
    for (int i = 0; i < k; i++)
        fresh[i] = all[index[i]];
}

static void shuffle(struct candidate *c, int n, uint64_t *state)
{
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(bandit_random(state) % (uint64_t)(i + 1));
        struct candidate t = c[i];
        c[i] = c[j];
        c[j] = t;
    }
}

/* The random policy's share of new items: as many as a choice of any items has by chance. */
static int slots_by_chance(const struct wish *w, int n_due, int n_fresh, uint64_t *state)
{
    int slots = 0, total = n_due + n_fresh, least = w->n - n_due;
    for (int i = 0; i < w->n && i < total; i++)
        slots += (int)(bandit_random(state) % (uint64_t)total) < n_fresh;
    slots = slots < least ? least : slots;
    return slots < n_fresh ? slots : n_fresh;
}

static void choose_by_chance(struct candidate *due, int n_due, struct candidate *fresh, int n_fresh,
                             int k, uint64_t *state)
{
    shuffle(due, n_due, state);
    shuffle(fresh, n_fresh, state);
    for (int i = 0; i < n_fresh; i++)
        fresh[i].propensity = (double)k / n_fresh;
}

static void remember_features(struct choice *c, const struct candidate *fresh, int n, int k)
{
    c->fresh = n;
    c->slots = k;
    for (int i = 0; i < n; i++)
        for (int f = 0; f < BANDIT_D; f++) {
            c->mean_x[f] += fresh[i].x[f] / n;
            if (i < k)
                c->first_x[f] += fresh[i].x[f] / k;
        }
}

/* What is left to choose from, and what was chosen last. */
struct pile {
    struct candidate *due, *fresh, *held; /* held: waits for another phrase in between */
    int n_due, k, step, reviews, news;
    double left;
    const char *before;
};

static bool follows_itself(const struct pile *p, const struct candidate *c)
{
    return p->before && strcmp(p->before, c->phrase) == 0;
}

/* The next one in the order, new ones spread among the reviews; NULL: all were looked at. */
static struct candidate *next_of(struct pile *p, int at)
{
    if (p->held && !follows_itself(p, p->held))
        return lp_take(p->held);
    bool take_new = p->news < p->k && (p->reviews >= p->n_due || (p->news + 1) * p->step <= at + 1);
    if (take_new)
        return &p->fresh[p->news++];
    return p->reviews < p->n_due ? &p->due[p->reviews++] : NULL;
}

static void fill(const struct wish *w, struct pile *p, struct choice *c)
{
    struct candidate *next;

    p->step = p->k > 0 ? (w->n + p->k - 1) / p->k : 0;
    while (c->n < w->n && (next = next_of(p, c->n))) {
        if (next->facts.seconds > p->left)
            continue;
        if (follows_itself(p, next)) {
            p->held = p->held ? p->held : next;
            continue;
        }
        p->left -= next->facts.seconds;
        p->before = next->phrase;
        c->items[c->n++] = next;
    }
}

static void put_in_order(const struct wish *w, struct candidate *due, int n_due)
{
    int (*order)(const void *, const void *) = w->policy == POLICY_BANDIT ? by_gain
                                               : w->policy == POLICY_FSRS ? by_due
                                                                          : by_average;
    if (n_due > 1)
        qsort(due, (size_t)n_due, sizeof *due, order);
}

void choose(const struct fsrs *model, const struct wish *wish, struct candidate *due, int n_due,
            struct candidate *fresh, int n_fresh, struct choice *ret)
{
    *ret = (struct choice){ 0 };
    n_due = keep_ripe(wish, due, n_due);
    for (int i = 0; i < n_due; i++)
        look_at_review(model, wish, &due[i]);
    for (int i = 0; i < n_fresh; i++)
        look_at_new(model, wish, &fresh[i]);
    uint64_t state = wish->seed;
    bool by_chance = wish->policy == POLICY_RANDOM;
    int k = by_chance ? slots_by_chance(wish, n_due, n_fresh, &state)
                      : new_slots(wish, due, n_due, n_fresh);
    if (!by_chance)
        put_in_order(wish, due, n_due);
    if (wish->policy == POLICY_BANDIT && is_before_exam_week(wish))
        k = slots_by_gain(wish, due, n_due, fresh, n_fresh);
    remember_features(ret, fresh, n_fresh, k);
    if (by_chance)
        choose_by_chance(due, n_due, fresh, n_fresh, k, &state);
    if (wish->policy == POLICY_BANDIT && k > 0)
        choose_new(wish, fresh, n_fresh, k);
    struct pile pile = { .due = due,
                         .fresh = fresh,
                         .n_due = n_due,
                         .k = k,
                         .left = wish->budget_s,
                         .before = wish->last_phrase };
    fill(wish, &pile, ret);
}
