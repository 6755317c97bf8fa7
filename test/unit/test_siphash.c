/* test/unit/test_siphash.c -- the same as the paper's and OpenSSL's. */
#include "base/siphash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "unit/check.h"

/* 00 01 … 0f, as in the reference implementation's vectors. */
static void make_key(struct lp_siphash_key *ret, unsigned char bytes[16])
{
    for (unsigned i = 0; i < 16; i++)
        bytes[i] = (unsigned char)i;
    memcpy(ret, bytes, 16);
}

static void gives_the_vectors_of_its_authors(void **state)
{
    static const unsigned char none[16] = { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                            0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 };
    unsigned char bytes[16];
    struct lp_siphash_key key;
    uint64_t wide[2];
    (void)state;

    make_key(&key, bytes);
    assert_true(lp_siphash(&key, bytes, 15) == UINT64_C(0xa129ca6149be45e5)); /* its appendix A */
    lp_siphash_128(&key, "", 0, wide);
    assert_memory_equal(wide, none, 16);
}

static void hashes_every_length_as_openssl_does(void **state)
{
    unsigned char text[100], bytes[16], want[16];
    struct lp_siphash_key key;
    uint64_t have[2];
    size_t n = 0;
    (void)state;

    make_key(&key, bytes);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 151 + 7);
    for (size_t len = 0; len <= sizeof text; len++) {
        assert_non_null(EVP_Q_mac(NULL, OSSL_MAC_NAME_SIPHASH, NULL, NULL, NULL, bytes, 16, text,
                                  len, want, sizeof want, &n));
        assert_int_equal(n, 16);
        lp_siphash_128(&key, text, len, have);
        assert_memory_equal(have, want, 16);
    }
}

static void another_key_gives_another_hash(void **state)
{
    struct lp_siphash_key a, b;
    (void)state;

    lp_siphash_key_make(&a);
    lp_siphash_key_make(&b);
    assert_true(lp_siphash(&a, "text", 4) != lp_siphash(&b, "text", 4));
    assert_true(lp_siphash(&a, "text", 4) == lp_siphash(&a, "text", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_vectors_of_its_authors),
        cmocka_unit_test(hashes_every_length_as_openssl_does),
        cmocka_unit_test(another_key_gives_another_hash),
    };
    return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
