/* services/auth/accounts/recovery.h -- forgotten passwords and addresses to confirm. Each answers.
 */
#pragma once

#include "service/service.h"

void recovery_request_reset(struct lp_service_request *r, void *worker);
void recovery_reset(struct lp_service_request *r, void *worker);
void recovery_resend(struct lp_service_request *r, void *worker);
void recovery_verify(struct lp_service_request *r, void *worker);

/* What the links of our mails open: pages whose button posts. A mail scanner that follows a link
 * changes nothing. */
void recovery_verify_page(struct lp_service_request *r, void *worker);
void recovery_reset_page(struct lp_service_request *r, void *worker);
