/* services/progress/reply.h -- who asks, for which learner, and what is answered where something is
 * wrong. */
#pragma once

#include <stdbool.h>

#include "service/identity.h"
#include "service/service.h"

/* {"message"} and {"message","error"}. */
void reply_message(struct lp_service_request *r, int status, const char *message);
void reply_error(struct lp_service_request *r, int status, const char *message, const char *error);

/* The store failed: logged with a hash for the learner, answered without details; 503
 * with Retry-After where a later try may do. */
void reply_store_failed(struct lp_service_request *r, const char *message, const char *user_id,
                        const struct lp_error *err);

/* Who asks; false: 401, 403 or 503 is answered. */
bool reply_who(struct lp_service_request *r, struct lp_identity *ret_who);

/* False: `who` may not reach the data of `user_id`, 403 is answered. */
bool reply_may(struct lp_service_request *r, const struct lp_identity *who, const char *user_id);

/* The learner in the path, trimmed, the caller's, where who asks may reach their data; NULL where
 * it is answered. `ret_who` may be NULL. */
char *reply_learner(struct lp_service_request *r, struct lp_identity *ret_who);

/* As reply_learner, for answers that tell of many activities together: teachers have them too. */
char *reply_learner_summed(struct lp_service_request *r);
