/* services/ai-feedback/job_api.h -- requests about jobs: work that is answered later. */
#pragma once

#include "service/service.h"
#include "services/ai-feedback/ai.h"
#include "services/ai-feedback/jobs/queue.h"

/* Once, before the first request: announces the metrics. */
void job_api_init(void);

/* True where the client would rather have 202 now and the answer later (Prefer: respond-async, RFC
 * 7240), and there are jobs. Without jobs the preference is passed over, as RFC 7240 has it. */
bool job_api_is_wanted(const struct lp_service_request *r);

/* Answers 202 with the id of a job, and its place in Location; or 4xx, 503. `job` without owner,
 * key and learner, which come of who asks, the request's Idempotency-Key, and `user`: the userId of
 * the body, or NULL; who asks may log for it. */
void job_api_add(struct lp_service_request *r, const struct lp_identity *identity,
                 const json_t *user, const struct jobs_request *job);

/* GET and DELETE /jobs/:id, for who put it in; others get 404. */
lp_service_handler job_api_read, job_api_delete;
/* POST /pronunciation (spoken.h): 202 with the id of a job, as job_api_add. */
lp_service_handler job_api_pronunciation;

/* What is kept of a learner: members of a JSON object, each after a comma, appended to `ret_json`
 * ("scores" on their way to the progress service, "jobs"); and its end. Errors as jobs_. */
LP_MUST_USE int job_api_export(const struct ai *ai, const char *learner, struct lp_buf *ret_json,
                               struct lp_error *err);
LP_MUST_USE int job_api_erase(const struct ai *ai, const char *learner, unsigned long *ret_n,
                              struct lp_error *err);

/* For the thread that watches the database: what is over goes, and where jobs wait, the operator
 * is told, as the workers may have no pod; so is the age of the oldest, in lp_backlog_age_seconds:
 * for LP_AWAITED_MS, so it is to come again before that.
 */
LP_MUST_USE int job_api_upkeep(struct lp_db *db, void *unused, struct lp_error *err);
