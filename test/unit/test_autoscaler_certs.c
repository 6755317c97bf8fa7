/* test/unit/test_autoscaler_certs.c -- our CA and certificate: made, kept in a Secret, renewed in
 * time. */
#include "autoscaler/registration/certs.h"

#include <openssl/evp.h>
#include <string.h>

#include "autoscaler/registration/x509.h"
#include "json/json.h"
#include "unit/check.h"

#define DAY INT64_C(86400)
#define START INT64_C(1800000000)
#define HOST "lp-metrics.lp-system.svc"

static const struct certs_wish names = { .service = "lp-metrics", .ns = "lp-system" };

static bool renewed(struct certs *c, int64_t now_s)
{
    bool changed = false;
    ok(certs_renew(c, &names, now_s, &changed, &err));
    return changed;
}

static void the_certificate_is_for_the_service(void **state)
{
    auto_certs struct certs c = { 0 };
    (void)state;
    ok(certs_make(&names, START, &c, &err));
    assert_true(x509_serves(c.cert, c.key, c.ca, HOST, START));
    assert_true(x509_serves(c.cert, c.key, c.bundle, "lp-metrics", START));
    assert_true(x509_serves(c.cert, c.key, c.ca, HOST ".cluster.local", START + 89 * DAY));
    assert_false(x509_serves(c.cert, c.key, c.ca, HOST, START + 91 * DAY));
    assert_false(x509_serves(c.cert, c.key, c.ca, "lp-metrics.other.svc", START));
    assert_false(x509_serves(c.cert, c.ca_key, c.ca, HOST, START));
    assert_int_equal(certs_end(&c), START + 90 * DAY);
}

static void it_is_renewed_at_two_thirds_of_its_life(void **state)
{
    auto_certs struct certs c = { 0 };
    (void)state;
    ok(certs_make(&names, START, &c, &err));
    lp_auto_free char *ca = lp_strdup(c.ca);
    assert_false(renewed(&c, START + 59 * DAY));
    assert_true(renewed(&c, START + 61 * DAY));
    assert_int_equal(certs_end(&c), START + (61 + 90) * DAY);
    assert_string_equal(c.ca, ca);
    assert_false(renewed(&c, START + 61 * DAY));
}

static void it_is_made_anew_where_the_service_has_another_name(void **state)
{
    auto_certs struct certs c = { 0 };
    const struct certs_wish other = { .service = "metrics", .ns = "elsewhere" };
    bool changed = false;
    (void)state;
    ok(certs_make(&names, START, &c, &err));
    ok(certs_renew(&c, &other, START, &changed, &err));
    assert_true(changed);
    assert_true(x509_serves(c.cert, c.key, c.ca, "metrics.elsewhere.svc", START));
}

/* At no step does the certificate need a CA that was not in the bundle an hour before. */
static void a_new_ca_is_published_before_it_signs(void **state)
{
    auto_certs struct certs c = { 0 };
    const int64_t due = START + 244 * DAY;
    (void)state;
    ok(certs_make(&names, START, &c, &err));
    lp_auto_free char *old = lp_strdup(c.ca);
    assert_true(renewed(&c, due));
    assert_non_null(strstr(c.bundle, c.ca));
    assert_non_null(strstr(c.bundle, c.next_ca));
    assert_string_equal(c.ca, old);
    assert_true(x509_serves(c.cert, c.key, old, HOST, due));
    assert_false(renewed(&c, due + CERTS_PUBLISH_S - 60));

    lp_auto_free char *next = lp_strdup(c.next_ca);
    assert_true(renewed(&c, due + CERTS_PUBLISH_S));
    assert_string_equal(c.ca, next);
    assert_null(c.next_ca);
    assert_true(x509_serves(c.cert, c.key, next, HOST, due + CERTS_PUBLISH_S));
    assert_non_null(strstr(c.bundle, old));
    assert_non_null(strstr(c.bundle, next));
    assert_false(renewed(&c, due + CERTS_PUBLISH_S + 1));
}

