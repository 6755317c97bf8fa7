/* Node's crypto made keys and tokens; the private halves were thrown away. */
#include "service/jwt.h"

#include <string.h>

#include "json/json.h"
#include "unit/check.h"

#define N                                                                                      \
    "p5bEnnNQ2LX1wJAOlrfvhdbmslDw1QQH4gBSaUa4h1RRuYfpDZsDAuTE5nxq4WGNy7BuH99bU2QDcs0UVibGJZI8" \
    "2ftWKsoY0JMXwDFnCGi71wZcxLwPj0M80uSNW6etG24AqCUUM8VBTsHBUdV74fd_SvECT5gEbmtldbx0NBpjYS3E" \
    "hbGoJO615zuaVMKd7_PHgMGj3WEFIyWC6Fdzi09ZIs4WA973hIB8D1qbRP4WXl9ed4JMkvgISF5LUOwv_tivmVCA" \
    "W5eLOiC_HI_65DrYIoUrqFMRs4_cE8VNZ1sZaEKtY0DENDRQaqRL5lsAJgIuk7j8yIaPw3s_a9CZDQ"
#define WEAK_N                                                                                 \
    "sU9Udtuv1ulwXKCdMdtemfB86v-ZOzRE056xcWWsZiA5VaXJ0YhsINRvqhL4W9uAnYwg12hMyrfhcpb6wUwLx_LC" \
    "2ddofNhd2xFdpwpeDgmYIhswfRfS475NJwPgJSZyuQi3EUUUXzVa0SGB4dmcUXLxzDP4GDXH_MbDsEt9fkk"
#define X "wE2vanx8SHQAiz2Wcxgcl2hHrFj0uYpxwN0uXhZttbw"
#define Y "ocw_8otWQRWaZ4T5ptmpvmGTvu-X2oyjVDplEVIJKWw"
#define RSA(kid, n) "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"kid\":\"" kid "\",\"n\":\"" n "\"}"
#define P256(y) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e1\",\"x\":\"" X "\",\"y\":\"" y "\"}"
#define SET(keys) "{\"keys\":[" keys "]}"
#define ISSUER "https://id.example.org"
#define EXPIRES 2000000000

#define BY_RSA                                                                                 \
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUu" \
    "b3JnIiwiYXVkIjoibHAiLCJzdWIiOiJzMSIsImV4cCI6MjAwMDAwMDAwMH0.cBiGt5lp3vl7v-VnygJFJVNiJMzA" \
    "koEyI1dVhTmNZBUPEO8281Cow57DJe7nayYRcRmtaSo-OBq0qAS3yAMZuym7OaN0Ekdp-ly2Io6A5ZBipVEKhG-J" \
    "pkK4Dj84ztPnCr-uZc5igNhuvJuYeBQRffiGrc1Orig4thYtzDUYvJ7vTCWZGFQLxoGcN10iJocNcwRKEd4k30r_" \
    "BPVuIFe5K0OHl2qg_qN-ccMV-uc8McYGSH17FnO_ub_XDLNYCyCM7k9ITDxtvIeUGx6ubnB9HSinlfresncryBZb" \
    "pHEeaEuAZ5W4f68RQVgW73MUFLxCDF0QaUg_AuhEZG5aQWrxwg"
#define BY_P256                                                                                \
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImUxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUu" \
    "b3JnIiwiYXVkIjoibHAiLCJzdWIiOiJzMSIsImV4cCI6MjAwMDAwMDAwMH0.ktETGZlFnP-zXRBBM0dSF0vGzrDv" \
    "bkrhfZHcpuff_WB25lPmbm5PPAjmmZD8V_tNcH838osOGKXliGDXBrmSgg"
#define BY_WEAK                                                                                \
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IncxIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUu" \
    "b3JnIiwiYXVkIjoibHAiLCJzdWIiOiJzMSIsImV4cCI6MjAwMDAwMDAwMH0.I7VbLTrPYV2Yoeq0TrKpYT7RwJ7U" \
    "YavDkequOR9MTonGbPcpWXYm53oEf8qI38XZGsg93YWKHxgDruvIsQf3jleJFGwVyRB0OCXY_CPaIlbUuhFZ7yqq" \
    "QMaQDDaQS0FoUq5nmj8ImErtu8t9KDzEaWxLnio7skjMIjhV9jebH0o"

static const struct lp_jwt_want good = { .audience = "lp", .issuer = ISSUER };

static struct lp_jwt_keys *no_keys(const char *secrets)
{
    struct lp_jwt_keys *k = NULL;
    ok(lp_jwt_keys_new(secrets, &k, &err));
    return k;
}

static struct lp_jwt_keys *issuer_keys(const char *text)
{
    struct lp_jwt_keys *k = no_keys(NULL);
    json_auto_t *set = json_loads(text, 0, NULL);
    ok(lp_jwt_keys_add_issuer_jwks(k, set, &err));
    return k;
}

