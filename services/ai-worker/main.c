/*
 * services/ai-worker/main.c -- lp-ai-worker: does the jobs that lp-ai-feedback took.
 *
 * Threads: this one serves /health and the probes until SIGTERM (lib/service); `ai-work` and
 * `ai-lease` do the jobs (worker.h); `ai-jobs-db` brings the table up to date and watches the
 * database.
 */
#include <malloc.h>
#include <stdio.h>

#include "base/log.h"
#include "json/json.h"
#include "postgres/dbwatch.h"
#include "service/program.h"
#include "services/ai-feedback/jobs/queue.h"
#include "services/ai-feedback/jobs/tables.h"
#include "services/ai-worker/config.h"
#include "services/ai-worker/worker.h"

#define LARGE_BLOCK (64 << 10)

static int migrate(struct lp_db *db, void *unused, struct lp_error *err)
{
    (void)unused;
    return tables_migrate(db, err);
}

static int purge(struct lp_db *db, void *unused, struct lp_error *err)
{
    (void)unused;
    return jobs_purge(db, err);
}

static void health(struct lp_service_request *r, void *unused)
{
    (void)unused;
    lp_http_reply_json(r->x, 200,
                       lp_json_make("{s:s, s:s}", "status", "ok", "service", "ai-worker"));
}

struct readiness {
    struct lp_dbwatch *watch;
    struct worker *worker;
};

/* A pod that is ready is asked for lp_backlog: it must know it by then. */
static bool is_ready(void *user, char why[128])
{
    const struct readiness *of = user;

    if (!lp_dbwatch_is_ready(of->watch, why))
        return false;
    snprintf(why, 128, "the jobs are not counted yet");
    return worker_has_counted(of->worker);
}

static struct lp_db *open_database(const struct config *config)
{
    const struct lp_db_options options = {
        .url = config->database_url,
        .application = "lp-ai-worker",
        .connections_metric = "lp_ai_worker_db_connections",
        .failures_metric = "lp_ai_worker_db_connect_failures_total",
        .max_connections = (unsigned)config->workers + 2, /* each, the leases', the watch's */
        .connect_timeout_ms = 3000,
        .query_timeout_ms = 5000,
    };
    return lp_db_new(&options);
}

static int serve(const struct config *config, struct readiness *readiness, struct lp_stop *stop,
                 struct lp_error *err)
{
    static const struct lp_route routes[] = { { "GET", "/health", health, "health", true }, { 0 } };
    const struct lp_service service = {
        .name = "ai-worker",
        .routes = routes,
        .not_found_json = "{\"message\":\"resource not found\"}",
        .too_large_json = "{\"message\":\"request entity too large\"}",
        .user = readiness,
        .ready = is_ready,
    };
    return lp_service_run(&service, &config->common, stop, err);
}

/* Without its files texts are done all the same, and recordings told so. */
static int open_speech(const struct config *config, struct pronunciation **ret_speech,
                       struct lp_error *err)
{
    int r = pronunciation_new(config->spelling.model, ret_speech, err);

    if (r != LP_E_NOT_FOUND)
        return r;
    lp_log_warn("there is no speech model: recordings are refused", "error", err->msg);
    return 0;
}

/* A block of its own mapping is given back when it is freed. glibc would raise the size from which
 * that is so with the first one that listening frees, and the heap kept 18 MB between recordings.
 */
static void keep_large_blocks_apart(void)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    mallopt(M_TRIM_THRESHOLD, LARGE_BLOCK);
}

static int run(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    static const struct lp_dbwatch_options watching = { .thread = "ai-jobs-db",
                                                        .up_metric = "lp_ai_worker_db_up",
                                                        .migrate = migrate,
                                                        .purge = purge };
    const struct config *config = user;
    struct worker_options options = { .stop = stop,
                                      .dialect = config->spelling.dialect,
                                      .threads = (unsigned)config->workers,
                                      .job_ms = config->job_ms };
    struct spelling *speller = NULL;
    struct readiness is = { 0 };

    keep_large_blocks_apart();
    options.db = open_database(config);
    int r = spelling_new(&config->spelling, &speller, err);
    options.speller = speller;
    if (r == 0)
        r = grammar_open(&config->grammar, &options.grammar, err);
    if (r == 0)
        r = open_speech(config, &options.speech, err);
    if (r == 0)
        r = lp_dbwatch_new(options.db, &watching, stop, &is.watch, err);
    if (r == 0)
        r = worker_new(&options, &is.worker, err);
    if (r == 0)
        r = serve(config, &is, stop, err);
    if (r == LP_E_TIMEOUT)
        return r;
    lp_stop_request(stop);
    worker_free(is.worker);
    lp_dbwatch_free(is.watch);
    lp_db_free(options.db);
    engine_free(options.grammar);
    pronunciation_free(options.speech);
    spelling_free(speller);
    return r;
}

int main(int argc, char **argv)
{
    static struct config config;
    static const struct lp_service_program program = {
        .name = "lp-ai-worker",
        .summary = "does the jobs of AI feedback: long texts, answered later.",
        .port = "5001",
        .table = config_table,
        .check = config_check,
        .run = run,
    };
    return lp_service_main(argc, argv, &program, &config);
}
