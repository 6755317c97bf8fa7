/* services/auth/api.h -- the HTTP routes of lp-auth and what they work with. */
#pragma once

#include "service/service.h"
#include "services/auth/db.h"
#include "services/auth/dbwatch.h"
#include "services/auth/hashpool.h"
#include "services/auth/tokens.h"

/* The `user` of every request; made in main, lives as long as the service. */
struct api {
    struct db *db;
    struct hashpool *hashes;
    struct tokens *tokens;
    const char *cors_origin;
    struct dbwatch *watch;
};

extern const struct lp_route api_routes[];

/* account.c: each answers its request. */
void account_register(struct lp_service_request *r, void *worker);
void account_login(struct lp_service_request *r, void *worker);

/* session.c */
void session_refresh(struct lp_service_request *r, void *worker);
void session_logout(struct lp_service_request *r, void *worker);
void session_me(struct lp_service_request *r, void *worker);
