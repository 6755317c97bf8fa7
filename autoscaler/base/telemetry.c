/*
 * The metrics about the adapter itself. Threads: any; _init runs once, updates are atomic.
 */
#include "autoscaler/base/telemetry.h"

#include <pthread.h>

#include "base/alloc.h"

struct telemetry telemetry;

static const double answer_buckets[] = { 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005,
                                         0.01,    0.05,   0.25,    1,      5,     10 };
static const double scrape_buckets[] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                         0.05,   0.1,   0.25,   0.5,   1 };

static struct lp_metric_family *family(enum lp_metric_kind kind, const char *name, const char *help,
                                       const char *labels)
{
    return lp_metric_family(kind, name, help, labels, NULL, 0);
}

static void make_chain(void)
{
    telemetry.chained =
        family(LP_METRIC_GAUGE, "lp_adapter_chained",
               "1 where the APIService leads to us in another's place.", "apiservice");
    telemetry.chain_taken = family(
        LP_METRIC_COUNTER, "lp_adapter_chain_set_back_total",
        "How often the owner of an APIService set it back while it led to us.", "apiservice");
    telemetry.chain_requests =
        family(LP_METRIC_COUNTER, "lp_adapter_chain_requests_total",
               "Requests passed on to the previous metrics API by the status answered.", "code");
    telemetry.chain_seconds =
        lp_metric_single(lp_metric_family(LP_METRIC_HISTOGRAM, "lp_adapter_chain_seconds",
                                          "From a request that is passed on to its answer.", "",
                                          lp_metrics_seconds, lp_metrics_n_seconds));
    telemetry.chain_list_age = lp_metric_single(
        family(LP_METRIC_GAUGE, "lp_adapter_chain_list_age_seconds",
               "Since the list of the previous metrics API was last read; 0 without one.", ""));
}

static void make_all(void)
{
    telemetry.scrapes = family(LP_METRIC_COUNTER, "lp_adapter_scrapes_total",
                               "Scrapes of pods by how they ended.", "result");
    telemetry.answers =
        family(LP_METRIC_COUNTER, "lp_adapter_answers_total",
               "Answers of the metrics API by route and status code.", "route,code");
    telemetry.losses = family(LP_METRIC_COUNTER, "lp_adapter_losses_total",
                              "Services whose metrics were lost, and came back.", "transition");
    telemetry.reviews =
        family(LP_METRIC_COUNTER, "lp_adapter_reviews_total",
               "TokenReviews and SubjectAccessReviews sent, by result.", "kind,result");
    telemetry.conflict =
        family(LP_METRIC_GAUGE, "lp_adapter_apiservice_conflict",
               "1 where the APIService names a Service that is not ours.", "apiservice");
    make_chain();
    telemetry.scrape_seconds = lp_metric_single(
        lp_metric_family(LP_METRIC_HISTOGRAM, "lp_adapter_scrape_seconds", "Duration of a scrape.",
                         "", scrape_buckets, LP_COUNT(scrape_buckets)));
    telemetry.answer_seconds =
        lp_metric_single(lp_metric_family(LP_METRIC_HISTOGRAM, "lp_adapter_answer_seconds",
                                          "From the request's last byte to the answer.", "",
                                          answer_buckets, LP_COUNT(answer_buckets)));
    telemetry.scrape_age =
        lp_metric_single(family(LP_METRIC_GAUGE, "lp_adapter_scrape_age_seconds",
                                "Age of the oldest last answer of a Ready pod.", ""));
    telemetry.pods = lp_metric_single(
        family(LP_METRIC_GAUGE, "lp_adapter_pods", "Ready pods that are scraped.", ""));
    telemetry.silent = lp_metric_single(
        family(LP_METRIC_GAUGE, "lp_adapter_pods_silent",
               "Ready pods whose last good scrape is over 30 s old: in the sums of their "
               "service the mean of the others stands for each.",
               ""));
    telemetry.tls_expiry =
        lp_metric_single(family(LP_METRIC_GAUGE, "lp_adapter_tls_expiry_timestamp_seconds",
                                "When the serving certificate ends, in seconds since 1970.", ""));
}

void telemetry_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_all);
}
