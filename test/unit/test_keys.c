/* Issuers are scripted servers; keys and tokens are real ones. */
#include "service/keys.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_upstream.h"
#include "unit/check.h"
#include "unit/token_fixture.h"

#define AWAY "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
#define LONG_MS 600000

static struct lp_keys *keys_of(const struct fake_upstream *f, const char *secrets, int64_t retry_ms,
                               int64_t refresh_ms)
{
    const struct lp_keys_options o = { .secrets = secrets,
                                       .jwks_url = f ? fake_upstream_url(f) : NULL,
                                       .retry_ms = retry_ms,
                                       .refresh_ms = refresh_ms };
    struct lp_keys *k = NULL;
    ok(lp_keys_new(&o, &k, &err));
    return k;
}

static int verified(struct lp_keys *k, const char *token, int64_t wait_ms)
{
    json_auto_t *claims = NULL;
    struct lp_error err;
    int r = lp_keys_verify(k, token, strlen(token), wait_ms, &claims, &err);
    if (r == 0)
        assert_string_equal(lp_json_str(claims, "userId", NULL), "ann");
    if (r == LP_E_UNAVAILABLE)
        assert_true(err.retry_after_ms >= 1000 || err.retry_after_ms == 1);
    return r;
}

/* The first verification waits for the fetch that began at the start. */
static void knows_the_keys_that_the_issuer_publishes(void **state)
{
    lp_auto_free char *one = issuer_answer(ISSUER_ONE);
    lp_auto_free char *good = issuer_token(ISSUER_ONE, "ann", "user");
    lp_auto_free char *strange = issuer_token(ISSUER_TWO, "ann", "user");
    const struct fake_script scripts[] = { { .reply = one }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, LONG_MS, 0);
    char why[128];
    (void)state;
    assert_int_equal(verified(k, good, LONG_MS), 0);
    assert_true(lp_keys_ready(k, why));
    assert_int_equal(verified(k, good, 0), 0);
    assert_int_equal(verified(k, strange, LONG_MS), LP_E_DENIED);
    lp_keys_free(k);
    fake_upstream_stop(f);
}

static void an_unknown_key_makes_one_fetch_and_a_second_one_only_after_a_while(void **state)
{
    lp_auto_free char *one = issuer_answer(ISSUER_ONE), *two = issuer_answer(ISSUER_TWO);
    lp_auto_free char *old = issuer_token(ISSUER_ONE, "ann", "user");
    lp_auto_free char *new = issuer_token(ISSUER_TWO, "ann", "user");
    const struct fake_script scripts[] = { { .reply = one, .times = 1 },
                                           { .reply = two },
                                           FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, 1, LONG_MS);
    (void)state;
    assert_int_equal(verified(k, old, LONG_MS), 0);
    fake_upstream_await_requests(f, 1);
    while (verified(k, new, LONG_MS) == LP_E_DENIED) /* within 1 ms of the first fetch */
        ;
    fake_upstream_await_requests(f, 2);
    assert_int_equal(verified(k, new, 0), 0);
    lp_keys_free(k);

    struct lp_keys *slow = keys_of(f, NULL, LONG_MS, LONG_MS);
    assert_int_equal(verified(slow, new, LONG_MS), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(verified(slow, old, LONG_MS), LP_E_DENIED);
    lp_auto_buf struct lp_buf heads = LP_BUF_INIT(65536);
    fake_upstream_heads(f, &heads);
    unsigned n = 0;
    for (const char *at = heads.ptr; (at = strstr(at, "GET ")); at += 4)
        n++;
    assert_int_equal(n, 3);
    lp_keys_free(slow);
    fake_upstream_stop(f);
}

/* A key that the issuer took away opens nothing any more, though the token was known to be good. */
static void a_key_that_is_taken_away_ends_its_tokens(void **state)
{
    lp_auto_free char *one = issuer_answer(ISSUER_ONE), *two = issuer_answer(ISSUER_TWO);
    lp_auto_free char *old = issuer_token(ISSUER_ONE, "ann", "user");
    const struct fake_script scripts[] = { { .reply = one, .times = 1 },
                                           { .reply = two, .held = true },
                                           FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, 1, 1);
    (void)state;
    assert_int_equal(verified(k, old, LONG_MS), 0);
    fake_upstream_await_requests(f, 2);
    assert_int_equal(verified(k, old, 0), 0);
    fake_upstream_release(f);
    fake_upstream_await_requests(f, 3);
    assert_int_not_equal(verified(k, old, 0), 0);
    lp_keys_free(k);
    fake_upstream_stop(f);
}

static void keeps_the_last_keys_while_the_issuer_is_away_or_talks_nonsense(void **state)
{
    lp_auto_free char *one = issuer_answer(ISSUER_ONE);
    lp_auto_free char *good = issuer_token(ISSUER_ONE, "ann", "user");
    const struct fake_script scripts[] = {
        { .reply = one, .times = 1 },
        { .reply = AWAY, .times = 1 },
        { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .times = 1 },
        { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n",
          .filler = 70000,
          .times = 1 },
        { .then = FAKE_RESET },
        FAKE_SCRIPT_END
    };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, 1, 1);
    (void)state;
    assert_int_equal(verified(k, good, LONG_MS), 0);
    fake_upstream_await_requests(f, 6);
    assert_int_equal(verified(k, good, 0), 0);
    lp_auto_free char *other = issuer_token(ISSUER_ONE, "ann", "admin");
    assert_int_equal(verified(k, other, 0), 0);
    lp_keys_free(k);
    fake_upstream_stop(f);
}

