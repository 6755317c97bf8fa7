/* test/integration/program.h -- one of our programs under test: started, asked over HTTP, ended. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct program {
    pid_t pid; /* 0: does not run */
    int port, metrics_port;
    char log[200]; /* path of the file with its stderr and stdout */
};

/*
 * A TCP port between 10000 and 19999 that nothing listens on. The kernel gives out ports from 32768
 * on to connections, so none of the tests that run at the same time gets this one by chance before
 * the program under test binds it. A failed assertion after 200 tries.
 */
int program_free_port(void);

/*
 * Runs `path` with its environment `env` ("NAME=value", ends with NULL), PORT and METRICS_PORT
 * being free ones, its output going to the end of file `log`. A failed assertion where it cannot.
 */
void program_start(struct program *p, const char *path, const char *const *env, const char *log);

/* Waits until /readyz (or, `ready` false, /livez) answers 200; a failed assertion after 30 s. */
void program_wait(const struct program *p, bool ready);

/* Waits until /readyz answers 503; a failed assertion after 30 s. */
void program_wait_unready(const struct program *p);

/* SIGTERM; the exit status, or 128 and the signal. Killed after 30 s. */
int program_stop(struct program *p);

/* Runs a program to its end, at most 60 s; its exit status. Output as _start. */
int program_run(const char *const *argv, const char *const *env, const char *log);

/* The content of a file, at most 4 MiB, owned by the caller. */
char *program_read_file(const char *path);

/* What came back. `body` is NULL where it is not JSON. */
struct answer {
    int status;
    json_t *body;
    int retry_after_ms;
};
#define auto_answer __attribute__((cleanup(answer_done)))
void answer_done(struct answer *a);

/* What a request carries; any member may be NULL. */
struct ask {
    const char *method; /* NULL: POST with a body, else GET */
    const char *type;   /* Content-Type; NULL: application/json where there is a body */
    const char *bearer;
    const char *body;
    size_t body_len;    /* 0: up to its NUL */
    const char *header; /* one more: "Name: value" */
};

/* One request to 127.0.0.1:port, at most 60 s. A connection that fails gives status 0. */
struct answer program_ask(int port, const char *path, struct ask ask);

/* The value of a series "name{labels}" on the metrics port; -1 where it is not there. */
double program_metric(const struct program *p, const char *series);

/* An IPv4 address of this machine that is no loopback address, as text: endpoints may not be on
 * loopback. False where there is none. */
bool program_host_address(char ret[16]);
