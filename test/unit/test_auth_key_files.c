/* Keys of tokens are exchanged while tokens are made and checked. */
#include "services/auth/sessions/key_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json/json.h"
#include "unit/check.h"
#include "unit/ed25519.h"
#include "unit/key_folder.h"

#define USER "11111111-2222-3333-4444-555555555555"
#define SESSION "66666666-7777-8888-9999-000000000000"

static const struct tokens_options given = { "", "an access key, long enough",
                                             "a refresh key, long enough", 3600000, 3600000 };
static const struct store_user ann = { .id = USER, .email = "a@example.org", .role = "user" };

static char *token_of(struct tokens *t)
{
    char *token = NULL;
    ok(tokens_access(t, &ann, SESSION, &token, &err));
    return token;
}

static int checks(struct tokens *t, const char *token)
{
    struct tokens_holder holder;
    struct lp_error err;
    return tokens_check_access(t, token, &holder, &err);
}

static char *first_kid(struct tokens *t)
{
    json_auto_t *jwks = tokens_jwks(t);
    const char *kid = lp_json_str(json_array_get(json_object_get(jwks, "keys"), 0), "kid", NULL);
    assert_non_null(kid);
    return lp_strdup(kid);
}

static void signs_with_a_new_key_and_knows_the_old_one_as_long_as_it_stands_behind(void **state)
{
    (void)state;
    struct tokens *t = NULL;
    struct key_watch *w = NULL;
    lp_auto_free char *old = new_private_key(), *new = new_private_key();
    put("signing.pem", old);
    ok(tokens_new(&given, &t, &err));
    ok(key_watch_new(dir, &given, t, &w, &err));
    lp_auto_free char *before = token_of(t), *old_kid = first_kid(t);
    assert_false(key_watch_look(w));

    lp_auto_free char *both = lp_sprintf("%s%s", new, old);
    put("signing.pem", both);
    assert_true(key_watch_look(w));
    lp_auto_free char *after = token_of(t), *new_kid = first_kid(t);
    assert_string_not_equal(old_kid, new_kid);
    assert_int_equal(checks(t, before), 0);
    assert_int_equal(checks(t, after), 0);

    put("signing.pem", new);
    assert_true(key_watch_look(w));
    assert_int_equal(checks(t, before), LP_E_NOT_FOUND);
    assert_int_equal(checks(t, after), 0);
    key_watch_free(w);
    tokens_free(t);
}

static void keeps_the_former_keys_where_a_file_is_none_and_says_so_once(void **state)
{
    static const struct {
        const char *name, *text;
    } bad[] = {
        { "signing.pem", "no key at all" },
        { "access", "too short" },
        { "refresh", "" },
        { "refresh", "an access key, long enough" },
    };
    (void)state;
    struct tokens *t = NULL;
    struct key_watch *w = NULL;
    drop("signing.pem");
    ok(tokens_new(&given, &t, &err));
    ok(key_watch_new(dir, &given, t, &w, &err));
    lp_auto_free char *token = token_of(t);
    for (size_t i = 0; i < LP_COUNT(bad); i++) {
        put(bad[i].name, bad[i].text);
        assert_false(key_watch_look(w));
        assert_int_equal(checks(t, token), 0);
        drop(bad[i].name);
        assert_true(key_watch_look(w)); /* what is given stands in again */
        assert_int_equal(checks(t, token), 0);
    }
    key_watch_free(w);
    tokens_free(t);
}

static void reads_files_without_the_line_end_that_editors_add(void **state)
{
    (void)state;
    auto_key_files struct key_files files = { 0 };
    struct tokens_options options = given;
    put("access", "another access key, long\n");
    ok(key_files_read(dir, &files, &options, &err));
    assert_string_equal(options.access_secrets, "another access key, long");
    assert_string_equal(options.refresh_secrets, given.refresh_secrets);
    drop("access");
}

struct signing {
    struct tokens *tokens;
    atomic_bool over;
};

static void *sign_on(void *user)
{
    struct signing *s = user;
    size_t bad = 0;
    while (!atomic_load(&s->over)) {
        lp_auto_free char *token = token_of(s->tokens);
        bad += checks(s->tokens, token) != 0;
    }
    return (void *)bad;
}

static void exchanges_keys_under_threads_that_sign(void **state)
{
    (void)state;
    static const char *const lists[] = { "key number one, long,key number two, long",
                                         "key number two, long,key number one, long" };
    struct signing s = { 0 };
    struct tokens_options options = given;
    pthread_t threads[2];
    options.access_secrets = lists[0];
    ok(tokens_new(&options, &s.tokens, &err));
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_on, &s), 0);
    for (size_t i = 0; i < 200; i++) {
        options.access_secrets = lists[i % 2];
        ok(tokens_replace(s.tokens, &options, &err));
    }
    atomic_store(&s.over, true);
    for (size_t i = 0; i < LP_COUNT(threads); i++) {
        void *bad = NULL;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    tokens_free(s.tokens);
}

static int remove_dir(void **state)
{
    (void)state;
    drop("signing.pem");
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_with_a_new_key_and_knows_the_old_one_as_long_as_it_stands_behind),
        cmocka_unit_test(keeps_the_former_keys_where_a_file_is_none_and_says_so_once),
        cmocka_unit_test(reads_files_without_the_line_end_that_editors_add),
        cmocka_unit_test(exchanges_keys_under_threads_that_sign),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
