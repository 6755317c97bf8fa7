/* services/auth/sessions/session.h -- sessions: made at login, carried on by refresh tokens. */
#pragma once

#include "base/error.h"
#include "service/service.h"
#include "services/auth/database/store.h"

/* A new session of `user` on the device of the request; the tokens are the caller's. Only
 * while the account is as it was read, else LP_E_CONFLICT. Errors of lp_db_run. */
LP_MUST_USE int session_start(struct lp_service_request *r, const struct store_user *user,
                              char **ret_access, char **ret_refresh, struct lp_error *err);

/* Routes; each answers. */
void session_refresh(struct lp_service_request *r, void *worker);
void session_logout(struct lp_service_request *r, void *worker);
void session_logout_everywhere(struct lp_service_request *r, void *worker);
void session_list(struct lp_service_request *r, void *worker);
void session_end(struct lp_service_request *r, void *worker);
void session_me(struct lp_service_request *r, void *worker);
void session_jwks(struct lp_service_request *r, void *worker);
