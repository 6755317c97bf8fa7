/* The key is that of RFC 8037, appendix A; node's crypto made the tokens from it. */
#include "service/jwt.h"

#include <string.h>

#include "json/json.h"
#include "unit/check.h"

#define D "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define PEM                                                              \
    "-----BEGIN "                                                        \
    "PRIVATE KEY-----\n"                                                 \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
    "-----END "                                                          \
    "PRIVATE KEY-----\n"
#define JWKS "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" X "\"}]}"

#define TOKEN                                                                                 \
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHh" \
    "IQ1R3WEJ5Z3JTNGsifQ.eyJ1c2VySWQiOiJ1MSIsInR5cCI6ImFjY2VzcyIsImF1ZCI6ImxlYXJuaW5nLXBsYXR" \
    "mb3JtIiwiZXhwIjoyMDAwMDAwMDAwfQ.VeWrPwXjU8e8nmQTnTKDgvU8jZShqrfHFWPJ0MXRq_g2SwS4sNm_Xgk" \
    "fTPlhfc_69ZwyzoNEs_AROM0SJ4bZBQ"

static struct lp_jwt_keys *keys_of(const char *secrets, const char *private, const char *jwks)
{
    struct lp_jwt_keys *k = NULL;
    ok(lp_jwt_keys_new(secrets, &k, &err));
    if (private)
        ok(lp_jwt_keys_add_private(k, private, &err));
    if (jwks) {
        json_auto_t *set = json_loads(jwks, 0, NULL);
        ok(lp_jwt_keys_add_jwks(k, set, &err));
    }
    return k;
}

/* The result of a verification of `token`; frees the keys. */
static int verified(struct lp_jwt_keys *k, const char *token, const struct lp_jwt_want *want)
{
    json_t *claims = NULL;
    struct lp_error err;
    int r = lp_jwt_verify(k, token, strlen(token), want, 1000, &claims, &err);
    json_decref(claims);
    lp_jwt_keys_free(k);
    return r;
}

static char *signed_with(struct lp_jwt_keys *k, const char *claims_text)
{
    json_auto_t *claims = json_loads(claims_text, 0, NULL);
    char *token = NULL;
    ok(lp_jwt_sign(k, claims, &token, &err));
    lp_jwt_keys_free(k);
    return token;
}

static void verifies_what_another_library_signed(void **state)
{
    (void)state;
    assert_int_equal(verified(keys_of(NULL, NULL, JWKS), TOKEN, &lp_jwt_access), 0);
    assert_int_equal(verified(keys_of(NULL, D, NULL), TOKEN, &lp_jwt_access), 0);
    assert_int_equal(verified(keys_of("secret-one", PEM, NULL), TOKEN, &lp_jwt_access), 0);
}

/* RFC 8037, A.4: the payload is no JSON, which is told after the signature was found good. */
static void verifies_the_example_of_the_standard(void **state)
{
    static const char token[] =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    struct lp_jwt_keys *k = keys_of(NULL, NULL, JWKS);
    json_t *claims = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_jwt_verify(k, token, strlen(token), &lp_jwt_access, 1, &claims, &err),
                     LP_E_DENIED);
    assert_string_equal(err.msg, "token payload is not base64url of JSON");
    lp_jwt_keys_free(k);
}

static void signs_with_the_private_key_and_names_it_by_its_thumbprint(void **state)
{
    lp_auto_free char *token = signed_with(
        keys_of("secret-one", D, NULL),
        "{\"userId\":\"u1\",\"typ\":\"access\",\"aud\":\"learning-platform\",\"exp\":2000000000}");
    (void)state;
    assert_int_equal(verified(keys_of(NULL, NULL, JWKS), token, &lp_jwt_access), 0);
    assert_int_equal(verified(keys_of("secret-one", NULL, NULL), token, &lp_jwt_access),
                     LP_E_NOT_FOUND);
}

static void publishes_public_halves_only(void **state)
{
    struct lp_jwt_keys *k = keys_of("secret-one", D, NULL);
    json_auto_t *set = lp_jwt_keys_jwks(k);
    json_auto_t *want =
        lp_json_make("{s:[{s:s, s:s, s:s, s:s, s:s, s:s}]}", "keys", "kty", "OKP", "crv", "Ed25519",
                     "x", X, "kid", KID, "use", "sig", "alg", "EdDSA");
    (void)state;
    assert_true(json_equal(set, want));
    lp_jwt_keys_free(k);
}

