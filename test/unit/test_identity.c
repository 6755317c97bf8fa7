/* A server whose answer says who asked; tokens are real ones. */
#include "service/identity.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "http/client/client.h"
#include "unit/check.h"
#include "unit/token_fixture.h"

#define SECRET "some-secret-of-the-test"
#define KEY_AI "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define KEY_AUTH "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define KEY_PROGRESS "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"

static const struct lp_identity_grant grants[] = {
    { "ai-feedback", "log" },
    { "auth", "data" },
    { 0 },
};

/* "/log" and "/data" are routes; answers "who may(ann)", and "teaches" where that is so. */
static void tell(struct lp_http_exchange *x, void *user)
{
    lp_auto_identity struct lp_identity who = { 0 };
    struct lp_service_request r = { .x = x, .route = lp_http_path(x) + 1 };
    struct lp_error err;
    char text[128];

    if (lp_identity_read(user, &r, &who, &err) < 0) {
        lp_http_reply_text(x, err.http_status, err.msg);
        return;
    }
    snprintf(text, sizeof text, "%s %d%s",
             who.anybody  ? "anybody"
             : who.caller ? who.caller
                          : who.user_id,
             lp_identity_may(&who, "ann"), lp_identity_teaches(&who) ? " teaches" : "");
    lp_http_reply_text(x, 200, text);
}

static struct lp_http_server *server_of(struct lp_identities *i)
{
    const struct lp_http_server_options o = {
        .address = "127.0.0.1", .max_body = 0, .name = "identity", .handler = tell, .user = i
    };
    struct lp_http_server *s = NULL;
    ok(lp_http_server_start(&o, &s, &err));
    return s;
}

static struct lp_identities *identities(const char *access, const char *secrets)
{
    const struct lp_identity_config c = { .access = access,
                                          .jwks_url = "",
                                          .secrets = secrets,
                                          .keys_dir = "",
                                          .caller_ai_feedback = KEY_AI,
                                          .caller_auth = KEY_AUTH,
                                          .caller_progress = KEY_PROGRESS };
    struct lp_identities *i = NULL;
    ok(lp_identities_new(&c, "progress", grants, &i, &err));
    return i;
}

static void assert_told(const struct lp_http_server *s, const char *path,
                        const char *const *headers, int status, const char *want)
{
    const struct lp_http_client_options o = { .total_timeout_ms = 30000 };
    lp_auto_http_response struct lp_http_response a = LP_HTTP_RESPONSE_INIT;
    lp_auto_http_client struct lp_http_client *c = NULL;
    lp_auto_free char *url = lp_sprintf("http://127.0.0.1:%u%s", lp_http_server_port(s), path);
    const struct lp_http_request q = { .method = "GET", .url = url, .headers = headers };
    ok(lp_http_client_new(&o, &c, &err));
    ok(lp_http_do(c, &q, &a, &err));
    if (a.status != status || strcmp(a.body.ptr, want) != 0)
        fail_msg("%s: %d %s, not %d %s", path, a.status, a.body.ptr, status, want);
}

/* One request with the claims signed by SECRET. */
static void assert_claims(const struct lp_http_server *s, const char *claims_text, int status,
                          const char *want)
{
    json_auto_t *claims = json_loads(claims_text, 0, NULL);
    struct lp_jwt_keys *k = NULL;
    lp_auto_free char *token = NULL;
    ok(lp_jwt_keys_new(SECRET, &k, &err));
    ok(lp_jwt_sign(k, claims, &token, &err));
    lp_jwt_keys_free(k);
    lp_auto_free char *header = lp_sprintf("Authorization: bearer %s", token);
    assert_told(s, "/x", (const char *const[]){ header, NULL }, status, want);
}

