/* The tokens below were made with node's crypto from the secrets "secret-one" and "secret-two". */
#include "service/jwt.h"

#include <string.h>

#include "json/json.h"
#include "unit/check.h"

#define HS256                                                                           \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6MjAwMDAwMDAwMH0." \
    "1GGPUXq6Ah8RLFW0fVLMqZ9GPbwlpUiSIs6EKGNqAlI"
#define HS384                                                                           \
    "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6MjAwMDAwMDAwMH0." \
    "K__FTKMWHibTvaeXwrTZFvnlmPkheOF_LilgxcsEoyo9zg7VwHrrO_PLBMxXP2co"
#define HS512                                                                           \
    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6MjAwMDAwMDAwMH0." \
    "xJFxDUgK1F6L_z1OMopSv1dojaJBgoIXTCK7idWioFSzn96Hk4osFDAQAyK14G-GhdyzBhmvsG2-WDG4SwFnew"

static struct lp_jwt_keys *keys_of(const char *secrets)
{
    struct lp_jwt_keys *k = NULL;
    struct lp_error err;
    assert_int_equal(lp_jwt_keys_new(secrets, &k, &err), 0);
    return k;
}

static int verify_at(const char *secrets, const char *token, int64_t now_s)
{
    struct lp_jwt_keys *k = keys_of(secrets);
    json_t *claims = NULL;
    struct lp_error err;
    int r = lp_jwt_verify(k, token, strlen(token), &lp_jwt_access, now_s, &claims, &err);
    json_decref(claims);
    lp_jwt_keys_free(k);
    return r;
}

static void accepts_tokens_that_another_library_signed(void **state)
{
    static const char *const tokens[] = { HS256, HS384, HS512 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(tokens); i++) {
        assert_int_equal(verify_at("secret-one", tokens[i], 1999999999), 0);
        assert_int_equal(verify_at("secret-one", tokens[i], 2000000000), LP_E_DENIED);
        assert_int_equal(verify_at("secret-two", tokens[i], 1), LP_E_DENIED);
        assert_int_equal(verify_at("secret-two,secret-one", tokens[i], 1), 0);
    }
}

static void gives_the_claims(void **state)
{
    struct lp_jwt_keys *k = keys_of("secret-one");
    json_t *claims = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_jwt_verify(k, HS256, strlen(HS256), &lp_jwt_access, 0, &claims, &err), 0);
    assert_string_equal(lp_json_str(claims, "userId", NULL), "u1");
    assert_int_equal(lp_json_int(0, claims, "exp", NULL), 2000000000);
    json_decref(claims);
    lp_jwt_keys_free(k);
}

static void refuses_what_is_no_sound_token(void **state)
{
    static const char *const tokens[] = {
        "",
        ".",
        "..",
        "a.b.c",
        "a.b.c.d",
        /* alg none */
        "eyJhbGciOiJub25lIn0.eyJ1c2VySWQiOiJ1MSJ9.",
        /* crit */
        "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il19.eyJ1c2VySWQiOiJ1MSJ9."
        "kHX6jNh_rOiaWDrWF_FDViBi5mG5rwgg4f0HTH9LkUY",
        /* alg hs256 */
        "eyJhbGciOiJoczI1NiJ9.eyJ1c2VySWQiOiJ1MSJ9."
        "weCuKO9uZLsDibcQyNHABzXoATa65jXf1wxiAVT2Z1g",
        /* the payload is an array */
        "eyJhbGciOiJIUzI1NiJ9.WzFd."
        "c_gGYs1KMQh9s29YOJTnDS6Bou5DwWRyQzAifyhRu60",
        /* the payload is no JSON */
        "eyJhbGciOiJIUzI1NiJ9.aGVsbG8."
        "Yz30soBfR1v-OyspKx1EA5avNP_05O8FN3-PW2qFQvU",
        /* alg twice */
        "eyJhbGciOiJIUzI1NiIsImFsZyI6Im5vbmUifQ.eyJ1c2VySWQiOiJ1MSJ9."
        "5s4dxUhjAd76pS2jmKQlpqYV_5Jc6Esg5VLH4AngJE8",
        /* alg RS256 with an HMAC */
        "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VySWQiOiJ1MSJ9."
        "QWW0x82kymT3qoSnnLOCioyTiU1Xvbn-JOeDNFBhiZs",
        /* the kid of secret-one, signed with secret-two */
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImVhNzcxOTNjIn0.eyJ1c2VySWQiOiJ1MSJ9."
        "Y8WRnO-GNPfXSPVXMY9KDNX5qaUXN-TDLVlj5E3zkxk",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(tokens); i++)
        assert_int_equal(verify_at("secret-one,secret-two", tokens[i], 1), LP_E_DENIED);
}

