/* cli/dashboard/access.c -- see the header. No state. */
#include "cli/dashboard/access.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"

#define COOKIE "lp-dashboard" /* cookies know no ports, so the name has ours */

/* `digits`: even, ACCESS_TOKEN at most; `ret` has room for a NUL more. */
static int make_secret(char *ret, size_t digits, struct lp_error *err)
{
    unsigned char bytes[ACCESS_TOKEN / 2];

    if (getrandom(bytes, digits / 2, 0) != (ssize_t)(digits / 2))
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a token: %s", strerror(errno));
    for (size_t i = 0; i < digits / 2; i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

int access_init(struct access *a, struct lp_error *err)
{
    int r = make_secret(a->token, ACCESS_TOKEN, err);

    if (r == 0)
        r = make_secret(a->code, ACCESS_TOKEN, err);
    if (r == 0)
        r = make_secret(a->place, ACCESS_PLACE, err);
    atomic_init(&a->code_until_ms, 0);
    atomic_init(&a->port, 0);
    return r;
}

/* "http://127.0.0.1:8080" or "127.0.0.1:8080", by what stands before. */
static bool is_ours(const struct access *a, const char *before, const char *text)
{
    static const char *const names[] = { "127.0.0.1", "localhost" };
    unsigned port = atomic_load(&a->port);
    char want[64];

    for (size_t i = 0; text && port > 0 && i < LP_COUNT(names); i++) {
        snprintf(want, sizeof want, "%s%s:%u", before, names[i], port);
        if (strcmp(text, want) == 0)
            return true;
    }
    return false;
}

bool access_host(const struct access *a, const char *host)
{
    return is_ours(a, "", host);
}

bool access_origin(const struct access *a, const char *origin, const char *fetch_site)
{
    if (fetch_site && strcmp(fetch_site, "same-origin") != 0 && strcmp(fetch_site, "none") != 0)
        return false;
    return !origin || is_ours(a, "http://", origin);
}

static bool is_secret(const char *secret, const char *given, size_t n)
{
    return n == ACCESS_TOKEN && CRYPTO_memcmp(given, secret, ACCESS_TOKEN) == 0;
}

void access_offer_code(struct access *a, int64_t now_ms)
{
    atomic_store(&a->code_until_ms, now_ms + ACCESS_CODE_MS);
}

bool access_code(const struct access *a, const char *given)
{
    return given && is_secret(a->code, given, strlen(given));
}

bool access_take_code(struct access *a, const char *given, int64_t now_ms)
{
    return access_code(a, given) && atomic_exchange(&a->code_until_ms, 0) > now_ms;
}

bool access_token(const struct access *a, const char *given)
{
    return given && is_secret(a->token, given, strlen(given));
}

bool access_cookie(const struct access *a, const char *cookies)
{
    char name[32];
    int length = snprintf(name, sizeof name, COOKIE "-%u=", atomic_load(&a->port));
    bool found = false;

    while (cookies && *cookies) {
        size_t n = strcspn(cookies, ";");
        if (strncmp(cookies, name, (size_t)length) == 0)
            found |= is_secret(a->token, cookies + length, n - (size_t)length);
        cookies += n;
        cookies += strspn(cookies, "; ");
    }
    return found;
}

void access_set_cookie(const struct access *a, struct lp_buf *out)
{
    lp_buf_printf(out, COOKIE "-%u=%s; Path=/%s/; HttpOnly; SameSite=Strict", atomic_load(&a->port),
                  a->token, a->place);
}

const char *access_path(const struct access *a, const char *path)
{
    bool within = path[0] == '/' && strncmp(path + 1, a->place, ACCESS_PLACE) == 0 &&
                  path[1 + ACCESS_PLACE] == '/';

    return within ? path + 1 + ACCESS_PLACE : NULL;
}
