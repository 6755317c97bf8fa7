/* cli/simulate.h -- how a service would have scaled: its planned HPA, on a trace of its load. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/cluster.h"
#include "cli/options.h"
#include "cli/trace.h"
#include "platform/hpa/hpa.h"
#include "platform/plan.h"

/* What the planned objects of one service say. */
struct simulate_service {
    char title[192]; /* "learning/english ai-feedback" */
    struct hpa_rules rules;
    unsigned n_left_out; /* metrics of the HPA that the trace has no column for */
    char left_out[HPA_MAX_METRICS][64];
    int64_t queue_target; /* milli a pod, also where the HPA does not go by it */
    struct cluster_pod pod;
};

struct simulate_change {
    int64_t at_ms;
    int32_t from, to, proposal; /* proposal 0: no metric was asked */
    int winner;                 /* of rules.metrics; -1: none was asked */
    int64_t value;              /* of it: percent, or milli a pod */
    const char *limited;        /* reason of ScalingLimited; NULL: it was not */
};

struct simulate_result {
    struct simulate_change *changes; /* owned */
    size_t n_changes, room, ups, downs;
    size_t flaps;         /* changes the other way than the one before, within ten minutes */
    size_t syncs, frozen; /* frozen: without a decision, as metrics were missing */
    int32_t most;         /* pods at a time */
    int64_t length_ms, at_max_ms, over_target_ms; /* over: the queue is more than target * ready */
    int64_t pod_ms, max_pod_ms;                   /* max: with maxReplicas all the time */
    int64_t worst_over;                           /* milli, of the queue over target * ready */
    int64_t turned_away;                          /* millionths of a request */
};

void simulate_result_done(struct simulate_result *result);
#define simulate_auto_result __attribute__((cleanup(simulate_result_done)))

/* What is planned for the service options->service of the one platform in `file`. LP_E_INVALID,
 * also where nothing in the trace counts for its HPA, and where its HPA is not all that scales it.
 */
LP_MUST_USE int simulate_load(const char *file, const struct cli_options *options,
                              const struct plan_images *images, const struct trace *trace,
                              struct simulate_service *ret_service, struct lp_error *err);

/* From the first row of the trace to its last, with a sync every sync_ms from the first on. Begins
 * with minReplicas ready pods. */
void simulate_run(const struct simulate_service *service, const struct trace *trace,
                  int64_t sync_ms, struct simulate_result *ret_result);

/* `other` NULL: none to compare with. `failures`: what simulate_check found. */
json_t *simulate_json(const struct simulate_service *service, const struct simulate_result *result,
                      const struct simulate_service *other,
                      const struct simulate_result *other_result, const json_t *failures);
void simulate_text(const struct simulate_service *service, const struct simulate_result *result,
                   const struct simulate_service *other, const struct simulate_result *other_result,
                   struct lp_buf *out);

/* The limits of the options that the result is over, as sentences; the caller's. */
json_t *simulate_check(const struct simulate_result *result, const struct cli_options *options);

/*
 * The command: appends its answer to `out`. *ret_failures: one sentence for each limit of the
 * options that the result is over; the caller's.
 */
LP_MUST_USE int simulate_command(const struct cli_options *options,
                                 const struct plan_images *images, struct lp_buf *out,
                                 json_t **ret_failures, struct lp_error *err);
