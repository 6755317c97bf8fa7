/*
 * lp-auth: accounts, logins and tokens on PostgreSQL.
 *
 * Threads: this one serves until SIGTERM (lib/service: event loop, CONCURRENCY workers, probes);
 * `auth-db` brings the tables up to date and watches the database; `auth-hash` times H hash
 * passwords; `auth-slow` sends the answers that are held back, `auth-mail` the
 * mails; `auth-erase` carries out erasures; `auth-keys` reads keys of tokens again; `auth-keeper`
 * sees to personal fields and their keys.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "json/json.h"
#include "service/program.h"
#include "services/auth/accounts/picture.h"
#include "services/auth/api.h"
#include "services/auth/auth.h"
#include "services/auth/http/body.h"
#include "services/auth/config.h"
#include "postgres/db.h"
#include "services/auth/http/slow.h"
#include "services/auth/learners/eraser.h"
#include "services/auth/mail/courier.h"
#include "services/auth/oidc/oidc.h"
#include "services/auth/passwords/checks.h"
#include "services/auth/passwords/cpu.h"
#include "services/auth/passwords/hashpool.h"
#include "services/auth/privacy/keeper.h"
#include "services/auth/sessions/key_files.h"
#include "services/auth/sessions/tokens.h"
#include "postgres/dbwatch.h"
#include "services/auth/database/migrate.h"
#include "services/auth/database/store_admin.h"
#include "services/auth/database/store_purge.h"

#define SUMMARY                                               \
    "Accounts, logins and tokens of the learning platform.\n" \
    "lp-auth --make-admin EMAIL makes an account an admin's, and ends."

static bool is_ready(void *user, char why[128])
{
    struct auth *auth = user;
    return lp_dbwatch_is_ready(auth->watch, why);
}

/* A Secret that does not open what is stored ends the program: nobody is to be told that they are
 * unknown, or stored in another way than the others. */
static int migrate(struct lp_db *db, void *user, struct lp_error *err)
{
    struct auth *auth = user;
    int r = migrate_run(db, err);
    if (r == 0)
        r = keeper_open(auth->keeper, err);
    if (r == LP_E_DENIED) {
        auth->refused = *err;
        lp_stop_request(auth->stop);
    }
    return r;
}

static int purge(struct lp_db *db, void *user, struct lp_error *err)
{
    const struct auth *auth = user;
    return store_purge(db, auth->audit_days, err);
}

static int serve(struct auth *auth, const struct auth_config *config, struct lp_stop *stop,
                 struct lp_error *err)
{
    const struct lp_service service = {
        .name = "auth",
        .routes = api_routes,
        .max_body = BODY_MAX,
        .upload_route = "upload-picture",
        .upload_max_body = PICTURE_MAX_BYTES + BODY_MAX,
        .not_found_json = "{\"error\":\"Route not found\"}",
        .user = auth,
        .filter = api_filter,
        .ready = is_ready,
    };
    const struct lp_dbwatch_options watch = {
        .thread = "auth-db",
        .up_metric = "lp_auth_db_up",
        .migrate = migrate,
        .purge = purge,
        .user = auth,
    };
    int r = lp_dbwatch_new(auth->db, &watch, stop, &auth->watch, err);
    if (r < 0)
        return r;
    r = lp_service_run(&service, &config->service, stop, err);
    if (r == LP_E_TIMEOUT) { /* workers still use what auth_run() would free */
        lp_log_error("lp-auth ends", "error", err->msg);
        lp_log_end();
        _exit(1);
    }
    lp_stop_request(stop);
    lp_dbwatch_free(auth->watch);
    if (r == 0 && auth->refused.code < 0)
        return lp_error_set(err, auth->refused.code, "%s", auth->refused.msg);
    return r;
}

/* Logins may hold three of four workers; the others stay for requests that need no hash. */
static unsigned most_logins(int64_t concurrency)
{
    return concurrency < 4 ? 1 : (unsigned)(concurrency * 3 / 4);
}

static int make_passwords(struct auth *auth, const struct auth_config *config, struct lp_error *err)
{
    double quota = cpu_quota();
    const struct hashpool_options hashing = {
        .workers = (unsigned)config->hash_workers,
        .cpu_quota = quota,
        .max_admitted = most_logins(config->service.concurrency),
        .params = password_params_of(config->password_hash, quota),
    };
    int r = hashpool_new(&hashing, &auth->hashes, err);
    if (r < 0)
        return r;
    auth->verified = verified_new(config->verified_ttl_ms);
    auth->checks = checks_new(auth->hashes, auth->verified);
    return 0;
}

static int make_tokens(struct auth *auth, const struct auth_config *config, struct lp_error *err)
{
    auto_key_files struct key_files files = { 0 };
    const struct tokens_options given = config_tokens(config);
    struct tokens_options options = given;
    int r = key_files_read(config->jwt_keys_dir, &files, &options, err);
    if (r == 0)
        r = tokens_new(&options, &auth->tokens, err);
    if (r == 0)
        r = key_watch_new(config->jwt_keys_dir, &given, auth->tokens, &auth->key_watch, err);
    return r;
}

static int make_courier(struct auth *auth, const struct auth_config *config, struct lp_error *err)
{
    const struct courier_options options = {
        .db = auth->db,
        .smtp_url = config->smtp_url,
        .smtp_ca_file = config->smtp_ca_file,
        .smtp_tls = config->smtp_tls,
        .mail_dir = config->mail_dir,
        .from = config->mail_from,
        .link_base = config->link_base,
        .template_dir = config->mail_template_dir,
    };
    return courier_new(&options, &auth->courier, err);
}

