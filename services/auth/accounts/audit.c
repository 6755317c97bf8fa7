/* Any worker thread. */
#include "services/auth/accounts/audit.h"

#include <stdlib.h>

#include "base/log.h"
#include "json/json.h"
#include "services/auth/accounts/paging.h"
#include "services/auth/auth.h"
#include "postgres/rows.h"
#include "services/auth/database/store_admin.h"
#include "services/auth/http/client.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/validate.h"
#include "services/auth/sessions/identity.h"

void audit_note(struct lp_service_request *r, const char *event, const char *actor,
                const char *subject, const char *detail)
{
    struct auth *auth = r->user;
    struct lp_error err;
    char address[CLIENT_ADDRESS];
    client_address(r, address);
    const struct store_event e = { event, actor, subject, address, r->request_id, detail };
    if (store_add_event(auth->db, &e, &err) < 0)
        lp_log_warn("audit event not stored", "event", event, "error", err.msg);
}

static json_t *shown_event(const PGresult *rows, int i)
{
    return lp_json_make("{s:I, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?}", "id",
                        (json_int_t)lp_rows_number(rows, i, 0), "at", lp_rows_text(rows, i, 1),
                        "event", lp_rows_text(rows, i, 2), "actor", lp_rows_text(rows, i, 3),
                        "subject", lp_rows_text(rows, i, 4), "address", lp_rows_text(rows, i, 5),
                        "request_id", lp_rows_text(rows, i, 6), "detail", lp_rows_text(rows, i, 7));
}

void audit_route(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    PGresult *rows = NULL;
    int64_t limit, before;
    const char *user = lp_http_query(r->x, "user");

    if (!identity_of_admin(r, &me))
        return;
    if ((user && *user && !validate_is_uuid(user)) ||
        !paging_number(r, "limit", 1, 200, 50, &limit) ||
        !paging_number(r, "before", 1, INT64_MAX, 0, &before)) {
        reply_error(r, 400, "Invalid input format");
        return;
    }
    if (store_list_events(auth->db, user ? user : "", before, (int)limit, &rows, &err) < 0) {
        reply_failure(r, "audit", &err);
        return;
    }
    json_t *list = json_array();
    int n = PQntuples(rows);
    for (int i = 0; i < n; i++)
        json_array_append_new(list, shown_event(rows, i));
    json_t *next = n == limit ? json_integer(lp_rows_number(rows, n - 1, 0)) : json_null();
    PQclear(rows);
    reply_json(r, 200, lp_json_make("{s:o, s:o}", "events", list, "next", next));
}
