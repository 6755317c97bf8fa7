/* services/auth/oidc/claims.h -- what an ID token says, and who that is. Pure; any thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "services/auth/http/validate.h"
#include "services/auth/oidc/settings.h"

#define CLAIMS_SUBJECT 256 /* bytes with the NUL (OpenID Connect Core 1.0, 2) */
#define CLAIMS_LEEWAY_S 60 /* that the issuer's clock may differ from ours */

/* What signature, iss, aud and exp do not cover: sub, nonce, azp, iat (Core 1.0, 3.1.3.7).
 * LP_E_DENIED with the reason. */
LP_MUST_USE int claims_check(const json_t *claims, const char *client_id, const char *nonce,
                             int64_t now_s, struct lp_error *err);

/* Whether the token has all that `claims_person` wants; else it is asked for at userinfo. */
bool claims_are_complete(const json_t *claims, const struct oidc_settings *settings);

/* Who logs in. */
struct claims_person {
    char subject[CLAIMS_SUBJECT];
    struct validate_account account; /* e-mail in lower case, "": none or no valid one; a name that
                                        an account may have. No password. */
    bool email_verified;             /* as the issuer says */
    const char *role;                /* by the map; NULL: it gives none. A literal */
};

/* `roles` as from oidc_settings_roles(). Of several values that the map knows, the highest role. */
void claims_person(const json_t *claims, const struct oidc_settings *settings, const json_t *roles,
                   struct claims_person *ret_person);
