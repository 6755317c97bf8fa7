/* lib/metrics/metrics.h -- counters, gauges, histograms and their Prometheus text (format 0.0.4).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * Families and series live as long as the program; making one twice gives the first. Updates are
 * atomic and take no lock, so keep the series pointer where it is hot. Series over
 * the family's limit, LP_LIMIT_METRIC_SERIES, are counted in
 * lp_metrics_dropped_series_total{family}, each time that one is asked for, and updates to them go
 * nowhere (the returned pointer is valid).
 */
struct lp_metric_family;
struct lp_metric;

enum lp_metric_kind { LP_METRIC_COUNTER, LP_METRIC_GAUGE, LP_METRIC_HISTOGRAM };

/* `name`, `help`: literals. `labels`: label names separated by commas, "" for none, at most 4.
 * `buckets`: upper bounds, rising, borrowed for ever, histograms only; n at most 24. */
struct lp_metric_family *lp_metric_family(enum lp_metric_kind kind, const char *name,
                                          const char *help, const char *labels,
                                          const double *buckets, unsigned n_buckets);

/* Another limit of its series, for a family that has several for each of something. */
void lp_metric_limit(struct lp_metric_family *f, unsigned series);

/* The series of these label values (as many as the family has labels; copied, escaped). */
struct lp_metric *lp_metric_get(struct lp_metric_family *f, const char *const *values);
#define lp_metric_with(f, ...) lp_metric_get((f), (const char *const[]){ __VA_ARGS__ })
struct lp_metric *lp_metric_single(struct lp_metric_family *f); /* a family without labels */

void lp_metric_add(struct lp_metric *m, double v);     /* counter: v >= 0; gauge: any */
void lp_metric_set(struct lp_metric *m, double v);     /* gauge */
void lp_metric_observe(struct lp_metric *m, double v); /* histogram */
double lp_metric_value(const struct lp_metric *m);     /* counter, gauge; histogram: the count */
/* No longer exposed. Whoever still has the pointer may use it for LP_METRIC_GRACE_MS more: only
 * after that a full family gives the series out again, under other labels. */
#define LP_METRIC_GRACE_MS 600000
void lp_metric_remove(struct lp_metric_family *f, const char *const *values);
/* All series whose first `n` labels have these values; 0: all of the family. */
void lp_metric_remove_first(struct lp_metric_family *f, const char *const *values, unsigned n);

/* Called before each exposition, for gauges that are read rather than kept. At most 16. */
void lp_metrics_on_collect(void (*collect)(void *user), void *user);

/* Default buckets for seconds of a request: 1 ms to 30 s. */
extern const double lp_metrics_seconds[];
extern const unsigned lp_metrics_n_seconds;

/* Everything, with process_* (cpu seconds, resident and virtual bytes, open and max fds, start
 * time) and lp_build_info{program,version}. Content-Type: text/plain; version=0.0.4; charset=utf-8.
 * LP_E_TOO_LARGE where `b` has no room for it: a part of a page reads like a page, so nothing of it
 * is to be answered.
 */
LP_MUST_USE int lp_metrics_write(struct lp_buf *b, struct lp_error *err);
#define LP_METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Once in main: what lp_build_info says. Borrowed. */
void lp_metrics_set_program(const char *program, const char *version);
