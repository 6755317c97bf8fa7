/* What a login at an issuer is made of: settings, tickets, claims. */
#include "services/auth/oidc/claims.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/base64url.h"
#include "base/clock.h"
#include "json/json.h"
#include "services/auth/oidc/issuer.h"
#include "services/auth/oidc/ticket.h"
#include "unit/check.h"

#define NOW 1000000

static const unsigned char key[TICKET_KEY] = "a key of thirty-two bytes length";

static struct oidc_settings good_settings(void)
{
    return (struct oidc_settings){ .issuer = "https://id.example.org/realms/school",
                                   .client_id = "lp",
                                   .client_secret = "",
                                   .scopes = "openid email",
                                   .role_claim = "",
                                   .roles = "{}",
                                   .redirect_url = "",
                                   .ca_pem = "" };
}

/* ---- settings ---- */

static void assert_refused(const struct oidc_settings *s, const char *variable)
{
    struct lp_error err;
    assert_int_equal(oidc_settings_check(s, &err), LP_E_INVALID);
    if (strncmp(err.msg, variable, strlen(variable)) != 0)
        fail_msg("%s does not begin with %s", err.msg, variable);
}

static void only_https_and_loopback_are_safe_unless_http_is_allowed(void **state)
{
    static const char *const safe[] = { "https://id.example.org",  "https://id.example.org:8443/x",
                                        "http://localhost:4000/x", "http://127.0.0.1",
                                        "http://127.0.0.1:1",      "http://[::1]:4000",
                                        "http://localhost?a=b" };
    static const char *const unsafe[] = {
        "http://id.example.org",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@evil.org",
        "https://a@b.example.org",
        "https://",
        "https:///x",
        "https://?x",
        "ftp://id.example.org",
        "https://id.example.org#x",
        "//id.example.org",
        "https://id.example.org/\r\nX: y",
        "https://:443",
        "",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(safe); i++)
        if (!oidc_url_is_safe(safe[i], false))
            fail_msg("%s is not safe", safe[i]);
    for (size_t i = 0; i < LP_COUNT(unsafe); i++)
        if (oidc_url_is_safe(unsafe[i], false))
            fail_msg("%s is safe", unsafe[i]);
    assert_true(oidc_url_is_safe("http://dex.dex.svc:5556", true));
    assert_false(oidc_url_is_safe("ftp://dex.dex.svc", true));
}

static void what_is_missing_or_wrong_is_told_by_the_variables_name(void **state)
{
    struct oidc_settings s = good_settings();
    (void)state;
    ok(oidc_settings_check(&s, &err));
    s.issuer = "http://id.example.org";
    assert_refused(&s, "OIDC_ISSUER:");
    s.issuer = "https://id.example.org/?tenant=1";
    assert_refused(&s, "OIDC_ISSUER:");
    s = good_settings();
    s.client_id = "";
    assert_refused(&s, "OIDC_CLIENT_ID:");
    s = good_settings();
    s.scopes = "email openidx xopenid";
    assert_refused(&s, "OIDC_SCOPES:");
    s = good_settings();
    s.redirect_url = "http://learn.example.org/back";
    assert_refused(&s, "OIDC_REDIRECT_URL:");
}

static void a_map_of_roles_needs_a_claim_and_knows_three_roles(void **state)
{
    static const char *const bad[] = { "",          "{",
                                       "[]",        "{\"x\":\"root\"}",
                                       "{\"x\":1}", "{\"x\":\"Admin\"}" };
    struct oidc_settings s = good_settings();
    (void)state;
    s.role_claim = "groups";
    assert_refused(&s, "OIDC_ROLES:");
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        s.roles = bad[i];
        assert_refused(&s, "OIDC_ROLES");
    }
    s.roles = "{\"staff\":\"teacher\",\"root\":\"admin\",\"all\":\"user\"}";
    ok(oidc_settings_check(&s, &err));
    s.role_claim = "";
    assert_refused(&s, "OIDC_ROLE_CLAIM:");
}

static void nothing_is_checked_where_there_is_no_issuer(void **state)
{
    struct oidc_settings s = good_settings();
    (void)state;
    s.issuer = "";
    s.client_id = "";
    s.roles = "rubbish";
    ok(oidc_settings_check(&s, &err));
}

/* ---- tickets ---- */

static struct ticket new_ticket(void)
{
    struct ticket t;
    ok(ticket_new(key, NOW, &t, &err));
    return t;
}

static void a_ticket_is_read_again_from_its_cookie_and_state(void **state)
{
    struct ticket t = new_ticket(), again;
    (void)state;
    ok(ticket_read(key, t.cookie, t.state, NOW + TICKET_SECONDS - 1, &again, &err));
    assert_string_equal(again.nonce, t.nonce);
    assert_string_equal(again.verifier, t.verifier);
    assert_string_equal(again.hash, t.hash);
    assert_int_equal(again.expires_s, NOW + TICKET_SECONDS);
    assert_int_equal(strlen(t.verifier), 43); /* RFC 7636, 4.1: 43 to 128 */
}

