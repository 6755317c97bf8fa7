/* cli/simulate.h -- how a service would have scaled: its planned HPA, on a trace of its load. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/cluster.h"
#include "cli/options.h"
#include "cli/simulate_lift.h"
#include "cli/simulate_series.h"
#include "cli/trace.h"
#include "platform/hpa/hpa.h"
#include "platform/plan.h"

/* What the planned objects of one service say. */
struct simulate_service {
    json_t *object;            /* the platform; owned */
    struct platform platform;  /* of it */
    struct plan_images images; /* of that */
    enum service_id id;
    int64_t start_ms;   /* wall clock of the trace's first row; -1: no date, so that no schedule and
                           no   pause counts */
    struct trace trace; /* owned */
    char title[192];    /* "learning/english ai-feedback" */
    struct hpa_rules rules;
    int32_t planned_min; /* rules.min before a burst or the fallback lifts it */
    struct simulate_lift lift;
    bool unmeasured;     /* a schedule has expectedStudents that no figure makes pods of */
    unsigned n_left_out; /* metrics of the HPA that the trace has no column for */
    char left_out[HPA_MAX_METRICS][64];
    int64_t queue_target; /* milli a pod, also where the HPA does not go by it */
    struct cluster_pod pod;
};

void simulate_service_done(struct simulate_service *service);
#define simulate_auto_service __attribute__((cleanup(simulate_service_done)))

struct simulate_change {
    int64_t at_ms;
    int32_t from, to, proposal; /* proposal 0: no metric was asked */
    int winner;                 /* of rules.metrics; -1: none was asked */
    int64_t value;              /* of it: percent, or milli a pod */
    const char *limited;        /* reason of ScalingLimited; NULL: it was not */
    bool at_once;               /* by a burst, between two syncs */
    bool by_others;             /* as it was recorded; not the HPA's decision */
};

/* A look at which the run that was recorded decided otherwise. */
struct simulate_difference {
    int64_t at_ms;
    int32_t recorded, simulated;
};
#define SIMULATE_DIFFERENCES 20 /* that are told; all are counted */

/*
 * Beside what was recorded. `looks`, `differ`: of a trace with `decided`, with as_recorded; early:
 * those of `differ` in the first early_ms, when the controller still knew what had been before the
 * recording. near_ms of seen_ms: how long there was at most one pod more or less than in
 * seen_replicas, of a trace without as_recorded.
 */
struct simulate_beside {
    size_t looks, differ, early;
    struct simulate_difference differences[SIMULATE_DIFFERENCES];
    int64_t early_ms, seen_ms, near_ms;
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
    struct series *series;                        /* owned */
    struct waits *waits;                          /* owned; of a trace with arrival_rate */
    struct simulate_beside beside;
};

void simulate_result_done(struct simulate_result *result);
#define simulate_auto_result __attribute__((cleanup(simulate_result_done)))

/*
 * What is planned for the service `id` of the one platform in `file`, under the load of `csv`,
 * which options->trace names. LP_E_INVALID, also where nothing in the trace counts for its HPA, and
 * where its HPA is not all that scales it. *ret_service stays where it is: parts of it
 * point to others.
 */
LP_MUST_USE int simulate_load(const char *file, enum service_id id,
                              const struct cli_options *options, const struct plan_images *images,
                              const struct lp_buf *csv, struct simulate_service *ret_service,
                              struct lp_error *err);

/* simulate_load of a platform as it is in hand; `what` names it in errors. */
LP_MUST_USE int simulate_load_platform(json_t *platform, const char *what, enum service_id id,
                                       const struct cli_options *options,
                                       const struct plan_images *images, const struct lp_buf *csv,
                                       struct simulate_service *ret_service, struct lp_error *err);

/*
 * The rules of the HPA at a moment of the trace become what schedules and pauses make of them then.
 * Returns when that changes next, by the trace's clock; INT64_MAX: not any more.
 */
int64_t simulate_plan_at(struct simulate_service *service, int64_t at_ms);

/* From the first row of the trace to its last, with a sync every sync_ms from the first on. Begins
 * with minReplicas ready pods, or as it was recorded. Waits count against target_wait_ms. */
void simulate_run(struct simulate_service *service, int64_t sync_ms, int64_t target_wait_ms,
                  struct simulate_result *ret_result);

/* A service of the file, and of the one to compare with. */
struct simulate_pair {
    struct simulate_service service, other;
    struct simulate_result result, other_result;
};

/* Of `n` services, at least 1; `both`: with what they are compared with. `failures`: what
 * simulate_check found. The caller's. */
json_t *simulate_json(const struct simulate_pair *pairs, size_t n, bool both,
                      const json_t *failures);
void simulate_text(const struct simulate_pair *pairs, size_t n, bool both, struct lp_buf *out);

/* cli/simulate_plot.c: pods and waits over time, appended: drawn with characters, for a terminal;
 * as CSV, a row a slot and service; as one SVG, a picture a service. */
void simulate_plot(const struct simulate_service *service, const struct simulate_result *result,
                   struct lp_buf *out);
void simulate_csv(const struct simulate_pair *pairs, size_t n, struct lp_buf *out);
void simulate_svg(const struct simulate_pair *pairs, size_t n, struct lp_buf *out);

/*
 * The command: appends its answer to `out`. *ret_failures: one sentence for each limit of the
 * options that the result is over; the caller's.
 */
LP_MUST_USE int simulate_command(const struct cli_options *options,
                                 const struct plan_images *images, struct lp_buf *out,
                                 json_t **ret_failures, struct lp_error *err);
