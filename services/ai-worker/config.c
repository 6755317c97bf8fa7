/* services/ai-worker/config.c -- variables of lp-ai-worker beside the common ones. No state. */
#include "services/ai-worker/config.h"

#include <stddef.h>

#include "postgres/db_url.h"

#define AT(member) offsetof(struct config, member)

static const char *const dialects[] = { "any", "en-US", "en-GB", NULL };

const struct lp_env config_table[] = {
    { .name = "DATABASE_URL",
      .type = LP_ENV_URI,
      .offset = AT(database_url),
      .min = 1,
      .max = 2048,
      .secret = true,
      .help = "PostgreSQL of the jobs: postgresql://user:password@host:5432/name" },
    { .name = "WORKERS",
      .type = LP_ENV_INT,
      .offset = AT(workers),
      .fallback = "1",
      .min = 1,
      .max = 16,
      .help = "jobs worked on at a time" },
    { .name = "JOB_DEADLINE",
      .type = LP_ENV_DURATION,
      .offset = AT(job_ms),
      .fallback = "10m",
      .min = 1000,
      .max = 3600000,
      .help = "one attempt at a job takes no longer" },
    { .name = "DIALECT",
      .type = LP_ENV_STRING,
      .offset = AT(dialect),
      .fallback = "any",
      .one_of = dialects,
      .help = "which spelling counts as right" },
    { .name = "DICTIONARY_DIR",
      .type = LP_ENV_STRING,
      .offset = AT(dictionary_dir),
      .fallback = "/usr/share/hunspell",
      .min = 1,
      .max = 1024,
      .help = "folder of en_US and en_GB .aff and .dic" },
    { .name = "MODEL_DIR",
      .type = LP_ENV_STRING,
      .offset = AT(model_dir),
      .fallback = "/usr/share/pocketsphinx/model/en-us",
      .min = 1,
      .max = 1024,
      .help = "folder of en-us.lm.bin, the trigram model" },
    { 0 },
};

int config_check(void *user, struct lp_error *err)
{
    const struct config *config = user;

    if (lp_db_url_check(config->database_url, err) < 0)
        return lp_error_wrap(err, "configuration");
    return 0;
}