static void no_two_values_of_a_ticket_or_of_two_tickets_are_the_same(void **state)
{
    struct ticket a = new_ticket(), b = new_ticket();
    (void)state;
    assert_string_not_equal(a.state, b.state);
    assert_string_not_equal(a.nonce, a.state);
    assert_string_not_equal(a.verifier, a.state);
    assert_string_not_equal(a.verifier, a.nonce);
    assert_string_not_equal(a.challenge, a.verifier);
}

static int read_result(const unsigned char *with, const char *cookie, const char *state,
                       int64_t now_s)
{
    struct ticket t;
    struct lp_error err;
    return ticket_read(with, cookie, state, now_s, &t, &err);
}

static void another_key_state_or_end_is_refused(void **state)
{
    static const unsigned char other[TICKET_KEY] = "another key of as many bytes....";
    struct ticket t = new_ticket(), longer = t;
    (void)state;
    assert_int_equal(read_result(other, t.cookie, t.state, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, t.cookie, new_ticket().state, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, t.cookie, t.nonce, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, t.cookie, t.state, NOW + TICKET_SECONDS), LP_E_DENIED);
    snprintf(strchr(longer.cookie, '.'), 20, ".%d", NOW + 10 * TICKET_SECONDS);
    assert_int_equal(read_result(key, longer.cookie, t.state, NOW), LP_E_DENIED);
}

static void what_is_no_cookie_or_no_state_is_refused(void **state)
{
    struct ticket t = new_ticket();
    char huge[2000];
    (void)state;
    memset(huge, 'a', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    huge[43] = '.';
    assert_int_equal(read_result(key, NULL, t.state, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, t.cookie, NULL, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, "", t.state, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, ".", t.state, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, huge, t.state, NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, t.cookie, "", NOW), LP_E_DENIED);
    assert_int_equal(read_result(key, t.cookie, huge, NOW), LP_E_DENIED);
}

/* RFC 7636, 4.2; the real issuer of integration/oidc checks it too. */
static void the_challenge_is_s256_of_the_verifier(void **state)
{
    struct ticket t = new_ticket();
    unsigned char digest[SHA256_DIGEST_LENGTH];
    lp_auto_buf struct lp_buf want = LP_BUF_INIT(64);
    (void)state;
    SHA256((const unsigned char *)t.verifier, strlen(t.verifier), digest);
    lp_base64url_encode(digest, sizeof digest, &want);
    assert_string_equal(t.challenge, want.ptr);
}

/* ---- the issuer ---- */

/* Nobody listens on port 1. */
static void an_issuer_that_is_away_is_not_asked_again_at_once(void **state)
{
    struct oidc_settings s = good_settings();
    struct ticket t = new_ticket();
    struct issuer *issuer = NULL;
    struct lp_error err;
    lp_auto_free char *url = NULL;
    int64_t began_ms = lp_clock_ms();
    (void)state;
    s.issuer = "http://127.0.0.1:1";
    assert_int_equal(issuer_new(&s, "http://localhost/back", 32, &issuer, &err), 0);
    assert_int_equal(issuer_login_url(issuer, &t, &url, &err), LP_E_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "discovery document"));
    assert_int_equal(issuer_login_url(issuer, &t, &url, &err), LP_E_UNAVAILABLE);
    if (lp_clock_ms() - began_ms < 2000)
        assert_string_equal(err.msg, "issuer: it was away a moment ago");
    issuer_free(issuer);
}

/* ---- claims ---- */

static struct claims_person person_of(const char *text, const char *claim, const char *map)
{
    struct oidc_settings s = good_settings();
    struct claims_person person;
    json_auto_t *claims = json_loads(text, 0, NULL);
    json_auto_t *roles = json_loads(map, 0, NULL);
    assert_non_null(claims);
    assert_non_null(roles);
    s.role_claim = claim;
    claims_person(claims, &s, roles, &person);
    return person;
}

#define MAP "{\"staff\":\"teacher\",\"root\":\"admin\",\"all\":\"user\"}"
#define SUB "\"sub\":\"s1\""

