/* platform/alerts.h -- the alerts of a platform as rules for Prometheus: dashboards/alerts.yaml and
 * the PrometheusRule of spec.monitoring are both made from platform/alerts.yaml. Pure. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "platform/spec.h"

/* What learners may expect of the gateway in a month (a service level objective). */
struct alert_goals {
    int64_t errors;     /* answers that may be 5xx, of 100,000; 1..5000 */
    int64_t latency_ms; /* 95 % of the answers come within it; 1..30000 */
};

/* Those of a spec, or the defaults, 99.9 % and 500 ms, of what it does not say. */
struct alert_goals alert_goals_of(const struct monitoring_spec *monitoring);

/* The bounds of lp_request_seconds, in us, rising; between two of them the share of answers is
 * taken to grow evenly, as histogram_quantile() does. */
extern const int64_t alert_bounds_us[];
extern const unsigned alert_n_bounds;

/* Appends the PromQL for the rate over `window` ("1h") of the platform's answers within the goal of
 * latency, summed by these labels ("namespace, platform"): what the rules count as in time. */
void alerts_within(const struct alert_goals *goals, const char *ns, const char *platform,
                   const char *by, const char *window, struct lp_buf *out);

/* Appends the rules, YAML with comments. `ns` NULL: of all platforms that are scraped, else of
 * `platform` in that namespace only. */
void alerts_write(const struct alert_goals *goals, const char *ns, const char *platform,
                  struct lp_buf *out);

/* The groups of a platform for a PrometheusRule, without those about the operator, which are not a
 * platform's; each alert has team and severity of its owner. The caller's. */
json_t *alerts_groups(const struct monitoring_spec *monitoring, const char *ns,
                      const char *platform);
/* The groups that are left out there: of an operator for all namespaces. The caller's. */
json_t *alerts_operator_groups(void);
