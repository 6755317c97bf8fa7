/*
 * What follows a login: a refresh token is good for one exchange. Shown a second time it was
 * stolen, or its owner's copy was; which of the two cannot be known, so the whole session ends and
 * both have to log in again.
 */
#include "services/auth/sessions/session.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "services/auth/auth.h"
#include "services/auth/http/body.h"
#include "services/auth/http/reply.h"
#include "services/auth/sessions/tokens.h"

int session_start(struct auth *auth, const struct store_user *user, char **ret_access,
                  char **ret_refresh, struct lp_error *err)
{
    char hash[STORE_TOKEN_HASH];
    lp_auto_free char *access = NULL;
    lp_auto_free char *refresh = NULL;
    int r = tokens_access(auth->tokens, user, &access, err);
    if (r == 0)
        r = tokens_refresh(auth->tokens, user->id, &refresh, hash, err);
    if (r == 0)
        r = store_start_session(auth->db, user->id, hash, tokens_refresh_ttl_ms(auth->tokens), err);
    if (r < 0)
        return r;
    *ret_access = lp_take(access);
    *ret_refresh = lp_take(refresh);
    return 0;
}

/* The token of "Authorization: Bearer <token>"; NULL where there is none. */
static const char *bearer(const struct lp_service_request *r)
{
    const char *value = lp_http_header(r->x, "Authorization");
    if (!value || strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    value += 7 + strspn(value + 7, " ");
    return *value ? value : NULL;
}

static int exchange(struct lp_service_request *r, const char *token, char **ret_access,
                    char **ret_refresh, struct lp_error *err)
{
    struct auth *auth = r->user;
    char id[STORE_UUID], reused_by[STORE_UUID], name[LP_PSEUDONYM];
    char old_hash[STORE_TOKEN_HASH], new_hash[STORE_TOKEN_HASH];
    store_auto_user struct store_user user = { 0 };
    lp_auto_free char *refresh = NULL;

    int done = tokens_check_refresh(auth->tokens, token, id, old_hash, err);
    if (done == 0)
        done = tokens_refresh(auth->tokens, id, &refresh, new_hash, err);
    if (done < 0)
        return done;
    done = store_rotate(auth->db, old_hash, new_hash, tokens_refresh_ttl_ms(auth->tokens), &user,
                        reused_by, err);
    if (reused_by[0]) {
        lp_service_pseudonym(reused_by, name);
        lp_log_warn("refresh token used twice, session revoked", "user", name);
    }
    if (done == 0)
        done = tokens_access(auth->tokens, &user, ret_access, err);
    if (done == 0)
        *ret_refresh = lp_take(refresh);
    return done;
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
        reply_error(r, 401, "Invalid or expired refresh token");
    else if (done < 0)
        reply_failure(r, "refresh-token", &err);
    else
        reply_json(r, 200, lp_json_make("{s:s, s:s}", "token", access, "refreshToken", refresh));
}

/* With a refresh token its session ends; with an access token alone all of the user's, as nothing
 * in it names one. */
static int end_sessions(struct lp_service_request *r, const json_t *body, struct lp_error *err)
{
    struct auth *auth = r->user;
    char id[STORE_UUID], hash[STORE_TOKEN_HASH];
    const char *refresh = lp_json_str(body, "refreshToken", NULL);
    const char *access = bearer(r);

    if (refresh && tokens_check_refresh(auth->tokens, refresh, id, hash, err) == 0)
        return store_end_session(auth->db, hash, err);
    if (!refresh && access && tokens_check_access(auth->tokens, access, id, err) == 0)
        return store_end_sessions_of(auth->db, id, err);
    return 0; /* nothing that is valid, so nothing to end */
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
        reply_json(r, 200, lp_json_make("{s:s}", "message", "Logged out successfully"));
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
    struct auth *auth = r->user;
    struct lp_error err;
    char id[STORE_UUID];
    store_auto_user struct store_user user = { 0 };
    const char *token = bearer(r);

    if (!token) {
        reply_error(r, 401, "Authentication token is required");
        return;
    }
    int done = tokens_check_access(auth->tokens, token, id, &err);
    if (done == 0)
        done = store_find_by_id(auth->db, id, &user, &err);
    else
        done = LP_E_DENIED;
    if (done == LP_E_DENIED || done == LP_E_NOT_FOUND) /* not found: the account was deleted */
        reply_error(r, 403, "Invalid or expired token");
    else if (done < 0)
        reply_failure(r, "me", &err);
    else
        reply_json(r, 200, lp_json_make("{s:o}", "user", shown_user(&user)));
}
