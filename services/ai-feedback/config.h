/* services/ai-feedback/config.h -- what the environment says. */
#pragma once

#include "config/env.h"
#include "service/identity.h"
#include "service/service.h"
#include "services/ai-feedback/engines/grammar.h"
#include "services/ai-feedback/spelling/spelling.h"

struct ai_config {
    struct lp_service_config service;
    const char *progress_url; /* PROGRESS_SERVICE_URL; "" for none */
    struct spelling_files spelling;
    struct grammar_settings grammar;
    const char *asr_url;          /* ASR_URL; "" for none */
    const char *asr_model;        /* ASR_MODEL */
    const char *asr_key;          /* ASR_API_KEY */
    int64_t asr_timeout_ms;       /* ASR_TIMEOUT */
    int64_t asr_concurrency;      /* ASR_CONCURRENCY */
    const char *database_url;     /* DATABASE_URL: of the jobs; "": none. May hold a password */
    int64_t database_connections; /* DATABASE_CONNECTIONS 4, 1..64 */
    struct lp_identity_config identity;
    const char
        *service_token_key; /* SERVICE_TOKEN_KEY: of calls to progress; "": none are signed */
};

extern const struct lp_env ai_env[];

/* What one variable alone does not say; `config` is a struct ai_config. LP_E_INVALID. */
LP_MUST_USE int ai_config_check(void *config, struct lp_error *err);
