/* lib/base/error.h -- how a function says that it failed. */
#pragma once

/*
 * A function that can fail returns 0 or one of these, and fills the `struct lp_error *err` that is
 * its last parameter. A code names what the caller does next.
 */
enum lp_code {
    LP_E_INVALID = -1,     /* bad input: tell the user, do not retry */
    LP_E_NOT_FOUND = -2,   /* the named thing is not there */
    LP_E_CONFLICT = -3,    /* somebody else changed it: read again */
    LP_E_EXISTS = -4,      /* create found it there already */
    LP_E_GONE = -5,        /* resourceVersion too old: list again */
    LP_E_DENIED = -6,      /* not allowed, or not known who we are */
    LP_E_TOO_LARGE = -7,   /* over a limit */
    LP_E_TIMEOUT = -8,     /* a wait ended: back off and try again */
    LP_E_UNAVAILABLE = -9, /* the peer cannot now: back off and try again */
    LP_E_CANCELED = -10,   /* we were asked to stop */
    LP_E_INTERNAL = -11,   /* a defect or a broken system: log it */
};

/* Owns nothing, so it never needs freeing. Untouched where a function succeeds. */
struct lp_error {
    int code;
    int http_status;    /* of the answer that failed, 0 where there was none */
    int retry_after_ms; /* what Retry-After asked for, 0 where it did not */
    int line;
    const char *file; /* borrowed, a string literal */
    char msg[512];    /* one sentence of valid UTF-8, cut at the end where too long */
};

#define LP_MUST_USE __attribute__((warn_unused_result))

/* Fills `err` and returns `code`. */
#define lp_error_set(err, code, ...) lp_error_set_at((err), (code), __FILE__, __LINE__, __VA_ARGS__)

/* Puts "context: " before the message of `err` and returns its code. */
__attribute__((format(printf, 2, 3))) int lp_error_wrap(struct lp_error *err, const char *fmt, ...);

__attribute__((format(printf, 5, 6))) int
lp_error_set_at(struct lp_error *err, int code, const char *file, int line, const char *fmt, ...);

/* "invalid", "not found", …: a static string for logs and metrics labels. */
const char *lp_error_name(int code);

/* True where another try later may succeed without anybody changing anything. */
#define lp_error_is_transient(code)                                                     \
    ((code) == LP_E_TIMEOUT || (code) == LP_E_UNAVAILABLE || (code) == LP_E_CONFLICT || \
     (code) == LP_E_GONE)
