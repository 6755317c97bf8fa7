/* cli/looks/pods.h -- what a service's pods were to the HPA controller at one of its looks, by its
 * own rules (platform/hpa). Pure. */
#pragma once

#include <jansson.h>

#include "platform/hpa/hpa.h"

/* By what an HPA decides, and of which container its resource metrics are; "": of all. */
struct looks_rules {
    struct hpa_rules rules;
    char containers[HPA_RESOURCES][64];
};

/* Reads `spec` of an HPA; errors as hpa_rules_read has them. */
LP_MUST_USE int looks_rules_read(const json_t *spec, struct looks_rules *ret_rules,
                                 struct lp_error *err);

/* Pods that are going or have failed are none of these. */
struct looks_pods {
    int64_t pending;                /* not running yet */
    int64_t missing;                /* running, without a sample */
    int64_t ready;                  /* with a sample, which counts for memory */
    int64_t counted;                /* and for CPU */
    int64_t request[HPA_RESOURCES]; /* milli, of one pod; 0: none */
};

/*
 * `pods` by name; `samples`: PodMetrics by name, NULL where nobody knows them: then each Ready pod
 * counts as one that has a sample of now.
 */
void looks_pods_count(const json_t *pods, const json_t *samples, const struct looks_rules *rules,
                      int64_t now_ms, struct looks_pods *ret_pods);
