/* services/auth/config.h -- the environment of lp-auth. */
#pragma once

#include "base/error.h"
#include "config/env.h"
#include "service/service.h"
#include "services/auth/oidc/settings.h"
#include "services/auth/sessions/tokens.h"

struct auth_config {
    struct lp_service_config service; /* first: the common variables */
    const char *database_url, *cors_origin, *password_hash;
    const char *jwt_secret, *jwt_signing_key, *jwt_refresh_secret; /* where jwt_keys_dir has none */
    const char *jwt_keys_dir, *privacy_key_dir;
    const char *smtp_url, *smtp_tls, *smtp_ca_file, *mail_dir, *mail_from, *mail_template_dir;
    const char *link_base, *progress_url, *ai_url, *learning_url, *service_token_key;
    struct oidc_settings oidc;
    int64_t access_ttl_ms, refresh_ttl_ms, verified_ttl_ms;
    int64_t database_connections, hash_workers, audit_days;
};

extern const struct lp_env auth_env[];

/* What the environment says of keys and life times; borrows of `config`. */
struct tokens_options config_tokens(const struct auth_config *config);

/* What one variable alone does not say; `config` is a struct auth_config. LP_E_INVALID; the message
 * holds no secret. */
LP_MUST_USE int config_check(void *config, struct lp_error *err);
