/* lib/service/identity.h -- who asks: a service finds out itself, and believes nobody's word. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "config/env.h"
#include "service/service.h"

/* From the environment, a member of a service's config struct. Borrowed. */
struct lp_identity_config {
    const char *access;             /* ACCESS: Owner (default) or Any, in any case */
    const char *jwks_url;           /* AUTH_JWKS_URL: issuer's public keys; "": none */
    const char *secrets;            /* AUTH_JWT_SECRET: list, newest first; "": none */
    const char *keys_dir;           /* AUTH_JWT_KEYS_DIR: folder with them as file; "": none */
    const char *caller_ai_feedback; /* CALLER_KEY_AI_FEEDBACK: base64url of 32 bytes; "": none */
    const char *caller_auth;        /* CALLER_KEY_AUTH: the same */
    const char *caller_progress;    /* CALLER_KEY_PROGRESS: the same */
};
extern const char *const lp_identity_accesses[];
/* Rows of an env table for `member` of `type`, names that no parentheses may stand around. */
// NOLINTBEGIN(bugprone-macro-parentheses)
#define LP_IDENTITY_ENV(type, member)                                                             \
    { "ACCESS",                                                                                   \
      LP_ENV_STRING,                                                                              \
      offsetof(type, member.access),                                                              \
      "Owner",                                                                                    \
      0,                                                                                          \
      0,                                                                                          \
      lp_identity_accesses,                                                                       \
      false,                                                                                      \
      "Owner: learners reach their own data, admins all; Any: everybody all, without a token" },  \
        { "AUTH_JWKS_URL",                                                                        \
          LP_ENV_URL,                                                                             \
          offsetof(type, member.jwks_url),                                                        \
          "",                                                                                     \
          0,                                                                                      \
          2048,                                                                                   \
          NULL,                                                                                   \
          false,                                                                                  \
          "where the public keys of access tokens are" },                                         \
        { "AUTH_JWT_SECRET",                                                                      \
          LP_ENV_STRING,                                                                          \
          offsetof(type, member.secrets),                                                         \
          "",                                                                                     \
          1,                                                                                      \
          8192,                                                                                   \
          NULL,                                                                                   \
          true,                                                                                   \
          "HMAC keys of access tokens, newest first, separated by commas" },                      \
        { "AUTH_JWT_KEYS_DIR",                                                                    \
          LP_ENV_STRING,                                                                          \
          offsetof(type, member.keys_dir),                                                        \
          "",                                                                                     \
          0,                                                                                      \
          1024,                                                                                   \
          NULL,                                                                                   \
          false,                                                                                  \
          "folder (a mounted Secret) whose file hmac has them, read again when it changes" },     \
        { "CALLER_KEY_AI_FEEDBACK",                                                               \
          LP_ENV_STRING,                                                                          \
          offsetof(type, member.caller_ai_feedback),                                              \
          "",                                                                                     \
          43,                                                                                     \
          43,                                                                                     \
          NULL,                                                                                   \
          true,                                                                                   \
          "key of calls by ai-feedback" },                                                        \
        { "CALLER_KEY_AUTH",                                                                      \
          LP_ENV_STRING,                                                                          \
          offsetof(type, member.caller_auth),                                                     \
          "",                                                                                     \
          43,                                                                                     \
          43,                                                                                     \
          NULL,                                                                                   \
          true,                                                                                   \
          "key of calls by auth" },                                                               \
    {                                                                                             \
        "CALLER_KEY_PROGRESS", LP_ENV_STRING, offsetof(type, member.caller_progress), "", 43, 43, \
            NULL, true, "key of calls by progress"                                                \
    }
// NOLINTEND(bugprone-macro-parentheses)

/* LP_E_INVALID with a message for the operator where ACCESS is Owner and neither a key set nor a
 * secret is given. */
LP_MUST_USE int lp_identity_check(const struct lp_identity_config *config, struct lp_error *err);

/* Which service may call which route (lp_route.name), for any user. */
struct lp_identity_grant {
    const char *caller, *route;
};

/* What a service knows of who may ask it. Any thread. */
struct lp_identities;

/*
 * `service` is the audience of calls by other services, `grants` (ends with caller NULL) is
 * borrowed. LP_E_INVALID as lp_identity_check, and for a key that is none.
 */
LP_MUST_USE int lp_identities_new(const struct lp_identity_config *config, const char *service,
                                  const struct lp_identity_grant *grants,
                                  struct lp_identities **ret_identities, struct lp_error *err);
void lp_identities_free(struct lp_identities *i);

/* As lp_keys_ready. */
bool lp_identities_ready(struct lp_identities *i, char why[128]);

/* Who asks: anybody (ACCESS=Any), a service, or a person. Initialise with {0}. */
struct lp_identity {
    bool anybody;
    const char *caller; /* "ai-feedback", "auth", "progress"; NULL: no service */
    char *user_id;      /* owned; claim userId, or sub; a number as JavaScript writes it */
    char *role;         /* owned; "" where the token has none */
};
void lp_identity_done(struct lp_identity *i);
#define lp_auto_identity __attribute__((cleanup(lp_identity_done)))

/*
 * By the Bearer token of `r`. Fails with the status to answer in err->http_status and a message for
 * the client in the service's own JSON shape: 401 (none, two, or a bad one), 403 (a service on a
 * route that is not its own), 503 (keys are being fetched). The headers WWW-Authenticate and
 * Retry-After are set. Waits for a key up to 1 s: not for event loops.
 */
LP_MUST_USE int lp_identity_read(struct lp_identities *i, struct lp_service_request *r,
                                 struct lp_identity *ret_identity, struct lp_error *err);

/* True for the user themself, an admin, a service (its route was granted), and anybody under Any.
 * `user_id` is compared byte for byte. */
bool lp_identity_may(const struct lp_identity *i, const char *user_id);

/* True for teachers, admins, and anybody under Any; not for services. They read what is told of
 * many activities together, and write content. */
bool lp_identity_teaches(const struct lp_identity *i);

/* ---- calls of other services ---- */

/* A service's own key, to make tokens with. Any thread. */
struct lp_caller;

/* `name`: who calls ("ai-feedback"); `key`: SERVICE_TOKEN_KEY, base64url of 32 bytes.
 * LP_E_INVALID. */
LP_MUST_USE int lp_caller_new(const char *name, const char *key, struct lp_caller **ret_caller,
                              struct lp_error *err);
void lp_caller_free(struct lp_caller *c);

/* "Authorization: Bearer …" for one call of `audience` ("progress"), good for 30 s; the caller's.
 */
LP_MUST_USE int lp_caller_header(const struct lp_caller *c, const char *audience, char **ret_header,
                                 struct lp_error *err);
