/* The table of variables, and the checks that span two of them or need libpq. Called in main. */
#include "services/auth/config.h"

#include <openssl/crypto.h>
#include <string.h>

#include "postgres/db_url.h"
#include "services/auth/http/validate.h"
#include "services/auth/passwords/password.h"
#include "services/auth/privacy/master.h"
#include "services/auth/sessions/key_files.h"

#define AT(member) offsetof(struct auth_config, member)
#define SECOND 1000LL
#define DAY (24LL * 3600 * SECOND)

#define NO_SENDER "no-reply@learning-platform.invalid"

static const char *const smtp_tls_settings[] = { "required", "off", NULL };

const struct lp_env auth_env[] = {
    { .name = "DATABASE_URL",
      .type = LP_ENV_URI,
      .offset = AT(database_url),
      .min = 1,
      .max = 2048,
      .secret = true,
      .help = "PostgreSQL: postgresql://user:password@host:5432/name" },
    { .name = "JWT_SECRET",
      .type = LP_ENV_STRING,
      .offset = AT(jwt_secret),
      .fallback = "",
      .max = 4096,
      .secret = true,
      .help = "HS256 key of access tokens, at least 16 bytes; more than one, newest first, "
              "separated by commas; with JWT_SIGNING_KEY they only verify" },
    { .name = "JWT_SIGNING_KEY",
      .type = LP_ENV_STRING,
      .offset = AT(jwt_signing_key),
      .fallback = "",
      .max = 4096,
      .secret = true,
      .help = "Ed25519 private key of access tokens (PKCS #8 in PEM); more than one, newest first, "
              "one after the other" },
    { .name = "JWT_REFRESH_SECRET",
      .type = LP_ENV_STRING,
      .offset = AT(jwt_refresh_secret),
      .fallback = "",
      .max = 4096,
      .secret = true,
      .help = "key of refresh tokens, at least 16 bytes, another than JWT_SECRET; a list "
              "likewise" },
    { .name = "JWT_KEYS_DIR",
      .type = LP_ENV_STRING,
      .offset = AT(jwt_keys_dir),
      .fallback = "",
      .max = 1024,
      .help = "folder with files access, refresh and signing.pem, each instead of its variable "
              "above, and read again when it changes; empty: none" },
    { .name = "PRIVACY_KEY_DIR",
      .type = LP_ENV_STRING,
      .offset = AT(privacy_key_dir),
      .fallback = "",
      .max = 1024,
      .help = "folder with the master key `current`, and `previous` while it is replaced: personal "
              "fields are encrypted; empty: they are not" },
    { .name = "ACCESS_TOKEN_TTL",
      .type = LP_ENV_DURATION,
      .offset = AT(access_ttl_ms),
      .fallback = "1h",
      .min = SECOND,
      .max = DAY,
      .help = "life of an access token" },
    { .name = "REFRESH_TOKEN_TTL",
      .type = LP_ENV_DURATION,
      .offset = AT(refresh_ttl_ms),
      .fallback = "3d",
      .min = SECOND,
      .max = 90 * DAY,
      .help = "life of a refresh token" },
    { .name = "PASSWORD_HASH",
      .type = LP_ENV_STRING,
      .offset = AT(password_hash),
      .fallback = "auto",
      .one_of = password_settings,
      .help = "how new passwords are hashed: argon2id (19 MiB, 2 passes) or with 46, 12, 9 or 7 "
              "MiB; auto: by the CPU limit" },
    { .name = "VERIFIED_PASSWORD_TTL",
      .type = LP_ENV_DURATION,
      .offset = AT(verified_ttl_ms),
      .fallback = "10m",
      .min = 0,
      .max = 3600 * SECOND,
      .help = "how long a password that was right needs no new hash; 0: always" },
    { .name = "CORS_ORIGIN",
      .type = LP_ENV_STRING,
      .offset = AT(cors_origin),
      .fallback = "*",
      .min = 1,
      .max = 2048,
      .help = "* or origins separated by commas" },
    { .name = "LINK_BASE",
      .type = LP_ENV_URL,
      .offset = AT(link_base),
      .fallback = "http://localhost:8080/auth",
      .help = "under which URL clients reach these routes; links of mails and pictures begin so" },
    { .name = "PROGRESS_SERVICE_URL",
      .type = LP_ENV_URL,
      .offset = AT(progress_url),
      .fallback = "",
      .help = "progress service, asked when a user's data are exported or erased; empty: none" },
    { .name = "AI_SERVICE_URL",
      .type = LP_ENV_URL,
      .offset = AT(ai_url),
      .fallback = "",
      .help = "AI feedback service, asked likewise; empty: none" },
    { .name = "LEARNING_SERVICE_URL",
      .type = LP_ENV_URL,
      .offset = AT(learning_url),
      .fallback = "",
      .help = "learning service, asked likewise; empty: none" },
    { .name = "SERVICE_TOKEN_KEY",
      .type = LP_ENV_STRING,
      .offset = AT(service_token_key),
      .fallback = "",
      .max = 43,
      .secret = true,
      .help = "key of our calls there, base64url of 32 bytes; empty: they carry no token" },
    { .name = "SMTP_URL",
      .type = LP_ENV_STRING,
      .offset = AT(smtp_url),
      .fallback = "",
      .max = 2048,
      .secret = true,
      .help = "mail server: smtp://user:password@host:587, or smtps://" },
    { .name = "SMTP_TLS",
      .type = LP_ENV_STRING,
      .offset = AT(smtp_tls),
      .fallback = "required",
      .one_of = smtp_tls_settings,
      .help = "STARTTLS on smtp://: required, or off" },
    { .name = "SMTP_CA_FILE",
      .type = LP_ENV_STRING,
      .offset = AT(smtp_ca_file),
      .fallback = "",
      .help = "PEM file with the CAs of the mail server; empty: the system's" },
    { .name = "MAIL_DIR",
      .type = LP_ENV_STRING,
      .offset = AT(mail_dir),
      .fallback = "",
      .help = "without SMTP_URL: a folder that gets a file per mail; empty: no mail is sent" },
    { .name = "MAIL_FROM",
      .type = LP_ENV_STRING,
      .offset = AT(mail_from),
      .fallback = NO_SENDER,
      .max = VALIDATE_EMAIL_MAX,
      .help = "sender of mails" },
    { .name = "MAIL_TEMPLATE_DIR",
      .type = LP_ENV_STRING,
      .offset = AT(mail_template_dir),
      .fallback = "",
      .help = "verify.txt and reset.txt: \"Subject: ...\", an empty line, a text with {{name}} and "
              "{{link}}; empty: built-in texts" },
    { .name = "DATABASE_CONNECTIONS",
      .type = LP_ENV_INT,
      .offset = AT(database_connections),
      .fallback = "8",
      .min = 1,
      .max = 64,
      .help = "most connections to the database" },
    { .name = "HASH_WORKERS",
      .type = LP_ENV_INT,
      .offset = AT(hash_workers),
      .fallback = "0",
      .min = 0,
      .max = 64,
      .help = "threads that hash passwords; 0: the CPU limit, rounded up" },
    { .name = "AUDIT_RETENTION_DAYS",
      .type = LP_ENV_INT,
      .offset = AT(audit_days),
      .fallback = "365",
      .min = 1,
      .max = 3650,
      .help = "audit events older than so many days are deleted" },
    { .name = "OIDC_ISSUER",
      .type = LP_ENV_URL,
      .offset = AT(oidc.issuer),
      .fallback = "",
      .max = 1024,
      .help =
          "issuer of logins by OpenID Connect, as its discovery document names it; empty: none" },
    { .name = "OIDC_CLIENT_ID",
      .type = LP_ENV_STRING,
      .offset = AT(oidc.client_id),
      .fallback = "",
      .max = 255,
      .help = "as which client the issuer knows us" },
    { .name = "OIDC_CLIENT_SECRET",
      .type = LP_ENV_STRING,
      .offset = AT(oidc.client_secret),
      .fallback = "",
      .max = 1024,
      .secret = true,
      .help = "that client's secret; empty: a public client" },
    { .name = "OIDC_SCOPES",
      .type = LP_ENV_STRING,
      .offset = AT(oidc.scopes),
      .fallback = "openid email profile",
      .max = 1024,
      .help = "what is asked for there, separated by blanks" },
    { .name = "OIDC_ROLE_CLAIM",
      .type = LP_ENV_STRING,
      .offset = AT(oidc.role_claim),
      .fallback = "",
      .max = 255,
      .help =
          "claim with roles or groups, as realm_access.roles; empty: roles are given here alone" },
    { .name = "OIDC_ROLES",
      .type = LP_ENV_STRING,
      .offset = AT(oidc.roles),
      .fallback = "{}",
      .max = 16384,
      .help = "which of its values is which role: {\"teachers\":\"teacher\"}" },
    { .name = "OIDC_REDIRECT_URL",
      .type = LP_ENV_URL,
      .offset = AT(oidc.redirect_url),
      .fallback = "",
      .max = 2048,
      .help = "where the issuer sends browsers back to; empty: LINK_BASE/api/users/oidc/callback" },
    { .name = "OIDC_CA",
      .type = LP_ENV_STRING,
      .offset = AT(oidc.ca_pem),
      .fallback = "",
      .max = 65536,
      .help = "CAs of the issuer in PEM; empty: the system's" },
    { .name = "OIDC_ALLOW_HTTP",
      .type = LP_ENV_BOOL,
      .offset = AT(oidc.allow_http),
      .fallback = "false",
      .help = "http:// issuers elsewhere than on loopback" },
    { .name = NULL },
};

