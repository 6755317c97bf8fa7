/* Any worker thread. */
#include "services/auth/accounts/admin.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/accounts/paging.h"
#include "services/auth/auth.h"
#include "postgres/rows.h"
#include "services/auth/database/store_admin.h"
#include "services/auth/http/body.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/validate.h"
#include "services/auth/sessions/identity.h"

#define SEARCH_MAX 200

static json_t *shown_user(const struct store_user *u)
{
    return lp_json_make("{s:s, s:s, s:s, s:s, s:b, s:b, s:s}", "id", u->id, "email", u->email,
                        "name", u->name, "role", u->role, "disabled", u->disabled_at != NULL,
                        "email_verified", u->verified_at != NULL, "created_at", u->created_at);
}

void admin_users(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    store_auto_page struct store_page page = { 0 };
    int64_t limit;
    const char *search = lp_http_query(r->x, "search"), *after = lp_http_query(r->x, "after");

    if (!identity_of_admin(r, &me))
        return;
    json_auto_t *utf8 = json_string(search ? search : ""); /* NULL where it is not */
    if (!utf8 || json_string_length(utf8) > SEARCH_MAX ||
        (after && *after && !validate_is_uuid(after)) ||
        !paging_number(r, "limit", 1, 100, 20, &limit)) {
        reply_error(r, 400, "Invalid input format");
        return;
    }
    if (store_list_users(auth->db, json_string_value(utf8), after ? after : "", (int)limit, &page,
                         &err) < 0) {
        reply_failure(r, "admin-users", &err);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < page.n; i++)
        json_array_append_new(list, shown_user(&page.users[i]));
    json_t *next = page.n == (size_t)limit ? json_string(page.users[page.n - 1].id) : json_null();
    reply_json(r, 200, lp_json_make("{s:o, s:o}", "users", list, "next", next));
}

/* The admin, the other user's id and the body; false: it has answered. */
static bool begin(struct lp_service_request *r, struct identity *me, json_t **ret_body)
{
    struct lp_error err;
    if (!identity_of_admin(r, me))
        return false;
    if (!validate_is_uuid(r->params[0]))
        reply_error(r, 400, "Invalid input format");
    else if (strcasecmp(r->params[0], me->user.id) == 0)
        reply_error(r, 403, "You cannot change your own account here");
    else if (body_of(r, ret_body, &err) < 0)
        reply_error(r, err.http_status, err.msg);
    else
        return true;
    return false;
}

static void finish(struct lp_service_request *r, int done, const struct store_user *user,
                   const struct lp_error *err)
{
    if (done == LP_E_NOT_FOUND)
        reply_error(r, 404, "User not found");
    else if (done < 0)
        reply_failure(r, "admin", err);
    else
        reply_json(r, 200,
                   lp_json_make("{s:{s:s, s:s, s:s, s:s, s:b}}", "user", "id", user->id, "email",
                                user->email, "name", user->name, "role", user->role, "disabled",
                                user->disabled_at != NULL));
}

static bool is_role(const char *role)
{
    static const char *const roles[] = { "user", "teacher", "admin" };
    for (size_t i = 0; i < LP_COUNT(roles); i++)
        if (strcmp(role, roles[i]) == 0)
            return true;
    return false;
}

void admin_role(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    store_auto_user struct store_user user = { 0 };
    json_auto_t *body = NULL;
    if (!begin(r, &me, &body))
        return;
    const char *role = lp_json_str(body, "role", NULL);
    if (!role || !is_role(role)) {
        reply_invalid(r, lp_json_make("[s]", "role must be one of: user, teacher, admin"));
        return;
    }
    int done = store_set_role(auth->db, r->params[0], role, &user, &err);
    if (done == 0)
        audit_note(r, "role_changed", me.user.id, r->params[0], role);
    finish(r, done, &user, &err);
}

void admin_disabled(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    store_auto_user struct store_user user = { 0 };
    json_auto_t *body = NULL;
    if (!begin(r, &me, &body))
        return;
    const json_t *disabled = json_object_get(body, "disabled");
    if (!json_is_boolean(disabled)) {
        reply_invalid(r, lp_json_make("[s]", "disabled must be true or false"));
        return;
    }
    int done = store_set_disabled(auth->db, r->params[0], json_is_true(disabled), &user, &err);
    if (done == 0)
        audit_note(r, json_is_true(disabled) ? "account_disabled" : "account_enabled", me.user.id,
                   r->params[0], NULL);
    finish(r, done, &user, &err);
}
