/*
 * services/learning/model/fsrs.c -- FSRS-6. Names of the formulas are those of the wiki; the state
 * machine of steps is py-fsrs's Scheduler.review_card with its default steps and without fuzz.
 */
#include "services/learning/model/fsrs.h"

#include <math.h>
#include <stdbool.h>

#define MIN_STABILITY 0.001
/* py-fsrs has no upper bound. Beyond it nothing changes for anybody, and no infinity comes up. */
#define MAX_STABILITY 1e12
#define MINUTE_MS ((int64_t)60000)

const double fsrs_defaults[FSRS_PARAMETERS] = { 0.212,  1.2931, 2.3065, 8.2956, 6.4133, 0.8334,
                                                3.0194, 0.001,  1.8722, 0.1666, 0.796,  1.4835,
                                                0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425,
                                                0.0912, 0.0658, 0.1542 };

static const double lower[FSRS_PARAMETERS] = { 0.001, 0.001, 0.001, 0.001, 1,     0.001, 0.001,
                                               0.001, 0,     0,     0.001, 0.001, 0.001, 0.001,
                                               0,     0,     1,     0,     0,     0,     0.1 };
static const double upper[FSRS_PARAMETERS] = { 100, 100,  100, 100, 10, 4, 4, 0.75, 4.5, 0.8, 3.5,
                                               5,   0.25, 0.9, 4,   1,  6, 2, 2,    0.8, 0.8 };

int fsrs_init(const double *w, double retention, struct fsrs *ret_model, struct lp_error *err)
{
    struct fsrs f = { .retention = retention };

    for (int i = 0; i < FSRS_PARAMETERS; i++) {
        f.w[i] = w ? w[i] : fsrs_defaults[i];
        if (!(f.w[i] >= lower[i] && f.w[i] <= upper[i]))
            return lp_error_set(err, LP_E_INVALID, "parameters[%d] must be %g..%g, is %g", i,
                                lower[i], upper[i], f.w[i]);
    }
    if (!(retention >= 0.7 && retention <= 0.99))
        return lp_error_set(err, LP_E_INVALID, "retention must be 0.7..0.99, is %g", retention);
    f.decay = -f.w[20];
    f.factor = pow(0.9, 1 / f.decay) - 1;
    *ret_model = f;
    return 0;
}

static double clamp(double v, double low, double high)
{
    return fmin(fmax(v, low), high);
}

static double initial_difficulty(const struct fsrs *f, int rating)
{
    return f->w[4] - exp(f->w[5] * (rating - 1)) + 1;
}

/* Linear damping towards 10, then reversion to the difficulty of an item that is easy at once. */
static double next_difficulty(const struct fsrs *f, double difficulty, int rating)
{
    double delta = -(f->w[6] * (rating - 3));
    double damped = difficulty + (10 - difficulty) * delta / 9;
    double easy = initial_difficulty(f, FSRS_EASY);
    return clamp(f->w[7] * easy + (1 - f->w[7]) * damped, 1, 10);
}

static double short_term_stability(const struct fsrs *f, double stability, int rating)
{
    double increase = exp(f->w[17] * (rating - 3 + f->w[18])) * pow(stability, -f->w[19]);
    return stability * (rating == FSRS_AGAIN ? increase : fmax(increase, 1));
}

static double forget_stability(const struct fsrs *f, const struct fsrs_state *s, double recall)
{
    double longer = f->w[11] * pow(s->difficulty, -f->w[12]) *
                    (pow(s->stability + 1, f->w[13]) - 1) * exp((1 - recall) * f->w[14]);
    return fmin(longer, s->stability / exp(f->w[17] * f->w[18]));
}

static double recall_stability(const struct fsrs *f, const struct fsrs_state *s, double recall,
                               int rating)
{
    double hard = rating == FSRS_HARD ? f->w[15] : 1;
    double easy = rating == FSRS_EASY ? f->w[16] : 1;
    return s->stability * (1 + exp(f->w[8]) * (11 - s->difficulty) * pow(s->stability, -f->w[9]) *
                                   (exp((1 - recall) * f->w[10]) - 1) * hard * easy);
}

double fsrs_recall(const struct fsrs *f, double stability, double days)
{
    return pow(1 + f->factor * fmax(days, 0) / fmax(stability, MIN_STABILITY), f->decay);
}

static int64_t whole_days(int64_t from_ms, int64_t to_ms)
{
    return to_ms <= from_ms ? 0 : (to_ms - from_ms) / FSRS_DAY_MS;
}

double fsrs_retrievability(const struct fsrs *f, const struct fsrs_state *state, int64_t at_ms)
{
    if (state->stability == 0)
        return 0;
    return fsrs_recall(f, state->stability, (double)whole_days(state->last_ms, at_ms));
}

int64_t fsrs_interval_days(const struct fsrs *f, double stability)
{
    double days = stability / f->factor * (pow(f->retention, 1 / f->decay) - 1);
    return (int64_t)clamp(nearbyint(days), 1, FSRS_MAX_DAYS);
}

static void remember(const struct fsrs *f, struct fsrs_state *s, int rating, int64_t at_ms)
{
    if (s->stability == 0) {
        s->stability = f->w[rating - 1];
        s->difficulty = clamp(initial_difficulty(f, rating), 1, 10);
    } else {
        double recall = fsrs_retrievability(f, s, at_ms);
        double next = whole_days(s->last_ms, at_ms) < 1
                          ? short_term_stability(f, s->stability, rating)
                      : rating == FSRS_AGAIN ? forget_stability(f, s, recall)
                                             : recall_stability(f, s, recall, rating);
        s->stability = next;
        s->difficulty = next_difficulty(f, s->difficulty, rating);
    }
    s->stability = clamp(s->stability, MIN_STABILITY, MAX_STABILITY);
}

/* Milliseconds to the next step of learning or relearning; 0: it has ended, days follow. */
static int64_t next_step(struct fsrs_state *s, int rating)
{
    static const int64_t learning[] = { MINUTE_MS, 10 * MINUTE_MS };
    static const int64_t relearning[] = { 10 * MINUTE_MS };
    bool first = s->stage == FSRS_LEARNING;
    const int64_t *steps = first ? learning : relearning;
    int n = first ? 2 : 1;

    if (rating == FSRS_HARD && s->step == 0)
        return first ? (steps[0] + steps[1]) / 2 : steps[0] * 3 / 2;
    if (rating == FSRS_AGAIN)
        s->step = 0;
    if (rating == FSRS_GOOD)
        s->step++;
    if (rating == FSRS_EASY || s->step >= n)
        return 0;
    return steps[s->step];
}

static int64_t next_wait(const struct fsrs *f, struct fsrs_state *s, int rating)
{
    int64_t wait = 0;

    if (s->stage != FSRS_REVIEW) {
        wait = next_step(s, rating);
    } else if (rating == FSRS_AGAIN) {
        s->stage = FSRS_RELEARNING;
        wait = next_step(s, rating);
    }
    if (wait > 0)
        return wait;
    s->stage = FSRS_REVIEW;
    s->step = 0;
    return fsrs_interval_days(f, s->stability) * FSRS_DAY_MS;
}

void fsrs_review(const struct fsrs *f, struct fsrs_state *state, enum fsrs_rating rating,
                 int64_t at_ms)
{
    if (state->stability == 0)
        *state = (struct fsrs_state){ .stage = FSRS_LEARNING };
    remember(f, state, (int)rating, at_ms);
    state->due_ms = at_ms + next_wait(f, state, (int)rating);
    state->last_ms = at_ms;
}
