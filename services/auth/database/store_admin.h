/* services/auth/database/store_admin.h -- profiles, roles, pictures and the trail of who did what.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/database/store.h"

/* What to change of a profile; `set` tells a value of NULL from one that stays. */
struct store_change {
    const char *value;
    bool set;
};
struct store_profile {
    struct store_change name, bio, avatar_url, phone, address;
};

/* All functions here: errors of lp_db_run; LP_E_NOT_FOUND: no such user. Any thread. */
LP_MUST_USE int store_find_profile(struct lp_db *db, const char *id, struct store_user *ret_user,
                                   struct lp_error *err);
LP_MUST_USE int store_change_profile(struct lp_db *db, const char *id,
                                     const struct store_profile *profile,
                                     struct store_user *ret_user, struct lp_error *err);
/* With sessions, codes, mails and picture. */
LP_MUST_USE int store_delete_user(struct lp_db *db, const char *id, struct lp_error *err);

/* Sets role, or disables and enables; both end the user's sessions, as their tokens tell what is no
 * longer true. */
LP_MUST_USE int store_set_role(struct lp_db *db, const char *id, const char *role,
                               struct store_user *ret_user, struct lp_error *err);
LP_MUST_USE int store_set_disabled(struct lp_db *db, const char *id, bool disabled,
                                   struct store_user *ret_user, struct lp_error *err);
LP_MUST_USE int store_make_admin(struct lp_db *db, const char *email, char ret_id[STORE_UUID],
                                 struct lp_error *err);

/* Some users; end it with _done. */
struct store_page {
    PGresult *rows;
    struct store_user *users;
    size_t n;
};
void store_page_done(struct store_page *p);
#define store_auto_page __attribute__((cleanup(store_page_done)))

/*
 * Up to `limit` users after `after` (a uuid, "": from the first), oldest first, whose e-mail or
 * name holds `search`, or whose id or (where fields are sealed, alone) e-mail it is.
 */
LP_MUST_USE int store_list_users(struct lp_db *db, const char *search, const char *after, int limit,
                                 struct store_page *ret_page, struct lp_error *err);

/* The one picture of a user, in place of an older one, and its URL as avatar_url: `url_base` and
 * the picture's id. */
LP_MUST_USE int store_put_picture(struct lp_db *db, const char *user_id, const char *type,
                                  const void *bytes, size_t n, const char *url_base,
                                  struct store_user *ret_user, struct lp_error *err);
/* The row of type, bytes (as PQunescapeBytea reads them); the caller's. */
LP_MUST_USE int store_find_picture(struct lp_db *db, const char *picture_id, PGresult **ret_row,
                                   struct lp_error *err);

/* One event; actor and subject are uuids, NULL: unknown. */
struct store_event {
    const char *event, *actor, *subject, *address, *request_id, *detail;
};
LP_MUST_USE int store_add_event(struct lp_db *db, const struct store_event *event,
                                struct lp_error *err);
/* Up to `limit` events before `before` (an id, 0: the newest), newest first, of `subject` (uuid,
 * "": all): rows of id, at, event, actor, subject, address, request id, detail. The caller's. */
LP_MUST_USE int store_list_events(struct lp_db *db, const char *subject, int64_t before, int limit,
                                  PGresult **ret_rows, struct lp_error *err);
