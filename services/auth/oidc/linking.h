/* services/auth/oidc/linking.h -- which account a person of the issuer gets. */
#pragma once

#include "base/error.h"
#include "service/service.h"
#include "services/auth/database/store.h"
#include "services/auth/oidc/claims.h"

/* Why nobody was logged in, though the issuer says who it is. */
enum linking_refusal {
    LINKING_NONE,
    LINKING_NO_EMAIL, /* unknown here, and no address that the issuer has verified */
    LINKING_OTHER,    /* the account is somebody else's of this issuer */
    LINKING_ADMIN,    /* an admin's account, and the map does not make them one */
    LINKING_DISABLED,
};

/*
 * The account of `person` at `issuer`: the one that is linked; else the one with their address,
 * which is linked now; else a new one. What was done is noted for the audit. LP_E_DENIED:
 * *ret_refusal says why. Errors of lp_db_run.
 */
LP_MUST_USE int linking_account(struct lp_service_request *r, const char *issuer,
                                const struct claims_person *person, struct store_user *ret_user,
                                enum linking_refusal *ret_refusal, struct lp_error *err);