static int verified(const char *token, const struct lp_jwt_want *want, int64_t now_s)
{
    struct lp_jwt_keys *k = issuer_keys(SET(RSA("r1", N) "," P256(Y)));
    json_t *claims = NULL;
    struct lp_error err;
    int r = lp_jwt_verify(k, token, strlen(token), want, now_s, &claims, &err);
    json_decref(claims);
    lp_jwt_keys_free(k);
    return r;
}

static void verifies_what_an_issuer_signed_with_rsa_and_with_p256(void **state)
{
    (void)state;
    assert_int_equal(verified(BY_RSA, &good, 1000), 0);
    assert_int_equal(verified(BY_P256, &good, 1000), 0);
}

static void refuses_a_token_that_was_changed_anywhere(void **state)
{
    static const char *const tokens[] = { BY_RSA, BY_P256 };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(tokens); i++) {
        lp_auto_free char *token = lp_strdup(tokens[i]);
        char *payload = strchr(token, '.') + 1, *signature = strchr(payload, '.') + 1;
        size_t n = strlen(payload);
        for (size_t j = 0; j < n; j += 5) {
            char was = payload[j];
            payload[j] = was == 'A' ? 'B' : 'A';
            if (was != '.')
                assert_int_equal(verified(token, &good, 1000), LP_E_DENIED);
            payload[j] = was;
        }
        signature[10] = '\0';
        assert_int_equal(verified(token, &good, 1000), LP_E_DENIED);
    }
}

static void the_issuer_and_the_audience_must_be_the_wanted_ones(void **state)
{
    const struct lp_jwt_want other_issuer = { .audience = "lp", .issuer = ISSUER "/" };
    const struct lp_jwt_want other_audience = { .audience = "lp2", .issuer = ISSUER };
    (void)state;
    assert_int_equal(verified(BY_RSA, &other_issuer, 1000), LP_E_DENIED);
    assert_int_equal(verified(BY_RSA, &other_audience, 1000), LP_E_DENIED);
}

static void clocks_may_differ_by_the_leeway_and_no_more(void **state)
{
    const struct lp_jwt_want lenient = { .audience = "lp", .leeway_s = 60 };
    (void)state;
    assert_int_equal(verified(BY_RSA, &good, EXPIRES), LP_E_DENIED);
    assert_int_equal(verified(BY_RSA, &lenient, EXPIRES + 59), 0);
    assert_int_equal(verified(BY_RSA, &lenient, EXPIRES + 60), LP_E_DENIED);
}

static void a_key_that_the_issuer_has_not_published_is_told_apart(void **state)
{
    (void)state;
    assert_int_equal(verified(BY_WEAK, &good, 1000), LP_E_NOT_FOUND);
}

/* Else a token of a learner could be signed by an algorithm that no key of ours has. */
static void keys_of_our_own_take_neither_rs256_nor_es256(void **state)
{
    struct lp_jwt_keys *k = no_keys("secret-one");
    json_t *claims = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_jwt_verify(k, BY_RSA, strlen(BY_RSA), &good, 1000, &claims, &err),
                     LP_E_DENIED);
    assert_string_equal(err.msg, "token alg is not HS256, HS384, HS512 or EdDSA");
    lp_jwt_keys_free(k);
}

static void assert_no_key_of_use(const char *text)
{
    struct lp_jwt_keys *k = no_keys(NULL);
    struct lp_error err;
    json_auto_t *set = json_loads(text, 0, NULL);
    assert_int_equal(lp_jwt_keys_add_issuer_jwks(k, set, &err), LP_E_INVALID);
    lp_jwt_keys_free(k);
}

static void short_rsa_keys_and_points_off_the_curve_are_passed_over(void **state)
{
    (void)state;
    assert_no_key_of_use(SET(RSA("w1", WEAK_N)));
    assert_no_key_of_use(SET(P256(X)));
    assert_no_key_of_use(SET("{\"kty\":\"oct\",\"k\":\"AAAA\"},7,null"));
    assert_no_key_of_use("{\"keys\":{}}");
    assert_no_key_of_use("[]");
}

static void one_bad_key_does_not_cost_the_good_ones(void **state)
{
    struct lp_jwt_keys *k = issuer_keys(SET("{\"kty\":\"RSA\"}," P256(X) "," RSA("r1", N)));
    json_t *claims = NULL;
    (void)state;
    ok(lp_jwt_verify(k, BY_RSA, strlen(BY_RSA), &good, 1000, &claims, &err));
    json_decref(claims);
    lp_jwt_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_what_an_issuer_signed_with_rsa_and_with_p256),
        cmocka_unit_test(refuses_a_token_that_was_changed_anywhere),
        cmocka_unit_test(the_issuer_and_the_audience_must_be_the_wanted_ones),
        cmocka_unit_test(clocks_may_differ_by_the_leeway_and_no_more),
        cmocka_unit_test(a_key_that_the_issuer_has_not_published_is_told_apart),
        cmocka_unit_test(keys_of_our_own_take_neither_rs256_nor_es256),
        cmocka_unit_test(short_rsa_keys_and_points_off_the_curve_are_passed_over),
        cmocka_unit_test(one_bad_key_does_not_cost_the_good_ones),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("jwt_issuer", tests, NULL, NULL);
}
