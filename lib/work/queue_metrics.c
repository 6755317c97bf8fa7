/* lib/work/queue_metrics.c -- makes the series of one queue. The metrics library owns them. */
#include "work/queue_metrics.h"

#include "base/alloc.h"

static struct lp_metric *plain(enum lp_metric_kind kind, const char *name, const char *help,
                               const char *queue)
{
    return lp_metric_with(lp_metric_family(kind, name, help, "name,controller", NULL, 0), queue,
                          queue);
}

static struct lp_metric *seconds(const char *name, const char *help, const char *queue)
{
    static const double bounds[] = { 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000 };
    return lp_metric_with(lp_metric_family(LP_METRIC_HISTOGRAM, name, help, "name,controller",
                                           bounds, LP_COUNT(bounds)),
                          queue, queue);
}

void lp_queue_metrics_init(struct lp_queue_metrics *m, const char *queue)
{
    struct lp_metric_family *depth =
        lp_metric_family(LP_METRIC_GAUGE, "workqueue_depth", "Keys ready to be worked on.",
                         "name,controller,priority", NULL, 0);
    m->depth[0] = lp_metric_with(depth, queue, queue, "0");
    m->depth[1] = lp_metric_with(depth, queue, queue, "-100");
    m->adds = plain(LP_METRIC_COUNTER, "workqueue_adds_total", "Keys that became ready.", queue);
    m->retries = plain(LP_METRIC_COUNTER, "workqueue_retries_total",
                       "Keys added again after a failure.", queue);
    m->refused = plain(LP_METRIC_COUNTER, "lp_workqueue_refused_total",
                       "Keys that were not taken, as the queue was full.", queue);
    m->waited = seconds("workqueue_queue_duration_seconds",
                        "Seconds a key was ready before a worker took it.", queue);
    m->worked = seconds("workqueue_work_duration_seconds", "Seconds of work on a key.", queue);
    m->unfinished = plain(LP_METRIC_GAUGE, "workqueue_unfinished_work_seconds",
                          "Seconds of work under way, over all workers.", queue);
    m->longest = plain(LP_METRIC_GAUGE, "workqueue_longest_running_processor_seconds",
                       "Seconds of the longest work under way.", queue);
}
