/*
 * What follows a login: a refresh token is good for one exchange, and for half a minute for the
 * same one again. Shown later it was stolen, or its owner's copy was; which of the two cannot be
 * known, so the whole session ends and both have to log in again.
 */
#include "services/auth/sessions/session.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/auth.h"
#include "postgres/rows.h"
#include "services/auth/database/store_sessions.h"
#include "services/auth/http/body.h"
#include "services/auth/http/client.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/validate.h"
#include "services/auth/sessions/identity.h"

#define LOGGED_OUT "Logged out successfully"
#define BAD_REFRESH "Invalid or expired refresh token"

int session_start(struct lp_service_request *r, const struct store_user *user, char **ret_access,
                  char **ret_refresh, struct lp_error *err)
{
    struct auth *auth = r->user;
    struct store_token token = tokens_times(auth->tokens);
    char device[CLIENT_DEVICE], session[STORE_UUID];
    lp_auto_free char *access = NULL;
    lp_auto_free char *refresh = NULL;
    client_device(r, device);
    int done = tokens_refresh(auth->tokens, user->id, NULL, &token, &refresh, err);
    if (done == 0)
        done =
            store_start_session(auth->db, user->id, user->updated_at, &token, device, session, err);
    if (done == 0)
        done = tokens_access(auth->tokens, user, session, &access, err);
    if (done < 0)
        return done;
    *ret_access = lp_take(access);
    *ret_refresh = lp_take(refresh);
    return 0;
}

/* Once: what comes again for a session that has ended is no news. */
static void tell_of_reuse(struct lp_service_request *r, const struct store_rotation *rotation)
{
    char name[LP_PSEUDONYM];
    if (!rotation->reused_by[0])
        return;
    lp_service_pseudonym(rotation->reused_by, name);
    lp_log_warn("refresh token used twice, session revoked", "user", name);
    audit_note(r, "refresh_token_reused", NULL, rotation->reused_by, NULL);
}

/* *ret_refresh becomes the token that the database says is good now. */
static int take_successor(struct auth *auth, const char *token, struct store_rotation *rotation,
                          const char *fresh_hash, char **ret_refresh, struct lp_error *err)
{
    struct store_token good = rotation->successor;
    if (strcmp(good.hash, fresh_hash) == 0)
        return 0;
    free(lp_take(*ret_refresh));
    int r = tokens_refresh(auth->tokens, rotation->user.id, token, &good, ret_refresh, err);
    if (r == 0 && strcmp(good.hash, rotation->successor.hash) != 0)
        return lp_error_set(err, LP_E_DENIED, "the key changed since the successor was made");
    return r;
}

static int exchange(struct lp_service_request *request, const char *token, char **ret_access,
                    char **ret_refresh, struct lp_error *err)
{
    struct auth *auth = request->user;
    char id[STORE_UUID], old_hash[STORE_TOKEN_HASH];
    struct store_token fresh = tokens_times(auth->tokens);
    struct store_rotation rotation = { 0 };
    lp_auto_free char *refresh = NULL;

    int r = tokens_check_refresh(auth->tokens, token, id, old_hash, err);
    if (r == 0)
        r = tokens_refresh(auth->tokens, id, token, &fresh, &refresh, err);
    if (r < 0)
        return r;
    r = store_rotate(auth->db, old_hash, &fresh, &rotation, err);
    tell_of_reuse(request, &rotation);
    if (r == 0)
        r = take_successor(auth, token, &rotation, fresh.hash, &refresh, err);
    if (r == 0)
        r = tokens_access(auth->tokens, &rotation.user, rotation.session, ret_access, err);
    if (r == 0)
        *ret_refresh = lp_take(refresh);
    store_user_done(&rotation.user);
    return r;
}

void session_refresh(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct lp_error err;
    json_auto_t *body = NULL;
    lp_auto_free char *access = NULL;
    lp_auto_free char *refresh = NULL;

    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
        return;
    }
    const char *token = lp_json_str(body, "refreshToken", NULL);
    if (!token || !*token) {
        reply_error(r, 400, "Refresh token is required");
        return;
    }
    int done = exchange(r, token, &access, &refresh, &err);
    if (done == LP_E_DENIED || done == LP_E_INVALID)
        reply_error(r, 401, BAD_REFRESH);
    else if (done < 0)
        reply_failure(r, "refresh-token", &err);
    else
        reply_json(r, 200, lp_json_make("{s:s, s:s}", "token", access, "refreshToken", refresh));
}

