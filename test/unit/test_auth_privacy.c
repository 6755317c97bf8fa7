/* Sealed fields, wrapped keys and master keys: known answers (of Python's cryptography, another
 * implementation), and that what was changed or moved does not open. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/auth/privacy/vault.h"
#include "unit/check.h"
#include "unit/key_folder.h"

#define USER "00112233-4455-6677-8899-aabbccddeeff"
#define OTHER "00112233-4455-6677-8899-aabbccddeef0"
#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="

static struct lp_error err;

static void fill(unsigned char *bytes, size_t n, unsigned char first)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(first + i);
}

static void seals_to_the_known_answers(void **state)
{
    static const struct {
        const char *column, *text, *want;
    } cases[] = {
        { "email", "ann@example.org",
          "016465666768696a6b6c6d6e6f2975b0261c9137f34e0e3ac6b5170d1f812cc98f98eed03d97af12bf05d64"
          "c" },
        { "name",
          "Ann L\xc3\xbc"
          "ders",
          "016465666768696a6b6c6d6e6f0975b046352aeafa5b102c2421254f268e6439ae1501218a905cb8" },
        { "phone", "", "016465666768696a6b6c6d6e6fc563220ad93a774dac75773a0818a690" },
    };
    unsigned char key[SEAL_KEY], nonce[SEAL_NONCE];
    (void)state;
    fill(key, sizeof key, 0);
    fill(nonce, sizeof nonce, 100);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(4096);
        const struct seal_place place = { USER, cases[i].column };
        assert_int_equal(
            seal_with(key, nonce, place, cases[i].text, strlen(cases[i].text), &out, &err), 0);
        assert_string_equal(out.ptr, cases[i].want);
        assert_int_equal(seal_open(key, place, cases[i].want, &text, &err), 0);
        assert_string_equal(text.ptr, cases[i].text);
    }
}

static void finds_an_address_in_whatever_case_and_tells_nothing_of_a_key_by_its_name(void **state)
{
    unsigned char key[SEAL_KEY];
    char lookup[SEAL_LOOKUP], id[SEAL_ID];
    (void)state;
    fill(key, sizeof key, 0);
    seal_lookup(key, "Ann@Example.ORG", lookup);
    assert_string_equal(lookup, "824fe6c7fa82cc7d2729cb65bf8b6eaed7442beba8dcaa61e830f4f0845b1b25");
    seal_name_key(key, id);
    assert_string_equal(id, "58c4b19902bb6bab");
}

static void opens_nothing_that_was_changed_moved_or_cut(void **state)
{
    static const char text[] = "ann@example.org";
    unsigned char key[SEAL_KEY], other[SEAL_KEY];
    lp_auto_buf struct lp_buf sealed = LP_BUF_INIT(4096);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(4096);
    const struct seal_place place = { USER, "email" };
    (void)state;
    fill(key, sizeof key, 0);
    fill(other, sizeof other, 1);
    assert_int_equal(seal_text(key, place, text, strlen(text), &sealed, &err), 0);
    assert_int_equal(seal_open(other, place, sealed.ptr, &out, &err), LP_E_DENIED);
    assert_int_equal(seal_open(key, (struct seal_place){ OTHER, "email" }, sealed.ptr, &out, &err),
                     LP_E_DENIED);
    assert_int_equal(seal_open(key, (struct seal_place){ USER, "name" }, sealed.ptr, &out, &err),
                     LP_E_DENIED);
    for (size_t i = 0; i < sealed.len; i++) { /* each digit: version, nonce, text and tag */
        char before = sealed.ptr[i];
        sealed.ptr[i] = before == '0' ? '1' : '0';
        int r = seal_open(key, place, sealed.ptr, &out, &err);
        assert_int_equal(r, i < 2 ? LP_E_INVALID : LP_E_DENIED);
        assert_null(strstr(err.msg, text));
        sealed.ptr[i] = before;
    }
    for (size_t n = 0; n < sealed.len; n++) {
        lp_auto_free char *cut = lp_strndup(sealed.ptr, n);
        assert_true(seal_open(key, place, cut, &out, &err) < 0);
    }
    assert_int_equal(seal_open(key, place, "zz", &out, &err), LP_E_INVALID);
    assert_int_equal(out.len, 0);
}

