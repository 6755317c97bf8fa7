/* services/auth/sessions/identity.h -- whose request this is, by its access token. */
#pragma once

#include <stdbool.h>

#include "service/service.h"
#include "services/auth/database/store.h"
#include "services/auth/sessions/tokens.h"

/* Initialise with { 0 }, end with _done. `user` without the password's hash. */
struct identity {
    struct store_user user;
    char session_id[STORE_UUID]; /* "" in tokens of older versions */
};
void identity_done(struct identity *i);
#define auto_identity __attribute__((cleanup(identity_done)))

/*
 * The user of the token, who is there, not disabled, and whose session was not ended. False: it has
 * answered 401 (no token), 403 (not valid), or 503.
 */
bool identity_of(struct lp_service_request *r, struct identity *ret_identity);

/* The same for the role admin; 403 for others. */
bool identity_of_admin(struct lp_service_request *r, struct identity *ret_identity);

/* The token of "Authorization: Bearer <token>"; NULL where there is none. Borrowed from `r`. */
const char *identity_bearer(const struct lp_service_request *r);
