/* Any worker thread. */
#include "services/auth/accounts/profile.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/multipart.h"
#include "json/json.h"
#include "services/auth/accounts/audit.h"
#include "services/auth/accounts/picture.h"
#include "services/auth/auth.h"
#include "services/auth/database/store_admin.h"
#include "services/auth/database/store_learner.h"
#include "services/auth/http/body.h"
#include "services/auth/http/reply.h"
#include "services/auth/http/validate_profile.h"
#include "services/auth/learners/eraser.h"
#include "services/auth/sessions/identity.h"

static json_t *shown(const struct store_user *u, bool with_email)
{
    return lp_json_make("{s:s, s:s?, s:s, s:s?, s:s?, s:s, s:s, s:s}", "id", u->id, "email",
                        with_email ? u->email : NULL, "name", u->name, "bio", u->bio, "avatar_url",
                        u->avatar_url, "role", u->role, "created_at", u->created_at, "updated_at",
                        u->updated_at);
}

void profile_mine(struct lp_service_request *r, void *worker)
{
    (void)worker;
    auto_identity struct identity me = { 0 };
    if (identity_of(r, &me))
        reply_json(r, 200, lp_json_make("{s:o}", "profile", shown(&me.user, true)));
}

void profile_of(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    store_auto_user struct store_user user = { 0 };
    if (!identity_of(r, &me))
        return;
    if (!validate_is_uuid(r->params[0])) {
        reply_error(r, 400, "Invalid input format");
        return;
    }
    bool with_email =
        strcmp(me.user.role, "user") != 0 || strcasecmp(me.user.id, r->params[0]) == 0;
    int done = store_find_profile(auth->db, r->params[0], &user, &err);
    if (done == LP_E_NOT_FOUND)
        reply_error(r, 404, "Profile not found");
    else if (done < 0)
        reply_failure(r, "profile", &err);
    else
        reply_json(r, 200, lp_json_make("{s:o}", "profile", shown(&user, with_email)));
}

static void answer_changed(struct lp_service_request *r, int done, const char *message,
                           const struct store_user *user, const struct lp_error *err)
{
    if (done == LP_E_NOT_FOUND) /* deleted a moment ago */
        reply_error(r, 404, "Profile not found");
    else if (done < 0)
        reply_failure(r, "profile", err);
    else
        reply_json(r, 200,
                   lp_json_make("{s:s, s:o}", "message", message, "profile", shown(user, true)));
}

void profile_change(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    struct validate_change change;
    auto_identity struct identity me = { 0 };
    store_auto_user struct store_user user = { 0 };
    json_auto_t *body = NULL;
    json_t *details = NULL;

    if (!identity_of(r, &me))
        return;
    if (body_of(r, &body, &err) < 0) {
        reply_error(r, err.http_status, err.msg);
    } else if ((details = validate_profile(body, &change))) {
        reply_invalid(r, details);
    } else if (change.role && strcmp(change.role, me.user.role) != 0) {
        reply_error(r, 403, "You cannot change your own role");
    } else {
        int done = store_change_profile(auth->db, me.user.id, &change.profile, &user, &err);
        answer_changed(r, done, "Profile updated successfully", &user, &err);
    }
}

void profile_delete(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    auto_identity struct identity me = { 0 };
    char receipt[STORE_UUID];
    if (!identity_of(r, &me))
        return;
    /* what other services hold of the user goes too, the account itself now */
    int done = store_ask_erasure(auth->db, me.user.id, me.user.id, receipt, &err);
    if (done == 0 || done == LP_E_NOT_FOUND)
        done = store_delete_user(auth->db, me.user.id, &err);
    if (done < 0) {
        reply_failure(r, "profile-delete", &err);
        return;
    }
    eraser_wake(auth->eraser);
    audit_note(r, "account_deleted", me.user.id, me.user.id, NULL);
    reply_json(r, 200, lp_json_make("{s:s}", "message", "Profile deleted successfully"));
}

/* NULL, or why not. */
static const char *fault_of(const struct lp_multipart_part *file, struct picture *ret_picture)
{
    if (file->len > PICTURE_MAX_BYTES)
        return "The picture must be no more than 2 MB";
    if (!picture_read(file->bytes, file->len, ret_picture))
        return "The picture must be PNG, JPEG, GIF or WebP";
    if (ret_picture->width > PICTURE_MAX_SIDE || ret_picture->height > PICTURE_MAX_SIDE)
        return "The picture must be no more than 4096 pixels wide and high";
    return NULL;
}

/* The first part with a file name. */
static bool find_file(const char *content_type, const char *body, size_t len,
                      struct lp_multipart_part *ret_file)
{
    struct lp_multipart form;
    struct lp_error why;
    int n = lp_multipart_begin(&form, content_type, body, len, &why);

    while (n == 0) {
        n = lp_multipart_next(&form, ret_file, &why);
        if (n == 0 && ret_file->is_file)
            return true;
    }
    return false;
}

void profile_upload(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    struct picture picture;
    struct lp_multipart_part file;
    auto_identity struct identity me = { 0 };
    store_auto_user struct store_user user = { 0 };
    size_t len = 0;

    if (!identity_of(r, &me))
        return;
    const char *body = lp_http_body(r->x, &len);
    if (!find_file(lp_http_header(r->x, "Content-Type"), body, len, &file)) {
        reply_error(r, 400, "No file uploaded");
        return;
    }
    const char *fault = fault_of(&file, &picture);
    if (fault) {
        reply_error(r, file.len > PICTURE_MAX_BYTES ? 413 : 400, fault);
        return;
    }
    lp_auto_free char *base = lp_sprintf("%s/api/users/pictures/", auth->link_base);
    int done = store_put_picture(auth->db, me.user.id, picture.type, file.bytes, file.len, base,
                                 &user, &err);
    answer_changed(r, done, "Profile picture uploaded successfully", &user, &err);
}

/* Whatever the bytes are, a browser takes them as a picture and runs nothing in them. */
static void send_picture(struct lp_service_request *r, const PGresult *row)
{
    size_t n = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(row, 0, 1), &n);
    if (!bytes) {
        reply_busy(r);
        return;
    }
    lp_http_reply_header(r->x, "Cache-Control", "public, max-age=86400, immutable");
    lp_http_reply_header(r->x, "X-Content-Type-Options", "nosniff");
    lp_http_reply_header(r->x, "Content-Security-Policy", "default-src 'none'; sandbox");
    lp_http_reply_header(r->x, "Cross-Origin-Resource-Policy", "cross-origin");
    lp_http_reply(r->x, 200, PQgetvalue(row, 0, 0), bytes, n);
    PQfreemem(bytes);
}

void profile_picture(struct lp_service_request *r, void *worker)
{
    (void)worker;
    struct auth *auth = r->user;
    struct lp_error err;
    PGresult *row = NULL;
    if (!validate_is_uuid(r->params[0])) {
        reply_error(r, 404, "Picture not found");
        return;
    }
    int done = store_find_picture(auth->db, r->params[0], &row, &err);
    if (done == LP_E_NOT_FOUND)
        reply_error(r, 404, "Picture not found");
    else if (done < 0)
        reply_failure(r, "picture", &err);
    else
        send_picture(r, row);
    PQclear(row);
}