static void tries_every_key_for_a_kid_that_is_not_ours(void **state)
{
    static const char token[] = "eyJhbGciOiJIUzI1NiIsImtpZCI6Im90aGVyIn0.eyJ1c2VySWQiOiJ1MSJ9."
                                "HiZpTbybr4S7kPX48K4_L5gqnLQtqEReSIfr8MA8M80";
    (void)state;
    assert_int_equal(verify_at("secret-two,secret-one", token, 1), 0);
}

static void refuses_a_token_with_any_character_changed(void **state)
{
    struct lp_jwt_keys *k = keys_of("secret-one");
    (void)state;
    for (size_t i = 0; i < strlen(HS256); i++) {
        char token[] = HS256;
        json_t *claims = NULL;
        struct lp_error err;
        token[i] = token[i] == 'A' ? 'B' : 'A';
        assert_int_equal(lp_jwt_verify(k, token, strlen(token), &lp_jwt_access, 1, &claims, &err),
                         LP_E_DENIED);
    }
    lp_jwt_keys_free(k);
}

static void refuses_a_token_cut_anywhere(void **state)
{
    struct lp_jwt_keys *k = keys_of("secret-one");
    (void)state;
    for (size_t n = 0; n < strlen(HS256); n++) {
        json_t *claims = NULL;
        struct lp_error err;
        assert_int_equal(lp_jwt_verify(k, HS256, n, &lp_jwt_access, 1, &claims, &err), LP_E_DENIED);
    }
    lp_jwt_keys_free(k);
}

static int sign_and_verify(const char *claims_text, int64_t now_s)
{
    struct lp_jwt_keys *k = keys_of("secret-two,secret-one");
    json_auto_t *claims = json_loads(claims_text, 0, NULL), *seen = NULL;
    lp_auto_free char *token = NULL;
    struct lp_error err;

    assert_int_equal(lp_jwt_sign(k, claims, &token, &err), 0);
    int r = lp_jwt_verify(k, token, strlen(token), &lp_jwt_access, now_s, &seen, &err);
    if (r == 0)
        assert_true(json_equal(claims, seen));
    lp_jwt_keys_free(k);
    return r;
}

static void holds_a_token_to_its_times(void **state)
{
    static const struct {
        const char *claims;
        int want;
    } cases[] = {
        { "{}", 0 },
        { "{\"exp\":1001}", 0 },
        { "{\"exp\":1000.5}", 0 },
        { "{\"exp\":1000}", LP_E_DENIED },
        { "{\"exp\":\"2000\"}", LP_E_DENIED },
        { "{\"exp\":null}", LP_E_DENIED },
        { "{\"nbf\":1000}", 0 },
        { "{\"nbf\":1001}", LP_E_DENIED },
        { "{\"nbf\":true}", LP_E_DENIED },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(sign_and_verify(cases[i].claims, 1000), cases[i].want);
}

static void signs_with_the_first_key(void **state)
{
    struct lp_jwt_keys *k = keys_of("secret-one,secret-two");
    json_auto_t *claims = json_pack("{s:s}", "userId", "u1");
    lp_auto_free char *token = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_jwt_sign(k, claims, &token, &err), 0);
    assert_int_equal(verify_at("secret-one", token, 1), 0);
    assert_int_equal(verify_at("secret-two", token, 1), LP_E_DENIED);
    lp_jwt_keys_free(k);
}

static void refuses_claims_that_are_too_large_or_no_object(void **state)
{
    struct lp_jwt_keys *k = keys_of("secret-one");
    lp_auto_free char *text = lp_alloc(9000), *token = NULL;
    struct lp_error err;
    (void)state;
    memset(text, 'x', 8999);
    json_auto_t *large = json_pack("{s:s}", "bio", text), *list = json_array();
    assert_int_equal(lp_jwt_sign(k, large, &token, &err), LP_E_TOO_LARGE);
    assert_int_equal(lp_jwt_sign(k, list, &token, &err), LP_E_INVALID);
    lp_jwt_keys_free(k);
}

static void refuses_a_list_with_an_empty_secret(void **state)
{
    static const char *const lists[] = { "", ",", "a,", ",a", "a,,b" };
    struct lp_jwt_keys *k = NULL;
    struct lp_error err;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(lists); i++)
        assert_int_equal(lp_jwt_keys_new(lists[i], &k, &err), LP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_tokens_that_another_library_signed),
        cmocka_unit_test(gives_the_claims),
        cmocka_unit_test(refuses_what_is_no_sound_token),
        cmocka_unit_test(tries_every_key_for_a_kid_that_is_not_ours),
        cmocka_unit_test(refuses_a_token_with_any_character_changed),
        cmocka_unit_test(refuses_a_token_cut_anywhere),
        cmocka_unit_test(holds_a_token_to_its_times),
        cmocka_unit_test(signs_with_the_first_key),
        cmocka_unit_test(refuses_claims_that_are_too_large_or_no_object),
        cmocka_unit_test(refuses_a_list_with_an_empty_secret),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
