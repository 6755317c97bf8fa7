/* Every route but the public ones begins here. Any worker thread. */
#include "services/auth/sessions/identity.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "services/auth/auth.h"
#include "services/auth/http/reply.h"

void identity_done(struct identity *i)
{
    store_user_done(&i->user);
}

const char *identity_bearer(const struct lp_service_request *r)
{
    const char *value = lp_http_header(r->x, "Authorization");
    if (!value || strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    value += 7 + strspn(value + 7, " ");
    return *value ? value : NULL;
}

bool identity_of(struct lp_service_request *r, struct identity *ret_identity)
{
    struct auth *auth = r->user;
    struct tokens_holder holder;
    struct lp_error err;
    const char *token = identity_bearer(r);
    if (!token) {
        reply_error(r, 401, "Authentication token is required");
        return false;
    }
    if (tokens_check_access(auth->tokens, token, &holder, &err) < 0) {
        reply_error(r, 403, "Invalid or expired token");
        return false;
    }
    int found =
        store_find_by_token(auth->db, holder.user_id, holder.session_id, &ret_identity->user, &err);
    if (found == LP_E_NOT_FOUND) /* deleted, disabled, or logged out */
        reply_error(r, 403, "Invalid or expired token");
    else if (found < 0)
        reply_failure(r, "token", &err);
    snprintf(ret_identity->session_id, STORE_UUID, "%s", holder.session_id);
    return found == 0;
}

bool identity_of_admin(struct lp_service_request *r, struct identity *ret_identity)
{
    if (!identity_of(r, ret_identity))
        return false;
    bool admin = strcmp(ret_identity->user.role, "admin") == 0;
    if (!admin)
        reply_error(r, 403, "Only an admin may do this");
    return admin;
}
