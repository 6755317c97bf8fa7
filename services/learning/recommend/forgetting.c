/* services/learning/recommend/forgetting.c -- for each answer a step of Newton's method on the
 * weights of both ways, whose priors are normal(0, 1/prior). No state. */
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

#define UNHEARD 1e-3 /* who is believed less is not asked */
#define LEAST_DAYS 0.001
#define MOST_DAYS 3650.0
#define MOST_REVIEWS 100
#define MOST_AHEAD 8       /* reviews that are looked ahead */
#define RECALLED_AHEAD 0.9 /* of those behind the next one */

/* What is bound to one way: normal(0, 1/prior) of each weight, and its bounds. */
struct way {
    double prior[N], lowest[N], highest[N];
};
static const struct way by_model = { { 2, 4, 1 }, { -1.3863, -0.75, -2 }, { 2.7726, 2, 2 } };
static const struct way by_halving = { { 1, 4, 4 }, { -4, -1, -1 }, { 4, 1, 1 } };
/* Usual logarithm of a half-life in days, and what the roots add. */
static const double usual[N] = { 0.7, 0.5, 0.5 };

static double cut(double v, double low, double high)
{
    return fmin(fmax(v, low), high);
}

/* Logarithm of the hazard and what its weights count. By the model: 1, how far the model's hazard
 * is from the usual one, how often it was reviewed. */
static double look_by_model(const struct forgetting_fit *f, double recall, int seen,
                            double ret_x[N])
{
    double log_hazard = log(-log(cut(recall, LEAST, MOST)));
    ret_x[FORGETTING_RATE] = 1;
    ret_x[FORGETTING_SHAPE] = log_hazard - USUAL_LOG_HAZARD;
    ret_x[FORGETTING_REPEATED] = log(cut(seen, 1, MOST_SEEN) / USUAL_SEEN);
    for (int i = 0; i < N; i++)
        log_hazard += f->weights[i] * ret_x[i];
    return log_hazard;
}

/* By halving: recall is 2^(-days / half-life), ln half-life the sum of x that are turned round. */
static double look_by_halving(const struct forgetting_fit *f, double days, double seen,
                              double recalled, double ret_x[N])
{
    double log_hazard = log(M_LN2 * cut(days, LEAST_DAYS, MOST_DAYS));
    ret_x[0] = -1;
    ret_x[1] = 1 - sqrt(1 + cut(seen, 0, MOST_REVIEWS));
    ret_x[2] = 1 - sqrt(1 + cut(recalled, 0, MOST_REVIEWS));
    for (int i = 0; i < N; i++)
        log_hazard += (usual[i] + f->weights[i]) * ret_x[i];
    return log_hazard;
}

static double recall_of(double log_hazard)
{
    return exp(-exp(log_hazard));
}

static double halved(const struct forgetting *f, double days, double seen, double recalled)
{
    double x[N];
    return recall_of(look_by_halving(&f->exponential, days, seen, recalled, x));
}

double forgetting_exponential(const struct forgetting *f)
{
    return 1 / (1 + exp(FORGETTING_DOUBT - FORGETTING_WEIGHT * f->for_exponential));
}

double forgetting_recall(const struct forgetting *f, const struct forgetting_item *item)
{
    double x[N], share = forgetting_exponential(f), recall = 0;
    if (share < 1 - UNHEARD)
        recall = (1 - share) * recall_of(look_by_model(&f->model, item->recall, item->seen, x));
    else
        share = 1;
    if (share > UNHEARD)
        recall += share * halved(f, item->days, item->seen, item->recalled);
    return recall;
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

/* One answer to what had this hazard; the logarithm of how well it was foretold. */
static double fit(struct forgetting_fit *f, const struct way *way, double log_hazard,
                  const double x[N], bool recalled)
{
    double m[N][N + 1], p = cut(recall_of(log_hazard), LEAST, MOST);
    double slope = recalled ? log(p) : -log(p) * p / (1 - p); /* of the likelihood */
    double information = log(p) * log(p) * p / (1 - p);

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            f->evidence[i][j] = KEPT * f->evidence[i][j] + information * (x[i] * x[j]);
            m[i][j] = f->evidence[i][j] + (i == j ? way->prior[i] : 0);
        }
        m[i][N] = slope * x[i] - (1 - KEPT) * way->prior[i] * f->weights[i];
    }
    solve(m);
    for (int i = 0; i < N; i++) {
        double w = f->weights[i] + cut(m[i][N] / m[i][i], -STEP, STEP);
        f->weights[i] = cut(w, way->lowest[i], way->highest[i]);
    }
    return log(recalled ? p : 1 - p);
}

void forgetting_learn(struct forgetting *f, const struct forgetting_item *item, bool recalled)
{
    double x[N];
    double hazard = look_by_model(&f->model, item->recall, item->seen, x);
    double model = fit(&f->model, &by_model, hazard, x, recalled);
    hazard = look_by_halving(&f->exponential, item->days, item->seen, item->recalled, x);
    double exponential = fit(&f->exponential, &by_halving, hazard, x, recalled);
    f->for_exponential = cut(KEPT * f->for_exponential + cut(exponential - model, -1, 1),
                             -FORGETTING_SURE, FORGETTING_SURE);
}

double forgetting_invest(const struct forgetting *f, const struct forgetting_item *item,
                         double chance, double ahead_days)
{
    double share = forgetting_exponential(f), one = 0, best = 0;
    if (share <= UNHEARD)
        return 0;
    double without =
        item->seen == 0 ? 0 : halved(f, item->days + ahead_days, item->seen, item->recalled);
    for (int n = 1; n <= MOST_AHEAD && (n == 1 || n <= ahead_days); n *= 2) {
        double recalled = item->recalled + chance + (n - 1) * RECALLED_AHEAD;
        double each = (halved(f, ahead_days, item->seen + n, recalled) - without) / n;
        one = n == 1 ? each : one;
        best = n == 1 ? each : fmax(best, each);
    }
    return share * (best - one);
}

static double *pack_fit(const struct forgetting_fit *f, double *to)
{
    for (int i = 0; i < N; i++)
        *to++ = f->weights[i];
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++)
            *to++ = f->evidence[i][j];
    return to;
}

void forgetting_pack(const struct forgetting *f, double ret_packed[FORGETTING_NUMBERS])
{
    double *to = pack_fit(&f->exponential, pack_fit(&f->model, ret_packed));
    *to = f->for_exponential;
}

/* False: out of bounds, or no number. */
static bool unpack_fit(const double *from, const struct way *way, struct forgetting_fit *ret)
{
    bool sound = true;
    for (int i = 0; i < N; i++, from++) {
        ret->weights[i] = *from;
        sound = sound && *from >= way->lowest[i] && *from <= way->highest[i];
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++, from++) {
            ret->evidence[i][j] = ret->evidence[j][i] = *from;
            sound = sound && isfinite(*from) && (i != j || *from >= 0);
        }
    return sound;
}

void forgetting_unpack(const double packed[FORGETTING_NUMBERS], struct forgetting *ret)
{
    struct forgetting f = { .for_exponential = packed[FORGETTING_NUMBERS - 1] };
    bool sound = unpack_fit(packed, &by_model, &f.model) &&
                 unpack_fit(&packed[FORGETTING_NUMBERS / 2], &by_halving, &f.exponential) &&
                 fabs(f.for_exponential) <= FORGETTING_SURE;
    *ret = sound ? f : (struct forgetting){ 0 };
}
