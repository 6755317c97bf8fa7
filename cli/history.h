/* cli/history.h -- what was decided in the last day, of the ConfigMaps that the operator keeps it
 * in (autoscaler/policy/ring.h).
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/* The decisions of a platform, an array of the caller's; empty where none were kept.
 * LP_E_INVALID: its ConfigMap is none of the operator's. */
LP_MUST_USE int history_read(struct lp_kube_client *client, const json_t *platform,
                             json_t **ret_decisions, struct lp_error *err);

/*
 * Of `decisions`, which are in the order of time, those of `service` (NULL: of all) from `since_ms`
 * to `until_ms`, and before them the last one of each service from before: it held then. The
 * caller's. Those that tell no time are left out. Pure.
 */
json_t *history_between(const json_t *decisions, const char *service, int64_t since_ms,
                        int64_t until_ms);

/*
 * The command `why` with --at or --since: appends which decision held, with what was asked for and
 * what limited it; or each decision since, one line each; as text or JSON.
 */
LP_MUST_USE int history_platforms(struct lp_kube_client *client, const struct cli_options *options,
                                  const char *ns, struct lp_buf *out, struct lp_error *err);

/* One decision as text, appended; `whole`: with candidates and limits. */
void history_text(const json_t *decision, bool whole, struct lp_buf *out);
