/* lib/service/job.h -- one request on its way through the skeleton. Only inside lib/service. */
#pragma once

#include <stdatomic.h>

#include "service/admission.h"
#include "service/routes.h"
#include "service/request.h"
#include "service/trace.h"

struct lp_service_state;

/*
 * Lives until two have let go of it: the side that answers (lp_job_answered) and the side that
 * called the handler. After the reply `request.x` and what it lends are dead, so what the log needs
 * is copied.
 */
struct lp_job {
    struct lp_admission_item item; /* first: the admission queue gives it back as a job */
    struct lp_service_request request;
    struct lp_service_state *state;
    const struct lp_route *route; /* NULL: none matched */
    struct lp_route_path path;
    struct lp_buf decoded;
    atomic_int holders;
    bool admitted;
    int64_t arrived_ns, started_ns;
    char method[16], request_id[LP_REQUEST_ID_MAX + 1];
    char traceparent[LP_TRACE_PARENT], trace_id[LP_TRACE_ID];
};

/* With request id, trace and start time. */
struct lp_job *lp_job_new(struct lp_service_state *state, struct lp_http_exchange *x);
void lp_job_release(struct lp_job *job);

/* Log lines of this thread carry its id and its trace from now on (NULL: none). The one before,
 * which whoever calls brings back. */
const struct lp_job *lp_job_log(const struct lp_job *job);

/* False where the path cannot be decoded. */
bool lp_job_read_path(struct lp_job *job);