struct tokens_options config_tokens(const struct auth_config *config)
{
    return (struct tokens_options){
        .signing_keys = config->jwt_signing_key,
        .access_secrets = config->jwt_secret,
        .refresh_secrets = config->jwt_refresh_secret,
        .access_ttl_ms = config->access_ttl_ms,
        .refresh_ttl_ms = config->refresh_ttl_ms,
    };
}

static int check_keys(const struct auth_config *config, struct lp_error *err)
{
    auto_key_files struct key_files files = { 0 };
    struct tokens_options options = config_tokens(config);
    return key_files_read(config->jwt_keys_dir, &files, &options, err);
}

static int check_master_keys(const struct auth_config *config, struct lp_error *err)
{
    struct masters masters = { 0 };
    int r = config->privacy_key_dir[0] ? masters_read(config->privacy_key_dir, &masters, err) : 0;
    OPENSSL_cleanse(&masters, sizeof masters);
    return r;
}

static int check_mail(const struct auth_config *config, struct lp_error *err)
{
    const char *url = config->smtp_url;
    size_t n = strlen(config->link_base);
    if (url[0] && strncmp(url, "smtp://", 7) != 0 && strncmp(url, "smtps://", 8) != 0)
        return lp_error_set(err, LP_E_INVALID, "SMTP_URL: must begin with smtp:// or smtps://");
    if (!validate_is_email(config->mail_from))
        return lp_error_set(err, LP_E_INVALID, "MAIL_FROM: must be an e-mail address");
    if (url[0] && strcmp(config->mail_from, NO_SENDER) == 0)
        return lp_error_set(err, LP_E_INVALID, "MAIL_FROM: is required with SMTP_URL");
    if (n > 0 && config->link_base[n - 1] == '/')
        return lp_error_set(err, LP_E_INVALID, "LINK_BASE: must not end with a slash");
    return 0;
}

int config_check(void *user, struct lp_error *err)
{
    const struct auth_config *config = user;

    int r = lp_db_url_check(config->database_url, err);
    if (r == 0)
        r = check_keys(config, err);
    if (r == 0)
        r = check_master_keys(config, err);
    if (r == 0)
        r = check_mail(config, err);
    return r < 0 ? r : oidc_settings_check(&config->oidc, err);
}
