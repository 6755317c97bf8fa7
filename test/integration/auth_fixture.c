/*
 * What the tests of lp-auth share. The environment names what is under test: LP_BIN the folder of
 * our programs, LP_POSTGRES the script that runs the server, LP_POSTGRES_DIR its folder,
 * LP_TEST_LOG the log.
 */
#include "integration/auth_fixture.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "unit/check.h"

extern char **environ;

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        fail_msg("%s is not set: run this by ctest", name);
    return value;
}

const char *fixture_log(void)
{
    return setting("LP_TEST_LOG");
}

void fixture_postgres(const char *command)
{
    const char *argv[] = { setting("LP_POSTGRES"), command, setting("LP_POSTGRES_DIR"), NULL };
    assert_int_equal(program_run(argv, (const char *const *)environ, "/dev/null"), 0);
}

/* The URL that the script left, with `name` in place of the database "postgres". */
static char *url_of(const char *name)
{
    lp_auto_free char *path = lp_sprintf("%s/url", setting("LP_POSTGRES_DIR"));
    lp_auto_free char *url = program_read_file(path);
    const char *rest = strchr(url, '?');
    assert_non_null(rest);
    return lp_sprintf("postgresql:///%s%.*s", name, (int)strcspn(rest, "\n"), rest);
}

char *fixture_sql(const char *url, const char *sql)
{
    PGconn *c = PQconnectdb(url);
    PGresult *result = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    bool any = PQntuples(result) > 0 && !PQgetisnull(result, 0, 0);
    char *value = lp_strdup(any ? PQgetvalue(result, 0, 0) : NULL);
    PQclear(result);
    PQfinish(c);
    return value;
}

const char *fixture_database(const char *name)
{
    static char *urls[16];
    static size_t n;
    lp_auto_free char *server = url_of("postgres");
    lp_auto_free char *drop = lp_sprintf("DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
    lp_auto_free char *create = lp_sprintf(
        "CREATE DATABASE %s TEMPLATE template0 LC_CTYPE 'C.UTF-8'", name); /* as on a platform */
    free(fixture_sql(server, drop));
    free(fixture_sql(server, create));
    assert_true(n < LP_COUNT(urls));
    return urls[n++] = url_of(name);
}

/* The values are common to all; a later one of the same name wins. */
static const char *const common_env[] = {
    "JWT_SECRET=" ACCESS_SECRET, "JWT_REFRESH_SECRET=" REFRESH_SECRET, "DRAIN_DELAY=0s",
    "LOG_LEVEL=debug",           "PASSWORD_HASH=argon2id-7m",          NULL,
};

/* common_env with DATABASE_URL and `extra`, whose name is left out of the rest; at most 16. */
static void fill_env(const char *env[16], const char *database, const char *extra)
{
    size_t n = 0, name = extra ? strcspn(extra, "=") + 1 : 0;
    if (!extra || strncmp(extra, database, name) != 0)
        env[n++] = database;
    for (size_t i = 0; common_env[i]; i++)
        if (!extra || strncmp(common_env[i], extra, name) != 0)
            env[n++] = common_env[i];
    if (extra && extra[name])
        env[n++] = extra;
    for (char **e = environ; *e && n < 15; e++)
        if (strncmp(*e, "SERVICE_TOKEN_KEY=", 18) == 0 || strncmp(*e, "AI_SERVICE_URL=", 15) == 0 ||
            strncmp(*e, "LEARNING_SERVICE_URL=", 21) == 0 || strncmp(*e, "ASAN_", 5) == 0 ||
            strncmp(*e, "UBSAN_", 6) == 0 || strncmp(*e, "LSAN_", 5) == 0 ||
            strncmp(*e, "TSAN_", 5) == 0)
            env[n++] = *e;
    env[n] = NULL;
}

void fixture_start(struct program *p, const char *url, const char *extra)
{
    const char *env[16];
    lp_auto_free char *database = lp_sprintf("DATABASE_URL=%s", url);
    lp_auto_free char *path = lp_sprintf("%s/lp-auth", setting("LP_BIN"));
    fill_env(env, database, extra);
    program_start(p, path, env, fixture_log());
}

const char *fixture_begin(struct program *p, const char *name, const char *extra)
{
    unlink(fixture_log());
    const char *url = fixture_database(name);
    fixture_start(p, url, extra);
    program_wait(p, true);
    return url;
}

int fixture_end(void **state)
{
    program_stop(*state);
    return 0;
}

int fixture_check_config(const char *changed, char **ret_output)
{
    const char *env[16];
    lp_auto_free char *path = lp_sprintf("%s/lp-auth", setting("LP_BIN"));
    lp_auto_free char *log = lp_sprintf("%s.check", fixture_log());
    unlink(log);
    fill_env(env, "DATABASE_URL=postgresql://user@db/auth", changed);
    int status = program_run((const char *[]){ path, "--check-config", NULL }, env, log);
    *ret_output = program_read_file(log);
    unlink(log);
    return status;
}

int fixture_make_admin(const char *url, const char *email, char **ret_output)
{
    const char *env[16];
    lp_auto_free char *database = lp_sprintf("DATABASE_URL=%s", url);
    lp_auto_free char *path = lp_sprintf("%s/lp-auth", setting("LP_BIN"));
    lp_auto_free char *log = lp_sprintf("%s.admin", fixture_log());
    unlink(log);
    fill_env(env, database, NULL);
    int status = program_run((const char *[]){ path, "--make-admin", email, NULL }, env, log);
    *ret_output = program_read_file(log);
    unlink(log);
    return status;
}

static struct answer post(const struct program *p, const char *path, json_t *body)
{
    lp_auto_free char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return program_ask(p->port, path, (struct ask){ .body = text });
}

struct answer fixture_register(const struct program *p, const char *email)
{
    return post(p, REGISTER,
                lp_json_make("{s:s, s:s, s:s}", "email", email, "password", PASSWORD, "name",
                             "Ann Learner"));
}

struct answer fixture_login(const struct program *p, const char *email, const char *password)
{
    return post(p, LOGIN, lp_json_make("{s:s, s:s}", "email", email, "password", password));
}

struct answer fixture_refresh(const struct program *p, const char *token)
{
    return post(p, REFRESH, lp_json_make("{s:s}", "refreshToken", token));
}

char *fixture_token(const struct program *p, const char *email)
{
    auto_answer struct answer made = fixture_register(p, email);
    assert_true(made.status == 201 || made.status == 409);
    auto_answer struct answer in = fixture_login(p, email, PASSWORD);
    assert_int_equal(in.status, 200);
    return lp_strdup(text_of(&in, "token"));
}

const char *text_of(const struct answer *a, const char *key)
{
    const char *text = lp_json_str(a->body, key, NULL);
    if (!text)
        fail_msg("no member %s in an answer of status %d", key, a->status);
    return text;
}

void assert_answer(const struct answer *a, int status, const char *body)
{
    json_auto_t *want = json_loads(body, 0, NULL);
    assert_non_null(want);
    assert_int_equal(a->status, status);
    if (!json_equal(a->body, want)) {
        lp_auto_free char *got = json_dumps(a->body, JSON_COMPACT | JSON_ENCODE_ANY);
        fail_msg("body is %s, want %s", got ? got : "not JSON", body);
    }
}
