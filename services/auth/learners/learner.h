/* services/auth/learners/learner.h -- export and erasure of all that is stored of one person. Each
 * answers. */
#pragma once

#include "service/service.h"

/* GET, DELETE /api/users/:id/data: for that user and admins. */
void learner_export(struct lp_service_request *r, void *worker);
void learner_erase(struct lp_service_request *r, void *worker);

/* GET /api/users/erasures/:receipt: for whoever has the receipt, whose account may be gone. */
void learner_receipt(struct lp_service_request *r, void *worker);
