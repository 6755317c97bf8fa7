/* services/auth/auth.h -- what every handler of lp-auth works with. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/stop.h"

struct checks;
struct courier;
struct lp_db;
struct lp_dbwatch;
struct eraser;
struct hashpool;
struct keeper;
struct key_watch;
struct oidc;
struct peer;
struct slow;
struct tokens;
struct vault;
struct verified;

/* The `user` of every request; made in main, lives as long as the service. */
struct auth {
    struct lp_db *db; /* its context is the vault */
    struct vault *vault;
    struct keeper *keeper;
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
    struct lp_stop *stop;
    struct lp_error
        refused; /* why the database's personal fields cannot be used; code 0: they can */
};
