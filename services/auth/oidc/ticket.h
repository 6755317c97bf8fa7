/* services/auth/oidc/ticket.h -- a login under way, which only the browser that began it keeps. */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define TICKET_KEY 32      /* bytes */
#define TICKET_SECONDS 600 /* from the begin of a login to its end */
#define TICKET_COOKIE 80   /* bytes of the cookie's value, with the NUL */
#define TICKET_TEXT 44     /* base64url of 32 bytes, with the NUL */
#define TICKET_HASH 65     /* SHA-256 in hexadecimal, with the NUL */

/*
 * The cookie is random, with the time at which it ends. The others are HMACs of it under our key,
 * so they need not be kept, and no two of them tell anything of each other.
 */
struct ticket {
    char cookie[TICKET_COOKIE];
    char state[TICKET_TEXT], nonce[TICKET_TEXT];
    char verifier[TICKET_TEXT], challenge[TICKET_TEXT]; /* RFC 7636, 4.1, 4.2: S256 */
    char hash[TICKET_HASH];                             /* of the state: what marks it as used */
    int64_t expires_s;                                  /* since 1970 */
};

/* A new one. LP_E_INTERNAL: OpenSSL fails. */
LP_MUST_USE int ticket_new(const unsigned char key[TICKET_KEY], int64_t now_s,
                           struct ticket *ret_ticket, struct lp_error *err);

/* The one that `cookie` stands for; both are as a client sent them, NULL: it did not. LP_E_DENIED:
 * it has expired, or `state` is not its. */
LP_MUST_USE int ticket_read(const unsigned char key[TICKET_KEY], const char *cookie,
                            const char *state, int64_t now_s, struct ticket *ret_ticket,
                            struct lp_error *err);
