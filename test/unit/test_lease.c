/* test/unit/test_lease.c -- leader election while the API server fails: never two leaders, never
 * for ever. */
#include "kube/lease.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "unit/check.h"

#define WAIT_MS 30000
#define RENEW_MS 600
#define LEASE(holder, version)                                                                \
    "{\"metadata\":{\"name\":\"l\",\"namespace\":\"n\",\"resourceVersion\":\"" version "\"}," \
    "\"spec\":{\"holderIdentity\":\"" holder "\",\"leaseTransitions\":4}}"

struct setup {
    struct fake_kube *fake;
    struct lp_kube_config *config;
    struct lp_stop *stop;
    struct lp_lease *lease;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int started, lost;
};

static void on_started(void *user)
{
    struct setup *s = user;
    pthread_mutex_lock(&s->lock);
    s->started++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_lost(void *user)
{
    struct setup *s = user;
    pthread_mutex_lock(&s->lock);
    s->lost++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void begin(struct setup *s, const struct fake_answer *script)
{
    struct lp_lease_options options = { .ns = "n",
                                        .name = "l",
                                        .identity = "me",
                                        .duration_ms = 1500,
                                        .renew_ms = RENEW_MS,
                                        .retry_ms = 50,
                                        .on_started = on_started,
                                        .on_lost = on_lost,
                                        .user = s };
    struct lp_error err;

    *s = (struct setup){ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
    s->fake = fake_kube_start(script);
    s->config = fake_kube_config(s->fake, NULL);
    s->stop = lp_stop_new();
    assert_int_equal(lp_lease_start(s->config, s->stop, &options, &s->lease, &err), 0);
}

static void await(struct setup *s, const int *what)
{
    struct timespec end = lp_clock_deadline(WAIT_MS);
    int r = 0;

    pthread_mutex_lock(&s->lock);
    while (*what == 0 && r == 0)
        r = pthread_cond_clockwait(&s->changed, &s->lock, CLOCK_MONOTONIC, &end);
    pthread_mutex_unlock(&s->lock);
    assert_int_equal(*what, 1);
}

static void end(struct setup *s)
{
    lp_stop_request(s->stop);
    lp_lease_join(s->lease);
    lp_stop_free(s->stop);
    lp_kube_config_free(s->config);
    fake_kube_stop(s->fake);
}

static void who_cannot_renew_in_time_has_lost(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "GET", .status = 404, .times = 1 },
        { .match = "POST", .status = 201, .body = LEASE("me", "1"), .times = 1 },
        { .match = "PUT", .status = 500 },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, &s.started);
    assert_true(lp_lease_writes_until_ms(s.lease) <= lp_clock_ms() + RENEW_MS);
    await(&s, &s.lost);
    assert_false(lp_lease_held(s.lease));
    assert_int_equal(lp_lease_writes_until_ms(s.lease), 0);
    end(&s);
}

static void a_server_that_hangs_loses_the_lease_too(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "GET", .status = 404, .times = 1 },
        { .match = "POST", .status = 201, .body = LEASE("me", "1"), .times = 1 },
        { .match = "PUT", .status = 200, .silent = true },
        FAKE_END
    };
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, &s.lost);
    end(&s);
}

static void who_lost_the_lease_competes_for_it_again(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "GET", .status = 404, .times = 1 },
        { .match = "POST", .status = 201, .body = LEASE("me", "1"), .times = 1 },
        { .match = "PUT", .status = 409, .times = 1, .body = "{}" },
        { .match = "GET", .status = 200, .body = LEASE("other", "2"), .times = 2 },
        { .match = "GET", .status = 200, .body = LEASE("", "3") },
        { .match = "PUT", .status = 200, .body = LEASE("me", "4") },
        FAKE_END
    };
    struct timespec until;
    struct setup s;
    int r = 0;
    (void)state;
    begin(&s, script);
    await(&s, &s.lost);
    until = lp_clock_deadline(WAIT_MS);
    pthread_mutex_lock(&s.lock);
    while (s.started < 2 && r == 0)
        r = pthread_cond_clockwait(&s.changed, &s.lock, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&s.lock);
    assert_int_equal(s.started, 2);
    assert_true(lp_lease_held(s.lease));
    end(&s);
}