static void seals_the_same_text_differently_each_time(void **state)
{
    unsigned char key[SEAL_KEY];
    lp_auto_buf struct lp_buf one = LP_BUF_INIT(4096);
    lp_auto_buf struct lp_buf two = LP_BUF_INIT(4096);
    char a[SEAL_UUID], b[SEAL_UUID];
    (void)state;
    fill(key, sizeof key, 0);
    assert_int_equal(seal_text(key, (struct seal_place){ USER, "name" }, "Ann", 3, &one, &err), 0);
    assert_int_equal(seal_text(key, (struct seal_place){ USER, "name" }, "Ann", 3, &two, &err), 0);
    assert_string_not_equal(one.ptr, two.ptr);
    seal_make_uuid(a);
    seal_make_uuid(b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_true(a[14] == '4' && strchr("89ab", a[19]));
}

static void names_the_field_and_the_key_of_a_secret_that_is_none(void **state)
{
    static const struct {
        const char *current, *previous, *named;
    } cases[] = {
        { NULL, NULL, "or has no key current" },
        { "c2hvcnQ=", NULL, "key current must be base64 of 32 bytes" },
        { "not base64 at all!", NULL, "key current must be base64" },
        { KEY_A, "c2hvcnQ=", "key previous must be base64" },
    };
    struct masters m;
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        if (cases[i].current)
            put("current", cases[i].current);
        if (cases[i].previous)
            put("previous", cases[i].previous);
        assert_int_equal(masters_read(dir, &m, &err), LP_E_INVALID);
        assert_non_null(strstr(err.msg, "spec.privacy.masterKeyRef"));
        assert_non_null(strstr(err.msg, cases[i].named));
        assert_null(strstr(err.msg, "c2hv"));
        drop("current");
        drop("previous");
    }
    put("current", KEY_A "\n");
    assert_int_equal(masters_read(dir, &m, &err), 0);
    assert_string_equal(m.current.id, "58c4b19902bb6bab");
    assert_string_equal(m.previous.id, "");
    assert_null(masters_find(&m, ""));
}

static void wraps_keys_anew_under_the_current_master_key(void **state)
{
    struct vault *v = NULL;
    struct vault_key lookup, first, second;
    unsigned char key[SEAL_KEY], again[SEAL_KEY];
    char a[SEAL_ID], b[SEAL_ID], none[SEAL_ID];
    bool changed = false;
    (void)state;
    put("current", KEY_A);
    assert_int_equal(vault_new(dir, &v, &err), 0);
    assert_false(vault_is_open(v));
    vault_names(v, a, none);
    assert_int_equal(vault_open(v, NULL, false, a, &err), 0);
    assert_int_equal(vault_make(v, VAULT_LOOKUP, key, &lookup, &err), 0);
    assert_int_equal(vault_open(v, &lookup, true, a, &err), 0);
    assert_int_equal(vault_make(v, USER, key, &first, &err), 0);

    put("current", KEY_B); /* without the one in use: refused, the former stays */
    assert_int_equal(vault_reread(v, &changed, &err), LP_E_INVALID);
    assert_non_null(strstr(err.msg, a));
    assert_int_equal(vault_unwrap(v, USER, first.master, first.wrapped, again, &err), 0);
    put("previous", KEY_A);
    assert_int_equal(vault_reread(v, &changed, &err), 0);
    assert_true(changed);
    vault_names(v, b, none);
    assert_string_equal(none, a);
    assert_int_equal(vault_rewrap(v, USER, &first, &second, &err), 0);
    assert_string_equal(second.master, b);
    assert_int_equal(vault_unwrap(v, USER, b, second.wrapped, again, &err), 0);
    assert_memory_equal(key, again, SEAL_KEY);
    assert_int_equal(vault_unwrap(v, OTHER, b, second.wrapped, again, &err), LP_E_DENIED);
    assert_int_equal(vault_unwrap(v, USER, "0000000000000000", second.wrapped, again, &err),
                     LP_E_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "spec.privacy.masterKeyRef"));
    vault_free(v);
}

static void opens_no_database_whose_lookups_are_under_a_foreign_key(void **state)
{
    struct vault *v = NULL, *other = NULL;
    struct vault_key lookup;
    unsigned char key[SEAL_KEY];
    char a[SEAL_ID], none[SEAL_ID];
    (void)state;
    drop("previous");
    put("current", KEY_A);
    assert_int_equal(vault_new(dir, &v, &err), 0);
    vault_names(v, a, none);
    assert_int_equal(vault_open(v, NULL, false, a, &err), 0);
    assert_int_equal(vault_make(v, VAULT_LOOKUP, key, &lookup, &err), 0);
    put("current", KEY_B);
    assert_int_equal(vault_new(dir, &other, &err), 0);
    assert_int_equal(vault_open(other, &lookup, true, a, &err), LP_E_DENIED);
    assert_false(vault_is_open(other));
    vault_free(v);
    vault_free(other);
}

static int remove_dir(void **state)
{
    (void)state;
    drop("current");
    drop("previous");
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seals_to_the_known_answers),
        cmocka_unit_test(finds_an_address_in_whatever_case_and_tells_nothing_of_a_key_by_its_name),
        cmocka_unit_test(opens_nothing_that_was_changed_moved_or_cut),
        cmocka_unit_test(seals_the_same_text_differently_each_time),
        cmocka_unit_test(names_the_field_and_the_key_of_a_secret_that_is_none),
        cmocka_unit_test(wraps_keys_anew_under_the_current_master_key),
        cmocka_unit_test(opens_no_database_whose_lookups_are_under_a_foreign_key),
    };
    return cmocka_run_group_tests_name("auth_privacy", tests, make_dir, remove_dir);
}
