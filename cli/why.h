/* cli/why.h -- why each service has the number of pods that it has. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"
#include "kube/client.h"

/* Appends the explanation for the platforms and the service that the options choose, as text or
 * JSON; with --at or --since that of history.h. */
LP_MUST_USE int why_platforms(struct lp_kube_client *client, const struct cli_options *options,
                              const char *ns, struct lp_buf *out, struct lp_error *err);

/*
 * One service, of its entry in status.services and its HPA (NULL: none): {"name", "ready",
 * "desired", "why", and of the HPA: "min", "max", "lastScaleTime", "metrics": [{"name", "value",
 * "target"}], "conditions": [{"type", "status", "reason", "message"}]}. The caller's.
 */
json_t *why_service(const json_t *service, const json_t *hpa);

/* The same as text, appended. */
void why_service_text(const json_t *why, struct lp_buf *out);
