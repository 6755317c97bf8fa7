/*
 * Access tokens are checked by whoever has the public key, without the database, so they live
 * shortly. Here too a signature of Ed25519, which costs as much as all else of a request, is
 * checked once for each token and set of keys. A refresh token is signed too, with a secret of its
 * own: garbage is refused before it costs a query. What makes it valid is its row in the database,
 * found by SHA-256 of the token's text; a copy of the database does not hold one.
 */
#include "services/auth/sessions/tokens.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "service/jwt.h"
#include "service/verified.h"
#include "services/auth/http/validate.h"

#define PEM_BEGIN "-----BEGIN "
#define JTI_BYTES 16

/* Immutable, alive while somebody holds it. */
struct keyset {
    struct lp_jwt_keys *access, *refresh;
    struct lp_verified *verified; /* access tokens by them */
    unsigned char successor_key[SHA256_DIGEST_LENGTH];
    atomic_uint holders;
};

struct tokens {
    int64_t access_ttl_ms, refresh_ttl_ms;
    pthread_mutex_t lock; /* guards the pointer alone */
    struct keyset *keys;  /* the current one, one holder of which is this */
};

static void let_go(struct keyset *k)
{
    if (!k || atomic_fetch_sub(&k->holders, 1) > 1)
        return;
    lp_jwt_keys_free(k->access);
    lp_jwt_keys_free(k->refresh);
    lp_verified_free(k->verified);
    OPENSSL_cleanse(k->successor_key, sizeof k->successor_key);
    free(k);
}

static void let_go_p(struct keyset **k)
{
    let_go(*k);
}
#define auto_keyset __attribute__((cleanup(let_go_p)))

/* The current keys, to be let go of. */
static struct keyset *hold(struct tokens *t)
{
    pthread_mutex_lock(&t->lock);
    struct keyset *k = t->keys;
    atomic_fetch_add(&k->holders, 1);
    pthread_mutex_unlock(&t->lock);
    return k;
}

/* One after the other; text without a PEM block is a key by itself (base64url of a seed). */
static int add_signing_keys(struct lp_jwt_keys *keys, const char *text, struct lp_error *err)
{
    const char *at = strstr(text, PEM_BEGIN);
    if (!at)
        return lp_jwt_keys_add_private(keys, text, err);
    while (at) {
        const char *next = strstr(at + 1, PEM_BEGIN);
        char *pem = lp_strndup(at, next ? (size_t)(next - at) : strlen(at));
        int r = lp_jwt_keys_add_private(keys, pem, err);
        OPENSSL_cleanse(pem, strlen(pem));
        free(pem);
        if (r < 0)
            return r;
        at = next;
    }
    return 0;
}

bool tokens_are_signing_keys(const char *text)
{
    struct lp_jwt_keys *keys = NULL;
    struct lp_error err;
    bool good = lp_jwt_keys_new(NULL, &keys, &err) == 0 && add_signing_keys(keys, text, &err) == 0;
    lp_jwt_keys_free(keys);
    return good;
}

/* Of the newest secret: what follows a token must come out the same in every pod. */
static void derive_successor_key(struct keyset *k, const char *refresh_secrets)
{
    static const char purpose[] = "successors of refresh tokens";
    unsigned n = 0;
    HMAC(EVP_sha256(), refresh_secrets, (int)strcspn(refresh_secrets, ","),
         (const unsigned char *)purpose, sizeof purpose - 1, k->successor_key, &n);
}

static int make_keys(const struct tokens_options *options, struct keyset **ret_keys,
                     struct lp_error *err)
{
    auto_keyset struct keyset *k = lp_alloc(sizeof *k);
    const char *secrets = options->access_secrets[0] ? options->access_secrets : NULL;
    k->holders = 1;
    k->verified = lp_verified_new();
    derive_successor_key(k, options->refresh_secrets);
    int r = lp_jwt_keys_new(secrets, &k->access, err);
    if (r == 0 && options->signing_keys[0])
        r = add_signing_keys(k->access, options->signing_keys, err);
    if (r == 0)
        r = lp_jwt_keys_new(options->refresh_secrets, &k->refresh, err);
    if (r == 0)
        *ret_keys = lp_take(k);
    return r;
}

