/* The pool of hash threads: admission, order, deadlines, and its metrics. */
#include "services/auth/passwords/hashpool.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/clock.h"
#include "metrics/metrics.h"
#include "services/auth/passwords/cpu.h"
#include "unit/check.h"

static struct hashpool *pool_of(unsigned workers, unsigned max_admitted, const char *setting)
{
    const struct hashpool_options options = { workers, 0, max_admitted,
                                              password_params_of(setting, 0) };
    struct hashpool *p = NULL;
    struct lp_error err;
    assert_int_equal(hashpool_new(&options, &p, &err), 0);
    return p;
}

static struct hashpool_patience patience_of(int64_t ms)
{
    return (struct hashpool_patience){ lp_clock_ms() + ms, NULL, NULL };
}

static void verifies_what_it_hashed_and_renews_nothing(void **state)
{
    (void)state;
    struct hashpool *p = pool_of(1, 1, "argon2id-7m");
    struct hashpool_patience patience = patience_of(60000);
    struct lp_error err;
    char hash[PASSWORD_HASH_MAX], newer[PASSWORD_HASH_MAX];
    bool matches = false;
    assert_int_equal(hashpool_hash(p, "secret", &patience, hash, &err), 0);
    assert_int_equal(hashpool_verify(p, hash, "secret", &patience, &matches, newer, &err), 0);
    assert_true(matches);
    assert_string_equal(newer, "");
    assert_int_equal(hashpool_verify(p, hash, "Secret", &patience, &matches, newer, &err), 0);
    assert_false(matches);
    hashpool_free(p);
}

/* The nice value of the thread of this process with that name; -100: there is none. */
static int nice_of(const char *name)
{
    DIR *tasks = opendir("/proc/self/task");
    int found = -100;
    assert_non_null(tasks);
    for (const struct dirent *d = readdir(tasks); d; d = readdir(tasks)) {
        char path[320], comm[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", d->d_name);
        FILE *f = fopen(path, "r");
        if (f && fgets(comm, sizeof comm, f) && strncmp(comm, name, strlen(name)) == 0)
            found = getpriority(PRIO_PROCESS, (id_t)strtol(d->d_name, NULL, 10));
        if (f)
            fclose(f);
    }
    closedir(tasks);
    return found;
}

/* The hash of one password has begun, so that the thread has a name and a nice value. */
static void hash_threads_give_way_to_all_others(void **state)
{
    (void)state;
    struct hashpool *p = pool_of(1, 1, "argon2id-7m");
    struct hashpool_patience patience = patience_of(60000);
    struct lp_error err;
    char hash[PASSWORD_HASH_MAX];
    int own = getpriority(PRIO_PROCESS, 0);
    assert_int_equal(hashpool_hash(p, "secret", &patience, hash, &err), 0);
    assert_true(nice_of("auth-hash") >= 10);
    assert_int_equal(getpriority(PRIO_PROCESS, 0), own);
    hashpool_free(p);
}

static void makes_an_outdated_hash_anew_only_for_the_right_password(void **state)
{
    static const char imported[] = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";
    (void)state;
    struct hashpool *p = pool_of(1, 1, "argon2id-7m");
    struct hashpool_patience patience = patience_of(60000);
    struct lp_error err;
    char newer[PASSWORD_HASH_MAX];
    bool matches = true;
    assert_int_equal(hashpool_verify(p, imported, "wrong", &patience, &matches, newer, &err), 0);
    assert_false(matches);
    assert_string_equal(newer, "");
    assert_int_equal(
        hashpool_verify(p, imported, "correct horse", &patience, &matches, newer, &err), 0);
    assert_true(matches);
    assert_int_equal(password_verify(newer, "correct horse", &matches, &err), 0);
    assert_true(matches);
    hashpool_free(p);
}

static const char unreadable[] = "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e";

static void takes_a_hash_that_cannot_be_read_for_that_of_another_password(void **state)
{
    (void)state;
    struct hashpool *p = pool_of(1, 1, "argon2id-7m");
    struct hashpool_patience patience = patience_of(60000);
    struct lp_error err;
    char newer[PASSWORD_HASH_MAX];
    bool matches = true;
    assert_int_equal(hashpool_verify(p, unreadable, "secret", &patience, &matches, newer, &err), 0);
    assert_false(matches);
    assert_string_equal(newer, "");
    hashpool_free(p);
}

static void refuses_at_the_cost_of_any_hash(void **state)
{
    static const char *const hashes[] = {
        NULL, "", unreadable, "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
    };
    (void)state;
    struct hashpool *p = pool_of(1, 1, "argon2id-7m");
    struct hashpool_patience patience = patience_of(60000), over = patience_of(0);
    struct lp_error err;
    for (size_t i = 0; i < LP_COUNT(hashes); i++)
        assert_int_equal(hashpool_refuse(p, hashes[i], "correct horse", &patience, &err), 0);
    assert_int_equal(hashpool_refuse(p, NULL, "x", &over, &err), LP_E_TIMEOUT);
    hashpool_free(p);
}

static void admits_as_many_as_it_may_and_counts_the_others(void **state)
{
    (void)state;
    struct hashpool *p = pool_of(1, 2, "argon2id-7m");
    struct lp_error err;
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_COUNTER, "lp_auth_hash_rejected_total", "", "reason", NULL, 0);
    struct lp_metric_family *w =
        lp_metric_family(LP_METRIC_GAUGE, "lp_auth_hash_waiting", "", "", NULL, 0);
    double before = lp_metric_value(lp_metric_with(f, "full"));
    assert_int_equal(hashpool_admit(p, &err), 0);
    assert_int_equal(hashpool_admit(p, &err), 0);
    assert_int_equal((int)lp_metric_value(lp_metric_single(w)), 2);
    assert_int_equal(hashpool_admit(p, &err), LP_E_UNAVAILABLE);
    assert_int_equal((int)(lp_metric_value(lp_metric_with(f, "full")) - before), 1);
    hashpool_leave(p);
    assert_int_equal(hashpool_admit(p, &err), 0);
    hashpool_leave(p);
    hashpool_leave(p);
    assert_int_equal((int)lp_metric_value(lp_metric_single(w)), 0);
    hashpool_free(p);
}

