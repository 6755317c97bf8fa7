/* Any worker thread. */
#include "services/auth/learners/learner.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/auth.h"
#include "services/auth/database/store_learner.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/validate.h"
#include "services/auth/learners/eraser.h"
#include "services/auth/sessions/identity.h"

/* The user themself or an admin; false: it has answered. */
static bool may(struct lp_service_request *r, struct identity *me)
{
    if (!identity_of(r, me))
        return false;
    if (!validate_is_uuid(r->params[0])) {
        reply_error(r, 400, "Invalid input format");
        return false;
    }
    bool allowed =
        strcasecmp(me->user.id, r->params[0]) == 0 || strcmp(me->user.role, "admin") == 0;
    if (!allowed)
        reply_error(r, 403, "Only the user and admins may do this");
    return allowed;
}

static int collect(struct auth *auth, const char *id, json_t **ret_data, struct lp_error *err)
{
    char now[LP_CLOCK_TEXT];
    json_auto_t *data = NULL;
    int r = store_export_user(auth->db, id, &data, err);
    if (r == 0)
        r = peer_export(auth->peer, id, data, err);
    if (r < 0)
        return r;
    lp_clock_format(lp_clock_wall_ms(), 3, now);
    json_object_set_new(data, "exported_at", json_string(now));
    *ret_data = lp_take(data);
    return 0;
}

void learner_export(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    json_t *data = NULL;
    if (!may(r, &me))
        return;
    int done = collect(auth, r->params[0], &data, &err);
    if (done == LP_E_NOT_FOUND) {
        reply_error(r, 404, "User not found");
    } else if (done < 0) {
        reply_failure(r, "export", &err);
    } else {
        audit_note(r, "data_exported", me.user.id, r->params[0], NULL);
        reply_json(r, 200, data);
    }
}

void learner_erase(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    char receipt[STORE_UUID];
    if (!may(r, &me))
        return;
    int done = store_ask_erasure(auth->db, r->params[0], me.user.id, receipt, &err);
    if (done == LP_E_NOT_FOUND) {
        reply_error(r, 404, "User not found");
    } else if (done < 0) {
        reply_failure(r, "erase", &err);
    } else {
        audit_note(r, "erasure_asked", me.user.id, r->params[0], NULL);
        eraser_wake(auth->eraser);
        reply_json(r, 202,
                   lp_json_make("{s:s, s:s, s:s}", "message", "The data are being erased",
                                "receipt", receipt, "status", "pending"));
    }
}

void learner_receipt(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    struct store_receipt receipt;
    if (!validate_is_uuid(r->params[0])) {
        reply_error(r, 404, "Receipt not found");
        return;
    }
    int done = store_find_receipt(auth->db, r->params[0], &receipt, &err);
    if (done == LP_E_NOT_FOUND)
        reply_error(r, 404, "Receipt not found");
    else if (done < 0)
        reply_failure(r, "receipt", &err);
    else
        reply_json(r, 200,
                   lp_json_make(
                       "{s:s, s:s, s:s?, s:s?, s:o}", "status",
                       receipt.done_at[0] ? "done" : "pending", "asked_at", receipt.asked_at,
                       "done_at", receipt.done_at[0] ? receipt.done_at : NULL, "swept_at",
                       receipt.swept_at[0] ? receipt.swept_at : NULL, "left_out",
                       receipt.learning_left_out ? lp_json_make("[s]", "learning") : json_array()));
}
