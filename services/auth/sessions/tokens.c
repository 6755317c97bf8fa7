/*
 * Access tokens are checked by whoever holds the key, without the database, so they live shortly. A
 * refresh token is signed too, with a key of its own: garbage is refused before it costs a query.
 * What makes it valid is its row in the database, found by SHA-256 of the token's text; a copy of
 * the database does not hold one.
 */
#include "services/auth/sessions/tokens.h"

#include <jansson.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "service/jwt.h"
#include "services/auth/http/validate.h"

struct tokens {
    struct lp_jwt_keys *access, *refresh;
    int64_t access_ttl_ms, refresh_ttl_ms;
};

int tokens_new(const char *access_secrets, const char *refresh_secrets, int64_t access_ttl_ms,
               int64_t refresh_ttl_ms, struct tokens **ret_tokens, struct lp_error *err)
{
    struct tokens *t = lp_alloc(sizeof *t);
    t->access_ttl_ms = access_ttl_ms;
    t->refresh_ttl_ms = refresh_ttl_ms;
    int r = lp_jwt_keys_new(access_secrets, &t->access, err);
    if (r == 0)
        r = lp_jwt_keys_new(refresh_secrets, &t->refresh, err);
    if (r < 0) {
        tokens_free(t);
        return r;
    }
    *ret_tokens = t;
    return 0;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    lp_jwt_keys_free(t->access);
    lp_jwt_keys_free(t->refresh);
    free(t);
}

int64_t tokens_refresh_ttl_ms(const struct tokens *t)
{
    return t->refresh_ttl_ms;
}

static void to_hex(const unsigned char *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void hash_token(const char *token, char ret_hash[STORE_TOKEN_HASH])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token, strlen(token), digest);
    to_hex(digest, sizeof digest, ret_hash);
}

int tokens_access(const struct tokens *t, const struct store_user *user, char **ret_token,
                  struct lp_error *err)
{
    json_int_t now = lp_clock_wall_ms() / 1000;
    json_auto_t *claims = NULL;
    int r = lp_json_pack(&claims, err, "{s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "userId", user->id,
                         "email", user->email, "role", user->role, "typ", LP_JWT_ACCESS, "aud",
                         LP_JWT_AUDIENCE, "iat", now, "exp", now + t->access_ttl_ms / 1000);
    return r < 0 ? r : lp_jwt_sign(t->access, claims, ret_token, err);
}

int tokens_refresh(const struct tokens *t, const char *user_id, char **ret_token,
                   char ret_hash[STORE_TOKEN_HASH], struct lp_error *err)
{
    json_int_t now = lp_clock_wall_ms() / 1000;
    unsigned char random[16];
    char jti[2 * sizeof random + 1];
    if (RAND_bytes(random, sizeof random) != 1)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a token");
    to_hex(random, sizeof random, jti);
    json_auto_t *claims = NULL;
    int r = lp_json_pack(&claims, err, "{s:s, s:s, s:s, s:I, s:I}", "userId", user_id, "jti", jti,
                         "typ", LP_JWT_REFRESH, "iat", now, "exp", now + t->refresh_ttl_ms / 1000);
    if (r == 0)
        r = lp_jwt_sign(t->refresh, claims, ret_token, err);
    if (r == 0)
        hash_token(*ret_token, ret_hash);
    return r;
}

static int check(const struct lp_jwt_keys *keys, const char *token, bool refresh,
                 char ret_user_id[STORE_UUID], struct lp_error *err)
{
    json_auto_t *claims = NULL;
    int r = lp_jwt_verify(keys, token, strlen(token), refresh ? &lp_jwt_refresh : &lp_jwt_access,
                          lp_clock_wall_ms() / 1000, &claims, err);
    if (r < 0)
        return r;
    const char *id = lp_json_str(claims, "userId", NULL);
    if (!id || !validate_is_uuid(id))
        return lp_error_set(err, LP_E_DENIED, "not a token of this kind");
    memcpy(ret_user_id, id, STORE_UUID);
    return 0;
}

int tokens_check_access(const struct tokens *t, const char *token, char ret_user_id[STORE_UUID],
                        struct lp_error *err)
{
    return check(t->access, token, false, ret_user_id, err);
}

int tokens_check_refresh(const struct tokens *t, const char *token, char ret_user_id[STORE_UUID],
                         char ret_hash[STORE_TOKEN_HASH], struct lp_error *err)
{
    int r = check(t->refresh, token, true, ret_user_id, err);
    if (r == 0)
        hash_token(token, ret_hash);
    return r;
}
