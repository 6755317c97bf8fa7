/* services/progress/main.c -- lp-progress: learners' activities, and what to practise next. */
#include <mongoc/mongoc.h>

#include "service/program.h"
#include "services/progress/api.h"
#include "services/progress/config.h"
#include "services/progress/feed.h"
#include "services/progress/handlers.h"
#include "services/progress/retention.h"

static bool ready(void *user, char why[128])
{
    const struct api *api = user;
    return lp_identities_ready(api->identities, why) && store_ready(api->store, why);
}

/* *ret_feed stays NULL where nobody hears of activities. */
static int start_feed(const struct config *config, struct store *store,
                      struct lp_caller **ret_caller, struct feed **ret_feed, struct lp_error *err)
{
    int r = 0;

    if (!config->learning_url[0])
        return 0;
    if (config->service_key[0])
        r = lp_caller_new("progress", config->service_key, ret_caller, err);
    return r < 0 ? r : feed_new(store, config->learning_url, *ret_caller, ret_feed, err);
}

static int run(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    const struct config *config = user;
    struct lp_service service = {
        .name = "progress",
        .routes = api_routes,
        .max_body = API_MAX_BODY,
        .not_found_json = "{\"message\":\"resource not found\"}",
        .busy_json = "{\"message\":\"service busy\"}",
        .too_large_json = "{\"message\":\"request entity too large\"}",
        .ready = ready,
    };
    static struct api api; /* workers that hang use it until the process ends */

    struct retention *retention = NULL;
    struct lp_caller *caller = NULL;
    mongoc_init();
    int r = lp_identities_new(&config->identity, "progress", api_grants, &api.identities, err);
    if (r == 0)
        r = store_new(config, &api.store, err);
    if (r == 0)
        r = tally_new(api.store, &api.tally, err);
    if (r == 0)
        r = recount_new(api.store, &api.recount, err);
    if (r == 0)
        r = retention_new(api.store, config->retention_days, &retention, err);
    if (r == 0)
        r = start_feed(config, api.store, &caller, &api.feed, err);
    if (r == 0) {
        api.streams = lp_streams_new((unsigned)(config->common.concurrency + 1) / 2);
        api.quota = quota_new(api.store, config->activities_per_learner);
        api.documents = analytics_documents();
        service.user = &api;
        r = lp_service_run(&service, &config->common, stop, err);
    }
    if (r == LP_E_TIMEOUT)
        return r;
    feed_free(api.feed);
    lp_caller_free(caller);
    retention_free(retention);
    recount_free(api.recount);
    tally_free(api.tally);
    lp_streams_free(api.streams);
    quota_free(api.quota);
    store_free(api.store);
    lp_identities_free(api.identities);
    mongoc_cleanup();
    return r;
}

int main(int argc, char **argv)
{
    static struct config config;
    static const struct lp_service_program program = {
        .name = "lp-progress",
        .summary = "logs learners' activities and recommends the next one",
        .port = "3001",
        .table = config_table,
        .check = config_check,
        .run = run,
    };
    return lp_service_main(argc, argv, &program, &config);
}
