/* services/auth/auth.h -- what every handler of lp-auth works with. */
#pragma once

#include <stdint.h>

struct checks;
struct courier;
struct lp_db;
struct lp_dbwatch;
struct eraser;
struct hashpool;
struct key_watch;
struct oidc;
struct peer;
struct slow;
struct tokens;
struct verified;

/* The `user` of every request; made in main, lives as long as the service. */
struct auth {
    struct lp_db *db;
    struct hashpool *hashes;
    struct verified *verified;
    struct checks *checks;
    struct tokens *tokens;
    struct key_watch *key_watch; /* NULL: keys of the environment alone */
    struct slow *slow;
    struct courier *courier; /* NULL: no mail is sent */
    struct peer *peer;
    struct eraser *eraser;
    struct oidc *oidc;       /* NULL: no login at an issuer */
    const char *link_base;   /* LINK_BASE */
    const char *cors_origin; /* "*" or a list, as CORS_ORIGIN */
    int64_t audit_days;      /* AUDIT_RETENTION_DAYS */
    struct lp_dbwatch *watch;
};
