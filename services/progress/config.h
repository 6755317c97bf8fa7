/* services/progress/config.h -- the environment of lp-progress. */
#pragma once

#include "config/env.h"
#include "service/identity.h"
#include "service/service.h"

/* `mongodb_uri` has passed the driver's own check. Borrowed from the environment. */
struct config {
    struct lp_service_config common;
    const char *mongodb_uri;        /* MONGODB_URI, required; may hold a password */
    const char *db_name;            /* DB_NAME, default "progress" */
    int64_t activities_per_learner; /* ACTIVITIES_PER_LEARNER, 0..10^9; 0: no bound */
    int64_t retention_days;         /* RETENTION_DAYS, 0..36500; 0: for ever */
    const char *learning_url;       /* LEARNING_SERVICE_URL: hears of activities; "": nobody does */
    const char *service_key;        /* SERVICE_TOKEN_KEY: of calls there; "": without a token */
    struct lp_identity_config identity;
};

extern const struct lp_env config_table[];

/* What one variable alone does not say; `config` is a struct config. LP_E_INVALID. */
LP_MUST_USE int config_check(void *config, struct lp_error *err);
