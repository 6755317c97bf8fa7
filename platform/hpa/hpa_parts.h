/* platform/hpa/hpa_parts.h -- the parts of hpa_decide. */
#pragma once

#include "platform/hpa/hpa.h"

/* What one metric asks for. False where it has no value; then nothing is written. ret_value is in
 * percent, or in milli a pod. */
LP_MUST_USE bool hpa_metric_replicas(const struct hpa_metric *metric,
                                     const struct hpa_observed *seen, int32_t *ret_replicas,
                                     int64_t *ret_value);

/* The count at the start of the controller counts as a recommendation. */
void hpa_history_start(struct hpa_state *state, int32_t current, int64_t now_ms);

/* `wanted` within windows, policies, min and max; sets AbleToScale and ScalingLimited, and keeps
 * `wanted` as a recommendation. */
int32_t hpa_normalize(const struct hpa_rules *rules, struct hpa_state *state, int32_t current,
                      int32_t wanted, int64_t now_ms);

/* Keeps what a scaling changed, for the policies of the next syncs. */
void hpa_history_scaled(const struct hpa_rules *rules, struct hpa_state *state, int32_t from,
                        int32_t to, int64_t now_ms);
