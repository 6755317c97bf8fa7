/* services/ai-worker/config.h -- the environment of lp-ai-worker. */
#pragma once

#include "config/env.h"
#include "service/service.h"
#include "services/ai-feedback/engines/grammar.h"
#include "services/ai-feedback/spelling/spelling.h"

/* Borrowed from the environment. */
struct config {
    struct lp_service_config common;
    const char *database_url; /* DATABASE_URL, required; may hold a password */
    int64_t workers;          /* WORKERS 1, 1..16 */
    int64_t job_ms;           /* JOB_DEADLINE 10m, 1s..1h */
    struct spelling_files spelling;
    struct grammar_settings grammar;
};

extern const struct lp_env config_table[];

/* What one variable alone does not say; `config` is a struct config. LP_E_INVALID. */
LP_MUST_USE int config_check(void *config, struct lp_error *err);