#define SWEEP_MARGIN_MS ((int64_t)300000)

static int make_eraser(struct auth *auth, const struct auth_config *config, struct lp_error *err)
{
    const struct peer_options options = {
        .progress_url = config->progress_url,
        .ai_url = config->ai_url,
        .learning_url = config->learning_url,
        .key = config->service_token_key,
    };
    int r = peer_new(&options, &auth->peer, err);
    if (r < 0)
        return r;
    /* Until then somebody may still write with a token of before, or deliver what waited. */
    int64_t sweep_ms = config->access_ttl_ms + SWEEP_MARGIN_MS;
    return eraser_new(auth->db, auth->peer, sweep_ms, &auth->eraser, err);
}

static void free_all(struct auth *auth)
{
    oidc_free(auth->oidc);
    keeper_free(auth->keeper);
    eraser_free(auth->eraser);
    peer_free(auth->peer);
    courier_free(auth->courier);
    slow_free(auth->slow);
    checks_free(auth->checks);
    verified_free(auth->verified);
    hashpool_free(auth->hashes);
    key_watch_free(auth->key_watch);
    tokens_free(auth->tokens);
    lp_db_free(auth->db);
    vault_free(auth->vault);
}

static struct lp_db *open_database(const struct auth_config *config, struct vault *vault)
{
    const struct lp_db_options options = {
        .url = config->database_url,
        .application = "lp-auth-2", /* by which pods of before personal.people are told (keeper) */
        .connections_metric = "lp_auth_db_connections",
        .failures_metric = "lp_auth_db_connect_failures_total",
        .max_connections = (unsigned)config->database_connections,
        .connect_timeout_ms = 3000,
        .query_timeout_ms = 5000,
        .context = vault,
    };
    return lp_db_new(&options);
}

static int make_storage(struct auth *auth, const struct auth_config *config, struct lp_error *err)
{
    int r = vault_new(config->privacy_key_dir, &auth->vault, err);
    if (r < 0)
        return r;
    auth->db = open_database(config, auth->vault);
    auth->keeper = keeper_new(auth->db, auth->vault);
    return keeper_start(auth->keeper, err);
}

/* What must be known before an account is looked for by its e-mail; `db` and `vault` as they are
 * made. */
static int make_admin_in(struct lp_db *db, struct vault *vault, const char *email,
                         char ret_id[STORE_UUID], struct lp_error *err)
{
    struct keeper *keeper = keeper_new(db, vault);
    int r = migrate_run(db, err);
    if (r == 0)
        r = keeper_open(keeper, err);
    if (r == 0)
        r = store_make_admin(db, email, ret_id, err);
    if (r == 0) {
        const struct store_event event = { .event = "role_changed",
                                           .subject = ret_id,
                                           .detail = "admin, by --make-admin" };
        r = store_add_event(db, &event, err);
    }
    keeper_free(keeper);
    return r;
}

/* lp-auth --make-admin EMAIL: how the first admin comes to be, in a pod, by who may enter one. */
static int make_admin(const struct auth_config *config, const char *email)
{
    struct lp_error err;
    char id[STORE_UUID];
    struct vault *vault = NULL;
    struct lp_db *db = NULL;
    int r = vault_new(config->privacy_key_dir, &vault, &err);
    if (r == 0) {
        db = open_database(config, vault);
        r = make_admin_in(db, vault, email, id, &err);
    }
    lp_db_free(db);
    vault_free(vault);
    if (r < 0)
        fprintf(stderr, "lp-auth: --make-admin: %s\n", err.msg);
    else
        printf("lp-auth: %s is an admin from the next login on\n", id);
    return r < 0 ? 1 : 0;
}

/*
 * Passwords pass through this process and their traces stay in its memory (passwords/verified.c):
 * no core file, and no other process of the same user may look in. The sanitizers' leak check is
 * such a process.
 */
static void keep_memory_private(void)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

static int auth_run(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    const struct auth_config *config = user;
    struct auth auth = { .cors_origin = config->cors_origin,
                         .link_base = config->link_base,
                         .audit_days = config->audit_days,
                         .stop = stop };

    keep_memory_private();
    int r = make_storage(&auth, config, err);
    if (r == 0)
        r = make_tokens(&auth, config, err);
    if (r == 0)
        r = make_passwords(&auth, config, err);
    if (r == 0)
        r = slow_new(&auth.slow, err);
    if (r == 0)
        r = make_courier(&auth, config, err);
    if (r == 0)
        r = make_eraser(&auth, config, err);
    if (r == 0)
        r = oidc_new(&config->oidc, config->link_base, (unsigned)config->service.concurrency,
                     &auth.oidc, err);
    if (r == 0)
        r = serve(&auth, config, stop, err);
    free_all(&auth);
    return r;
}

static const struct lp_service_program program = {
    .name = "lp-auth",
    .summary = SUMMARY,
    .port = "3000",
    .table = auth_env,
    .check = config_check,
    .run = auth_run,
};

int main(int argc, char **argv)
{
    static struct auth_config config;
    struct lp_error err;

    if (argc != 3 || strcmp(argv[1], "--make-admin") != 0)
        return lp_service_main(argc, argv, &program, &config);
    lp_json_init();
    if (lp_service_load(&program, &config, &err) < 0) {
        fprintf(stderr, "lp-auth: %s\n", err.msg);
        return 2;
    }
    return make_admin(&config, argv[2]);
}
