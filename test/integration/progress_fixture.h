/* test/integration/progress_fixture.h -- lp-progress and its database, for tests. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "http/client/client.h"
#include "integration/program.h"

#define LOG "/api/progress/activityLog"
#define RECOMMENDATION "/api/progress/recommendation"
#define SUMMARY "/api/progress/summary"
#define DATA "/api/progress/data"
#define LOGGED "{\"message\":\"activity logged successfully!\"}"
#define NO_LOGS "{\"message\":\"no activity logs found for this user\"}"

extern struct program progress;
struct progress_mongo {
    pid_t pid;
    int port;
    char dir[64], uri[64], log[80];
};
extern struct progress_mongo mongo;

/* Starts both; `env` ("NAME=value", at most 11, ends with NULL) is borrowed. */
int progress_setup(const char *const *env);
int progress_teardown(void **state);

/* The program again, with the same environment. */
void progress_start(void);
const char *progress_path(void);
void progress_mongo_start(void);
void progress_mongo_kill(void);

/* Without a token. */
struct answer progress_ask(const char *path, const char *body);
/* The same; fails where status or JSON are others. */
void progress_assert(const char *path, const char *body, int status, const char *want);
/* One request with a header; the caller ends `ret`. */
void progress_ask_with(const char *path, const char *header, const char *body,
                       struct lp_http_response *ret);
void progress_log_score(const char *user, const char *activity, int score);
size_t progress_count(const char *user);
