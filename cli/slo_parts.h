/* cli/slo_parts.h -- the pieces of slo.c. */
#pragma once

#include <jansson.h>

#include "cli/slo.h"
#include "http/client/client.h"
#include "platform/alerts.h"

enum slo_objective { SLO_AVAILABILITY, SLO_LATENCY, N_SLO_OBJECTIVES };
extern const char *const slo_objectives[N_SLO_OBJECTIVES];

/* The share of answers that may be bad. */
double slo_allowed(const struct alert_goals *goals, enum slo_objective objective);

struct slo_source {
    struct lp_http_client *http;
    const char *url; /* of the Prometheus */
};

/*
 * Sets in `row`, that of a platform: seenSeconds, how far back of 30 days it was scraped;
 * objectives: [{objective, allowed, budgetLeft, requests: {"1h": ..}, burn: {"1h": ..}}], where
 * null is not known: without a request in 30 days the budget is whole, and a window without one has
 * no burn; spentBy: [{objective, route, code, answers, share}].
 */
LP_MUST_USE int slo_by_prometheus(const struct slo_source *source, const struct alert_goals *goals,
                                  const char *ns, const char *platform, json_t *row,
                                  struct lp_error *err);

/* The same by the custom metrics API: a burn rate of "now" alone; what could not be read is a
 * sentence of row.missing. */
void slo_by_metrics_api(struct lp_kube_client *client, const struct alert_goals *goals,
                        const json_t *platform, json_t *row);

/* A platform of the table. */
void slo_text(const json_t *row, struct lp_buf *out);
