/* services/auth/session.h -- sessions: made at login, carried on by refresh tokens. */
#pragma once

#include "services/auth/api.h"

/* A new session of `user`; the tokens are the caller's. LP_E_NOT_FOUND: no such user any more;
 * errors of db_run. */
LP_MUST_USE int session_start(struct api *api, const struct store_user *user, char **ret_access,
                              char **ret_refresh, struct lp_error *err);
