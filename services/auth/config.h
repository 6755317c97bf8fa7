/* services/auth/config.h -- the environment of lp-auth. */
#pragma once

#include "base/error.h"
#include "service/service.h"

struct auth_config {
    struct lp_service_config service; /* first: the common variables */
    const char *database_url, *jwt_secret, *jwt_refresh_secret, *password_hash, *cors_origin;
    int64_t access_ttl_ms, refresh_ttl_ms;
    int64_t database_connections, hash_workers;
};

#define AUTH_PORT "3000"
extern const struct lp_env auth_env[];

/* All variables, checked. LP_E_INVALID; the message holds no secret. */
LP_MUST_USE int config_load(struct auth_config *config, struct lp_error *err);
