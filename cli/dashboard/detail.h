/* cli/dashboard/detail.h -- one platform as a tab that looks at it has it. */
#pragma once

#include <jansson.h>

#include "kube/client.h"

#define DETAIL_DECISIONS 2000
#define DETAIL_EVENTS 50

/*
 * Of `platform`, as the API server has it: {"namespace", "name", "conditions", "schedules":
 * status.activations, "decisions": of the last day, the newest DETAIL_DECISIONS (history.h),
 * "events": [{"time", "type", "reason", "note", "about"}], the newest first, "spec", "status",
 * "missing": [{"what", "why"}]}. The caller's; never fails.
 */
json_t *detail_read(struct lp_kube_client *client, const json_t *platform);

/* Of a platform that is not there. */
json_t *detail_gone(const char *key);