int tokens_new(const struct tokens_options *options, struct tokens **ret_tokens,
               struct lp_error *err)
{
    struct keyset *keys = NULL;
    int r = make_keys(options, &keys, err);
    if (r < 0)
        return r;
    struct tokens *t = lp_alloc(sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->keys = keys;
    t->access_ttl_ms = options->access_ttl_ms;
    t->refresh_ttl_ms = options->refresh_ttl_ms;
    *ret_tokens = t;
    return 0;
}

void tokens_free(struct tokens *t)
{
    if (!t)
        return;
    let_go(t->keys);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int tokens_replace(struct tokens *t, const struct tokens_options *options, struct lp_error *err)
{
    struct keyset *keys = NULL;
    int r = make_keys(options, &keys, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&t->lock);
    struct keyset *former = t->keys;
    t->keys = keys;
    pthread_mutex_unlock(&t->lock);
    let_go(former);
    return 0;
}

void tokens_derive_key(struct tokens *t, const char *purpose, unsigned char ret_key[32])
{
    auto_keyset struct keyset *keys = hold(t);
    unsigned n = 0;
    HMAC(EVP_sha256(), keys->successor_key, sizeof keys->successor_key,
         (const unsigned char *)purpose, strlen(purpose), ret_key, &n);
}

json_t *tokens_jwks(struct tokens *t)
{
    auto_keyset struct keyset *keys = hold(t);
    return lp_jwt_keys_jwks(keys->access);
}

struct store_token tokens_times(const struct tokens *t)
{
    int64_t now = lp_clock_wall_ms() / 1000;
    return (struct store_token){ .issued_s = now, .expires_s = now + t->refresh_ttl_ms / 1000 };
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

int tokens_access(struct tokens *t, const struct store_user *user, const char *session_id,
                  char **ret_token, struct lp_error *err)
{
    json_int_t now = lp_clock_wall_ms() / 1000;
    json_auto_t *claims = NULL;
    int r = lp_json_pack(&claims, err, "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "userId",
                         user->id, "email", user->email, "role", user->role, "sid", session_id,
                         "typ", LP_JWT_ACCESS, "aud", LP_JWT_AUDIENCE, "iat", now, "exp",
                         now + t->access_ttl_ms / 1000);
    if (r < 0)
        return r;
    auto_keyset struct keyset *keys = hold(t);
    return lp_jwt_sign(keys->access, claims, ret_token, err);
}

static int make_jti(const struct keyset *k, const char *predecessor, char jti[2 * JTI_BYTES + 1],
                    struct lp_error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool good = predecessor ? HMAC(EVP_sha256(), k->successor_key, sizeof k->successor_key,
                                   (const unsigned char *)predecessor, strlen(predecessor), bytes,
                                   &n) != NULL
                            : RAND_bytes(bytes, JTI_BYTES) == 1;
    if (!good)
        return lp_error_set(err, LP_E_INTERNAL, "no random bytes for a token");
    to_hex(bytes, JTI_BYTES, jti);
    return 0;
}

int tokens_refresh(struct tokens *t, const char *user_id, const char *predecessor,
                   struct store_token *token, char **ret_token, struct lp_error *err)
{
    char jti[2 * JTI_BYTES + 1];
    json_auto_t *claims = NULL;
    auto_keyset struct keyset *keys = hold(t);
    int r = make_jti(keys, predecessor, jti, err);
    if (r == 0)
        r = lp_json_pack(&claims, err, "{s:s, s:s, s:s, s:I, s:I}", "userId", user_id, "jti", jti,
                         "typ", LP_JWT_REFRESH, "iat", (json_int_t)token->issued_s, "exp",
                         (json_int_t)token->expires_s);
    if (r == 0)
        r = lp_jwt_sign(keys->refresh, claims, ret_token, err);
    if (r == 0)
        hash_token(*ret_token, token->hash);
    return r;
}

static int read_holder(const json_t *claims, struct tokens_holder *ret_holder, struct lp_error *err)
{
    const char *id = lp_json_str(claims, "userId", NULL);
    const char *session = lp_json_str(claims, "sid", NULL);
    if (!id || !validate_is_uuid(id))
        return lp_error_set(err, LP_E_DENIED, "not a token of this kind");
    memcpy(ret_holder->user_id, id, STORE_UUID);
    snprintf(ret_holder->session_id, STORE_UUID, "%s",
             session && validate_is_uuid(session) ? session : "");
    return 0;
}

int tokens_check_access(struct tokens *t, const char *token, struct tokens_holder *ret_holder,
                        struct lp_error *err)
{
    auto_keyset struct keyset *keys = hold(t);
    int64_t now_s = lp_clock_wall_ms() / 1000;
    size_t len = strlen(token);
    json_auto_t *claims = lp_verified_find(keys->verified, token, len, now_s);
    if (!claims) {
        int r = lp_jwt_verify(keys->access, token, len, &lp_jwt_access, now_s, &claims, err);
        if (r < 0)
            return r;
        lp_verified_add(keys->verified, token, len, claims, lp_verified_clears(keys->verified));
    }
    return read_holder(claims, ret_holder, err);
}

int tokens_check_refresh(struct tokens *t, const char *token, char ret_user_id[STORE_UUID],
                         char ret_hash[STORE_TOKEN_HASH], struct lp_error *err)
{
    struct tokens_holder holder;
    json_auto_t *claims = NULL;
    auto_keyset struct keyset *keys = hold(t);
    int r = lp_jwt_verify(keys->refresh, token, strlen(token), &lp_jwt_refresh,
                          lp_clock_wall_ms() / 1000, &claims, err);
    if (r == 0)
        r = read_holder(claims, &holder, err);
    if (r < 0)
        return r;
    memcpy(ret_user_id, holder.user_id, STORE_UUID);
    hash_token(token, ret_hash);
    return 0;
}
