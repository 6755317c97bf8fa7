/* autoscaler/base/telemetry.h -- the metrics lp_adapter_* about the adapter itself. */
#pragma once

#include "metrics/metrics.h"

/* Made by the first telemetry_init, before the threads; they live as long as the program. */
extern struct telemetry {
    struct lp_metric_family *scrapes;     /* counter, {result}: ok, timeout, refused, failed */
    struct lp_metric_family *answers;     /* counter, {route,code} */
    struct lp_metric_family *losses;      /* counter, {transition}: lost, recovered */
    struct lp_metric_family *reviews;     /* counter, {kind,result} */
    struct lp_metric_family *conflict;    /* gauge, {apiservice}: 1 where somebody else has it */
    struct lp_metric_family *chained;     /* gauge, {apiservice}: 1 where we stand in for another */
    struct lp_metric_family *chain_taken; /* counter, {apiservice}: set back by its owner */
    struct lp_metric_family *chain_requests; /* counter, {code}: passed on; what was answered */
    struct lp_metric *chain_seconds;  /* histogram, from the request to the passed on answer */
    struct lp_metric *chain_list_age; /* gauge, seconds: since the other's list was last read */
    struct lp_metric *scrape_seconds; /* histogram */
    struct lp_metric *answer_seconds; /* histogram, from the request's last byte to the answer */
    struct lp_metric *scrape_age;     /* gauge, seconds: the oldest last answer of a Ready pod */
    struct lp_metric *pods;           /* gauge: Ready pods that are scraped */
    struct lp_metric *silent;         /* gauge: those whose last good scrape is too old */
    struct lp_metric *tls_expiry;     /* gauge, seconds since 1970 */
} telemetry;

void telemetry_init(void);
