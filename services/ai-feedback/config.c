/* services/ai-feedback/config.c -- the table of the service's own variables. */
#include "services/ai-feedback/config.h"

#include "postgres/db_url.h"
#include "services/ai-feedback/engines/settings.h"
#include "services/ai-feedback/spelling/settings.h"

const struct lp_env ai_env[] = {
    { .name = "PROGRESS_SERVICE_URL",
      .type = LP_ENV_URL,
      .offset = offsetof(struct ai_config, progress_url),
      .fallback = "",
      .max = 2048,
      .help = "where results are logged; empty: nowhere" },
    SPELLING_ENV(struct ai_config, spelling),
    GRAMMAR_ENV(struct ai_config, grammar),
    { .name = "ASR_URL",
      .type = LP_ENV_URL,
      .offset = offsetof(struct ai_config, asr_url),
      .fallback = "",
      .max = 2048,
      .help = "a server that makes text of audio (/v1/audio/transcriptions): what learners say is "
              "sent there; empty: audio is 415" },
    { .name = "ASR_MODEL",
      .type = LP_ENV_STRING,
      .offset = offsetof(struct ai_config, asr_model),
      .fallback = "whisper-1",
      .min = 1,
      .max = 200,
      .help = "its model" },
    { .name = "ASR_API_KEY",
      .type = LP_ENV_STRING,
      .offset = offsetof(struct ai_config, asr_key),
      .fallback = "",
      .min = 1,
      .max = 1024,
      .secret = true,
      .help = "sent to it as Authorization: Bearer" },
    { .name = "ASR_TIMEOUT",
      .type = LP_ENV_DURATION,
      .offset = offsetof(struct ai_config, asr_timeout_ms),
      .fallback = "15s",
      .min = 100,
      .max = 300000,
      .help = "until a request with audio is 503" },
    { .name = "ASR_CONCURRENCY",
      .type = LP_ENV_INT,
      .offset = offsetof(struct ai_config, asr_concurrency),
      .fallback = "4",
      .min = 1,
      .max = 64,
      .help = "audios that are there at once" },
    { .name = "DATABASE_URL",
      .type = LP_ENV_URI,
      .offset = offsetof(struct ai_config, database_url),
      .fallback = "",
      .max = 2048,
      .secret = true,
      .help = "PostgreSQL of the jobs, postgresql://user:password@host:5432/name; empty: no jobs" },
    { .name = "DATABASE_CONNECTIONS",
      .type = LP_ENV_INT,
      .offset = offsetof(struct ai_config, database_connections),
      .fallback = "4",
      .min = 1,
      .max = 64,
      .help = "most connections to the database" },
    { .name = "SERVICE_TOKEN_KEY",
      .type = LP_ENV_STRING,
      .offset = offsetof(struct ai_config, service_token_key),
      .fallback = "",
      .min = 43,
      .max = 43,
      .secret = true,
      .help = "base64url of 32 bytes: signs the calls to the progress service" },
    LP_IDENTITY_ENV(struct ai_config, identity),
    { 0 },
};

int ai_config_check(void *user, struct lp_error *err)
{
    const struct ai_config *config = user;

    if (*config->database_url && lp_db_url_check(config->database_url, err) < 0)
        return lp_error_wrap(err, "configuration");
    return 0;
}
