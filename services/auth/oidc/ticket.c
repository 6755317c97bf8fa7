/* No state; any thread. */
#include "services/auth/oidc/ticket.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/buf.h"

#define RANDOM 32

static void put_text(const void *bytes, size_t n, char *ret_text, size_t size)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(size - 1);
    lp_base64url_encode(bytes, n, &text);
    memcpy(ret_text, text.ptr, text.len + 1);
}

/* HMAC-SHA256 of "purpose", a dot and the cookie. */
static bool derive(const unsigned char key[TICKET_KEY], const char *purpose, const char *cookie,
                   char ret_text[TICKET_TEXT])
{
    char input[16 + TICKET_COOKIE];
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int len = snprintf(input, sizeof input, "%s.%s", purpose, cookie);
    if (!HMAC(EVP_sha256(), key, TICKET_KEY, (const unsigned char *)input, (size_t)len, mac, &n))
        return false;
    put_text(mac, SHA256_DIGEST_LENGTH, ret_text, TICKET_TEXT);
    return true;
}

static int complete(const unsigned char key[TICKET_KEY], struct ticket *t, struct lp_error *err)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (!derive(key, "state", t->cookie, t->state) || !derive(key, "nonce", t->cookie, t->nonce) ||
        !derive(key, "verifier", t->cookie, t->verifier))
        return lp_error_set(err, LP_E_INTERNAL, "OpenSSL makes no HMAC");
    SHA256((const unsigned char *)t->verifier, strlen(t->verifier), digest);
    put_text(digest, sizeof digest, t->challenge, sizeof t->challenge);
    SHA256((const unsigned char *)t->state, strlen(t->state), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(t->hash + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int ticket_new(const unsigned char key[TICKET_KEY], int64_t now_s, struct ticket *ret_ticket,
               struct lp_error *err)
{
    unsigned char random[RANDOM];
    char text[TICKET_TEXT];
    if (RAND_bytes(random, sizeof random) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a login");
    put_text(random, sizeof random, text, sizeof text);
    ret_ticket->expires_s = now_s + TICKET_SECONDS;
    snprintf(ret_ticket->cookie, sizeof ret_ticket->cookie, "%s.%" PRId64, text,
             ret_ticket->expires_s);
    return complete(key, ret_ticket, err);
}

/* What the cookie says of its end is believed only once the state, which covers it, is right. */
int ticket_read(const unsigned char key[TICKET_KEY], const char *cookie, const char *state,
                int64_t now_s, struct ticket *ret_ticket, struct lp_error *err)
{
    static const char refused[] =
        "the login was not begun in this browser, or its state is another";
    const char *dot = cookie ? strchr(cookie, '.') : NULL;
    if (!dot || dot - cookie != TICKET_TEXT - 1 || strlen(cookie) >= TICKET_COOKIE || !state ||
        strlen(state) != TICKET_TEXT - 1)
        return lp_error_set(err, LP_E_DENIED, refused);
    memcpy(ret_ticket->cookie, cookie, strlen(cookie) + 1);
    int r = complete(key, ret_ticket, err);
    if (r < 0)
        return r;
    if (CRYPTO_memcmp(ret_ticket->state, state, TICKET_TEXT - 1) != 0)
        return lp_error_set(err, LP_E_DENIED, refused);
    ret_ticket->expires_s = strtoll(dot + 1, NULL, 10);
    if (ret_ticket->expires_s <= now_s)
        return lp_error_set(err, LP_E_DENIED, "the login took longer than %d seconds",
                            TICKET_SECONDS);
    return 0;
}
