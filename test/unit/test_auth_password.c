/* Hashes: published vectors, the limits of what is read, and what counts as outdated. */
#include "services/auth/passwords/password.h"

#include <argon2.h>
#include <crypt.h>
#include <string.h>
#include "services/auth/passwords/phc.h"
#include "unit/check.h"

/* Vectors of the argon2 reference implementation (test.c) and of crypt_blowfish. */
#define ARGON2_64M \
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
#define ARGON2_256K \
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define ARGON2_2_LANES \
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"
#define BCRYPT_2A "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define BCRYPT_2Y "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define BCRYPT_2B "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"

/* 1 matches, 0 does not, or the error. */
static int verified(const char *hash, const char *password)
{
    struct lp_error err;
    bool matches = false;
    int r = password_verify(hash, password, &matches, &err);
    return r < 0 ? r : matches;
}

static void verifies_published_hashes(void **state)
{
    static const struct {
        const char *hash, *password;
    } cases[] = {
        { ARGON2_64M, "password" }, { ARGON2_256K, "password" }, { ARGON2_2_LANES, "password" },
        { BCRYPT_2A, "U*U" },       { BCRYPT_2Y, "U*U" },        { BCRYPT_2B, "correct horse" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        assert_int_equal(verified(cases[i].hash, cases[i].password), 1);
        assert_int_equal(verified(cases[i].hash, "Password"), 0);
        assert_int_equal(verified(cases[i].hash, ""), 0);
    }
}

static void refuses_hashes_that_it_does_not_read(void **state)
{
    static const char *const cases[] = {
        "",
        "plain",
        "$1$abc$def",
        "$2b$",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4Y",
        "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2b$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$2b$xx$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=999,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=",
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++)
        assert_int_equal(verified(cases[i], "password"), LP_E_INVALID);
}

static void never_puts_a_stored_hash_into_its_message(void **state)
{
    (void)state;
    struct lp_error err;
    bool matches;
    assert_int_equal(password_verify("$argon2id$secret", "x", &matches, &err), LP_E_INVALID);
    assert_null(strstr(err.msg, "secret"));
}

static void makes_hashes_that_it_and_the_reference_library_verify(void **state)
{
    static const char *const passwords[] = { "x", "correct horse battery staple", "p\xC3\xA4ss",
                                             "' OR 1=1; --" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(passwords); i++) {
        char hash[PASSWORD_HASH_MAX];
        struct lp_error err;
        struct password_params params = password_params_of("argon2id-7m", 0);
        assert_int_equal(password_hash(&params, passwords[i], hash, &err), 0);
        assert_int_equal(strncmp(hash, "$argon2id$v=19$m=7168,t=5,p=1$", 30), 0);
        assert_int_equal(verified(hash, passwords[i]), 1);
        assert_int_equal(verified(hash, "another"), 0);
        assert_int_equal(argon2id_verify(hash, passwords[i], strlen(passwords[i])), ARGON2_OK);
    }
}

static void salts_every_hash_anew(void **state)
{
    (void)state;
    struct password_params params = password_params_of("argon2id-7m", 0);
    struct lp_error err;
    char one[PASSWORD_HASH_MAX], two[PASSWORD_HASH_MAX];
    assert_int_equal(password_hash(&params, "same", one, &err), 0);
    assert_int_equal(password_hash(&params, "same", two, &err), 0);
    assert_string_not_equal(one, two);
}

static void uses_the_recommended_parameters_by_default(void **state)
{
    (void)state;
    struct password_params p = password_params_of("argon2id", 0);
    assert_int_equal(p.memory_kib, 19456);
    assert_int_equal(p.passes, 2);
}

static void writes_what_it_reads_for_every_length(void **state)
{
    (void)state;
    for (size_t n = 16; n <= PHC_HASH_MAX; n++) {
        struct phc p = {
            .memory_kib = 8, .passes = 20, .lanes = 4, .salt_len = 8 + n / 2, .hash_len = n
        };
        struct phc back;
        char text[256], again[256];
        memset(p.salt, 0xA5, p.salt_len);
        for (size_t i = 0; i < n; i++)
            p.hash[i] = (uint8_t)(i * 37);
        assert_true(phc_write(&p, text, sizeof text));
        assert_true(phc_read(text, &back));
        assert_int_equal(back.hash_len, n);
        assert_memory_equal(back.hash, p.hash, n);
        assert_true(phc_write(&back, again, sizeof again));
        assert_string_equal(text, again);
        assert_false(phc_write(&p, text, strlen(again)));
    }
}

/* libcrypt refuses a password of 512 bytes, which others hashed by its first 72. */
static void of_a_long_password_bcrypt_takes_the_first_72_bytes(void **state)
{
    char longest[1025], others[1025];
    struct crypt_data data = { 0 };
    struct lp_error err;
    bool matches = false;
    (void)state;
    memset(longest, 'a', 1024);
    longest[72] = longest[1024] = '\0';
    const char *hash = crypt_r(longest, "$2b$04$abcdefghijklmnopqrstuu", &data);
    assert_non_null(hash);
    longest[72] = 'a';
    assert_int_equal(password_verify(hash, longest, &matches, &err), 0);
    assert_true(matches);
    memcpy(others, longest, sizeof others);
    others[71] = 'b';
    assert_int_equal(password_verify(hash, others, &matches, &err), 0);
    assert_false(matches);
}

static void calls_other_parameters_and_bcrypt_outdated(void **state)
{
    (void)state;
    struct password_params now = password_params_of("argon2id-7m", 0);
    struct password_params before = password_params_of("argon2id-9m", 0);
    struct lp_error err;
    char hash[PASSWORD_HASH_MAX];
    assert_int_equal(password_hash(&now, "x", hash, &err), 0);
    assert_false(password_is_outdated(&now, hash));
    assert_true(password_is_outdated(&before, hash));
    assert_true(password_is_outdated(&now, BCRYPT_2B));
}

/* Whichever library computes it. */
static void makes_hashes_that_libargon2_verifies(void **state)
{
    (void)state;
    for (size_t i = 1; password_settings[i]; i++) {
        struct password_params params = password_params_of(password_settings[i], 0);
        struct lp_error err;
        char hash[PASSWORD_HASH_MAX];
        assert_int_equal(password_hash(&params, "correct horse", hash, &err), 0);
        assert_int_equal(argon2id_verify(hash, "correct horse", 13), ARGON2_OK);
        assert_int_equal(argon2id_verify(hash, "correct Horse", 13), ARGON2_VERIFY_MISMATCH);
    }
}

static void takes_the_cheapest_parameters_where_the_pod_has_little_cpu(void **state)
{
    static const struct {
        double quota;
        unsigned memory_kib, passes;
    } cases[] = { { 0, 19456, 2 },  { 0.04, 7168, 5 }, { 0.49, 7168, 5 },
                  { 0.5, 9216, 4 }, { 1, 19456, 2 },   { 4, 19456, 2 } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        struct password_params p = password_params_of("auto", cases[i].quota);
        assert_int_equal(p.memory_kib, cases[i].memory_kib);
        assert_int_equal(p.passes, cases[i].passes);
    }
}

static void nothing_matches_what_is_nobodys_and_it_takes_as_long(void **state)
{
    const struct password_params params = password_params_of("argon2id-7m", 0);
    char one[PASSWORD_HASH_MAX], other[PASSWORD_HASH_MAX];
    struct lp_error err;
    bool matches = true;
    (void)state;
    assert_int_equal(password_of_nobody(&params, one, &err), 0);
    assert_int_equal(password_of_nobody(&params, other, &err), 0);
    assert_string_not_equal(one, other);
    assert_int_equal(strncmp(one, "$argon2id$v=19$m=7168,t=5,p=1$", 30), 0);
    assert_false(password_is_outdated(&params, one));
    assert_int_equal(password_verify(one, "", &matches, &err), 0);
    assert_false(matches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_matches_what_is_nobodys_and_it_takes_as_long),
        cmocka_unit_test(verifies_published_hashes),
        cmocka_unit_test(refuses_hashes_that_it_does_not_read),
        cmocka_unit_test(never_puts_a_stored_hash_into_its_message),
        cmocka_unit_test(makes_hashes_that_it_and_the_reference_library_verify),
        cmocka_unit_test(salts_every_hash_anew),
        cmocka_unit_test(uses_the_recommended_parameters_by_default),
        cmocka_unit_test(writes_what_it_reads_for_every_length),
        cmocka_unit_test(of_a_long_password_bcrypt_takes_the_first_72_bytes),
        cmocka_unit_test(calls_other_parameters_and_bcrypt_outdated),
        cmocka_unit_test(makes_hashes_that_libargon2_verifies),
        cmocka_unit_test(takes_the_cheapest_parameters_where_the_pod_has_little_cpu),
    };
    return cmocka_run_group_tests_name("auth_password", tests, NULL, NULL);
}
