/*
 * services/learning/main.c -- lp-learning: content, what learners remember of it, and what to
 * practise next.
 *
 * Threads: this one serves until SIGTERM (lib/service: event loop, CONCURRENCY workers, probes);
 * `learning-db` brings the tables up to date and watches the database.
 */
#include "base/clock.h"
#include "base/log.h"
#include "service/program.h"
#include "services/learning/api.h"
#include "services/learning/calibration.h"
#include "services/learning/config.h"
#include "services/learning/database/forecast.h"
#include "services/learning/database/items.h"
#include "services/learning/database/learners.h"
#include "services/learning/database/migrate.h"
#include "services/learning/exchange/format.h"
#include "services/learning/handlers.h"
#include "services/learning/openapi.h"

/* `user`: the starter set, or NULL. */
static int prepare(struct lp_db *db, void *user, struct lp_error *err)
{
    const char *starter = user;
    int r = migrate_run(db, err);
    return r < 0 || !starter ? r : items_start(db, starter, err);
}

/* Every ten minutes. A forecast that takes too long keeps no old row. */
static int purge(struct lp_db *db, void *user, struct lp_error *err)
{
    struct lp_error why;
    (void)user;
    if (forecast_update(db, lp_clock_wall_ms(), &why) < 0)
        lp_log_warn("due reviews not counted", "error", why.msg);
    return learners_purge(db, err);
}

static bool is_ready(void *user, char why[128])
{
    const struct api *api = user;
    return lp_identities_ready(api->identities, why) && lp_dbwatch_is_ready(api->watch, why);
}

static struct lp_db *open_database(const struct config *config)
{
    const struct lp_db_options options = {
        .url = config->database_url,
        .application = "lp-learning",
        .connections_metric = "lp_learning_db_connections",
        .failures_metric = "lp_learning_db_connect_failures_total",
        .max_connections = (unsigned)config->database_connections,
        .connect_timeout_ms = 3000,
        .query_timeout_ms = 5000,
        .plan_once = true,
    };
    return lp_db_new(&options);
}

static int run(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    const struct config *config = user;
    struct lp_service service = {
        .name = "learning",
        .routes = api_routes,
        .max_body = API_MAX_BODY,
        .upload_route = API_IMPORT,
        .upload_max_body = EXCHANGE_BYTES,
        .not_found_json = "{\"message\":\"resource not found\"}",
        .busy_json = "{\"message\":\"service busy\"}",
        .too_large_json = "{\"message\":\"request entity too large\"}",
        .ready = is_ready,
    };
    static struct lp_dbwatch_options watch = {
        .thread = "learning-db",
        .up_metric = "lp_learning_db_up",
        .migrate = prepare,
        .purge = purge,
    };
    static struct api api; /* workers that hang use it until the process ends */

    calibration_init();
    forecast_init();
    events_init();
    watch.user = config->starter_set ? (void *)(uintptr_t)starter_json : NULL;
    api.db = open_database(config);
    api.pace = pace_new(config->reviews_per_minute);
    api.asks = pace_new(config->reviews_per_minute);
    service.user = &api;
    int r = fsrs_init(NULL, 0.9, &api.model, err);
    if (r == 0)
        r = experiment_read(config->experiment, &api.experiment, err);
    if (r == 0)
        r = exams_read(config->exam_dates, &api.exams, err);
    if (r == 0)
        r = lp_identities_new(&config->identity, "learning", api_grants, &api.identities, err);
    if (r == 0)
        r = lp_dbwatch_new(api.db, &watch, stop, &api.watch, err);
    if (r == 0)
        r = lp_service_run(&service, &config->common, stop, err);
    if (r == LP_E_TIMEOUT)
        return r;
    lp_stop_request(stop);
    lp_dbwatch_free(api.watch);
    lp_identities_free(api.identities);
    pace_free(api.pace);
    pace_free(api.asks);
    lp_db_free(api.db);
    return r;
}

int main(int argc, char **argv)
{
    static struct config config;
    static const struct lp_service_program program = {
        .name = "lp-learning",
        .summary = "keeps content and what learners remember of it, and says what to practise "
                   "next.",
        .port = "3002",
        .table = config_table,
        .check = config_check,
        .run = run,
    };
    return lp_service_main(argc, argv, &program, &config);
}
