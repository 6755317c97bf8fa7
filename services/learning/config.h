/* services/learning/config.h -- the environment of lp-learning. */
#pragma once

#include "config/env.h"
#include "service/identity.h"
#include "service/service.h"

/* Borrowed from the environment. */
struct config {
    struct lp_service_config common;
    const char *database_url;     /* DATABASE_URL, required; may hold a password */
    int64_t database_connections; /* DATABASE_CONNECTIONS 8, 1..64 */
    bool starter_set;             /* STARTER_SET true: items for a database that has none */
    const char *experiment;       /* EXPERIMENT: experiment_read() */
    const char *exam_dates;       /* EXAM_DATES: exams_read() */
    int64_t reviews_per_minute;   /* REVIEWS_PER_MINUTE 120, 1..10000: of one learner, per pod */
    struct lp_identity_config identity;
};

extern const struct lp_env config_table[];

/* What one variable alone does not say; `config` is a struct config. LP_E_INVALID. */
LP_MUST_USE int config_check(void *config, struct lp_error *err);
