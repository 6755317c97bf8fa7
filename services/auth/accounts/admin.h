/* services/auth/accounts/admin.h -- what only admins may do. Each answers. */
#pragma once

#include "service/service.h"

/* GET: users, oldest first: ?search=text&after=uuid&limit=1…100. */
void admin_users(struct lp_service_request *r, void *worker);
/* PUT {role}: user, teacher or admin; nobody's own. */
void admin_role(struct lp_service_request *r, void *worker);
/* PUT {disabled}: true ends the user's sessions; nobody's own. */
void admin_disabled(struct lp_service_request *r, void *worker);
