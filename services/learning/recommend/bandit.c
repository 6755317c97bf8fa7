/* services/learning/recommend/bandit.c -- Bayesian linear regression with forgetting; see bandit.h.
 */
#include "services/learning/recommend/bandit.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(BANDIT_D == FEATURES, "a weight for each feature");

#define MOST 64
#define FADE 0.99
#define NOISE 0.25 /* variance of a reward */
#define PRIOR 4.0  /* precision of each weight */

/* Common items of the learner's level first; the rest is to be found out. */
static const double prior_mean[BANDIT_D] = {
    [FEATURE_ONE] = 0.6,
    [FEATURE_DISTANCE] = -0.4,
    [FEATURE_CONFUSABLES] = -0.1,
    [FEATURE_PLACE] = -0.2,
};

void bandit_init(struct bandit *ret)
{
    memset(ret, 0, sizeof *ret);
    for (int i = 0; i < BANDIT_D; i++) {
        ret->precision[i][i] = PRIOR;
        ret->b[i] = PRIOR * prior_mean[i];
    }
}

void bandit_learn(struct bandit *bandit, const double x[BANDIT_D], double reward)
{
    double r = fmin(fmax(reward, 0), 1);
    for (int i = 0; i < BANDIT_D; i++) {
        for (int j = 0; j < BANDIT_D; j++) {
            double prior = i == j ? PRIOR : 0;
            bandit->precision[i][j] =
                FADE * bandit->precision[i][j] + (1 - FADE) * prior + x[i] * x[j] / NOISE;
        }
        bandit->b[i] = FADE * bandit->b[i] + (1 - FADE) * PRIOR * prior_mean[i] + r * x[i] / NOISE;
    }
}

/* Lower triangle of the Cholesky factor; its diagonal is at least the prior's share. */
static void factor(const struct bandit *bandit, double l[BANDIT_D][BANDIT_D])
{
    for (int i = 0; i < BANDIT_D; i++)
        for (int j = 0; j <= i; j++) {
            double sum = bandit->precision[i][j];
            for (int k = 0; k < j; k++)
                sum -= l[i][k] * l[j][k];
            l[i][j] = i == j ? sqrt(fmax(sum, 1e-9)) : sum / l[j][j];
        }
}

/* y := inverse of the transposed factor, times y. */
static void solve_upper(const double l[BANDIT_D][BANDIT_D], double y[BANDIT_D])
{
    for (int i = BANDIT_D - 1; i >= 0; i--) {
        for (int k = i + 1; k < BANDIT_D; k++)
            y[i] -= l[k][i] * y[k];
        y[i] /= l[i][i];
    }
}

static void mean_of(const struct bandit *bandit, const double l[BANDIT_D][BANDIT_D],
                    double mean[BANDIT_D])
{
    for (int i = 0; i < BANDIT_D; i++) {
        mean[i] = bandit->b[i];
        for (int k = 0; k < i; k++)
            mean[i] -= l[i][k] * mean[k];
        mean[i] /= l[i][i];
    }
    solve_upper(l, mean);
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < BANDIT_D; i++)
        sum += a[i] * b[i];
    return sum;
}

double bandit_expect(const struct bandit *bandit, const double x[BANDIT_D])
{
    double l[BANDIT_D][BANDIT_D] = { 0 }, mean[BANDIT_D];
    factor(bandit, l);
    mean_of(bandit, l, mean);
    return dot(mean, x);
}

uint64_t bandit_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double bandit_uniform(uint64_t *state)
{
    return (double)(bandit_random(state) >> 11) * 0x1p-53;
}

/* Two normal numbers (Box, Muller 1958). */
static void normal_pair(uint64_t *state, double *a, double *b)
{
    double r = sqrt(-2 * log(1 - bandit_uniform(state)));
    double angle = 2 * M_PI * bandit_uniform(state);
    *a = r * cos(angle);
    *b = r * sin(angle);
}

