/*
 * services/learning/recommend/estimate.c -- IPS: each reward weighted by how much likelier the
 * target is to offer the item. Doubly robust: a linear model of rewards tells what the target's
 * items are worth, and the weighted differences correct it. No state.
 */
#include "services/learning/recommend/estimate.h"

#include <math.h>

struct sum {
    double total, squares;
};

static void add(struct sum *s, double v)
{
    s->total += v;
    s->squares += v * v;
}

static double error_of(const struct sum *s, int n)
{
    double mean = s->total / n;
    return n > 1 ? sqrt(fmax(s->squares / n - mean * mean, 0) / (n - 1)) : 0;
}

/* Least squares with a small ridge, by Gaussian elimination: the matrix is positive definite. */
static void fit(const struct logged *rows, int n, double weights[BANDIT_D])
{
    double a[BANDIT_D][BANDIT_D + 1] = { 0 };
    for (int i = 0; i < BANDIT_D; i++)
        a[i][i] = 1;
    for (int r = 0; r < n; r++)
        for (int i = 0; i < BANDIT_D; i++) {
            for (int j = 0; j < BANDIT_D; j++)
                a[i][j] += rows[r].x[i] * rows[r].x[j];
            a[i][BANDIT_D] += rows[r].x[i] * rows[r].reward;
        }
    for (int i = 0; i < BANDIT_D; i++)
        for (int k = i + 1; k < BANDIT_D; k++) {
            double times = a[k][i] / a[i][i];
            for (int j = i; j <= BANDIT_D; j++)
                a[k][j] -= times * a[i][j];
        }
    for (int i = BANDIT_D - 1; i >= 0; i--) {
        weights[i] = a[i][BANDIT_D];
        for (int j = i + 1; j < BANDIT_D; j++)
            weights[i] -= a[i][j] * weights[j];
        weights[i] /= a[i][i];
    }
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < BANDIT_D; i++)
        sum += a[i] * b[i];
    return sum;
}

/* How often the target offers this item where it was offered once. */
static double weight_of(const struct logged *row, enum policy target)
{
    double wanted = row->propensity;
    if (target == POLICY_FSRS)
        wanted = row->place < row->slots;
    if (target == POLICY_RANDOM)
        wanted = row->fresh > 0 ? (double)row->slots / row->fresh : 0;
    return fmin(wanted / fmax(row->propensity, 1e-6), ESTIMATE_WEIGHT);
}

static const double *target_features(const struct logged *row, enum policy target)
{
    return target == POLICY_FSRS ? row->first_x : target == POLICY_RANDOM ? row->mean_x : row->x;
}

void estimate_value(const struct logged *rows, int n, enum policy target, struct estimate *ret)
{
    struct sum logging = { 0 }, ips = { 0 }, dr = { 0 };
    double weights[BANDIT_D];

    *ret = (struct estimate){ .n = n };
    if (n == 0)
        return;
    fit(rows, n, weights);
    for (int i = 0; i < n; i++) {
        const struct logged *row = &rows[i];
        double w = weight_of(row, target);
        add(&logging, row->reward);
        add(&ips, w * row->reward);
        add(&dr,
            dot(weights, target_features(row, target)) + w * (row->reward - dot(weights, row->x)));
    }
    ret->logging = logging.total / n;
    ret->ips = ips.total / n;
    ret->ips_error = error_of(&ips, n);
    ret->dr = dr.total / n;
    ret->dr_error = error_of(&dr, n);
}
