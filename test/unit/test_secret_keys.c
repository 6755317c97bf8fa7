/* The HMAC keys of a mounted Secret, whose file is exchanged as the kubelet does it: by a rename.
 */
#include "service/secret_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/check.h"
#include "unit/token_fixture.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/lp-secret-keys-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    lp_auto_free char *path = lp_sprintf("%s/hmac", dir);
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void put(const char *list)
{
    lp_auto_free char *path = lp_sprintf("%s/hmac", dir), *next = lp_sprintf("%s/next", dir);
    FILE *f = fopen(next, "w");
    assert_non_null(f);
    assert_true(fputs(list, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(next, path), 0);
}

/* A token of "ann" by this secret, the caller's. */
static char *token_by(const char *secret)
{
    json_auto_t *claims = lp_json_make("{s:s}", "userId", "ann");
    struct lp_jwt_keys *signer = NULL;
    char *token = NULL;
    ok(lp_jwt_keys_new(secret, &signer, &err));
    ok(lp_jwt_sign(signer, claims, &token, &err));
    lp_jwt_keys_free(signer);
    return token;
}

static int verified(struct lp_secret_keys *k, const char *token)
{
    json_auto_t *claims = NULL;
    bool changed = false;
    struct lp_error err;
    return lp_secret_keys_verify(k, token, strlen(token), &claims, &changed, &err);
}

static struct lp_secret_keys *keys_of(const char *secrets)
{
    struct lp_secret_keys *k = NULL;
    ok(lp_secret_keys_new(secrets, dir, &k, &err));
    return k;
}

static void a_key_is_good_from_the_moment_that_the_file_has_it(void **state)
{
    lp_auto_free char *one = token_by("one"), *two = token_by("two");
    (void)state;
    put("one\n");
    struct lp_secret_keys *k = keys_of("environment");
    assert_int_equal(verified(k, one), 0);
    assert_int_equal(verified(k, two), LP_E_DENIED);
    put("two,one\n");
    assert_int_equal(verified(k, two), 0);
    assert_int_equal(verified(k, one), 0);
    put("two");
    assert_true(lp_secret_keys_look(k, true));
    assert_int_equal(verified(k, one), LP_E_DENIED);
    lp_secret_keys_free(k);
}

static void the_environment_counts_while_there_is_no_file(void **state)
{
    lp_auto_free char *given = token_by("environment"), *one = token_by("one");
    lp_auto_free char *path = lp_sprintf("%s/hmac", dir);
    (void)state;
    unlink(path);
    struct lp_secret_keys *k = keys_of("environment");
    assert_int_equal(verified(k, given), 0);
    assert_int_equal(verified(k, one), LP_E_DENIED);
    put("one");
    assert_int_equal(verified(k, one), 0);
    assert_int_equal(verified(k, given), LP_E_DENIED);
    unlink(path);
    assert_int_equal(verified(k, given), 0);
    lp_secret_keys_free(k);
}

static void what_cannot_be_used_leaves_the_former_keys(void **state)
{
    static const char *const bad[] = { "", "\n", "one,,two", ",one" };
    lp_auto_free char *one = token_by("one"), *two = token_by("two");
    lp_auto_free char *long_list = lp_alloc(10000);
    struct lp_secret_keys *k;
    (void)state;
    put("one");
    k = keys_of(NULL);
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        put(bad[i]);
        assert_false(lp_secret_keys_look(k, true));
        assert_int_equal(verified(k, two), LP_E_DENIED);
        assert_int_equal(verified(k, one), 0);
    }
    memset(long_list, 'a', 9999);
    put(long_list);
    assert_false(lp_secret_keys_look(k, false));
    assert_int_equal(verified(k, one), 0);
    put("two");
    assert_int_equal(verified(k, two), 0);
    lp_secret_keys_free(k);
    put("one,,two");
    struct lp_error err;
    assert_int_equal(lp_secret_keys_new(NULL, dir, &k, &err), LP_E_INVALID);
    assert_null(strstr(err.msg, "one"));
}

/* ---- rotation while tokens come ---- */

#define ROTATIONS 60
#define THREADS 4

struct rotation {
    struct lp_secret_keys *keys;
    char *tokens[ROTATIONS];
    atomic_uint newest; /* its key is in the file, and those of the two before */
    atomic_bool over;
    atomic_uint wrong, tried;
};

static void *come(void *user)
{
    struct rotation *r = user;

    while (!atomic_load(&r->over)) {
        /* What is read here is good until two rotations later. */
        unsigned i = atomic_load(&r->newest);
        if (verified(r->keys, r->tokens[i]) < 0 && atomic_load(&r->newest) <= i + 1)
            atomic_fetch_add(&r->wrong, 1);
        atomic_fetch_add(&r->tried, 1);
    }
    return NULL;
}

static void no_good_token_is_refused_while_keys_are_rotated(void **state)
{
    struct rotation r = { .newest = 0 };
    pthread_t threads[THREADS];
    (void)state;
    for (unsigned i = 0; i < ROTATIONS; i++) {
        lp_auto_free char *secret = lp_sprintf("secret-%u", i);
        r.tokens[i] = token_by(secret);
    }
    put("secret-0");
    r.keys = keys_of(NULL);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come, &r), 0);
    for (unsigned i = 1; i < ROTATIONS; i++) {
        lp_auto_free char *list =
            lp_sprintf("secret-%u,secret-%u,secret-%u", i, i - 1, i > 1 ? i - 2 : 0);
        unsigned before = atomic_load(&r.tried);
        put(list);
        atomic_store(&r.newest, i);
        while (atomic_load(&r.tried) < before + 2 * THREADS)
            sched_yield();
    }
    atomic_store(&r.over, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(r.wrong, 0);
    lp_secret_keys_free(r.keys);
    for (unsigned i = 0; i < ROTATIONS; i++)
        free(r.tokens[i]);
}

#define test(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_key_is_good_from_the_moment_that_the_file_has_it),
        test(the_environment_counts_while_there_is_no_file),
        test(what_cannot_be_used_leaves_the_former_keys),
        test(no_good_token_is_refused_while_keys_are_rotated),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("secret_keys", tests, NULL, NULL);
}
