/* By what the gateway knows tokens: secrets of its own, and the public keys of an issuer. */
#include "unit/gateway_fixture.h"

#include <sched.h>

#include "base/clock.h"
#include "service/jwt.h"

#define SEED_ONE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define SEED_TWO "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static struct lp_jwt_keys *signer(const char *secrets, const char *seed)
{
    struct lp_jwt_keys *keys = NULL;
    struct lp_error err = { .msg = "" };

    if (lp_jwt_keys_new(secrets, &keys, &err) < 0 ||
        (seed && lp_jwt_keys_add_private(keys, seed, &err) < 0))
        fail_msg("%s", err.msg);
    return keys;
}

static char *request_with(struct lp_jwt_keys *keys, const char *typ)
{
    json_auto_t *claims = lp_json_make("{s:s, s:s, s:s, s:I}", "userId", "u1", "typ", typ, "aud",
                                       LP_JWT_AUDIENCE, "exp", (json_int_t)4000000000);
    lp_auto_free char *token = NULL;
    struct lp_error err;

    if (lp_jwt_sign(keys, claims, &token, &err) < 0)
        fail_msg("%s", err.msg);
    return lp_sprintf("GET /ai/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\n\r\n", token);
}

/* The answer of an issuer with this key. */
static char *key_set(struct lp_jwt_keys *keys)
{
    json_auto_t *jwks = lp_jwt_keys_jwks(keys);
    lp_auto_free char *text = json_dumps(jwks, JSON_COMPACT);

    return lp_sprintf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(text), text);
}

static void a_refresh_token_does_not_pass(void **state)
{
    struct lp_jwt_keys *keys = signer("secret-one", NULL);
    lp_auto_free char *access = request_with(keys, LP_JWT_ACCESS);
    lp_auto_free char *refresh = request_with(keys, LP_JWT_REFRESH);
    static const struct fake_script scripts[] = { { .reply = OK }, FAKE_SCRIPT_END };
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    assert_int_equal(fixture_ask(&f, access), 200);
    assert_int_equal(fixture_ask(&f, refresh), 401);
    assert_string_equal(raw_body(&f.out), "{\"message\":\"Invalid or expired token\"}");
    fixture_down(&f);
    lp_jwt_keys_free(keys);
}

static void await_ready(struct gateway *g)
{
    int64_t end = lp_clock_ms() + 30000;
    char why[128];

    while (!gateway_ready(g, why)) {
        assert_true(lp_clock_ms() < end);
        sched_yield();
    }
}

static void knows_tokens_by_the_issuers_public_keys_and_keeps_them_while_it_is_away(void **state)
{
    struct lp_jwt_keys *one = signer(NULL, SEED_ONE), *two = signer(NULL, SEED_TWO);
    lp_auto_free char *set = key_set(one);
    const struct fake_script scripts[] = {
        { .match = "GET /jwks ", .reply = set, .times = 1 },
        { .match = "GET /jwks ", .then = FAKE_CLOSE },
        { .reply = OK },
        FAKE_SCRIPT_END,
    };
    lp_auto_free char *good = request_with(one, LP_JWT_ACCESS);
    lp_auto_free char *refresh = request_with(one, LP_JWT_REFRESH);
    lp_auto_free char *other = request_with(two, LP_JWT_ACCESS);
    struct fixture f;
    (void)state;

    fixture_up(&f, scripts, NULL);
    lp_auto_free char *url = lp_sprintf("%s/jwks", fake_upstream_url(f.upstream));
    struct gateway_config c = f.config;
    gateway_free(f.gateway, 1000);
    c.jwt_secrets = "";
    c.jwks_url = url;
    c.jwks_refresh_ms = 100;
    f.gateway = gateway_up(&c);
    f.port = gateway_port(f.gateway);
    await_ready(f.gateway);
    assert_int_equal(fixture_ask(&f, good), 200);
    fake_upstream_await_requests(f.upstream, 3); /* one fetch more, which fails */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(fixture_ask(&f, good), 200);
    assert_int_equal(fixture_ask(&f, refresh), 401);
    int status =
        fixture_ask(&f, other); /* perhaps by a key that is just new: 503 while it is asked for */
    assert_true(status == 401 || status == 503);
    assert_int_equal(fixture_ask(&f, "GET /ai/x HTTP/1.1\r\nHost: g\r\n" GATEWAY_BEARER "\r\n"),
                     401);
    fixture_down(&f);
    lp_jwt_keys_free(one);
    lp_jwt_keys_free(two);
}

static void is_told_by_what_tokens_are_known(void **state)
{
    struct gateway_config c = gateway_defaults("http://127.0.0.1:1");
    struct lp_error err;
    (void)state;

    c.jwt_secrets = "";
    assert_int_equal(gateway_check(&c, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "AUTH_JWKS_URL, AUTH_JWT_SECRET or AUTH_JWT_KEYS_DIR"));
    c.jwks_url = "http://127.0.0.1:1/jwks";
    assert_int_equal(gateway_check(&c, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refresh_token_does_not_pass),
        cmocka_unit_test(knows_tokens_by_the_issuers_public_keys_and_keeps_them_while_it_is_away),
        cmocka_unit_test(is_told_by_what_tokens_are_known),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("gateway_keys", tests, NULL, NULL);
}
