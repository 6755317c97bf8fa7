/* lib/base/error.c -- fills and extends struct lp_error. No state, any thread. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

int lp_error_set_at(struct lp_error *err, int code, const char *file, int line, const char *fmt,
                    ...)
{
    va_list args;

    err->code = code;
    err->http_status = 0;
    err->retry_after_ms = 0;
    err->file = file;
    err->line = line;
    va_start(args, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    lp_utf8_repair(err->msg);
    return code;
}

int lp_error_wrap(struct lp_error *err, const char *fmt, ...)
{
    char old[sizeof err->msg];
    va_list args;

    memcpy(old, err->msg, sizeof old);
    va_start(args, fmt);
    int n = vsnprintf(err->msg, sizeof err->msg, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->msg) {
        size_t room = sizeof err->msg - (size_t)n;
        snprintf(err->msg + n, room, ": %s", old); /* cut where too long, as the header says */
    }
    lp_utf8_repair(err->msg);
    return err->code;
}

const char *lp_error_name(int code)
{
    static const char *const names[] = {
        "ok",     "invalid",   "not found", "conflict",    "exists",   "gone",
        "denied", "too large", "timeout",   "unavailable", "canceled", "internal",
    };
    size_t i = code <= 0 ? (size_t)-code : 0;
    return i < sizeof names / sizeof *names ? names[i] : "unknown";
}
