/* test/unit/test_store.c -- what is put is got, without managedFields; many keys; many threads. */
#include "kube/store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
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
    struct lp_kube_store *s = lp_kube_store_new(NULL);
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
    struct lp_kube_store *s = lp_kube_store_new(NULL);
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

/* Some hundred bytes that are much alike, with a version. */
static json_t *versioned(const char *name, const char *version)
{
    lp_auto_free char *long_text = lp_sprintf("%0300d %s %0300d", 1, name, 2);
    return lp_json_make("{s:{s:s, s:s, s:s}, s:s}", "metadata", "namespace", "ns", "name", name,
                        "resourceVersion", version, "text", long_text);
}

static void a_packed_store_gives_back_what_was_put(void **state)
{
    struct lp_kube_packer *packer = lp_kube_packer_new();
    struct lp_kube_store *s = lp_kube_store_new(packer);
    char name[16];
    (void)state;
    /* More than the model has room for. */
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "o%d", i);
        json_auto_t *o = versioned(name, "1");
        lp_kube_store_put(s, o);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "o%d", i);
        json_auto_t *want = versioned(name, "1");
        json_auto_t *got = lp_kube_store_get(s, "ns", name);
        assert_true(json_equal(got, want));
    }
    lp_kube_store_free(s);
    lp_kube_packer_free(packer);
}

static void packing_makes_alike_texts_small_and_refuses_broken_bytes(void **state)
{
    struct lp_kube_packer *packer = lp_kube_packer_new();
    char model[600], text[600];
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < sizeof model; i++)
        model[i] = text[i] = (char)(i * i * 31 % 251);
    text[300] = 'x';
    lp_auto_free unsigned char *packed =
        lp_kube_pack(packer, model, sizeof model, text, sizeof text, &n);
    assert_non_null(packed);
    assert_true(n < 100);
    lp_auto_free char *back = lp_kube_unpack(packer, model, sizeof model, packed, n, sizeof text);
    assert_memory_equal(back, text, sizeof text);
    assert_null(lp_kube_unpack(packer, model, sizeof model, packed, n, sizeof text - 1));
    packed[0] ^= 0xff;
    assert_null(lp_kube_unpack(packer, model, sizeof model, packed, n, sizeof text));
    assert_null(lp_kube_pack(packer, model, 1, "abcdefgh", 8, &n));
    lp_kube_packer_free(packer);
}

static void a_store_knows_versions_without_parsing(void **state)
{
    struct lp_kube_store *s = lp_kube_store_new(NULL);
    json_auto_t *o = versioned("a", "9");
    (void)state;
    lp_kube_store_put(s, o);
    assert_true(lp_kube_store_holds(s, "ns/a", "9"));
    assert_false(lp_kube_store_holds(s, "ns/a", "8"));
    assert_false(lp_kube_store_holds(s, "ns/a", NULL));
    assert_false(lp_kube_store_holds(s, "ns/b", "9"));
    assert_true(lp_kube_store_reached(s, "ns/a", "8"));
    assert_false(lp_kube_store_reached(s, "ns/a", "10"));
    assert_false(lp_kube_store_reached(s, "ns/b", "1"));
    lp_kube_store_put_key(s, o);
    assert_true(lp_kube_store_has(s, "ns/a"));
    assert_false(lp_kube_store_holds(s, "ns/a", "9"));
    assert_null(lp_kube_store_get(s, "ns", "a"));
    assert_int_equal(lp_kube_store_count(s), 1);
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
    struct lp_kube_packer *packer = lp_kube_packer_new();
    struct lp_kube_store *s = lp_kube_store_new(packer);
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
    lp_kube_packer_free(packer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_kept_without_managed_fields_and_left_as_it_was),
        cmocka_unit_test(putting_again_replaces_and_removing_removes),
        cmocka_unit_test(a_packed_store_gives_back_what_was_put),
        cmocka_unit_test(packing_makes_alike_texts_small_and_refuses_broken_bytes),
        cmocka_unit_test(a_store_knows_versions_without_parsing),
        cmocka_unit_test(threads_share_a_store),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
