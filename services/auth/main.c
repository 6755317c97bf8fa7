/*
 * lp-auth: accounts, logins and tokens on PostgreSQL.
 *
 * Threads: this one serves until SIGTERM (lib/service: event loop, CONCURRENCY workers, probes);
 * `auth-db` brings the tables up to date and watches the database; `auth-hash` times H hash
 * passwords.
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "services/auth/api.h"
#include "services/auth/auth.h"
#include "services/auth/http/body.h"
#include "services/auth/config.h"
#include "services/auth/passwords/cpu.h"
#include "services/auth/passwords/hashpool.h"
#include "services/auth/sessions/tokens.h"
#include "services/auth/database/dbwatch.h"

#define SUMMARY "Accounts, logins and tokens of the learning platform."

static bool is_ready(void *user, char why[128])
{
    struct auth *auth = user;
    return dbwatch_is_ready(auth->watch, why);
}

static int serve(struct auth *auth, const struct auth_config *config, struct lp_stop *stop,
                 struct lp_error *err)
{
    const struct lp_service service = {
        .name = "auth",
        .routes = api_routes,
        .max_body = BODY_MAX,
        .not_found_json = "{\"error\":\"Route not found\"}",
        .user = auth,
        .filter = api_filter,
        .ready = is_ready,
    };
    int r = dbwatch_new(auth->db, stop, &auth->watch, err);
    if (r < 0)
        return r;
    r = lp_service_run(&service, &config->service, stop, err);
    if (r == LP_E_TIMEOUT) { /* workers still use what run() would free */
        lp_log_error("lp-auth ends", "error", err->msg);
        _exit(1);
    }
    lp_stop_request(stop);
    dbwatch_free(auth->watch);
    return r;
}

/* Logins may hold three of four workers; the others stay for requests that need no hash. */
static unsigned most_logins(int64_t concurrency)
{
    return concurrency < 4 ? 1 : (unsigned)(concurrency * 3 / 4);
}

static int run(const struct auth_config *config, struct lp_stop *stop, struct lp_error *err)
{
    struct auth auth = { .cors_origin = config->cors_origin };
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
    auth.db = db_new(&database);
    int r = tokens_new(config->jwt_secret, config->jwt_refresh_secret, config->access_ttl_ms,
                       config->refresh_ttl_ms, &auth.tokens, err);
    if (r == 0)
        r = hashpool_new(&hashing, &auth.hashes, err);
    if (r == 0)
        r = serve(&auth, config, stop, err);
    hashpool_free(auth.hashes);
    tokens_free(auth.tokens);
    db_free(auth.db);
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
