/* services/ai-worker/config.c -- variables of lp-ai-worker beside the common ones. No state. */
#include "services/ai-worker/config.h"

#include <stddef.h>

#include "postgres/db_url.h"
#include "services/ai-feedback/engines/settings.h"
#include "services/ai-feedback/spelling/settings.h"

#define AT(member) offsetof(struct config, member)

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
    SPELLING_ENV(struct config, spelling),
    GRAMMAR_ENV(struct config, grammar),
    { 0 },
};

int config_check(void *user, struct lp_error *err)
{
    const struct config *config = user;

    if (lp_db_url_check(config->database_url, err) < 0)
        return lp_error_wrap(err, "configuration");
    return 0;
}
