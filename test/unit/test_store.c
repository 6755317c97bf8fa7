/* test/unit/test_store.c -- what is put is got, without managedFields; many keys; many threads. */
#include "kube/store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "unit/check.h"

static json_t *object(const char *ns, const char *name, int n)
{
    json_t *o = lp_json_make("{s:{s:s, s:[{s:s}]}, s:i}", "metadata", "name", name, "managedFields",
                             "manager", "m", "n", n);
    lp_json_set_str(json_object_get(o, "metadata"), "namespace", ns);
    return o;
}

static void an_object_is_kept_without_managed_fields_and_left_as_it_was(void **state)
{
    struct lp_kube_store *s = lp_kube_store_new();
    json_auto_t *o = object("ns", "a", 1);
    (void)state;
    lp_kube_store_put(s, o);
    json_auto_t *got = lp_kube_store_get(s, "ns", "a");
    assert_int_equal(lp_json_int(0, got, "n", NULL), 1);
    assert_null(lp_json_at(got, "metadata", "managedFields", NULL));
    assert_non_null(lp_json_at(o, "metadata", "managedFields", NULL));
    assert_true(lp_kube_store_has(s, "ns/a"));
    assert_null(lp_kube_store_get(s, NULL, "a"));
    lp_kube_store_free(s);
}

static void note_key(const char *key, void *user)
{
    lp_buf_printf(user, "%s ", key);
}

static void putting_again_replaces_and_removing_removes(void **state)
{
    struct lp_kube_store *s = lp_kube_store_new();
    json_auto_t *one = object(NULL, "a", 1), *two = object(NULL, "a", 2);
    lp_auto_buf struct lp_buf keys = LP_BUF_INIT(64);
    (void)state;
    lp_kube_store_put(s, one);
    lp_kube_store_put(s, two);
    assert_int_equal(lp_kube_store_count(s), 1);
    json_auto_t *got = lp_kube_store_get(s, "", "a");
    assert_int_equal(lp_json_int(0, got, "n", NULL), 2);
    lp_kube_store_keys(s, note_key, &keys);
    assert_string_equal(keys.ptr, "a ");
    lp_kube_store_remove(s, one);
    lp_kube_store_remove(s, one);
    assert_int_equal(lp_kube_store_count(s), 0);
    assert_null(lp_kube_store_get(s, NULL, "a"));
    lp_kube_store_free(s);
}

#define EACH 500

static void *put_and_get(void *user)
{
    struct lp_kube_store *s = user;
    char name[16];
    for (int i = 0; i < EACH; i++) {
        snprintf(name, sizeof name, "o%d", i);
        json_auto_t *o = object("ns", name, i);
        lp_kube_store_put(s, o);
        json_auto_t *got = lp_kube_store_get(s, "ns", name);
        if (lp_json_int(-1, got, "n", NULL) != i)
            return user;
    }
    return NULL;
}

static void threads_share_a_store(void **state)
{
    struct lp_kube_store *s = lp_kube_store_new();
    pthread_t threads[3];
    void *failed;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_and_get, s), 0);
    for (size_t i = 0; i < LP_COUNT(threads); i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(lp_kube_store_count(s), EACH);
    lp_kube_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_kept_without_managed_fields_and_left_as_it_was),
        cmocka_unit_test(putting_again_replaces_and_removing_removes),
        cmocka_unit_test(threads_share_a_store),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