static void a_role_comes_from_the_map_alone(void **state)
{
    static const struct {
        const char *claims, *claim, *role;
    } cases[] = {
        { "{" SUB ",\"groups\":[\"staff\"]}", "groups", "teacher" },
        { "{" SUB ",\"groups\":\"root\"}", "groups", "admin" },
        { "{" SUB ",\"groups\":[\"all\",7,\"staff\",null,\"x\"]}", "groups", "teacher" },
        { "{" SUB ",\"groups\":[\"admin\",\"teacher\"]}", "groups", NULL },
        { "{" SUB ",\"groups\":{\"root\":true}}", "groups", NULL },
        { "{" SUB ",\"role\":\"root\"}", "groups", NULL },
        { "{" SUB ",\"role\":\"root\"}", "", NULL },
        { "{" SUB ",\"realm_access\":{\"roles\":[\"root\"]}}", "realm_access.roles", "admin" },
        { "{" SUB ",\"realm_access\":7}", "realm_access.roles", NULL },
        { "{" SUB ",\"https://a.b/roles\":[\"staff\"]}", "https://a.b/roles", "teacher" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct claims_person p = person_of(cases[i].claims, cases[i].claim, MAP);
        if (!p.role != !cases[i].role || (p.role && strcmp(p.role, cases[i].role) != 0))
            fail_msg("%s gives %s", cases[i].claims, p.role ? p.role : "none");
    }
}

static void an_address_is_verified_only_where_the_issuer_says_so(void **state)
{
    (void)state;
    assert_true(person_of("{" SUB ",\"email\":\"a@b.org\",\"email_verified\":true}", "", "{}")
                    .email_verified);
    assert_false(person_of("{" SUB ",\"email\":\"a@b.org\"}", "", "{}").email_verified);
    assert_false(
        person_of("{" SUB ",\"email\":\"a@b.org\",\"email_verified\":1}", "", "{}").email_verified);
    assert_false(person_of("{" SUB ",\"email\":\"no address\",\"email_verified\":true}", "", "{}")
                     .email_verified);
    assert_string_equal(person_of("{" SUB ",\"email\":\"Ada@B.ORG\"}", "", "{}").account.email,
                        "ada@b.org");
}

static void a_name_that_no_account_may_have_gives_way_to_the_next(void **state)
{
    (void)state;
    assert_string_equal(person_of("{" SUB ",\"name\":\" Ada L. \"}", "", "{}").account.name,
                        "Ada L.");
    assert_string_equal(
        person_of("{" SUB ",\"name\":\"A\",\"preferred_username\":\"ada\"}", "", "{}").account.name,
        "ada");
    assert_string_equal(
        person_of("{" SUB ",\"name\":7,\"email\":\"lovelace@b.org\"}", "", "{}").account.name,
        "lovelace");
    assert_string_equal(person_of("{" SUB "}", "", "{}").account.name, "Learner");
}

static int checked(const char *text)
{
    struct lp_error err;
    json_auto_t *claims = json_loads(text, 0, NULL);
    assert_non_null(claims);
    return claims_check(claims, "lp", "n1", NOW, &err);
}

static void a_token_of_another_login_or_client_is_refused(void **state)
{
    static const char *const bad[] = {
        "{" SUB ",\"iat\":1000000}",
        "{" SUB ",\"nonce\":\"n2\",\"iat\":1000000}",
        "{\"nonce\":\"n1\",\"iat\":1000000}",
        "{" SUB ",\"nonce\":\"n1\"}",
        "{" SUB ",\"nonce\":\"n1\",\"iat\":\"1\"}",
        "{" SUB ",\"nonce\":\"n1\",\"iat\":1000061}",
        "{" SUB ",\"nonce\":\"n1\",\"iat\":1000000,\"azp\":\"other\"}",
        "{" SUB ",\"nonce\":\"n1\",\"iat\":1000000,\"azp\":null}",
        "{" SUB ",\"nonce\":\"n1\",\"iat\":1000000,\"aud\":[\"lp\",\"x\"]}",
    };
    (void)state;
    assert_int_equal(checked("{" SUB ",\"nonce\":\"n1\",\"iat\":1000060}"), 0);
    assert_int_equal(
        checked("{" SUB ",\"nonce\":\"n1\",\"iat\":1,\"aud\":[\"lp\",\"x\"],\"azp\":\"lp\"}"), 0);
    for (size_t i = 0; i < LP_COUNT(bad); i++)
        assert_int_equal(checked(bad[i]), LP_E_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_https_and_loopback_are_safe_unless_http_is_allowed),
        cmocka_unit_test(what_is_missing_or_wrong_is_told_by_the_variables_name),
        cmocka_unit_test(a_map_of_roles_needs_a_claim_and_knows_three_roles),
        cmocka_unit_test(nothing_is_checked_where_there_is_no_issuer),
        cmocka_unit_test(a_ticket_is_read_again_from_its_cookie_and_state),
        cmocka_unit_test(no_two_values_of_a_ticket_or_of_two_tickets_are_the_same),
        cmocka_unit_test(another_key_state_or_end_is_refused),
        cmocka_unit_test(what_is_no_cookie_or_no_state_is_refused),
        cmocka_unit_test(the_challenge_is_s256_of_the_verifier),
        cmocka_unit_test(an_issuer_that_is_away_is_not_asked_again_at_once),
        cmocka_unit_test(a_role_comes_from_the_map_alone),
        cmocka_unit_test(an_address_is_verified_only_where_the_issuer_says_so),
        cmocka_unit_test(a_name_that_no_account_may_have_gives_way_to_the_next),
        cmocka_unit_test(a_token_of_another_login_or_client_is_refused),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("auth_oidc", tests, NULL, NULL);
}
