/* operator/reconcile/reconcile_metrics.c -- metric families are made once and updated without a
 * lock. */
#include "operator/reconcile/reconcile_metrics.h"

#include "base/alloc.h"
#include "metrics/metrics.h"

#define CONTROLLER "learningplatform"

enum result { SUCCESS, ERROR, REQUEUE, REQUEUE_AFTER };
static const char *const results[] = { "success", "error", "requeue", "requeue_after" };

static struct {
    struct lp_metric *results[LP_COUNT(results)];
    struct lp_metric *errors, *terminal, *panics, *timeouts, *seconds, *active, *without_change;
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
    for (unsigned i = 0; i < LP_COUNT(results); i++)
        m.results[i] = lp_metric_with(total, CONTROLLER, results[i]);
    m.errors = make(LP_METRIC_COUNTER, "controller_runtime_reconcile_errors_total",
                    "Reconciles that failed.");
    m.terminal = make(LP_METRIC_COUNTER, "controller_runtime_terminal_reconcile_errors_total",
                      "Reconciles that met what no retry repairs, such as an invalid spec.");
    m.panics = make(LP_METRIC_COUNTER, "controller_runtime_reconcile_panics_total",
                    "Reconciles that were under way when the process before this one died.");
    m.timeouts = make(LP_METRIC_COUNTER, "controller_runtime_reconcile_timeouts_total",
                      "Reconciles that failed because an answer did not come in time.");
    m.seconds = make(LP_METRIC_HISTOGRAM, "controller_runtime_reconcile_time_seconds",
                     "Time that a reconcile took.");
    m.active =
        make(LP_METRIC_GAUGE, "controller_runtime_active_workers", "Workers that reconcile now.");
    lp_metric_set(make(LP_METRIC_GAUGE, "controller_runtime_max_concurrent_reconciles",
                       "Workers that there are."),
                  workers);
    m.without_change = make(LP_METRIC_COUNTER, "lp_reconciles_without_change_total",
                            "Reconciles that wrote nothing.");
}

void reconcile_metrics_begin(void)
{
    lp_metric_add(m.active, 1);
}

/* As controller-runtime counts: what is terminal is an error too. */
void reconcile_metrics_end(double seconds, int code, const struct reconcile_result *result)
{
    bool failed = code != 0 || result->terminal;

    lp_metric_add(m.active, -1);
    lp_metric_observe(m.seconds, seconds);
    lp_metric_add(m.results[failed ? ERROR : result->again_ms > 0 ? REQUEUE_AFTER : SUCCESS], 1);
    if (failed)
        lp_metric_add(m.errors, 1);
    if (code == 0 && result->terminal)
        lp_metric_add(m.terminal, 1);
    if (code == LP_E_TIMEOUT)
        lp_metric_add(m.timeouts, 1);
    if (code == 0 && result->writes == 0)
        lp_metric_add(m.without_change, 1);
}

void reconcile_metrics_crashed(unsigned times)
{
    lp_metric_add(m.panics, times);
}

void reconcile_metrics_write(const char *kind, const char *why)
{
    lp_metric_add(lp_metric_with(lp_metric_family(LP_METRIC_COUNTER, "lp_child_writes_total",
                                                  "Children applied, by kind and reason.",
                                                  "kind,why", NULL, 0),
                                 kind, why),
                  1);
}
