/* services/ai-feedback/config.c -- the table of the service's own variables. */
#include "services/ai-feedback/config.h"

static const char *const dialects[] = { "any", "en-US", "en-GB", NULL };

const struct lp_env ai_env[] = {
    { .name = "PROGRESS_SERVICE_URL",
      .type = LP_ENV_URL,
      .offset = offsetof(struct ai_config, progress_url),
      .fallback = "",
      .max = 2048,
      .help = "where results are logged; empty: nowhere" },
    { .name = "DIALECT",
      .type = LP_ENV_STRING,
      .offset = offsetof(struct ai_config, dialect),
      .fallback = "any",
      .one_of = dialects,
      .help = "which spelling counts as right" },
    { .name = "DICTIONARY_DIR",
      .type = LP_ENV_STRING,
      .offset = offsetof(struct ai_config, dictionary_dir),
      .fallback = "/usr/share/hunspell",
      .min = 1,
      .max = 1024,
      .help = "folder of en_US and en_GB .aff and .dic" },
    { .name = "MODEL_DIR",
      .type = LP_ENV_STRING,
      .offset = offsetof(struct ai_config, model_dir),
      .fallback = "/usr/share/pocketsphinx/model/en-us",
      .min = 1,
      .max = 1024,
      .help = "folder of en-us.lm.bin, the trigram model" },
    { 0 },
};
