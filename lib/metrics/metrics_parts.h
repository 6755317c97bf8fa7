/* lib/metrics/metrics_parts.h -- what metrics.c and expose.c share; for nobody else. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "metrics/metrics.h"

#define LP_METRIC_LABELS 4
#define LP_METRIC_BUCKETS 24
#define LP_METRIC_COLLECTORS 16

struct lp_exemplars;

/*
 * One series. Doubles are kept as their bits, so that every update is one atomic operation or a
 * short compare-and-swap loop. `labels` and `hidden` change under lp_metrics_lock only.
 */
struct lp_metric {
    struct lp_metric_family *family;
    char *labels;      /* a="x",b="y", escaped; "" without labels */
    bool hidden;       /* removed: not exposed until somebody asks for it again */
    int64_t hidden_ms; /* since when */
    _Atomic(struct lp_exemplars *) exemplars; /* histogram, from the first one on */
    atomic_uint_least64_t bits;               /* counter and gauge: the value; histogram: the sum */
    atomic_uint_least64_t buckets[];          /* histogram: n_buckets + 1 counts, not cumulative */
};

/* `series` is sorted by its labels, which is also the order of the exposition. */
struct lp_metric_family {
    enum lp_metric_kind kind;
    const char *name, *help;
    char *label_names[LP_METRIC_LABELS];
    unsigned n_labels;
    const double *bounds;
    unsigned n_buckets;
    struct lp_metric **series;
    size_t n_series, cap_series, limit;
    struct lp_metric *overflow; /* takes the updates of series over the limit; never exposed */
    struct lp_metric_family *next;
};

extern pthread_mutex_t lp_metrics_lock;

/* How long a removed series keeps its labels: LP_METRIC_GRACE_MS, less in tests. */
extern int64_t lp_metrics_grace_ms;

/* Families in the order of their making; call with lp_metrics_lock held. */
struct lp_metric_family *lp_metrics_first_locked(void);

/* Runs the collect callbacks; call without the lock. */
void lp_metrics_collect(void);

/* Sets process_* and lp_build_info; call without the lock. */
void lp_metrics_read_process(void);

/* The bucket that counts `v`. */
unsigned lp_metric_bucket(const struct lp_metric_family *f, double v);

/* What exemplars.c keeps of one bucket. */
struct lp_exemplar {
    char trace_id[33];
    double value;
    int64_t wall_ms;
};
/* False: the bucket has none. */
bool lp_metric_exemplar(const struct lp_metric *m, unsigned bucket, struct lp_exemplar *ret);
/* The series begins anew, maybe under other labels. */
void lp_metric_forget_exemplars(struct lp_metric *m);

double lp_metric_load(const atomic_uint_least64_t *bits);
