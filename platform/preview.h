/* platform/preview.h -- what applying a plan would change, asked of the API server by dry runs. */
#pragma once

#include "platform/plan.h"

/*
 * One workload or other child, dry-run (server-side apply with dryRun=All: admission and defaulting
 * take part, nothing is kept). `live` is the object as the API server has it now, NULL: not there.
 * Result, the caller's:
 *   {"kind", "name", "action": "create" | "change" | "none" | "error", "restartsPods",
 *    "fields": [{"path", "before", "after"}], "more": fields that were left out,
 *    "message": what the API server says against it}
 * "fields" and "more" of a change only, "message" of an error. restartsPods: the pod template
 * differs after the API server's defaulting. Errors are for trying again later, and LP_E_DENIED.
 */
LP_MUST_USE int preview_child(struct lp_kube_client *client, const struct child *child,
                              const json_t *live, json_t **ret_change, struct lp_error *err);

/*
 * The whole platform: {"generation", "create", "change", "delete", "errors": numbers,
 * "restarts": [names of Deployments and StatefulSets], "changes": [as above without "none", and
 * {"kind", "name", "action": "delete"}], "more": changes that were left out}. `plan` is that of
 * mode Active; children of paused services are left out. The caller owns it.
 */
LP_MUST_USE int preview_platform(struct lp_kube_client *client, const struct platform *p,
                                 const struct plan *plan, json_t **ret_preview,
                                 struct lp_error *err);

/* "2 to create, 3 to change, 1 to delete; restarts pods: yes (english-auth)". The caller's. */
char *preview_summary(const json_t *preview);

/* The number of changes and errors. */
int64_t preview_count(const json_t *preview);

/* The whole of it as lines for people, appended. */
struct lp_buf;
void preview_text(const json_t *preview, struct lp_buf *out);
