/* test/unit/token_fixture.h -- issuers of tokens for tests: two Ed25519 keys, their sets, tokens.
 */
#pragma once

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "service/jwt.h"
#include "unit/check.h"

/* Private keys, base64url of 32 bytes. */
#define ISSUER_ONE "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define ISSUER_TWO "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static inline struct lp_jwt_keys *issuer(const char *private)
{
    struct lp_jwt_keys *k = NULL;
    ok(lp_jwt_keys_new(NULL, &k, &err));
    ok(lp_jwt_keys_add_private(k, private, &err));
    return k;
}

/* An HTTP answer with the public key set, the caller's. */
static inline char *issuer_answer(const char *private)
{
    struct lp_jwt_keys *k = issuer(private);
    json_auto_t *set = lp_jwt_keys_jwks(k);
    lp_auto_free char *text = json_dumps(set, JSON_COMPACT);
    lp_jwt_keys_free(k);
    return lp_sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                      "%zu\r\n\r\n%s",
                      strlen(text), text);
}

/* An access token of `user` by this key, good for a minute, the caller's. */
static inline char *issuer_token(const char *private, const char *user, const char *role)
{
    struct lp_jwt_keys *k = issuer(private);
    json_auto_t *claims = lp_json_make("{s:s, s:s, s:s, s:s, s:I}", "userId", user, "role", role,
                                       "typ", LP_JWT_ACCESS, "aud", LP_JWT_AUDIENCE, "exp",
                                       (json_int_t)(lp_clock_wall_ms() / 1000 + 60));
    char *token = NULL;
    ok(lp_jwt_sign(k, claims, &token, &err));
    lp_jwt_keys_free(k);
    return token;
}
