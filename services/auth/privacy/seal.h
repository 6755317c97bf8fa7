/* services/auth/privacy/seal.h -- what personal fields look like at rest. Pure, but for chance. */
#pragma once

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

#define SEAL_KEY 32    /* bytes of a key: of a user, a master key, that of lookups */
#define SEAL_ID 17     /* a key's name in hexadecimal, with the NUL */
#define SEAL_LOOKUP 65 /* HMAC-SHA256 in hexadecimal, with the NUL */
#define SEAL_NONCE 12  /* bytes; NIST SP 800-38D, 8.2.2: random, below 2^32 texts a key */
#define SEAL_EXTRA 29  /* bytes that a sealed text is longer: version, nonce, tag */
#define SEAL_MAX 2048  /* bytes of a text */
#define SEAL_UUID 37   /* with the NUL */

/*
 * What a sealed text is bound to: whose it is (a uuid as PostgreSQL writes it) and in which column
 * it stands, so that one that was moved to another row or column does not open.
 */
struct seal_place {
    const char *user, *column;
};

/*
 * Appends in hexadecimal: 1, a random nonce, AES-256-GCM of `n` bytes (at most SEAL_MAX) under
 * `key`, the tag (NIST SP 800-38D); associated data are version and place. `out` needs room for
 * 2 * (n + SEAL_EXTRA). LP_E_INTERNAL: the library failed.
 */
LP_MUST_USE int seal_text(const unsigned char key[SEAL_KEY], struct seal_place place,
                          const void *text, size_t n, struct lp_buf *out, struct lp_error *err);
/* The same with a nonce of the caller's: for known answers. */
LP_MUST_USE int seal_with(const unsigned char key[SEAL_KEY], const unsigned char nonce[SEAL_NONCE],
                          struct seal_place place, const void *text, size_t n, struct lp_buf *out,
                          struct lp_error *err);

/* Appends the text of what _text() made. LP_E_DENIED: another key or place, or changed bytes;
 * LP_E_INVALID: no sealed text. Messages hold no value. */
LP_MUST_USE int seal_open(const unsigned char key[SEAL_KEY], struct seal_place place,
                          const char *hex, struct lp_buf *out, struct lp_error *err);

/* How an e-mail is found: HMAC-SHA256 of its lower case (A to Z alone, as addresses are ASCII). */
void seal_lookup(const unsigned char key[SEAL_KEY], const char *email, char ret_hex[SEAL_LOOKUP]);

/* The name of a master key, which tells nothing of it: 8 bytes of an HMAC-SHA256 under it. */
void seal_name_key(const unsigned char key[SEAL_KEY], char ret_id[SEAL_ID]);

/* A random uuid (RFC 9562, 5.4), as PostgreSQL writes it: ids that are part of a place are ours. */
void seal_make_uuid(char ret_id[SEAL_UUID]);
