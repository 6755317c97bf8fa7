/* services/ai-feedback/main.c -- lp-ai-feedback: corrects what learners wrote or said. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "services/ai-feedback/api.h"
#include "services/ai-feedback/config.h"

#define SUMMARY "Corrects English sentences, with a reason for each edit."

/* Who may ask, and as whom we ask the progress service. */
static int make_identities(const struct ai_config *config, struct ai *ai,
                           struct lp_caller **ret_caller, struct lp_error *err)
{
    int r = lp_identities_new(&config->identity, "ai-feedback", NULL, &ai->identities, err);

    if (r == 0 && *config->service_token_key)
        r = lp_caller_new("ai-feedback", config->service_token_key, ret_caller, err);
    return r;
}

static int run(const struct ai_config *config, struct lp_stop *stop, struct lp_error *err)
{
    struct ai ai = { 0 };
    struct lp_caller *caller = NULL;
    const struct spelling_files files = { .dialect = config->dialect,
                                          .dictionaries = config->dictionary_dir,
                                          .model = config->model_dir };
    int r = make_identities(config, &ai, &caller, err);

    if (r == 0)
        r = spelling_new(&files, &ai.speller, err);
    if (r == 0)
        r = outbox_new(config->progress_url, caller, &ai.outbox, err);
    if (r == 0) {
        struct lp_service service = ai_service(&ai);
        r = lp_service_run(&service, &config->service, stop, err);
    }
    outbox_finish(ai.outbox, 3000);
    if (r == LP_E_TIMEOUT) {
        lp_log_error("cannot go on", "error", err->msg);
        _exit(1); /* workers still use what would be freed, by us or by exit() */
    }
    outbox_free(ai.outbox);
    spelling_free(ai.speller);
    lp_identities_free(ai.identities);
    lp_caller_free(caller);
    return r;
}

int main(int argc, char **argv)
{
    struct ai_config config = { 0 };
    struct lp_error err;

    int done = lp_service_arguments(argc, argv, "lp-ai-feedback", SUMMARY, ai_env, true);
    if (done >= 0)
        return done;
    if (lp_env_load(ai_env, true, "5000", &config, &err) < 0) {
        fprintf(stderr, "lp-ai-feedback: %s\n", err.msg);
        return 2;
    }
    enum lp_log_level level = LP_LOG_INFO;
    lp_log_parse_level(config.service.log_level, &level);
    lp_log_set_level(level);
    lp_json_init();
    mallopt(M_ARENA_MAX, 2); /* many threads that sleep, little memory */
    lp_metrics_set_program("lp-ai-feedback", LP_VERSION);
    struct lp_stop *stop = lp_stop_new();
    int r = lp_stop_on_signals(stop);
    if (r < 0)
        lp_error_set(&err, r, "signals cannot be taken");
    else
        r = run(&config, stop, &err);
    if (r < 0)
        lp_log_error("cannot go on", "error", err.msg);
    return r < 0; /* the signal thread uses `stop` until the end */
}
