/* lib/postgres/db_url.c -- see db_url.h. */
#include "postgres/db_url.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>

static bool is_known(const PQconninfoOption *options, const char *name, size_t n)
{
    for (const PQconninfoOption *o = options; o->keyword; o++)
        if (strlen(o->keyword) == n && strncmp(o->keyword, name, n) == 0)
            return true;
    return n == 3 && strncmp(name, "ssl", n) == 0; /* ssl=true, of JDBC, libpq takes too */
}

/* The first option behind the '?' that libpq does not know; NULL where it knows all. */
static const char *unknown_option(const char *url, size_t *ret_n)
{
    PQconninfoOption *options = PQconndefaults();
    const char *found = NULL, *at = strchr(url, '?');

    while (options && at && !found && *++at) {
        size_t n = strcspn(at, "=&");
        if (n > 0 && !is_known(options, at, n)) {
            found = at;
            *ret_n = n;
        }
        at = strchr(at, '&');
    }
    PQconninfoFree(options);
    return found;
}

int lp_db_url_check(const char *url, struct lp_error *err)
{
    PQconninfoOption *parsed = PQconninfoParse(url, NULL);
    bool uri = strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
    size_t n = 0;

    PQconninfoFree(parsed);
    if (parsed)
        return 0;
    const char *option = uri ? unknown_option(url, &n) : NULL;
    if (option)
        return lp_error_set(err, LP_E_INVALID,
                            "DATABASE_URL: the option \"%.*s\" is none of libpq's: take it out "
                            "(Prisma's schema, pgbouncer and connection_limit are not needed)",
                            n < 64 ? (int)n : 64, option);
    /* libpq's own message may quote the password */
    return lp_error_set(err, LP_E_INVALID,
                        "DATABASE_URL: not a PostgreSQL URI such as "
                        "postgresql://user:password@host:5432/name "
                        "(special characters of a password are percent-encoded)");
}
