/* services/ai-feedback/main.c -- lp-ai-feedback: corrects what learners wrote or said. */
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "postgres/dbwatch.h"
#include "service/awaited.h"
#include "service/program.h"
#include "services/ai-feedback/api.h"
#include "services/ai-feedback/config.h"
#include "services/ai-feedback/engines/grammar.h"
#include "services/ai-feedback/job_api.h"
#include "services/ai-feedback/jobs/tables.h"
#include "services/ai-feedback/rules/phrases.h"
#include "services/ai-feedback/score_sender.h"

#define UPKEEP_MS (LP_AWAITED_MS / 2) /* of the jobs: while some wait, it is said without a gap */
#define SUMMARY "Corrects English sentences, with a reason for each edit."

static int migrate(struct lp_db *db, void *unused, struct lp_error *err)
{
    (void)unused;
    return tables_migrate(db, err);
}

/* Who may ask, and under which identity we ask the progress service. */
static int make_identities(const struct ai_config *config, struct ai *ai,
                           struct lp_caller **ret_caller, struct lp_error *err)
{
    int r = lp_identities_new(&config->identity, "ai-feedback", ai_grants, &ai->identities, err);

    if (r == 0 && *config->service_token_key)
        r = lp_caller_new("ai-feedback", config->service_token_key, ret_caller, err);
    return r;
}

static int make_engines(const struct ai_config *config, struct ai *ai, struct lp_error *err)
{
    const struct engine_options asr = { .name = "asr",
                                        .url = config->asr_url,
                                        .timeout_ms = config->asr_timeout_ms,
                                        .concurrency = config->asr_concurrency,
                                        .max_answer = TRANSCRIBE_ANSWER };
    int r = grammar_open(&config->grammar, &ai->grammar, err);

    ai->dialect = config->spelling.dialect;
    ai->transcriber.model = config->asr_model;
    ai->transcriber.key = config->asr_key;
    if (r == 0)
        r = engine_open(&asr, "/v1/audio/transcriptions", &ai->transcriber.engine, err);
    return r;
}

/* The jobs' database, where there is one, and what watches it. Text goes on without it. */
static int open_jobs(const struct ai_config *config, struct lp_stop *stop, struct ai *ai,
                     struct lp_dbwatch **ret_watch, struct lp_error *err)
{
    static const struct lp_dbwatch_options watch = { .thread = "ai-jobs-db",
                                                     .up_metric = "lp_ai_db_up",
                                                     .migrate = migrate,
                                                     .purge = job_api_upkeep,
                                                     .purge_ms = UPKEEP_MS };
    const struct lp_db_options options = {
        .url = config->database_url,
        .application = "lp-ai-feedback",
        .connections_metric = "lp_ai_db_connections",
        .failures_metric = "lp_ai_db_connect_failures_total",
        .max_connections = (unsigned)config->database_connections,
        .connect_timeout_ms = 3000,
        .query_timeout_ms = 5000,
    };

    job_api_init();
    if (!*config->database_url)
        return 0;
    ai->jobs = lp_db_new(&options);
    return lp_dbwatch_new(ai->jobs, &watch, stop, ret_watch, err);
}

static int ai_feedback_run(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    const struct ai_config *config = user;
    struct ai ai = { 0 };
    struct lp_caller *caller = NULL;
    struct lp_dbwatch *watch = NULL;
    struct score_sender *sender = NULL;
    int r = make_identities(config, &ai, &caller, err);

    phrases_load();
    if (r == 0)
        r = spelling_new(&config->spelling, &ai.speller, err);
    if (r == 0)
        r = make_engines(config, &ai, err);
    if (r == 0)
        r = outbox_new(config->progress_url, caller, &ai.outbox, err);
    if (r == 0)
        r = open_jobs(config, stop, &ai, &watch, err);
    if (r == 0 && ai.jobs && outbox_delivers(ai.outbox))
        r = score_sender_new(ai.jobs, ai.outbox, stop, &sender, err);
    if (r == 0) {
        struct lp_service service = ai_service(&ai);
        ai.streams = lp_streams_new((unsigned)(config->service.concurrency + 1) / 2);
        r = lp_service_run(&service, &config->service, stop, err);
    }
    outbox_finish(ai.outbox, 3000);
    if (r == LP_E_TIMEOUT) {
        lp_log_error("cannot go on", "error", err->msg);
        lp_log_end();
        _exit(1); /* workers still use what would be freed, by us or by exit() */
    }
    engine_free(ai.grammar);
    engine_free(ai.transcriber.engine);
    lp_stop_request(stop);
    score_sender_free(sender);
    lp_dbwatch_free(watch);
    lp_db_free(ai.jobs);
    lp_streams_free(ai.streams);
    outbox_free(ai.outbox);
    spelling_free(ai.speller);
    lp_identities_free(ai.identities);
    lp_caller_free(caller);
    return r;
}

int main(int argc, char **argv)
{
    static struct ai_config config;
    static const struct lp_service_program program = {
        .name = "lp-ai-feedback",
        .summary = SUMMARY,
        .port = "5000",
        .table = ai_env,
        .check = ai_config_check,
        .run = ai_feedback_run,
    };
    return lp_service_main(argc, argv, &program, &config);
}
