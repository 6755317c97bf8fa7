/* test/unit/test_env.c -- configuration from the environment. */
#include "config/env.h"

#include <stdlib.h>
#include <string.h>

#include "service/program.h"
#include "service/service.h"
#include "unit/check.h"

static const char *const modes[] = { "fast", "safe", NULL };

struct config {
    struct lp_service_config common;
    const char *name, *url, *mode, *secret;
    int64_t count, ttl;
    bool on;
};

#define AT(member) offsetof(struct config, member)
static const struct lp_env table[] = {
    { "T_NAME", LP_ENV_STRING, AT(name), NULL, 1, 8, NULL, false, "a name" },
    { "T_URL", LP_ENV_URL, AT(url), "http://localhost:1", 0, 0, NULL, false, "a URL" },
    { "T_MODE", LP_ENV_STRING, AT(mode), "safe", 0, 0, modes, false, "a mode" },
    { "T_SECRET", LP_ENV_STRING, AT(secret), "", 8, 64, NULL, true, "a secret" },
    { "T_COUNT", LP_ENV_INT, AT(count), "3", 1, 10, NULL, false, "a count" },
    { "T_TTL", LP_ENV_DURATION, AT(ttl), "1h", 1000, 86400000 * 3LL, NULL, false, "a time" },
    { "T_ON", LP_ENV_BOOL, AT(on), "false", 0, 0, NULL, false, "a switch" },
    { 0 },
};

static const char *const all[] = { "T_NAME",           "T_URL",       "T_MODE",      "T_SECRET",
                                   "T_COUNT",          "T_TTL",       "T_ON",        "PORT",
                                   "METRICS_PORT",     "CONCURRENCY", "QUEUE_LIMIT", "LOG_LEVEL",
                                   "REQUEST_DEADLINE", "DRAIN_DELAY", "LOG_HASH_KEY" };

static int clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < LP_COUNT(all); i++)
        unsetenv(all[i]);
    setenv("T_NAME", "x", 1);
    return 0;
}

static int load(const char *port, struct config *ret, struct lp_error *err)
{
    const struct lp_service_program program = { "lp-x", "a test", port, table, NULL, NULL };
    return lp_service_load(&program, ret, err);
}

static void fills_defaults_and_what_is_set(void **state)
{
    struct config c;
    struct lp_error err;
    (void)state;
    setenv("T_TTL", "3d", 1);
    setenv("T_ON", "Yes", 1);
    setenv("T_COUNT", "", 1);
    setenv("CONCURRENCY", "5", 1);
    assert_int_equal(load("3001", &c, &err), 0);
    assert_int_equal(c.common.port, 3001);
    assert_int_equal(c.common.metrics_port, 9090);
    assert_int_equal(c.common.concurrency, 5);
    assert_int_equal(c.common.queue_limit, 256);
    assert_int_equal(c.common.deadline_ms, 30000);
    assert_int_equal(c.common.drain_ms, 5000);
    assert_string_equal(c.name, "x");
    assert_string_equal(c.url, "http://localhost:1");
    assert_string_equal(c.mode, "safe");
    assert_string_equal(c.secret, "");
    assert_int_equal(c.count, 3);
    assert_int_equal(c.ttl, 3LL * 86400000);
    assert_true(c.on);
}

static void says_which_variable_is_wrong_and_what_is_allowed(void **state)
{
    static const struct {
        const char *name, *value, *want;
    } cases[] = {
        { "T_NAME", "", "T_NAME is not set: it must be a text of 1 to 8 bytes" },
        { "T_NAME", "123456789",
          "T_NAME=\"123456789\" is wrong: it must be a text of 1 to 8 bytes" },
        { "T_COUNT", "11", "T_COUNT=\"11\" is wrong: it must be a whole number 1 to 10" },
        { "T_COUNT", "0", "T_COUNT=\"0\"" },
        { "T_COUNT", "3x", "T_COUNT=\"3x\"" },
        { "T_COUNT", " 3", "T_COUNT=\" 3\"" },
        { "T_COUNT", "99999999999999999999", "T_COUNT" },
        { "T_TTL", "10", "T_TTL=\"10\" is wrong: it must be a duration such as 500ms" },
        { "T_TTL", "1w", "T_TTL" },
        { "T_TTL", "4d", "T_TTL" },
        { "T_TTL", "9223372036854775807d", "T_TTL" },
        { "T_ON", "maybe", "T_ON=\"maybe\" is wrong: it must be true or false" },
        { "T_MODE", "slow", "T_MODE=\"slow\" is wrong: it must be one of fast, safe" },
        { "T_URL", "localhost:1", "T_URL" },
        { "T_URL", "http://", "T_URL" },
        { "T_URL", "http://a b", "T_URL" },
        { "PORT", "65536", "PORT=\"65536\" is wrong: it must be a whole number 0 to 65535" },
        { "LOG_LEVEL", "loud", "LOG_LEVEL=\"loud\" is wrong: it must be one of debug, info" },
    };
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct config c;
        struct lp_error err;
        clear(state);
        setenv(cases[i].name, cases[i].value, 1);
        assert_int_equal(load("1", &c, &err), LP_E_INVALID);
        if (!strstr(err.msg, cases[i].want))
            fail_msg("%s, not: %s", err.msg, cases[i].want);
    }
}