static void a_person_is_who_the_token_says_and_may_reach_their_own(void **state)
{
    static const char bad[] = "Invalid or expired token";
    struct lp_identities *i = identities("owner", SECRET);
    struct lp_http_server *s = server_of(i);
    (void)state;
    assert_claims(s, "{\"userId\":\"ann\"}", 200, "ann 1");
    assert_claims(s, "{\"sub\":\"ann\"}", 200, "ann 1");
    assert_claims(s, "{\"userId\":\"ann\",\"sub\":\"bob\"}", 200, "ann 1");
    assert_claims(s, "{\"userId\":\"bob\"}", 200, "bob 0");
    assert_claims(s, "{\"userId\":\"bob\",\"role\":\"teacher\"}", 200, "bob 0 teaches");
    assert_claims(s, "{\"userId\":\"bob\",\"role\":\"admin\"}", 200, "bob 1 teaches");
    assert_claims(s, "{\"userId\":4711}", 200, "4711 0");
    assert_claims(s, "{\"userId\":\"\"}", 401, bad);
    assert_claims(s, "{\"userId\":null}", 401, bad);
    assert_claims(s, "{\"userId\":[\"ann\"]}", 401, bad);
    assert_claims(s, "{\"role\":\"admin\"}", 401, bad);
    assert_claims(s, "{\"userId\":\"ann\",\"typ\":\"refresh\"}", 401, bad);
    assert_claims(s, "{\"userId\":\"ann\",\"exp\":1}", 401, bad);
    lp_http_server_stop(s);
    lp_identities_free(i);
}

static void no_token_two_tokens_and_other_schemes_are_nobody(void **state)
{
    static const char none[] = "Authorization token missing or invalid";
    static const char *const headers[][3] = {
        { NULL },
        { "Authorization: Basic YTpi", NULL },
        { "Authorization: Bearer", NULL },
        { "Cookie: token=a.b.c", NULL },
    };
    struct lp_identities *i = identities("Owner", SECRET);
    struct lp_http_server *s = server_of(i);
    (void)state;
    for (size_t n = 0; n < LP_COUNT(headers); n++)
        assert_told(s, "/x", headers[n], 401, none);
    assert_told(s, "/x", (const char *const[]){ "Authorization: Bearer a.b.c", NULL }, 401,
                "Invalid or expired token");
    assert_told(
        s, "/x",
        (const char *const[]){ "Authorization: Bearer a.b.c", "Authorization: Bearer a.b.c", NULL },
        400, "{\"error\":\"more than one Authorization\"}"); /* by the server, before anybody reads
                                                                a token */
    lp_http_server_stop(s);
    lp_identities_free(i);
}

static void a_service_may_call_what_it_was_granted_and_nothing_else(void **state)
{
    struct lp_identities *i = identities("Owner", SECRET);
    struct lp_http_server *s = server_of(i);
    struct lp_caller *ai = NULL, *auth = NULL, *liar = NULL, *progress = NULL;
    lp_auto_free char *by_ai = NULL, *by_auth = NULL, *by_liar = NULL, *elsewhere = NULL;
    lp_auto_free char *by_progress = NULL;
    (void)state;
    ok(lp_caller_new("ai-feedback", KEY_AI, &ai, &err));
    ok(lp_caller_new("auth", KEY_AUTH, &auth, &err));
    ok(lp_caller_new("auth", KEY_AI, &liar, &err));
    ok(lp_caller_new("progress", KEY_PROGRESS, &progress, &err));
    ok(lp_caller_header(progress, "progress", &by_progress, &err));
    ok(lp_caller_header(ai, "progress", &by_ai, &err));
    ok(lp_caller_header(ai, "auth", &elsewhere, &err));
    ok(lp_caller_header(auth, "progress", &by_auth, &err));
    ok(lp_caller_header(liar, "progress", &by_liar, &err));
    assert_told(s, "/log", (const char *const[]){ by_ai, NULL }, 200, "ai-feedback 1");
    assert_told(s, "/data", (const char *const[]){ by_ai, NULL }, 403,
                "ai-feedback may not call this");
    assert_told(s, "/data", (const char *const[]){ by_auth, NULL }, 200, "auth 1");
    assert_told(s, "/log", (const char *const[]){ by_auth, NULL }, 403, "auth may not call this");
    assert_told(s, "/data", (const char *const[]){ by_progress, NULL }, 403,
                "progress may not call this");
    assert_told(s, "/data", (const char *const[]){ by_liar, NULL }, 401,
                "Invalid or expired token");
    assert_told(s, "/log", (const char *const[]){ elsewhere, NULL }, 401,
                "Invalid or expired token");
    lp_caller_free(ai);
    lp_caller_free(auth);
    lp_caller_free(liar);
    lp_caller_free(progress);
    lp_http_server_stop(s);
    lp_identities_free(i);
}

