/* Pacing: a thread that computes sleeps in proportion, and what it computes stays right. */
#include "services/auth/passwords/pace.h"

#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "services/auth/passwords/password.h"
#include "unit/check.h"

static int64_t cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct measured {
    double share;
    int64_t slept_ms;
};

/* Uses 60 ms of CPU; how much longer than that it took. */
static void *compute(void *arg)
{
    struct measured *m = arg;
    int64_t wall = lp_clock_ms(), cpu = cpu_ms();
    pace_thread(m->share);
    pace_begin();
    while (cpu_ms() - cpu < 60)
        ;
    pace_end();
    pace_thread_end();
    m->slept_ms = lp_clock_ms() - wall - (cpu_ms() - cpu);
    return NULL;
}

static void sleeps_in_proportion_to_what_it_computes(void **state)
{
    struct measured m = { 0.25, 0 };
    pthread_t thread;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, compute, &m), 0);
    pthread_join(thread, NULL);
    assert_true(m.slept_ms >= 90); /* 180 ms, but for what the last slices owe */
}

static void *hash_paced(void *arg)
{
    static const char hash[] =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    struct lp_error err;
    bool matches = false;
    pace_thread(0.5);
    int r = password_verify(hash, "password", &matches, &err);
    pace_thread_end();
    *(bool *)arg = r == 0 && matches;
    return NULL;
}

static void does_not_change_what_is_computed(void **state)
{
    bool right[2] = { false, false };
    pthread_t threads[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_paced, &right[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_true(right[i]);
    }
}

static void does_nothing_in_a_thread_that_did_not_ask(void **state)
{
    (void)state;
    pace_begin();
    pace_end();
    pace_thread(0);
    pace_thread(1);
    pace_begin();
    pace_end();
    pace_thread_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeps_in_proportion_to_what_it_computes),
        cmocka_unit_test(does_not_change_what_is_computed),
        cmocka_unit_test(does_nothing_in_a_thread_that_did_not_ask),
    };
    return cmocka_run_group_tests_name("auth_pace", tests, NULL, NULL);
}