static void takes_no_hmac_keyed_with_the_public_key(void **state)
{
    static const char *const tokens[] = {
        /* by the text of x, and by its bytes */
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R3WEJ5Z3JTNGsif"
        "Q.eyJ1c2VySWQiOiJ1MSIsInR5cCI6ImFjY2VzcyIsImF1ZCI6ImxlYXJuaW5nLXBsYXRmb3JtIiwiZXhwIjoyMDA"
        "wMDAwMDAwfQ.pGS22oa232sHFssWvUwl-izpLhN0qGpbpB0d94KS33c",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R3WEJ5Z3JTNGsif"
        "Q.eyJ1c2VySWQiOiJ1MSIsInR5cCI6ImFjY2VzcyIsImF1ZCI6ImxlYXJuaW5nLXBsYXRmb3JtIiwiZXhwIjoyMDA"
        "wMDAwMDAwfQ.65wR7WAm4w3pKTzAhvEeyze2VpA1LUECkeMtynGqX_Q",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(tokens); i++)
        assert_int_equal(verified(keys_of("secret-one", NULL, JWKS), tokens[i], &lp_jwt_access),
                         LP_E_DENIED);
}

/* Issue 12, 23. */
static void a_refresh_token_is_no_access_token(void **state)
{
    static const char refresh[] = "{\"userId\":\"u1\",\"typ\":\"refresh\",\"exp\":2000000000}";
    lp_auto_free char *hs = signed_with(keys_of("secret-one", NULL, NULL), refresh);
    lp_auto_free char *ed = signed_with(keys_of(NULL, D, NULL), refresh);
    (void)state;
    assert_int_equal(verified(keys_of("secret-one", NULL, NULL), hs, &lp_jwt_access), LP_E_DENIED);
    assert_int_equal(verified(keys_of(NULL, NULL, JWKS), ed, &lp_jwt_access), LP_E_DENIED);
    assert_int_equal(verified(keys_of("secret-one", NULL, NULL), hs, &lp_jwt_refresh), 0);
    assert_int_equal(verified(keys_of(NULL, NULL, JWKS), ed, &lp_jwt_refresh), 0);
}

static void claims_that_are_optional_under_a_shared_secret_are_required_under_ed25519(void **state)
{
    static const struct {
        const char *claims;
        int hs, ed;
    } cases[] = {
        { "{\"userId\":\"u1\",\"exp\":2000}", 0, LP_E_DENIED },
        { "{\"typ\":\"access\",\"exp\":2000}", 0, LP_E_DENIED },
        { "{\"aud\":\"learning-platform\",\"exp\":2000}", 0, LP_E_DENIED },
        { "{\"typ\":\"access\",\"aud\":\"learning-platform\"}", 0, LP_E_DENIED },
        { "{\"typ\":\"access\",\"aud\":\"learning-platform\",\"exp\":2000}", 0, 0 },
        { "{\"typ\":\"access\",\"aud\":[\"a\",\"learning-platform\"],\"exp\":2000.5}", 0, 0 },
        { "{\"typ\":\"access\",\"aud\":\"progress\",\"exp\":2000}", LP_E_DENIED, LP_E_DENIED },
        { "{\"typ\":\"access\",\"aud\":7,\"exp\":2000}", LP_E_DENIED, LP_E_DENIED },
        { "{\"typ\":7,\"aud\":\"learning-platform\",\"exp\":2000}", LP_E_DENIED, LP_E_DENIED },
        { "{\"typ\":\"access\",\"aud\":\"learning-platform\",\"exp\":999}", LP_E_DENIED,
          LP_E_DENIED },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *hs = signed_with(keys_of("secret-one", NULL, NULL), cases[i].claims);
        lp_auto_free char *ed = signed_with(keys_of(NULL, D, NULL), cases[i].claims);
        assert_int_equal(verified(keys_of("secret-one", NULL, NULL), hs, &lp_jwt_access),
                         cases[i].hs);
        assert_int_equal(verified(keys_of(NULL, NULL, JWKS), ed, &lp_jwt_access), cases[i].ed);
    }
}

static void refuses_a_token_with_any_character_changed(void **state)
{
    struct lp_jwt_keys *k = keys_of(NULL, NULL, JWKS);
    (void)state;
    for (size_t i = 0; i < strlen(TOKEN); i++) {
        char token[] = TOKEN;
        json_t *claims = NULL;
        struct lp_error err;
        token[i] = token[i] == 'A' ? 'B' : 'A';
        assert_true(lp_jwt_verify(k, token, strlen(token), &lp_jwt_access, 1, &claims, &err) < 0);
    }
    lp_jwt_keys_free(k);
}

static int jwks_result(const char *text, size_t *ret_n)
{
    struct lp_jwt_keys *k = keys_of(NULL, NULL, NULL);
    json_auto_t *set = json_loads(text, 0, NULL);
    struct lp_error err;
    int r = lp_jwt_keys_add_jwks(k, set, &err);
    json_auto_t *after = lp_jwt_keys_jwks(k);
    *ret_n = json_array_size(json_object_get(after, "keys"));
    lp_jwt_keys_free(k);
    return r;
}

