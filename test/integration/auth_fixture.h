/* test/integration/auth_fixture.h -- lp-auth beside a PostgreSQL of its own. */
#pragma once

#include <jansson.h>

#include "integration/program.h"

#define ACCESS_SECRET "an access key for tests, long enough"
#define REFRESH_SECRET "a refresh key for tests, long enough"
#define PASSWORD "Pa55phrase of a learner"

/* An empty database `name` in place of what was there; the URL stays valid for the program's life.
 */
const char *fixture_database(const char *name);

/* Runs SQL there; the first value of its result, owned by the caller, or NULL. */
char *fixture_sql(const char *url, const char *sql);

/* test/integration/postgres COMMAND of the cluster under test. */
void fixture_postgres(const char *command);

/* Starts lp-auth on that database; `extra`: one more variable or NULL. SERVICE_TOKEN_KEY of our
 * own environment goes along. */
void fixture_start(struct program *p, const char *url, const char *extra);

/* For a group of tests: a new log, the empty database `name`, lp-auth on it, ready; the URL. */
const char *fixture_begin(struct program *p, const char *name, const char *extra);
/* Teardown of a group whose setup let *state be the program. */
int fixture_end(void **state);

/* Runs lp-auth --check-config with the good environment, but `changed` ("NAME=" takes it away). */
int fixture_check_config(const char *changed, char **ret_output);

/* Runs lp-auth --make-admin on that database; its exit status. */
int fixture_make_admin(const char *url, const char *email, char **ret_output);

/* The file that all output of lp-auth goes to. */
const char *fixture_log(void);

#define REGISTER "/api/auth/register"
#define LOGIN "/api/auth/login"
#define REFRESH "/api/auth/refresh-token"
#define LOGOUT "/api/auth/logout"
#define ME "/api/auth/me"

struct answer fixture_register(const struct program *p, const char *email);
struct answer fixture_login(const struct program *p, const char *email, const char *password);
struct answer fixture_refresh(const struct program *p, const char *token);
/* The access token of an account that is registered where it is not; the caller's. */
char *fixture_token(const struct program *p, const char *email);

const char *text_of(const struct answer *a, const char *key); /* a member of the body */
/* Fails unless status and whole body are these. */
void assert_answer(const struct answer *a, int status, const char *body);