/* A key that leaks must not make tokens that are good for ever. */
static void a_call_that_would_be_good_for_more_than_a_minute_is_refused(void **state)
{
    struct lp_identities *i = identities("Owner", SECRET);
    struct lp_http_server *s = server_of(i);
    struct lp_jwt_keys *k = NULL;
    json_int_t now = lp_clock_wall_ms() / 1000;
    const json_int_t ahead[] = { 50, 90, -1 };
    (void)state;
    ok(lp_jwt_keys_new_caller(KEY_AI, &k, &err));
    for (size_t n = 0; n < LP_COUNT(ahead); n++) {
        json_auto_t *claims = lp_json_make("{s:s, s:s, s:I}", "iss", "ai-feedback", "aud",
                                           "progress", "exp", now + ahead[n]);
        lp_auto_free char *token = NULL;
        ok(lp_jwt_sign(k, claims, &token, &err));
        lp_auto_free char *header = lp_sprintf("Authorization: Bearer %s", token);
        assert_told(s, "/log", (const char *const[]){ header, NULL }, n == 0 ? 200 : 401,
                    n == 0 ? "ai-feedback 1" : "Invalid or expired token");
    }
    json_auto_t *endless = lp_json_make("{s:s, s:s}", "iss", "ai-feedback", "aud", "progress");
    lp_auto_free char *token = NULL;
    ok(lp_jwt_sign(k, endless, &token, &err));
    lp_auto_free char *header = lp_sprintf("Authorization: Bearer %s", token);
    assert_told(s, "/log", (const char *const[]){ header, NULL }, 401, "Invalid or expired token");
    lp_jwt_keys_free(k);
    lp_http_server_stop(s);
    lp_identities_free(i);
}

static void access_any_asks_for_nothing(void **state)
{
    struct lp_identities *i = identities("Any", "");
    struct lp_http_server *s = server_of(i);
    (void)state;
    assert_told(s, "/x", NULL, 200, "anybody 1 teaches");
    assert_told(s, "/x", (const char *const[]){ "Authorization: Bearer x", NULL }, 200,
                "anybody 1 teaches");
    lp_http_server_stop(s);
    lp_identities_free(i);
}

static void without_a_key_the_service_does_not_start(void **state)
{
    struct lp_identity_config c = { .access = "Owner",
                                    .jwks_url = "",
                                    .secrets = "",
                                    .keys_dir = "",
                                    .caller_ai_feedback = "",
                                    .caller_auth = "" };
    struct lp_identities *i = NULL;
    struct lp_caller *caller = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(lp_identities_new(&c, "progress", grants, &i, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, "AUTH_JWKS_URL"));
    c.secrets = SECRET;
    c.caller_auth = "AAAA+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_int_equal(lp_identities_new(&c, "progress", grants, &i, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "configuration: CALLER_KEY_AUTH is wrong: it must be base64url of "
                                 "32 bytes, without padding");
    assert_int_equal(lp_caller_new("auth", "short", &caller, &err), LP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_is_who_the_token_says_and_may_reach_their_own),
        cmocka_unit_test(no_token_two_tokens_and_other_schemes_are_nobody),
        cmocka_unit_test(a_service_may_call_what_it_was_granted_and_nothing_else),
        cmocka_unit_test(a_call_that_would_be_good_for_more_than_a_minute_is_refused),
        cmocka_unit_test(access_any_asks_for_nothing),
        cmocka_unit_test(without_a_key_the_service_does_not_start),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
