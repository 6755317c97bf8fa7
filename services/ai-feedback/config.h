/* services/ai-feedback/config.h -- what the environment says. */
#pragma once

#include "service/service.h"

struct ai_config {
    struct lp_service_config service;
    const char *progress_url;   /* PROGRESS_SERVICE_URL; "" for none */
    const char *dialect;        /* DIALECT */
    const char *dictionary_dir; /* DICTIONARY_DIR */
    const char *model_dir;      /* MODEL_DIR */
};

extern const struct lp_env ai_env[];
