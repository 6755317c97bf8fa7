/* operator/reconcile_metrics.c -- metric families are made once and updated without a lock. */
#include "operator/reconcile_metrics.h"

#include "metrics/metrics.h"

#define CONTROLLER "learningplatform"

static struct {
    struct lp_metric *success, *error, *errors, *seconds, *active, *without_change;
} m;

static struct lp_metric *make(enum lp_metric_kind kind, const char *name, const char *help)
{
    struct lp_metric_family *f =
        lp_metric_family(kind, name, help, "controller", lp_metrics_seconds, lp_metrics_n_seconds);
    return lp_metric_with(f, CONTROLLER);
}

void reconcile_metrics_init(unsigned workers)
{
    struct lp_metric_family *total =
        lp_metric_family(LP_METRIC_COUNTER, "controller_runtime_reconcile_total",
                         "Reconciles by result.", "controller,result", NULL, 0);
    m.success = lp_metric_with(total, CONTROLLER, "success");
    m.error = lp_metric_with(total, CONTROLLER, "error");
    m.errors = make(LP_METRIC_COUNTER, "controller_runtime_reconcile_errors_total",
                    "Reconciles that failed.");
    m.seconds = make(LP_METRIC_HISTOGRAM, "controller_runtime_reconcile_time_seconds",
                     "Time that a reconcile took.");
    m.active =
        make(LP_METRIC_GAUGE, "controller_runtime_active_workers", "Workers that reconcile now.");
    lp_metric_set(make(LP_METRIC_GAUGE, "controller_runtime_max_concurrent_reconciles",
                       "Workers that there are."),
                  workers);
    m.without_change = make(LP_METRIC_COUNTER, "reconciles_without_change_total",
                            "Reconciles that wrote nothing.");
}

void reconcile_metrics_begin(void)
{
    lp_metric_add(m.active, 1);
}

void reconcile_metrics_end(double seconds, int code, unsigned writes)
{
    lp_metric_add(m.active, -1);
    lp_metric_observe(m.seconds, seconds);
    lp_metric_add(code == 0 ? m.success : m.error, 1);
    if (code != 0)
        lp_metric_add(m.errors, 1);
    if (code == 0 && writes == 0)
        lp_metric_add(m.without_change, 1);
}