static void reads_the_keys_of_a_set_that_are_of_use(void **state)
{
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\""
    static const struct {
        const char *text;
        int want;
        size_t n;
    } cases[] = {
        { "{}", LP_E_INVALID, 0 },
        { "[]", LP_E_INVALID, 0 },
        { "{\"keys\":[]}", LP_E_INVALID, 0 },
        { "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", LP_E_INVALID, 0 },
        { "{\"keys\":[{" OKP ",\"x\":\"" X "\",\"use\":\"enc\"}]}", LP_E_INVALID, 0 },
        { "{\"keys\":[7,{\"kty\":\"RSA\"},{" OKP ",\"x\":\"" X "\",\"kid\":\"a\"}]}", 0, 1 },
        { "{\"keys\":[{" OKP ",\"x\":\"" X "\",\"kid\":\"a\"},{" OKP ",\"x\":\"AA\"}]}",
          LP_E_INVALID, 0 },
        { "{\"keys\":[{" OKP ",\"x\":\"" X "\",\"kid\":\"\"}]}", LP_E_INVALID, 0 },
        { "{\"keys\":[{" OKP ",\"x\":7}]}", LP_E_INVALID, 0 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        size_t n;
        assert_int_equal(jwks_result(cases[i].text, &n), cases[i].want);
        assert_int_equal(n, cases[i].n);
    }
}

static void refuses_a_set_with_more_keys_than_the_limit(void **state)
{
    json_auto_t *set = lp_json_make("{s:[]}", "keys");
    struct lp_jwt_keys *k = keys_of(NULL, NULL, NULL);
    struct lp_error err;
    (void)state;
    for (int i = 0; i < 17; i++)
        json_array_append_new(
            json_object_get(set, "keys"),
            lp_json_make("{s:s, s:s, s:s}", "kty", "OKP", "crv", "Ed25519", "x", X));
    assert_int_equal(lp_jwt_keys_add_jwks(k, set, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "more than 16 Ed25519 keys");
    lp_jwt_keys_free(k);
}

static void refuses_what_is_no_ed25519_private_key(void **state)
{
    static const char *const keys[] = { "",
                                        "AA",
                                        D "A",
                                        D " x",
                                        "-----BEGIN "
                                        "PRIVATE KEY-----",
                                        "-----BEGIN "
                                        "PUBLIC KEY-----\nAAAA\n"
                                        "-----END "
                                        "PUBLIC KEY-----\n" };
    struct lp_jwt_keys *k = keys_of(NULL, NULL, NULL);
    struct lp_error err;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(keys); i++)
        assert_int_equal(lp_jwt_keys_add_private(k, keys[i], &err), LP_E_INVALID);
    json_auto_t *claims = json_object();
    char *token = NULL;
    assert_int_equal(lp_jwt_sign(k, claims, &token, &err), LP_E_INVALID);
    lp_jwt_keys_free(k);
}

/* Issue 12, 37. */
static void an_exp_beyond_64_bits_is_in_the_future_and_one_below_in_the_past(void **state)
{
    static const struct {
        const char *token;
        int want;
    } cases[] = {
        /* exp 99999999999999999999 */
        { "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6OTk5OTk5OTk5OTk5OTk5OTk5OTl9."
          "4vbt48jGX4vYc0lm0veXkwexnOp2ebR96zx28nbWPBc",
          0 },
        /* exp -99999999999999999999 */
        { "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6LTk5OTk5OTk5OTk5OTk5OTk5OTk5fQ."
          "6gasE4mdAng--WzvDH7QgR-oKeBrPS41-lqqXRJpCek",
          LP_E_DENIED },
        /* nbf 99999999999999999999 */
        { "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJ1MSIsIm5iZiI6OTk5OTk5OTk5OTk5OTk5OTk5OTl9."
          "Asa0my0FmxLnR2znoHumcZZXNL2BDSyVJImE6Urk58U",
          LP_E_DENIED },
        /* exp 1e999, which is no number here */
        { "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOiJ1MSIsImV4cCI6MWU5OTl9."
          "asONmM3PX08QuJgxlDDntmPrj0B5BbGwoDgdiI07S-w",
          LP_E_DENIED },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(
            verified(keys_of("secret-one", NULL, NULL), cases[i].token, &lp_jwt_access),
            cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_what_another_library_signed),
        cmocka_unit_test(verifies_the_example_of_the_standard),
        cmocka_unit_test(signs_with_the_private_key_and_names_it_by_its_thumbprint),
        cmocka_unit_test(publishes_public_halves_only),
        cmocka_unit_test(takes_no_hmac_keyed_with_the_public_key),
        cmocka_unit_test(a_refresh_token_is_no_access_token),
        cmocka_unit_test(claims_that_are_optional_under_a_shared_secret_are_required_under_ed25519),
        cmocka_unit_test(refuses_a_token_with_any_character_changed),
        cmocka_unit_test(reads_the_keys_of_a_set_that_are_of_use),
        cmocka_unit_test(refuses_a_set_with_more_keys_than_the_limit),
        cmocka_unit_test(refuses_what_is_no_ed25519_private_key),
        cmocka_unit_test(an_exp_beyond_64_bits_is_in_the_future_and_one_below_in_the_past),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("jwt_ed25519", tests, NULL, NULL);
}
