/* services/auth/accounts/audit.h -- who did what, when, from where; without secrets. */
#pragma once

#include "service/service.h"

/*
 * Notes an event of the request: `actor` who did it, `subject` to which account (uuids; NULL:
 * unknown), `detail` one word more or NULL. A failure is logged and changes nothing for the client.
 */
void audit_note(struct lp_service_request *r, const char *event, const char *actor,
                const char *subject, const char *detail);

/* GET: events for admins, newest first: ?user=uuid&before=id&limit=1…200. */
void audit_route(struct lp_service_request *r, void *worker);