/*
 * Ends the session of the refresh token, used up or not, and that of the access token: a client
 * whose refresh token is old or empty still means to log out. An access token of an older version
 * names no session, so all of its user's end.
 */
static int end_sessions(struct lp_service_request *r, const json_t *body, struct lp_error *err)
{
    struct auth *auth = r->user;
    struct tokens_holder holder;
    char id[STORE_UUID], hash[STORE_TOKEN_HASH];
    unsigned long ended = 0;
    const char *refresh = lp_json_str(body, "refreshToken", NULL);
    const char *access = identity_bearer(r);
    int done = 0;

    if (refresh && tokens_check_refresh(auth->tokens, refresh, id, hash, err) == 0)
        done = store_end_session_by_token(auth->db, hash, &ended, err);
    if (done < 0 || !access || tokens_check_access(auth->tokens, access, &holder, err) < 0)
        return done;
    if (holder.session_id[0])
        return store_end_session(auth->db, holder.user_id, holder.session_id, NULL, err);
    return ended > 0 ? 0 : store_end_sessions_of(auth->db, holder.user_id, NULL, err);
}

void session_logout(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct lp_error err;
    json_auto_t *body = NULL;
    if (body_of(r, &body, &err) < 0)
        reply_error(r, err.http_status, err.msg);
    else if (end_sessions(r, body, &err) < 0)
        reply_failure(r, "logout", &err);
    else
        reply_json(r, 200, lp_json_make("{s:s}", "message", LOGGED_OUT));
}

void session_logout_everywhere(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    unsigned long n = 0;
    if (!identity_of(r, &me))
        return;
    if (store_end_sessions_of(auth->db, me.user.id, &n, &err) < 0) {
        reply_failure(r, "logout-everywhere", &err);
        return;
    }
    if (n > 0)
        audit_note(r, "logged_out_everywhere", me.user.id, me.user.id, NULL);
    reply_json(r, 200,
               lp_json_make("{s:s, s:I}", "message", LOGGED_OUT, "sessions", (json_int_t)n));
}

static json_t *shown_session(const PGresult *rows, int row, const char *current)
{
    const char *id = lp_rows_text(rows, row, 0);
    return lp_json_make("{s:s, s:s?, s:s, s:s, s:s, s:b}", "id", id, "device",
                        lp_rows_text(rows, row, 1), "created_at", lp_rows_text(rows, row, 2),
                        "last_used_at", lp_rows_text(rows, row, 3), "expires_at",
                        lp_rows_text(rows, row, 4), "current", strcmp(id, current) == 0);
}

void session_list(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    PGresult *rows = NULL;
    if (!identity_of(r, &me))
        return;
    if (store_list_sessions(auth->db, me.user.id, &rows, &err) < 0) {
        reply_failure(r, "sessions", &err);
        return;
    }
    json_t *list = json_array();
    for (int i = 0; i < PQntuples(rows); i++)
        json_array_append_new(list, shown_session(rows, i, me.session_id));
    PQclear(rows);
    reply_json(r, 200, lp_json_make("{s:o}", "sessions", list));
}

void session_end(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    unsigned long n = 0;
    const char *id = r->params[0];
    if (!identity_of(r, &me))
        return;
    if (!validate_is_uuid(id))
        reply_error(r, 400, "Invalid input format");
    else if (store_end_session(auth->db, me.user.id, id, &n, &err) < 0)
        reply_failure(r, "session-end", &err);
    else if (n == 0)
        reply_error(r, 404, "Session not found");
    else
        reply_json(r, 200, lp_json_make("{s:s}", "message", "Session ended"));
}

static json_t *shown_user(const struct store_user *u)
{
    return lp_json_make("{s:s, s:s, s:s, s:s?, s:s?, s:s, s:s, s:s}", "id", u->id, "email",
                        u->email, "name", u->name, "bio", u->bio, "avatar_url", u->avatar_url,
                        "role", u->role, "created_at", u->created_at, "updated_at", u->updated_at);
}

void session_me(struct lp_service_request *r, void *worker)
{
    (void)worker;
    auto_identity struct identity me = { 0 };
    if (identity_of(r, &me))
        reply_json(r, 200, lp_json_make("{s:o}", "user", shown_user(&me.user)));
}

/* Kept for a few minutes by whoever verifies, so that a new key is known before it signs much. */
void session_jwks(struct lp_service_request *r, void *worker)
{
    (void)worker;
    const struct auth *auth = r->user;
    lp_http_reply_header(r->x, "Cache-Control", "public, max-age=300");
    lp_http_reply_json(r->x, 200, tokens_jwks(auth->tokens));
}