static bool always_gone(const void *user)
{
    (void)user;
    return true;
}

static void does_not_hash_for_a_client_that_has_gone(void **state)
{
    (void)state;
    struct hashpool *p = pool_of(1, 1, "argon2id-7m");
    struct hashpool_patience patience = { lp_clock_ms() + 60000, always_gone, NULL };
    struct lp_error err;
    char hash[PASSWORD_HASH_MAX];
    assert_int_equal(hashpool_hash(p, "x", &patience, hash, &err), LP_E_CANCELED);
    hashpool_free(p);
}

struct caller {
    struct hashpool *pool;
    int64_t patience_ms;
    int result;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    struct hashpool_patience patience = patience_of(c->patience_ms);
    struct lp_error err;
    char hash[PASSWORD_HASH_MAX];
    c->result = hashpool_hash(c->pool, "x", &patience, hash, &err);
    return NULL;
}

static void serves_many_callers_with_one_thread(void **state)
{
    (void)state;
    enum { N = 12 };
    struct hashpool *p = pool_of(1, N, "argon2id-7m");
    struct caller callers[N];
    pthread_t threads[N];
    for (int i = 0; i < N; i++) {
        callers[i] = (struct caller){ p, 60000, -1 };
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].result, 0);
    }
    hashpool_free(p);
}

static void ends_the_wait_at_the_deadline(void **state)
{
    (void)state;
    enum { N = 8 };
    struct hashpool *p = pool_of(1, N, "argon2id");
    struct caller callers[N];
    pthread_t threads[N];
    int late = 0;
    for (int i = 0; i < N; i++) {
        callers[i] = (struct caller){ p, i == 0 ? 60000 : 0, -1 };
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        assert_true(callers[i].result == 0 || callers[i].result == LP_E_TIMEOUT);
        late += callers[i].result == LP_E_TIMEOUT;
    }
    assert_int_equal(callers[0].result, 0);
    assert_int_equal(late, N - 1);
    hashpool_free(p);
}

static void takes_its_threads_from_the_cpu_limit(void **state)
{
    (void)state;
    assert_true(cpu_quota_of("4000 100000\n") > 0.039 && cpu_quota_of("4000 100000\n") < 0.041);
    assert_true(cpu_quota_of("250000 100000\n") == 2.5);
    assert_true(cpu_quota_of("max 100000\n") == 0);
    assert_true(cpu_quota_of("-1\n 100000\n") == 0);
    assert_true(cpu_quota_of("") == 0);
    assert_int_equal(cpu_workers(0.04), 1);
    assert_int_equal(cpu_workers(0.5), 1);
    assert_true(cpu_workers(0) >= 1);
    assert_int_equal(cpu_workers(1000), cpu_workers(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_what_it_hashed_and_renews_nothing),
        cmocka_unit_test(hash_threads_give_way_to_all_others),
        cmocka_unit_test(makes_an_outdated_hash_anew_only_for_the_right_password),
        cmocka_unit_test(takes_a_hash_that_cannot_be_read_for_that_of_another_password),
        cmocka_unit_test(refuses_at_the_cost_of_any_hash),
        cmocka_unit_test(admits_as_many_as_it_may_and_counts_the_others),
        cmocka_unit_test(does_not_hash_for_a_client_that_has_gone),
        cmocka_unit_test(serves_many_callers_with_one_thread),
        cmocka_unit_test(ends_the_wait_at_the_deadline),
        cmocka_unit_test(takes_its_threads_from_the_cpu_limit),
    };
    return cmocka_run_group_tests_name("auth_hashpool", tests, NULL, NULL);
}
