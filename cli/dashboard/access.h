/* cli/dashboard/access.h -- who may ask the dashboard: this user's browser, by a token, and no page
 * of another origin. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define ACCESS_TOKEN 64 /* hexadecimal digits: 256 bits */
#define ACCESS_PLACE 32

#define ACCESS_CODE_MS 60000

/* Made once; `port` is set when it is known, and until then nobody may ask. Any thread. */
struct access {
    char token[ACCESS_TOKEN + 1];
    /* The first part of each path, which the cookie is for: cookies know no ports, and nobody else
     * who serves on 127.0.0.1, and whom the browser asks for another path, shall get it. */
    char place[ACCESS_PLACE + 1];
    char code[ACCESS_TOKEN + 1];        /* for the browser that is opened, as others may see it */
    atomic_int_least64_t code_until_ms; /* lp_clock_ms(); 0: void */
    atomic_uint port;
};

/* A new token and code of the kernel's random bytes; LP_E_INTERNAL where it has none. The code is
 * void until access_offer_code. */
LP_MUST_USE int access_init(struct access *a, struct lp_error *err);

/* Host must be 127.0.0.1 or localhost with our port, so that no name that an attacker's DNS leads
 * to loopback does (RFC 9110, 7.2). NULL: refused. */
bool access_host(const struct access *a, const char *host);

/* Origin (RFC 6454), where it is sent, must be ours; and Sec-Fetch-Site, where it is sent,
 * same-origin, or none: the address bar. NULL: not sent. */
bool access_origin(const struct access *a, const char *origin, const char *fetch_site);

/* Whether `given` is the token, in a time that does not depend on where they differ. */
bool access_token(const struct access *a, const char *given);

/* The code is as good as the token, once, for ACCESS_CODE_MS. */
void access_offer_code(struct access *a, int64_t now_ms);
/* Whether `given` is the code, void or not, in a time that does not depend on where they differ. */
bool access_code(const struct access *a, const char *given);
/* Whether `given` is the code, and it is not void; it is void from now on. */
bool access_take_code(struct access *a, const char *given, int64_t now_ms);

/* Whether a Cookie field has ours with the token. NULL: it has not. */
bool access_cookie(const struct access *a, const char *cookies);

/* Appends the value of Set-Cookie: HttpOnly, SameSite=Strict, for our place alone, until the
 * browser ends. */
void access_set_cookie(const struct access *a, struct lp_buf *out);

/* What of a path is within our place: "/app.js" of "/PLACE/app.js", borrowed from it; NULL: it is
 * not there. */
const char *access_path(const struct access *a, const char *path);
