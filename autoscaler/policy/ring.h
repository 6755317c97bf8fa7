/* autoscaler/policy/ring.h -- the decisions of the last day, of bounded size, as they lie in a
 * ConfigMap: one JSON object a line, the oldest first, compressed with zstd (RFC 8878). Pure.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define RING_SUFFIX "decisions"  /* the ConfigMap is "<platform>-decisions" */
#define RING_KEY "decisions.zst" /* of its binaryData */
#define RING_PACKED (64 << 10)   /* bytes compressed, at most */
#define RING_TEXT (1 << 20)      /* bytes of lines, at most */
#define RING_DAY_MS INT64_C(86400000)

/*
 * A decision has time (RFC 3339), service, why (the sentence of the status), and what is known of:
 * from and to (pods), ready, min and max (of the HPA), winner {kind, name}, candidates
 * [{kind, name, value, target, asks, until}], limits [text]. Kinds are metric, schedule, pause,
 * burst, fallback and floor: of a pause `name` is a direction and nothing is asked for. `load` has
 * what is known of arrivalRate (a second), serviceTime (seconds), queueDepth, cpu (cores) and
 * memory (bytes), each of all pods together.
 */

/*
 * Appends decisions (array; in the order of time) as lines to `text`, which has the limit
 * RING_TEXT: the oldest make room. What is over a day old goes, but for the last one of each
 * service before that: it says what held when the day began.
 */
void ring_append(struct lp_buf *text, const json_t *decisions, int64_t now_ms);

/* The lines as at most RING_PACKED bytes: the oldest go from `text` until they fit. `ret_packed`
 * has at least that limit. */
void ring_pack(struct lp_buf *text, struct lp_buf *ret_packed);

/* The lines of a ConfigMap, appended to `text`; none where it is NULL or has no RING_KEY.
 * LP_E_INVALID names the key and what is wrong: no base64, no zstd, over RING_TEXT. */
LP_MUST_USE int ring_text(const json_t *config_map, struct lp_buf *text, struct lp_error *err);

/* The same as an array of decisions, the caller's; LP_E_INVALID also for a line that is no JSON
 * object. */
LP_MUST_USE int ring_read(const json_t *config_map, json_t **ret_decisions, struct lp_error *err);
