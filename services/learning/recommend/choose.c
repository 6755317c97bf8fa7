/* services/learning/recommend/choose.c -- see choose.h. No state. */
#include "services/learning/recommend/choose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define HORIZON_DAYS 30.0
#define EXAM_WEEK_DAYS 7.0

const char *const policy_names[POLICIES + 1] = { "bandit", "fsrs", "lowest-average", "random",
                                                 NULL };

static double days(int64_t ms)
{
    return (double)ms / FSRS_DAY_MS;
}

/* Long before an exam what is practised now is practised again on the way there. */
static double days_ahead(int64_t now_ms, int64_t exam_ms)
{
    return exam_ms > now_ms ? fmin(days(exam_ms - now_ms), CHOOSE_AHEAD_DAYS) : HORIZON_DAYS;
}

static double horizon_of(const struct wish *w)
{
    return days_ahead(w->now_ms, w->exam_ms);
}

/* What was reviewed `after_days` ago, by what the model says of its stability. */
static struct forgetting_item item_after(const struct fsrs *model, const struct candidate *c,
                                         double after_days)
{
    return (struct forgetting_item){ .recall = fsrs_recall(model, c->state.stability, after_days),
                                     .days = after_days,
                                     .seen = c->seen,
                                     .recalled = c->recalled };
}

static double recall_after(const struct fsrs *model, const struct wish *w,
                           const struct candidate *c, enum fsrs_rating rating)
{
    struct fsrs_state next = c->state;
    double days = horizon_of(w);
    fsrs_review(model, &next, rating, w->now_ms);
    struct forgetting_item item = { .recall = fsrs_recall(model, next.stability, days),
                                    .days = days,
                                    .seen = c->seen + 1,
                                    .recalled = c->recalled + (rating != FSRS_AGAIN) };
    return forgetting_recall(w->forgetting, &item);
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
    struct forgetting_item now = item_after(model, c, since),
                           then = item_after(model, c, since + horizon_of(w));
    c->recall = forgetting_recall(w->forgetting, &now);
    c->gain = expect_after(model, w, c) - forgetting_recall(w->forgetting, &then);
    c->worth = c->gain + forgetting_invest(w->forgetting, &now, c->recall, horizon_of(w));
    c->propensity = 1;
}

static void look_at_new(const struct fsrs *model, const struct wish *w, struct candidate *c)
{
    int hour = (int)(w->now_ms / 3600000 % 24);
    const struct forgetting_item never = { 0 };

    c->recall = features_known(w->level, c->facts.level);
    c->gain = expect_after(model, w, c);
    c->worth = c->gain + forgetting_invest(w->forgetting, &never, c->recall, horizon_of(w));
    c->propensity = 1;
    features_of(&c->facts, w->level, hour, c->x);
}

static int descending(double a, double b)
{
    return (a < b) - (a > b);
}

static double density(const struct candidate *c)
{
    return c->worth / c->facts.seconds;
}

static int by_worth(const void *a, const void *b)
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

static bool is_due(const struct wish *w, const struct candidate *c)
{
    return c->state.due_ms <= w->now_ms;
}

/* What was practised within half a day and is not due: a second look at once teaches next to
 * nothing. */
static bool is_ripe(const struct wish *w, const struct candidate *c)
{
    return is_due(w, c) || w->now_ms - c->state.last_ms >= CHOOSE_REST_MS;
}

static bool is_before_week_of(int64_t exam_ms, int64_t now_ms)
{
    return exam_ms > now_ms && days(exam_ms - now_ms) > EXAM_WEEK_DAYS;
}

static bool is_before_exam_week(const struct wish *w)
{
    return is_before_week_of(w->exam_ms, w->now_ms);
}

/* Reviews that wait: with an exam far away what would be due by then is looked at too, which holds
 * nothing new back. */
static int new_slots(const struct wish *w, const struct candidate *due, int n_due, int n_fresh)
{
    bool soon = w->exam_ms > w->now_ms && !is_before_exam_week(w);
    bool any = soon || w->policy == POLICY_LOWEST_AVERAGE; /* whether or not it is due */
    int wait = 0;
    for (int i = 0; i < n_due; i++)
        wait += any ? is_ripe(w, &due[i]) : is_due(w, &due[i]);
    int least = any || wait >= 2 * w->n ? 0 : w->n / 4;
    int slots = w->n - wait > least ? w->n - wait : least;
    return slots < n_fresh ? slots : n_fresh;
}

bool choose_always_takes_new(enum policy policy, int64_t now_ms, int64_t exam_ms)
{
    return policy == POLICY_RANDOM ||
           (policy == POLICY_BANDIT && is_before_week_of(exam_ms, now_ms));
}

bool choose_takes_new(const struct wish *w, const struct candidate *due, int n_due)
{
    return choose_always_takes_new(w->policy, w->now_ms, w->exam_ms) ||
           new_slots(w, due, n_due, CHOOSE_FRESH) > 0;
}

/* Before an exam: how many new items bring more in their time than the reviews, which are in order.
 * Half at most while there are reviews; of who forgets exponentially a quarter, as what they begin
 * and do not go on with is lost. */
static int slots_by_gain(const struct wish *w, const struct candidate *due, int n_due,
                         const struct candidate *fresh, int n_fresh)
{
    double each = 0;
    int reviews = 0, odd = (int)(w->seed & 1); /* of one, every other time */
    int first = (int)((w->n * (2 + forgetting_exponential(w->forgetting)) + 2 * odd) / 4);

    for (int i = 0; i < n_fresh; i++)
        each += density(&fresh[i]) / n_fresh;
    while (reviews < n_due && reviews < w->n && density(&due[reviews]) > each)
        reviews++;
    int least = n_due < first ? n_due : first;
    int slots = w->n - (reviews > least ? reviews : least);
    return slots < n_fresh ? slots : n_fresh;
}

/* How many stay. */
static int keep_ripe(const struct wish *w, struct candidate *due, int n_due)
{
    int n = 0;
    for (int i = 0; i < n_due; i++)
        if (is_ripe(w, &due[i]))
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
    int (*order)(const void *, const void *) = w->policy == POLICY_BANDIT ? by_worth
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