static void a_lease_that_nobody_renews_is_taken_after_its_duration(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "GET", .status = 200, .body = LEASE("dead", "7") },
        { .match = "PUT", .status = 200, .body = LEASE("me", "8") },
        FAKE_END
    };
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(1 << 20);
    struct setup s;
    int64_t start = lp_clock_ms();
    (void)state;
    begin(&s, script);
    await(&s, &s.started);
    assert_true(lp_clock_ms() - start >= 1500);
    fake_kube_requests(s.fake, &seen);
    assert_non_null(strstr(seen.ptr, "\"holderIdentity\":\"me\""));
    assert_non_null(strstr(seen.ptr, "\"leaseTransitions\":5"));
    assert_non_null(strstr(seen.ptr, "\"resourceVersion\":\"7\""));
    end(&s);
    assert_int_equal(s.lost, 0); /* a stop is no loss */
}

static void of_two_who_write_one_gets_a_conflict_and_waits(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "GET", .status = 404, .times = 1 },
        { .match = "POST", .status = 409, .times = 1, .body = "{\"reason\":\"AlreadyExists\"}" },
        { .match = "GET", .status = 200, .times = 1, .body = LEASE("other", "1") },
        { .match = "GET", .status = 200, .times = 1, .body = LEASE("other", "2") },
        { .match = "GET", .status = 200, .times = 1, .body = LEASE("", "3") },
        { .match = "PUT", .status = 200, .body = LEASE("me", "4") },
        FAKE_END
    };
    lp_auto_buf struct lp_buf seen = LP_BUF_INIT(1 << 20);
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, &s.started);
    fake_kube_requests(s.fake, &seen);
    assert_null(strstr(seen.ptr, "\"resourceVersion\":\"1\""));
    assert_null(strstr(seen.ptr, "\"resourceVersion\":\"2\""));
    assert_non_null(strstr(seen.ptr, "\"resourceVersion\":\"3\""));
    end(&s);
}

/* The server carried it out, so that the lease has another version than we know of. */
static void a_renewal_that_the_stop_cuts_off_does_not_keep_the_lease(void **state)
{
    static const struct fake_answer script[] = {
        { .match = "GET", .status = 404, .times = 1 },
        { .match = "POST", .status = 201, .body = LEASE("me", "1"), .times = 1 },
        { .match = "PUT", .silent = true, .status = 200, .times = 1 },
        { .match = "PUT", .status = 409, .body = "{\"reason\":\"Conflict\"}", .times = 1 },
        { .match = "GET", .status = 200, .body = LEASE("me", "2") },
        { .match = "PUT", .status = 200, .body = LEASE("", "3") },
        FAKE_END
    };
    lp_auto_buf struct lp_buf requests = LP_BUF_INIT(65536);
    struct setup s;
    (void)state;
    begin(&s, script);
    await(&s, &s.started);
    fake_kube_await(s.fake, 3);
    lp_stop_request(s.stop);
    lp_lease_join(s.lease);
    fake_kube_requests(s.fake, &requests);
    const char *last = strrchr(requests.ptr, '\n');
    while (last > requests.ptr && last[-1] != '\n')
        last--;
    assert_int_equal(strncmp(last, "PUT ", 4), 0);
    assert_non_null(strstr(last, "\"resourceVersion\":\"2\""));
    assert_null(strstr(last, "holderIdentity"));
    lp_stop_free(s.stop);
    lp_kube_config_free(s.config);
    fake_kube_stop(s.fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_renewal_that_the_stop_cuts_off_does_not_keep_the_lease),
        cmocka_unit_test(who_cannot_renew_in_time_has_lost),
        cmocka_unit_test(a_server_that_hangs_loses_the_lease_too),
        cmocka_unit_test(who_lost_the_lease_competes_for_it_again),
        cmocka_unit_test(a_lease_that_nobody_renews_is_taken_after_its_duration),
        cmocka_unit_test(of_two_who_write_one_gets_a_conflict_and_waits),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
