/* operator/status/notices.h -- what a reconcile has to say beside the state of the children:
 * paused, planned, held back. Pure but for the metrics. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "operator/status/conditions.h"
#include "platform/plan.h"

/* On a LearningPlatform: the version of the operator that may restart its pods now, or the
 * generation of the spec for which every version may. */
#define ANNOTATION_APPROVE "learningplatform.io/approve-upgrade"

/* Of a condition that is there only while there is something to say; status NULL: there is not. */
struct condition_notice {
    const char *status, *reason; /* literals */
    struct lp_buf text;
};

/* Filled by a reconcile, for its status. All zero but `held`: nothing to say. */
struct notices {
    const json_t *preview; /* of mode Plan (platform/preview.h), borrowed; NULL: none */
    struct lp_buf held;    /* what an upgrade of the operator would do to pods and does not yet */
    int64_t window_ms;     /* wall clock: when that may go on, 0: no window is to come */
    struct lp_buf kept;    /* embedded databases that stay though the spec has them no more */
    bool is_leaving;       /* one of them still runs */
    struct lp_buf pinned;  /* what of the operator's settings their data does not suit */
    struct condition_notice route;     /* RouteAccepted: of the HTTPRoute */
    struct condition_notice monitored; /* Monitored: of what spec.monitoring asks for */
    bool applied; /* every workload has what this generation asks for, or is held back */
};
#define NOTICES_INIT                                                                  \
    {                                                                                 \
        .held = LP_BUF_INIT(NOTICES_HELD), .kept = LP_BUF_INIT(NOTICES_HELD),         \
        .pinned = LP_BUF_INIT(NOTICES_HELD), .route.text = LP_BUF_INIT(NOTICES_HELD), \
        .monitored.text = LP_BUF_INIT(NOTICES_HELD)                                   \
    }
#define NOTICES_HELD 4096 /* bytes */
void notices_done(struct notices *n);

/* The first that is said gives status and reason; the sentences are put together. */
void notices_say(struct condition_notice *n, const char *status, const char *reason,
                 const char *sentence);
#define notices_auto __attribute__((cleanup(notices_done)))

/* True where mode Plan has found changes: what runs is not what the spec asks for. */
bool notices_plan_differs(const struct notices *n);

/*
 * Sets the conditions Paused, Planned, UpgradePending, DatabaseKept and DatabasePinned, each only
 * while it is True (Planned: in mode Plan; RouteAccepted: while an HTTPRoute is asked for or is
 * still there; Monitored: the same of what spec.monitoring asks for), and status.paused and
 * status.appliedGeneration. `before`: the status that is there, or NULL.
 */
void notices_set(const struct notices *n, const struct platform *p, const json_t *before,
                 const struct conditions *c, json_t *status);

/*
 * Metrics of a status: lp_platform_paused{namespace,platform,service} (service "all": the platform)
 * and lp_platform_upgrade_pending{namespace,platform} are 1, or not there. `before`: the status
 * that was published last, or NULL. Any thread.
 */
void notices_publish(const char *ns, const char *name, const json_t *before, const json_t *status);
/* Takes them away. Any thread. */
void notices_forget(const char *ns, const char *name);