/* The k highest of `score`, the highest first, of those that are even the one that comes first. */
static void best(const double *score, int n, int k, int *chosen)
{
    int have = 0;
    for (int i = 0; i < n; i++) {
        int at = have;
        if (have == k && !(score[i] > score[chosen[k - 1]]))
            continue;
        if (have < k)
            have++;
        else
            at--;
        for (; at > 0 && score[i] > score[chosen[at - 1]]; at--)
            chosen[at] = chosen[at - 1];
        chosen[at] = i;
    }
}

/* Items side by side, feature by feature, so that the compiler makes vectors of them; `x` has
 * SIDE_BY_SIDE times a whole number of columns, of which those behind the items are 0. */
#define SIDE_BY_SIDE 8
static void draw(const double x[BANDIT_D][MOST], int n, const double l[BANDIT_D][BANDIT_D],
                 const double mean[BANDIT_D], uint64_t *state, double score[MOST])
{
    double weights[BANDIT_D + 1];
    for (int i = 0; i < BANDIT_D; i += 2)
        normal_pair(state, &weights[i], &weights[i + 1]);
    solve_upper(l, weights);
    for (int i = 0; i < BANDIT_D; i++)
        weights[i] += mean[i];
    for (int first = 0; first < n; first += SIDE_BY_SIDE) {
        double sum[SIDE_BY_SIDE] = { 0 };
        for (int i = 0; i < BANDIT_D; i++)
            for (int j = 0; j < SIDE_BY_SIDE; j++)
                sum[j] += weights[i] * x[i][first + j];
        memcpy(&score[first], sum, sizeof sum);
    }
}

void bandit_choose(const struct bandit *bandit, const double (*x)[BANDIT_D], int n, int k,
                   uint64_t seed, int *chosen, double *ret_propensity)
{
    double l[BANDIT_D][BANDIT_D] = { 0 }, mean[BANDIT_D], score[MOST];
    double columns[BANDIT_D][MOST] = { 0 };
    int drawn[MOST] = { 0 }, count[MOST] = { 0 };
    uint64_t state = seed;
    bool by_chance = bandit_uniform(&state) < BANDIT_UNIFORM;

    for (int i = 0; i < n; i++)
        for (int f = 0; f < BANDIT_D; f++)
            columns[f][i] = x[i][f];
    factor(bandit, l);
    mean_of(bandit, l, mean);
    for (int d = 0; d < BANDIT_DRAWS; d++) {
        draw((const double(*)[MOST])columns, n, (const double(*)[BANDIT_D])l, mean, &state, score);
        best(score, n, k, drawn);
        for (int i = 0; i < k; i++)
            count[drawn[i]]++;
        if (d == 0)
            memcpy(chosen, drawn, (size_t)k * sizeof *chosen);
    }
    for (int i = 0; i < n; i++)
        score[i] = bandit_uniform(&state);
    if (by_chance)
        best(score, n, k, chosen);
    for (int i = 0; i < n; i++)
        ret_propensity[i] = (1 - BANDIT_UNIFORM) * count[i] / BANDIT_DRAWS + BANDIT_UNIFORM * k / n;
}

void bandit_pack(const struct bandit *bandit, double ret_packed[BANDIT_PACKED])
{
    int at = 0;
    for (int i = 0; i < BANDIT_D; i++)
        for (int j = 0; j <= i; j++)
            ret_packed[at++] = bandit->precision[i][j];
    memcpy(&ret_packed[at], bandit->b, sizeof bandit->b);
}

void bandit_unpack(const double packed[BANDIT_PACKED], struct bandit *ret)
{
    int at = 0;
    bool sound = true;
    for (int i = 0; i < BANDIT_PACKED; i++)
        sound = sound && isfinite(packed[i]);
    for (int i = 0; i < BANDIT_D; i++)
        for (int j = 0; j <= i; j++) {
            sound = sound && (i != j || packed[at] > 0);
            ret->precision[i][j] = ret->precision[j][i] = packed[at++];
        }
    memcpy(ret->b, &packed[at], sizeof ret->b);
    if (!sound)
        bandit_init(ret);
}
