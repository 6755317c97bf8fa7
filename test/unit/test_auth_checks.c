/* Shared hashes, passwords known for a while, and how much an account or an address is slowed. */
#include "services/auth/passwords/checks.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "metrics/metrics.h"
#include "services/auth/accounts/login.h"
#include "unit/check.h"

enum { MANY = 8 };

struct setup {
    struct hashpool *pool;
    struct verified *verified;
    struct checks *checks;
    char hash[PASSWORD_HASH_MAX];
};

static void set_up(struct setup *s, int64_t ttl_ms)
{
    const struct hashpool_options options = { 1, 0, MANY, password_params_of("argon2id-7m", 0) };
    struct hashpool_patience patience = { lp_clock_ms() + 60000, NULL, NULL };
    struct lp_error err;
    assert_int_equal(hashpool_new(&options, &s->pool, &err), 0);
    s->verified = verified_new(ttl_ms);
    s->checks = checks_new(s->pool, s->verified);
    assert_int_equal(hashpool_hash(s->pool, "secret", &patience, s->hash, &err), 0);
}

static void tear_down(struct setup *s)
{
    checks_free(s->checks);
    verified_free(s->verified);
    hashpool_free(s->pool);
}

static double hashes_shared(void)
{
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_COUNTER, "lp_auth_hash_shared_total", "", "", NULL, 0);
    return lp_metric_value(lp_metric_single(f));
}

static int verify(struct setup *s, const char *email, const char *hash, const char *password,
                  bool *ret_matches)
{
    struct hashpool_patience patience = { lp_clock_ms() + 60000, NULL, NULL };
    struct lp_error err;
    char newer[PASSWORD_HASH_MAX];
    const struct checks_stored stored = { email, hash, NULL };
    return checks_verify(s->checks, &stored, password, &patience, ret_matches, newer, &err);
}

struct caller {
    struct setup *setup;
    const char *email, *password;
    bool matches;
    int result;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    c->result = verify(c->setup, c->email, c->setup->hash, c->password, &c->matches);
    return NULL;
}

/* All at once; how many were answered by another one's hash. */
static int shared_by(struct setup *s, const char *const emails[MANY], const char *password,
                     bool matches)
{
    pthread_t threads[MANY];
    struct caller callers[MANY];
    double before = hashes_shared();
    for (int i = 0; i < MANY; i++) {
        callers[i] = (struct caller){ s, emails[i], password, !matches, -1 };
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].result, 0);
        assert_int_equal(callers[i].matches, matches);
    }
    return (int)(hashes_shared() - before);
}

static void shares_one_hash_between_requests_of_one_account_and_password(void **state)
{
    static const char *const same[MANY] = { "a", "a", "a", "a", "a", "a", "a", "a" };
    static const char *const different[MANY] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    (void)state;
    struct setup s;
    set_up(&s, 0);
    assert_true(shared_by(&s, same, "secret", true) > 0);
    assert_true(shared_by(&s, same, "wrong", false) > 0);
    assert_int_equal(shared_by(&s, different, "wrong", false), 0);
    tear_down(&s);
}

static void knows_a_right_password_until_its_hash_changes(void **state)
{
    (void)state;
    struct setup s;
    bool matches = false;
    set_up(&s, 60000);
    assert_false(verified_knows(s.verified, s.hash, "secret"));
    assert_int_equal(verify(&s, "a", s.hash, "secret", &matches), 0);
    assert_true(matches);
    assert_true(verified_knows(s.verified, s.hash, "secret"));
    assert_false(verified_knows(s.verified, s.hash, "Secret"));
    char *digit = &s.hash[strlen(s.hash) - 2];
    *digit = *digit == 'A' ? 'B' : 'A';
    assert_false(verified_knows(s.verified, s.hash, "secret"));
    assert_int_equal(verify(&s, "a", s.hash, "wrong", &matches), 0);
    assert_false(matches);
    assert_false(verified_knows(s.verified, s.hash, "wrong"));
    tear_down(&s);
}

static void knows_nothing_where_that_is_off_or_the_time_is_over(void **state)
{
    (void)state;
    struct verified *off = verified_new(0), *brief = verified_new(1);
    verified_add(off, "hash", "password");
    assert_false(verified_knows(off, "hash", "password"));
    verified_add(brief, "hash", "password");
    for (int64_t end = lp_clock_ms() + 2; lp_clock_ms() < end; sched_yield())
        continue;
    assert_false(verified_knows(brief, "hash", "password"));
    verified_free(off);
    verified_free(brief);
}

static void keeps_a_bounded_number_and_the_newest_of_them(void **state)
{
    (void)state;
    struct verified *v = verified_new(60000);
    char hash[32];
    for (int i = 0; i < 6000; i++) {
        snprintf(hash, sizeof hash, "hash %d", i);
        verified_add(v, hash, "password");
    }
    assert_true(verified_knows(v, hash, "password"));
    int known = 0;
    for (int i = 0; i < 6000; i++) {
        snprintf(hash, sizeof hash, "hash %d", i);
        known += verified_knows(v, hash, "password");
    }
    assert_true(known <= 4096 && known > 2500);
    verified_free(v);
}

static void slows_an_account_and_an_address_by_five_seconds_at_most(void **state)
{
    static const struct {
        struct store_guesses guesses;
        int64_t want;
    } cases[] = {
        { { 0, 0, 0, 0 }, 0 },       { { 0, 5, 10, 100 }, 0 },         { { 0, 0, 11, 0 }, 250 },
        { { 0, 0, 0, 101 }, 50 },    { { 0, 0, 14, 110 }, 1000 },      { { 0, 0, 29, 0 }, 4750 },
        { { 0, 0, 30, 200 }, 5000 }, { { 0, 0, 600000000, 0 }, 5000 },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(login_slowness_ms(&cases[i].guesses), cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_one_hash_between_requests_of_one_account_and_password),
        cmocka_unit_test(knows_a_right_password_until_its_hash_changes),
        cmocka_unit_test(knows_nothing_where_that_is_off_or_the_time_is_over),
        cmocka_unit_test(keeps_a_bounded_number_and_the_newest_of_them),
        cmocka_unit_test(slows_an_account_and_an_address_by_five_seconds_at_most),
    };
    return cmocka_run_group_tests_name("auth_checks", tests, NULL, NULL);
}
