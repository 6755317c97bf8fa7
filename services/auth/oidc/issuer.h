/* services/auth/oidc/issuer.h -- the issuer: what it published, and the way through its login. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "services/auth/oidc/settings.h"
#include "services/auth/oidc/ticket.h"

/* Opaque: hides a lock and connections. Any thread. */
struct issuer;

/*
 * `settings` is borrowed and good; `redirect_url` is copied. `workers`: threads that might call at
 * once; a quarter of them, 1 to 8, may speak with the issuer, another quarter may wait for that, so
 * that an issuer that hangs leaves the others to other requests. Nothing is fetched yet.
 */
LP_MUST_USE int issuer_new(const struct oidc_settings *settings, const char *redirect_url,
                           unsigned workers, struct issuer **ret_issuer, struct lp_error *err);
void issuer_free(struct issuer *i);

/*
 * Both: LP_E_UNAVAILABLE, LP_E_TIMEOUT: the issuer is away (it is not asked again for 2 s), or too
 * many speak with it; LP_E_INVALID, LP_E_TOO_LARGE: it answers otherwise than the standards say, or
 * does not know us as its client. They take at most 10 s.
 */

/* Where the browser goes to log in: authorization_endpoint with what RFC 6749, 4.1.1, RFC 7636, 4.3
 * and Core 1.0, 3.1.2.1 ask for; the caller's. */
LP_MUST_USE int issuer_login_url(struct issuer *i, const struct ticket *ticket, char **ret_url,
                                 struct lp_error *err);

/* The claims about who logged in, by the code: of an ID token that is good for us and this login,
 * and of userinfo where that token leaves something out; the caller's. LP_E_DENIED: the code or the
 * token is not good. */
LP_MUST_USE int issuer_claims(struct issuer *i, const struct ticket *ticket, const char *code,
                              json_t **ret_claims, struct lp_error *err);
