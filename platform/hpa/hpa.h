/* platform/hpa/hpa.h -- what the HPA controller of kube-controller-manager decides, in its own
 * arithmetic: int64 in milli units, ratios in double, counts in int32. Source:
 * k8s.io/kubernetes pkg/controller/podautoscaler, the same in 1.34 and 1.36 for the metrics that we
 * use; test/unit/hpa holds it equal. Pure but for the state that is passed in; one thread a state.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define HPA_MAX_METRICS 8
#define HPA_MAX_POLICIES 8

/* Resource metrics with a Utilization target, and Object metrics with an AverageValue. */
enum hpa_source { HPA_CPU, HPA_MEMORY, HPA_OBJECT };
#define HPA_DEMAND "demand" /* an object metric beside the other one */
#define HPA_RESOURCES 2     /* HPA_CPU and HPA_MEMORY */

struct hpa_metric {
    enum hpa_source source;
    bool container; /* of one container: only its failure is named otherwise */
    char name[64];
    int64_t target; /* percent of the request, or milli a pod */
};

enum hpa_select { HPA_SELECT_MAX, HPA_SELECT_MIN, HPA_SELECT_DISABLED };

/* spec.behavior.scaleUp or scaleDown with the defaults of the API server. */
struct hpa_scaling {
    int32_t window_s;
    enum hpa_select select;
    unsigned n;
    struct hpa_policy {
        bool percent; /* else Pods */
        int32_t value, period_s;
    } policies[HPA_MAX_POLICIES];
};

struct hpa_rules {
    int32_t min, max;
    unsigned n_metrics;
    struct hpa_metric metrics[HPA_MAX_METRICS];
    bool has_behavior;
    struct hpa_scaling up, down; /* only where has_behavior */
};

/* Reads `spec` of an autoscaling/v2 HorizontalPodAutoscaler. LP_E_INVALID names the field and what
 * is taken: what the API server would refuse, and metrics of other types. */
LP_MUST_USE int hpa_rules_read(const json_t *spec, struct hpa_rules *ret_rules,
                               struct lp_error *err);

/* All times are milliseconds of one clock, which never goes back. */
struct hpa_pod {
    bool deleting, failed, pending; /* else it runs */
    bool ready;
    int64_t started_ms, changed_ms; /* when `ready` became what it is */
    int64_t usage[HPA_RESOURCES];   /* milli; -1: no sample */
    int64_t sampled_ms, window_ms;  /* of the samples */
    int64_t request[HPA_RESOURCES]; /* milli, over its containers */
};

/* What a pod is to a resource metric. IGNORED ones are not there; UNREADY ones use nothing where
 * there is much, MISSING ones nothing there and all they ask for where there is little. */
enum hpa_treated { HPA_IGNORED, HPA_UNREADY, HPA_MISSING, HPA_COUNTED };
enum hpa_treated hpa_treat(const struct hpa_pod *pod, enum hpa_source resource, int64_t now_ms);

struct hpa_observed {
    int64_t now_ms;
    int32_t spec_replicas, status_replicas; /* of the scale subresource */
    const struct hpa_pod *pods;             /* that the selector gives */
    size_t n_pods;
    bool usage_known;     /* the API of CPU and memory answers */
    int64_t object_value; /* milli; -1: the metrics API has none */
    int64_t demand;       /* the same of the metric HPA_DEMAND */
};

enum { HPA_ABLE_TO_SCALE, HPA_SCALING_ACTIVE, HPA_SCALING_LIMITED, HPA_CONDITIONS };

struct hpa_condition {
    bool status;
    const char *reason; /* a literal; NULL: not set yet */
};

/* Something that counts for a while: a recommendation, or pods added or removed. */
struct hpa_mark {
    int64_t at_ms;
    int32_t replicas;
    bool outdated;
};

struct hpa_list {
    struct hpa_mark *marks;
    size_t n, room;
};

/* What the controller keeps of one HPA from sync to sync. {0} is a controller that has just been
 * started. It grows to as many marks as there are syncs in the longest window. */
struct hpa_state {
    struct hpa_list recommendations, ups, downs;
    struct hpa_condition conditions[HPA_CONDITIONS];
};

void hpa_state_done(struct hpa_state *state);
#define hpa_auto_state __attribute__((cleanup(hpa_state_done)))

struct hpa_decision {
    int32_t replicas; /* what spec.replicas becomes */
    int32_t proposal; /* what the winner asks for, before windows, policies, min and max */
    int winner;       /* of rules->metrics; -1: none counts, or none was asked */
    int64_t values[HPA_MAX_METRICS]; /* percent, or milli a pod; -1: none */
};

/* One sync. */
void hpa_decide(const struct hpa_rules *rules, const struct hpa_observed *seen,
                struct hpa_state *state, struct hpa_decision *ret_decision);
