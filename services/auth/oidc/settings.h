/* services/auth/oidc/settings.h -- the OIDC_* variables. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

#define SETTINGS_ROLES_MAX 64 /* entries of the map of roles */

/* As the environment has them; borrowed. */
struct oidc_settings {
    const char *issuer; /* "": no login at an issuer */
    const char *client_id;
    const char *client_secret; /* "": a public client */
    const char *scopes;        /* separated by blanks; openid is one of them */
    const char *role_claim;    /* a member, or a way through objects with dots; "": none */
    const char *roles;         /* JSON object: value of the claim to role */
    const char *redirect_url;  /* "": the callback under LINK_BASE */
    const char *ca_pem;        /* CAs of the issuer; "": the system's */
    bool allow_http;           /* an issuer on http:// that is not on loopback */
};

/* LP_E_INVALID with a message that names the variable. Nothing is checked without an issuer. */
LP_MUST_USE int oidc_settings_check(const struct oidc_settings *s, struct lp_error *err);

/* https, or http where the host is loopback (RFC 8252, 8.3) or `allow_http`; no user, no fragment.
 */
bool oidc_url_is_safe(const char *url, bool allow_http);

/* OIDC_ROLES, which _check found good; the caller's. */
json_t *oidc_settings_roles(const struct oidc_settings *s);

/* 0 user, 1 teacher, 2 admin; -1: no role. And back: a literal, NULL for -1. */
int oidc_role_rank(const char *role);
const char *oidc_role_name(int rank);
