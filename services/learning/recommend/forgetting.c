/* services/learning/recommend/forgetting.c -- for each answer a step of Newton's method on the
 * weights, whose prior is normal(0, 1/prior). No state. */
#include "services/learning/recommend/forgetting.h"

#include <math.h>

#define N FORGETTING_TERMS
#define KEPT 0.995  /* of the evidence with each answer, so that weights follow a change */
#define STEP 0.5    /* at most, so that no single answer says much */
#define LEAST 0.001 /* of a recall */
#define MOST 0.9999
#define MOST_SEEN 20
#define USUAL_SEEN 3.0
#define USUAL_LOG_HAZARD (-2.2503673273124454) /* of a recall of 0.9 */

static const double prior[N] = { 2, 4, 1 };
static const double lowest[N] = { -1.3863, -0.75, -2 }, highest[N] = { 2.7726, 2, 2 };

static double cut(double v, double low, double high)
{
    return fmin(fmax(v, low), high);
}

/* What the weights count: 1, how far the model's hazard is from the usual one, how often it was
 * reviewed; the logarithm of the learner's hazard. */
static double look(const struct forgetting *f, double recall, int seen, double ret_x[N])
{
    double log_hazard = log(-log(cut(recall, LEAST, MOST)));
    ret_x[FORGETTING_RATE] = 1;
    ret_x[FORGETTING_SHAPE] = log_hazard - USUAL_LOG_HAZARD;
    ret_x[FORGETTING_REPEATED] = log(cut(seen, 1, MOST_SEEN) / USUAL_SEEN);
    for (int i = 0; i < N; i++)
        log_hazard += f->weights[i] * ret_x[i];
    return log_hazard;
}

double forgetting_recall(const struct forgetting *f, double recall, int seen)
{
    double x[N];
    return exp(-exp(look(f, recall, seen, x)));
}

/* Gauss and Jordan; `m` is positive definite with its right side as the last column. */
static void solve(double m[N][N + 1])
{
    for (int i = 0; i < N; i++)
        for (int row = 0; row < N; row++) {
            double q = m[row][i] / m[i][i];
            for (int c = 0; c <= N && row != i; c++)
                m[row][c] -= q * m[i][c];
        }
}

void forgetting_learn(struct forgetting *f, double recall, int seen, bool recalled)
{
    double x[N], m[N][N + 1];
    double p = cut(exp(-exp(look(f, recall, seen, x))), LEAST, MOST);
    double slope = recalled ? log(p) : -log(p) * p / (1 - p); /* of the likelihood */
    double information = log(p) * log(p) * p / (1 - p);

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            f->evidence[i][j] = KEPT * f->evidence[i][j] + information * x[i] * x[j];
            m[i][j] = f->evidence[i][j] + (i == j ? prior[i] : 0);
        }
        m[i][N] = slope * x[i] - (1 - KEPT) * prior[i] * f->weights[i];
    }
    solve(m);
    for (int i = 0; i < N; i++) {
        double w = f->weights[i] + cut(m[i][N] / m[i][i], -STEP, STEP);
        f->weights[i] = cut(w, lowest[i], highest[i]);
    }
}

void forgetting_pack(const struct forgetting *f, double ret_packed[FORGETTING_NUMBERS])
{
    int at = 0;
    for (int i = 0; i < N; i++)
        ret_packed[at++] = f->weights[i];
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++)
            ret_packed[at++] = f->evidence[i][j];
}

void forgetting_unpack(const double packed[FORGETTING_NUMBERS], struct forgetting *ret)
{
    struct forgetting f;
    int at = 0;
    bool sound = true;
    for (int i = 0; i < N; i++, at++) {
        f.weights[i] = packed[at];
        sound = sound && packed[at] >= lowest[i] && packed[at] <= highest[i];
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++, at++) {
            f.evidence[i][j] = f.evidence[j][i] = packed[at];
            sound = sound && isfinite(packed[at]) && (i != j || packed[at] >= 0);
        }
    *ret = sound ? f : (struct forgetting){ 0 };
}
