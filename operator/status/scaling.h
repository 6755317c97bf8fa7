/* operator/status/scaling.h -- what an HPA decided, and why, in words. Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#define SCALING_FLOOR_TEXT 400

/*
 * {winner, value, target, why} for status.services[].scaling, the caller's. `before` (or NULL) is
 * what the status has: it is kept while nothing but the figures moved, and those by less than a
 * quarter of the target, so that an idle platform writes no status. `floor`: what lifts minReplicas
 * now, and what is paused, in words, at most SCALING_FLOOR_TEXT bytes; NULL: nothing.
 */
json_t *scaling_explain(const json_t *hpa, const char *floor, const json_t *before);

/* True where the HPA is changing the number of pods now: "2 to 4: queue depth …" is in the why of
 * the result above. */
bool scaling_is_moving(const json_t *hpa);

/* A metric as the HPA saw it last. */
struct scaling_reading {
    char name[32]; /* "cpu", "memory", "queueDepth", "demand" */
    char value[32], target[32];
    char text[128]; /* "queue depth 6.5 a pod, target 4" */
    double ratio;   /* of value to target */
};
#define SCALING_READINGS 8

/* Those of status.currentMetrics that we know, at most SCALING_READINGS. */
unsigned scaling_readings(const json_t *hpa, struct scaling_reading *ret_readings);

/* What holds the HPA back from what the metrics ask for: "maxReplicas 10"; "none". */
void scaling_limits(const json_t *hpa, char ret_text[96]);

/* True where the HPA scales (ScalingActive) and its metrics ask for more pods than maxReplicas
 * allows. NULL: false. */
bool scaling_is_at_max(const json_t *hpa);

/* "True", "False" or "Unknown" of the HPA's condition ScalingActive; *ret_message is borrowed, may
 * be NULL. */
const char *scaling_active(const json_t *hpa, const char **ret_reason, const char **ret_message);
