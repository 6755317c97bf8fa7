/* lib/postgres/db_url.h -- whether libpq takes a connection URI, and if not why. Pure. */
#pragma once

#include "base/error.h"

/*
 * LP_E_INVALID where `url` is no PostgreSQL connection URI (libpq, 34.1.1.2), or has an option that
 * libpq does not know, such as those of Prisma (schema, pgbouncer, connection_limit): then the
 * message names the option. It never holds more of the URI than that.
 */
LP_MUST_USE int lp_db_url_check(const char *url, struct lp_error *err);
