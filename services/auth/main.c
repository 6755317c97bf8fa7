/*
 * lp-auth: accounts, logins and tokens on PostgreSQL.
 *
 * Threads: this one serves until SIGTERM (lib/service: event loop, CONCURRENCY workers, probes);
 * `auth-migrate` brings the tables up to date and ends; `auth-hash` times H hash passwords. The
 * service starts without its database: it is not ready then, answers 503, and goes on trying.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "services/auth/api.h"
#include "services/auth/body.h"
#include "services/auth/config.h"
#include "services/auth/cpu.h"
#include "services/auth/migrate.h"
#include "work/backoff.h"

#define SUMMARY "Accounts, logins and tokens of the learning platform."

struct migration {
    struct api *api;
    struct lp_stop *stop;
};

static void *migrate_until_done(void *arg)
{
    struct migration *m = arg;
    struct lp_backoff backoff = { .base_ms = 200, .max_ms = 5000 };
    struct lp_error err;
    while (!lp_stop_requested(m->stop)) {
        if (migrate_run(m->api->db, &err) == 0) {
            atomic_store(&m->api->migrated, true);
            lp_log_info("database ready");
            break;
        }
        lp_log_warn("database not ready, trying again", "error", err.msg);
        lp_stop_wait(m->stop, lp_backoff_next(&backoff));
    }
    return NULL;
}

/* Once true it stays true: pods that leave the Service because all of them lost one database help
 * nobody. */
static bool is_ready(void *user, char why[128])
{
    struct api *api = user;
    if (atomic_load(&api->migrated))
        return true;
    snprintf(why, 128, "the database is not reached yet, or its tables are not up to date");
    return false;
}

static int serve(struct api *api, const struct auth_config *config, struct lp_stop *stop,
                 struct lp_error *err)
{
    const struct lp_service service = {
        .name = "auth",
        .routes = api_routes,
        .max_body = BODY_MAX,
        .not_found_json = "{\"error\":\"Route not found\"}",
        .user = api,
        .ready = is_ready,
    };
    struct migration migration = { api, stop };
    pthread_t thread;
    if (pthread_create(&thread, NULL, migrate_until_done, &migration) != 0)
        return lp_error_set(err, LP_E_INTERNAL, "cannot start the migration thread");
    pthread_setname_np(thread, "auth-migrate");
    int r = lp_service_run(&service, &config->service, stop, err);
    lp_stop_request(stop);
    pthread_join(thread, NULL);
    return r;
}

/* Logins may hold three of four workers; the others stay for requests that need no hash. */
static unsigned most_logins(int64_t concurrency)
{
    return concurrency < 4 ? 1 : (unsigned)(concurrency * 3 / 4);
}

static int run(const struct auth_config *config, struct lp_stop *stop, struct lp_error *err)
{
    struct api api = { .cors_origin = config->cors_origin };
    const struct hashpool_options hashing = {
        .workers = (unsigned)config->hash_workers,
        .cpu_quota = cpu_quota(),
        .max_admitted = most_logins(config->service.concurrency),
        .params = password_params_of(config->password_hash),
    };
    const struct db_options database = {
        .url = config->database_url,
        .max_connections = (unsigned)config->database_connections,
        .connect_timeout_ms = 3000,
        .query_timeout_ms = 5000,
    };
    api.db = db_new(&database);
    int r = tokens_new(config->jwt_secret, config->jwt_refresh_secret, config->access_ttl_ms,
                       config->refresh_ttl_ms, &api.tokens, err);
    if (r == 0)
        r = hashpool_new(&hashing, &api.hashes, err);
    if (r == 0)
        r = serve(&api, config, stop, err);
    hashpool_free(api.hashes);
    tokens_free(api.tokens);
    db_free(api.db);
    return r;
}

int main(int argc, char **argv)
{
    struct auth_config config = { 0 };
    struct lp_error err;
    bool only_check = argc == 2 && strcmp(argv[1], "--check-config") == 0;
    int status =
        only_check ? -1 : lp_service_arguments(argc, argv, "lp-auth", SUMMARY, auth_env, true);
    if (status >= 0)
        return status;
    if (config_load(&config, &err) < 0) {
        fprintf(stderr, "lp-auth: %s\n", err.msg);
        return 2;
    }
    if (only_check)
        return puts("lp-auth: the configuration is valid") < 0;

    enum lp_log_level level = LP_LOG_INFO;
    lp_log_parse_level(config.service.log_level, &level);
    lp_log_set_level(level);
    lp_json_init();
    lp_metrics_set_program("lp-auth", LP_VERSION);
    mallopt(M_ARENA_MAX, 2); /* many threads that sleep, little memory */
    struct lp_stop *stop = lp_stop_new();
    int r = lp_stop_on_signals(stop);
    if (r < 0)
        fprintf(stderr, "lp-auth: cannot wait for signals\n");
    else if ((r = run(&config, stop, &err)) < 0)
        lp_log_error("lp-auth ends", "error", err.msg);
    return r < 0 ? 1 : 0; /* the signal thread uses `stop` until the end */
}
