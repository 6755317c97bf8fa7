/* lib/config/env.h -- configuration from the environment, by tables, checked once at start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum lp_env_type {
    LP_ENV_STRING,   /* const char *, borrowed from the environment or the table */
    LP_ENV_URI,      /* the same, a connection string: white space around it (a Secret made of a
                        file ends with a line feed) is cut, in the environment itself */
    LP_ENV_INT,      /* int64_t */
    LP_ENV_BOOL,     /* bool: true, false, 1, 0, yes, no, on, off */
    LP_ENV_DURATION, /* int64_t ms: "500ms", "300s", "5m", "1h", "3d", or 0 */
    LP_ENV_URL,      /* const char *: http:// or https://, a host, nothing that needs escaping */
};

/* A variable that is set but empty counts as not set. */
struct lp_env { // NOLINT(clang-analyzer-optin.performance.Padding): in the order tables are read
    const char *name;
    enum lp_env_type type;
    size_t offset;
    const char *fallback; /* as text, "" gives an empty string or URL, 0 or false; NULL: required */
    int64_t min, max; /* an int's value, a duration's ms, a string's bytes; both 0: any (<= 4096) */
    const char *const *one_of; /* NULL-terminated, any case; NULL: any */
    bool secret;               /* its value never appears in a message */
    const char *help;
};

/* The values of LOG_LEVEL, for `one_of`. */
extern const char *const lp_env_log_levels[];

/*
 * Reads the variables of all `tables` (each ends with name NULL, their list with NULL) into
 * `config`. Checks all of them before it fails; the message names variable, value and what is
 * allowed.
 */
LP_MUST_USE int lp_env_load(const struct lp_env *const *tables, void *config, struct lp_error *err);

/* For --help, on stdout: name, meaning, what is allowed, default. */
void lp_env_print_help(const struct lp_env *const *tables);
