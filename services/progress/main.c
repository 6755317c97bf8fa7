/* services/progress/main.c -- lp-progress: learners' activities, and what to practise next. */
#include <mongoc/mongoc.h>
#include <stdio.h>

#include "base/log.h"
#include "base/stop.h"
#include "json/json.h"
#include "services/progress/api.h"
#include "services/progress/config.h"

static bool ready(void *user, char why[128])
{
    const struct api *api = user;
    return lp_identities_ready(api->identities, why) && store_ready(api->store, why);
}

static int serve(const struct config *config, struct lp_stop *stop, struct lp_error *err)
{
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

    int r = lp_identities_new(&config->identity, "progress", api_grants, &api.identities, err);
    if (r == 0)
        r = store_new(config, &api.store, err);
    if (r == 0) {
        api.streams = streams_new((unsigned)(config->common.concurrency + 1) / 2);
        service.user = &api;
        r = lp_service_run(&service, &config->common, stop, err);
    }
    if (r == LP_E_TIMEOUT)
        return r;
    streams_free(api.streams);
    store_free(api.store);
    lp_identities_free(api.identities);
    return r;
}

int main(int argc, char **argv)
{
    struct config config;
    struct lp_error err;

    int r = lp_service_arguments(argc, argv, "lp-progress",
                                 "logs learners' activities and recommends the next one",
                                 config_table, true);
    if (r >= 0)
        return r;
    if (config_load(&config, &err) < 0) {
        fprintf(stderr, "lp-progress: %s\n", err.msg);
        return 2;
    }
    lp_json_init();
    struct lp_stop *stop = lp_stop_new();
    if (lp_stop_on_signals(stop) < 0)
        return 1;
    mongoc_init();
    r = serve(&config, stop, &err);
    if (r < 0) {
        lp_log_error(err.msg);
        return r == LP_E_INVALID ? 2 : 1;
    }
    mongoc_cleanup();
    return 0;
}