static void an_ended_or_broken_ca_is_said_to_be_of_no_use(void **state)
{
    auto_certs struct certs c = { 0 };
    struct lp_error why;
    bool changed;
    (void)state;
    ok(certs_make(&names, START, &c, &err));
    assert_int_equal(certs_renew(&c, &names, START + 366 * DAY, &changed, &why), LP_E_INVALID);
    memset(c.ca, 'x', strlen(c.ca));
    assert_int_equal(certs_renew(&c, &names, START, &changed, &why), LP_E_INVALID);
}

static void lifetimes_can_be_as_short_as_a_test_wants_them(void **state)
{
    static const struct certs_wish brief = {
        .service = "lp-metrics", .ns = "lp-system", .ca_s = 60, .leaf_s = 30
    };
    auto_certs struct certs c = { 0 };
    bool changed = true;
    (void)state;
    ok(certs_make(&brief, START, &c, &err));
    lp_auto_free char *first_ca = lp_strdup(c.ca), *first = lp_strdup(c.cert);
    ok(certs_renew(&c, &brief, START + 15, &changed, &err));
    assert_false(changed);
    ok(certs_renew(&c, &brief, START + 20, &changed, &err));
    assert_true(changed);
    assert_string_not_equal(c.cert, first);
    ok(certs_renew(&c, &brief, START + 39, &changed, &err));
    assert_non_null(c.next_ca);
    ok(certs_renew(&c, &brief, START + 44, &changed, &err));
    assert_string_not_equal(c.ca, first_ca);
    assert_true(x509_serves(c.cert, c.key, c.ca, HOST, START + 44));
}

/* What the API server makes of stringData. */
static json_t *stored(const struct certs *c)
{
    json_auto_t *text = certs_to_secret(c);
    json_t *data = json_object();
    const char *key;
    json_t *value;
    json_object_foreach(text, key, value)
    {
        size_t n = json_string_length(value);
        lp_auto_free char *base64 = lp_alloc(n / 3 * 4 + 8);
        EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)json_string_value(value),
                        (int)n);
        json_object_set_new(data, key, json_string(base64));
    }
    return lp_json_make("{s:o}", "data", data);
}

static void a_secret_gives_back_what_went_in(void **state)
{
    auto_certs struct certs c = { 0 }, back = { 0 };
    struct lp_error why;
    (void)state;
    ok(certs_make(&names, START, &c, &err));
    assert_true(renewed(&c, START + 244 * DAY));
    json_auto_t *secret = stored(&c);
    ok(certs_from_secret(secret, &back, &err));
    assert_string_equal(back.bundle, c.bundle);
    assert_string_equal(back.key, c.key);
    assert_string_equal(back.next_ca, c.next_ca);

    auto_certs struct certs none = { 0 };
    lp_json_set_str(json_object_get(secret, "data"), "tls.key", "!!!!");
    assert_int_equal(certs_from_secret(secret, &none, &why), LP_E_INVALID);
    assert_non_null(strstr(why.msg, "tls.key"));
    json_object_del(json_object_get(secret, "data"), "ca.crt");
    assert_int_equal(certs_from_secret(secret, &none, &why), LP_E_INVALID);
    assert_non_null(strstr(why.msg, "ca.crt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_certificate_is_for_the_service),
        cmocka_unit_test(it_is_renewed_at_two_thirds_of_its_life),
        cmocka_unit_test(it_is_made_anew_where_the_service_has_another_name),
        cmocka_unit_test(a_new_ca_is_published_before_it_signs),
        cmocka_unit_test(an_ended_or_broken_ca_is_said_to_be_of_no_use),
        cmocka_unit_test(lifetimes_can_be_as_short_as_a_test_wants_them),
        cmocka_unit_test(a_secret_gives_back_what_went_in),
    };
    return cmocka_run_group_tests_name("autoscaler_certs", tests, NULL, NULL);
}