static void never_shows_a_secret(void **state)
{
    struct config c;
    struct lp_error err;
    (void)state;
    setenv("T_SECRET", "hunter2", 1);
    assert_int_equal(load("1", &c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "T_SECRET"));
    assert_null(strstr(err.msg, "hunter2"));
}

static void tells_all_that_is_wrong_at_once(void **state)
{
    struct config c;
    struct lp_error err;
    (void)state;
    setenv("T_COUNT", "x", 1);
    setenv("T_ON", "x", 1);
    assert_int_equal(load("1", &c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "T_COUNT"));
    assert_non_null(strstr(err.msg, "T_ON"));
}

static void leaves_the_common_variables_alone_where_not_asked(void **state)
{
    struct config c = { .common.port = 7 };
    struct lp_error err;
    (void)state;
    setenv("PORT", "nonsense", 1);
    assert_int_equal(lp_env_load((const struct lp_env *const[]){ table, NULL }, &c, &err), 0);
    assert_int_equal(c.common.port, 7);
}

static void white_space_around_a_connection_string_is_cut(void **state)
{
    static const struct lp_env one[] = {
        { "T_URI", LP_ENV_URI, AT(name), NULL, 1, 64, NULL, true, "a connection string" }, { 0 }
    };
    struct config c = { 0 };
    struct lp_error err;
    (void)state;
    setenv("T_URI", " \tmongodb://a/b\r\n", 1);
    assert_int_equal(lp_env_load((const struct lp_env *const[]){ one, NULL }, &c, &err), 0);
    assert_string_equal(c.name, "mongodb://a/b");
    setenv("T_URI", " \n", 1); /* nothing is left: not set */
    assert_int_equal(lp_env_load((const struct lp_env *const[]){ one, NULL }, &c, &err),
                     LP_E_INVALID);
}

static int serve(const void *user, struct lp_stop *stop, struct lp_error *err)
{
    const struct config *c = user;
    (void)stop;
    return strcmp(c->mode, "fast") == 0 ? lp_error_set(err, LP_E_UNAVAILABLE, "too fast") : 0;
}

static int check(void *user, struct lp_error *err)
{
    const struct config *c = user;
    return c->on ? lp_error_set(err, LP_E_INVALID, "T_ON is on") : 0;
}

static int run_main(int argc, const char *argument)
{
    static const struct lp_service_program program = { "lp-x", "a test", "0", table, check, serve };
    static struct config c;
    char name[] = "lp-x", text[32] = "";
    char *argv[] = { name, text, NULL };

    if (argument)
        strncpy(text, argument, sizeof text - 1);
    return lp_service_main(argc, argv, &program, &c);
}

static void main_of_a_service_says_by_its_status_how_it_went(void **state)
{
    (void)state;
    assert_int_equal(run_main(2, "--check-config"), 0);
    assert_int_equal(run_main(2, "--version"), 0);
    assert_int_equal(run_main(2, "--help"), 0);
    assert_int_equal(run_main(2, "--odd"), 2);
    setenv("T_COUNT", "x", 1);
    assert_int_equal(run_main(2, "--check-config"), 2);
    assert_int_equal(run_main(1, NULL), 2);
    setenv("T_COUNT", "1", 1);
    setenv("T_ON", "true", 1);
    assert_int_equal(run_main(1, NULL), 2); /* what the tables do not say */
    setenv("T_ON", "false", 1);
    assert_int_equal(run_main(1, NULL), 0);
    setenv("T_MODE", "fast", 1);
    assert_int_equal(run_main(1, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fills_defaults_and_what_is_set, clear),
        cmocka_unit_test_setup(says_which_variable_is_wrong_and_what_is_allowed, clear),
        cmocka_unit_test_setup(never_shows_a_secret, clear),
        cmocka_unit_test_setup(tells_all_that_is_wrong_at_once, clear),
        cmocka_unit_test_setup(leaves_the_common_variables_alone_where_not_asked, clear),
        cmocka_unit_test_setup(white_space_around_a_connection_string_is_cut, clear),
        cmocka_unit_test_setup(main_of_a_service_says_by_its_status_how_it_went, clear),
    };
    return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
