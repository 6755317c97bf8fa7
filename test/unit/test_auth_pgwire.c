/* What SQLSTATEs mean, which URLs are taken, and that an unreachable server is an error in time. */
#include "postgres/pgwire.h"

#include <string.h>

#include "base/clock.h"
#include "postgres/db.h"
#include "postgres/db_url.h"
#include "services/auth/http/cors.h"
#include "unit/check.h"

static void tells_what_may_be_tried_again(void **state)
{
    static const struct {
        const char *sqlstate;
        int want;
    } cases[] = {
        { "23505", LP_E_EXISTS },
        { "23503", LP_E_NOT_FOUND },
        { "57014", LP_E_TIMEOUT },
        { "40001", LP_E_CONFLICT },
        { "40P01", LP_E_CONFLICT },
        { "08006", LP_E_UNAVAILABLE },
        { "57P01", LP_E_UNAVAILABLE },
        { "57P03", LP_E_UNAVAILABLE },
        { "53300", LP_E_UNAVAILABLE },
        { "25006", LP_E_UNAVAILABLE },
        { "42P01", LP_E_UNAVAILABLE },
        { "22P02", LP_E_INTERNAL },
        { "23514", LP_E_INTERNAL },
        { "", LP_E_INTERNAL },
        /* no tables, columns or schema yet; locked; shutting down, crashed, starting; full */
        { "42703", LP_E_UNAVAILABLE },
        { "3F000", LP_E_UNAVAILABLE },
        { "3D000", LP_E_UNAVAILABLE },
        { "55P03", LP_E_CONFLICT },
        { "57P02", LP_E_UNAVAILABLE },
        { "53100", LP_E_UNAVAILABLE },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(lp_pgwire_code_of(cases[i].sqlstate), cases[i].want);
}

static void tells_a_database_url_from_other_text(void **state)
{
    static const struct {
        const char *url, *why; /* NULL: it is taken */
    } cases[] = {
        { "postgresql://user:p%40ss@db.example:5432/auth?sslmode=require", NULL },
        { "postgres://db/auth", NULL },
        { "postgresql://user:p%ss@db/auth", "percent-encoded" },
        { "mysql://db/auth", "not a PostgreSQL URI" },
        { "postgresql://u:secret@db/auth?schema=public", "the option \"schema\"" },
        { "postgresql://u:secret@db/auth?sslmode=require&pgbouncer=true",
          "the option \"pgbouncer\"" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct lp_error err = { .msg = "" };
        int r = lp_db_url_check(cases[i].url, &err);
        assert_int_equal(r, cases[i].why ? LP_E_INVALID : 0);
        assert_true(!cases[i].why || strstr(err.msg, cases[i].why));
        assert_null(strstr(err.msg, "secret"));
    }
}

static void backs_off_from_a_server_that_is_not_there(void **state)
{
    static const struct lp_db_statement one = { "one", "SELECT 1", 0, true };
    const struct lp_db_options options = {
        .url = "postgresql://u:geheim@127.0.0.1:1/d",
        .application = "test",
        .connections_metric = "lp_test_db_connections",
        .failures_metric = "lp_test_db_connect_failures_total",
        .max_connections = 2,
        .connect_timeout_ms = 2000,
        .query_timeout_ms = 2000,
    };
    struct lp_db *db = lp_db_new(&options);
    struct lp_error err;
    PGresult *result = NULL;
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(lp_db_run(db, &one, NULL, &result, &err), LP_E_UNAVAILABLE);
        assert_null(strstr(err.msg, "geheim"));
        assert_non_null(strstr(err.msg, "127.0.0.1"));
    }
    lp_db_free(db);
}

static void allows_the_origins_of_its_list(void **state)
{
    static const char list[] = "https://a.example,https://b.example:8443, http://localhost:3000";
    (void)state;
    assert_true(cors_is_listed(list, "https://a.example"));
    assert_true(cors_is_listed(list, "https://b.example:8443"));
    assert_true(cors_is_listed(list, "http://localhost:3000"));
    assert_false(cors_is_listed(list, "https://b.example"));
    assert_false(cors_is_listed(list, "https://a.example.evil.example"));
    assert_false(cors_is_listed(list, "null"));
    assert_false(cors_is_listed(list, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_may_be_tried_again),
        cmocka_unit_test(tells_a_database_url_from_other_text),
        cmocka_unit_test(backs_off_from_a_server_that_is_not_there),
        cmocka_unit_test(allows_the_origins_of_its_list),
    };
    return cmocka_run_group_tests_name("auth_pgwire", tests, NULL, NULL);
}