/* An issuer that starts beside us: nobody has to be turned away before its keys are asked for. */
static void an_issuer_that_never_answered_is_asked_again_soon(void **state)
{
    lp_auto_free char *one = issuer_answer(ISSUER_ONE);
    lp_auto_free char *good = issuer_token(ISSUER_ONE, "ann", "user");
    const struct fake_script scripts[] = { { .reply = AWAY, .times = 2 },
                                           { .reply = one },
                                           FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, LONG_MS, LONG_MS);
    (void)state;
    fake_upstream_await_requests(f, 3);
    assert_int_equal(verified(k, good, LONG_MS), 0);
    lp_keys_free(k);
    fake_upstream_stop(f);
}

static void says_try_again_where_no_key_could_be_had_yet(void **state)
{
    lp_auto_free char *good = issuer_token(ISSUER_ONE, "ann", "user");
    const struct fake_script scripts[] = { { .reply = AWAY }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, 2000, LONG_MS);
    (void)state;
    assert_int_equal(verified(k, good, LONG_MS), LP_E_UNAVAILABLE);
    assert_int_equal(verified(k, good, 0), LP_E_UNAVAILABLE);
    lp_keys_free(k);
    fake_upstream_stop(f);
}

/* A new pod gets no request that it could only answer 503, but not for ever. */
static void without_keys_it_is_ready_only_once_it_has_waited_for_them(void **state)
{
    lp_auto_free char *one = issuer_answer(ISSUER_ONE);
    lp_auto_free char *good = issuer_token(ISSUER_ONE, "ann", "user");
    const struct fake_script away[] = { { .reply = AWAY }, FAKE_SCRIPT_END };
    const struct fake_script late[] = { { .reply = AWAY, .times = 1 },
                                        { .reply = one },
                                        FAKE_SCRIPT_END };
    const struct {
        const struct fake_script *issuer;
        int64_t first_ms;
        unsigned fetches;
        bool ready;
    } cases[] = { { away, LONG_MS, 1, false }, { away, 1, 1, true }, { late, LONG_MS, 2, true } };
    char why[128];
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct fake_upstream *f = fake_upstream_start(cases[i].issuer);
        const struct lp_keys_options o = { .jwks_url = fake_upstream_url(f),
                                           .retry_ms = LONG_MS,
                                           .first_ms = cases[i].first_ms };
        struct lp_keys *k = NULL;
        ok(lp_keys_new(&o, &k, &err));
        fake_upstream_await_requests(f, cases[i].fetches);
        (void)verified(k, good, LONG_MS);    /* until the last of them has ended */
        int64_t end = lp_clock_ms() + 10000; /* first_ms may not be over */
        while (cases[i].ready && !lp_keys_ready(k, why) && lp_clock_ms() < end)
            sched_yield();
        assert_int_equal(lp_keys_ready(k, why), cases[i].ready);
        lp_keys_free(k);
        fake_upstream_stop(f);
    }
}

/* For event loops: the answer comes at once though the issuer never answers. */
static void waits_for_nobody_where_it_must_not(void **state)
{
    lp_auto_free char *good = issuer_token(ISSUER_ONE, "ann", "user");
    const struct fake_script scripts[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct lp_keys *k = keys_of(f, NULL, 0, 0);
    char why[128] = "";
    (void)state;
    assert_int_equal(verified(k, good, 0), LP_E_UNAVAILABLE);
    assert_false(lp_keys_ready(k, why));
    assert_string_equal(why, "the issuer's keys are not there yet");
    lp_keys_free(k); /* ends the fetch that hangs */
    fake_upstream_stop(f);
}

static void secrets_alone_need_no_issuer(void **state)
{
    lp_auto_free char *ed = issuer_token(ISSUER_ONE, "ann", "user");
    struct lp_jwt_keys *signer = NULL;
    json_auto_t *claims = lp_json_make("{s:s}", "userId", "ann");
    lp_auto_free char *hs = NULL;
    char why[128];
    (void)state;
    ok(lp_jwt_keys_new("old-secret", &signer, &err));
    ok(lp_jwt_sign(signer, claims, &hs, &err));
    lp_jwt_keys_free(signer);
    struct lp_keys *k = keys_of(NULL, "new-secret,old-secret", 0, 0);
    assert_true(lp_keys_ready(k, why));
    assert_int_equal(verified(k, hs, 0), 0);
    assert_int_equal(verified(k, ed, LONG_MS), LP_E_DENIED);
    lp_keys_free(k);
    const struct lp_keys_options bad = { .secrets = "a,,b" };
    struct lp_error err;
    assert_int_equal(lp_keys_new(&bad, &k, &err), LP_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_keys_that_the_issuer_publishes),
        cmocka_unit_test(an_unknown_key_makes_one_fetch_and_a_second_one_only_after_a_while),
        cmocka_unit_test(a_key_that_is_taken_away_ends_its_tokens),
        cmocka_unit_test(keeps_the_last_keys_while_the_issuer_is_away_or_talks_nonsense),
        cmocka_unit_test(an_issuer_that_never_answered_is_asked_again_soon),
        cmocka_unit_test(says_try_again_where_no_key_could_be_had_yet),
        cmocka_unit_test(without_keys_it_is_ready_only_once_it_has_waited_for_them),
        cmocka_unit_test(waits_for_nobody_where_it_must_not),
        cmocka_unit_test(secrets_alone_need_no_issuer),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
