/* bench/learning/families.c -- see families.h. No state. */
#include "bench/learning/families.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "services/learning/recommend/bandit.h"

#define DAY_S 86400.0
#define SESSION_S 3600.0 /* what of a day counts as session: it begins at a whole day */
#define ACTR_C 0.217
#define ACTR_A 0.177
#define ACTR_THRESHOLD (-0.704)
#define ACTR_NOISE 0.255
#define ACTR_BETWEEN 0.025

const char *const family_names[FAMILIES] = { "fsrs", "hlr", "dash", "actr" };

double chance_normal(uint64_t *chance)
{
    double r = sqrt(-2 * log(1 - bandit_uniform(chance)));
    return r * cos(2 * M_PI * bandit_uniform(chance));
}

void mind_init(struct mind *m, enum family family, double course_days, uint64_t *chance)
{
    struct lp_error err;
    *m = (struct mind){ .family = family,
                        .speed = exp(0.3 * chance_normal(chance)),
                        .course_s = course_days * DAY_S };
    if (fsrs_init(NULL, 0.9, &m->model, &err) < 0)
        abort();
}

void memory_init(const struct mind *m, struct memory *item, uint64_t *chance)
{
    *item = (struct memory){ .bias = chance_normal(chance) };
    if (m->family == FAMILY_DASH) {
        item->bias += 1;
        item->decay = exp(-exp(1 + chance_normal(chance)));
    }
}

/* Time as ACT-R's learners feel it. */
static double felt_s(double now_s)
{
    double day = floor(now_s / DAY_S), within = now_s - day * DAY_S;
    double session = fmin(within, SESSION_S);
    return day * (SESSION_S + (DAY_S - SESSION_S) * ACTR_BETWEEN) + session +
           (within - session) * ACTR_BETWEEN;
}

/* Activation; what was just presented has the age of a second. */
static double activation(const struct memory *item, double now_s)
{
    double sum = 0, now = felt_s(now_s);
    int n = item->seen < FAMILY_PAST ? item->seen : FAMILY_PAST;
    for (int i = 0; i < n; i++)
        sum += pow(fmax(now - (double)item->at[i], 1), -(double)item->power[i]);
    return log(sum);
}

static double half_life_days(const struct memory *item)
{
    double exponent = sqrt(1.0 + item->seen) - 1 + sqrt(1.0 + item->right) - 1 + item->bias;
    return fmin(fmax(exp2(exponent), 15.0 / 1440), 274);
}

static double dash_recall(const struct memory *item, double since_days)
{
    double history = 0;
    for (int w = 0; w < FAMILY_WINDOWS; w++) {
        double weight = 1.0 / ((FAMILY_WINDOWS - w) * (FAMILY_WINDOWS - w));
        history += weight * (log(1.0 + item->window_right[w]) + log(1.0 + item->window_seen[w]));
    }
    return 1 / (1 + exp(item->bias - history)) / pow(1 + since_days, item->decay);
}

double mind_recall(const struct mind *m, const struct memory *item, double now_s)
{
    double days = (now_s - item->last_s) / DAY_S;
    if (item->seen == 0)
        return FAMILY_FIRST;
    switch (m->family) {
    case FAMILY_FSRS:
        return fsrs_recall(&m->model, item->fsrs.stability, days * m->speed);
    case FAMILY_HLR:
        return exp2(-days / half_life_days(item));
    case FAMILY_DASH:
        return dash_recall(item, days);
    default:
        return 1 / (1 + exp((ACTR_THRESHOLD - activation(item, now_s)) / ACTR_NOISE));
    }
}

static void present(struct memory *item, double now_s)
{
    double decay = item->seen == 0 ? ACTR_A : ACTR_C * exp(activation(item, now_s)) + ACTR_A;
    int at = item->seen % FAMILY_PAST;
    item->at[at] = (float)felt_s(now_s);
    item->power[at] = (float)fmin(decay, 2);
}

void mind_practise(const struct mind *m, struct memory *item, int rating, double now_s)
{
    int window = (int)fmin(now_s / m->course_s * FAMILY_WINDOWS, FAMILY_WINDOWS - 1);
    if (m->family == FAMILY_ACTR)
        present(item, now_s);
    if (m->family == FAMILY_FSRS)
        fsrs_review(&m->model, &item->fsrs, (enum fsrs_rating)rating,
                    (int64_t)(now_s * 1000 * m->speed));
    item->seen++;
    item->right += rating > 1;
    item->window_seen[window]++;
    item->window_right[window] += rating > 1;
    item->last_s = now_s;
}
