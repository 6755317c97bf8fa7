/* services/auth/oidc/oidc.h -- the routes of a login at an issuer. */
#pragma once

#include "base/error.h"
#include "service/service.h"
#include "services/auth/oidc/settings.h"

/* Opaque; any thread. */
struct oidc;
struct tokens;

/* `settings` is borrowed and good. *ret_oidc is NULL where there is no issuer: the routes answer
 * 404 then. `link_base`: LINK_BASE; `workers`: CONCURRENCY. Nothing is fetched yet. */
LP_MUST_USE int oidc_new(const struct oidc_settings *settings, const char *link_base,
                         unsigned workers, struct oidc **ret_oidc, struct lp_error *err);
void oidc_free(struct oidc *o);

/* Routes; each answers. */
void oidc_login(struct lp_service_request *r, void *worker);
void oidc_callback(struct lp_service_request *r, void *worker);
