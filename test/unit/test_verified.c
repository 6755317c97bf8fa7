/* test/unit/test_verified.c -- tokens that were found good are found again. */
#include "service/verified.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "unit/check.h"

#define LEARNERS 1000

/* Claims of learner `i`, as the token of that text has. */
static json_t *claims_of(unsigned i, char token[64])
{
    struct lp_error err;
    json_t *claims = NULL;
    lp_auto_free char *text = lp_sprintf("{\"sub\":\"%u\",\"exp\":100}", i);

    snprintf(token, 64, "header.claims-%u.signature", i);
    assert_int_equal(lp_json_parse(text, strlen(text), 256, "claims", &claims, &err), 0);
    return claims;
}

static void add_all(struct lp_verified *v)
{
    char token[64];

    for (unsigned i = 0; i < LEARNERS; i++) {
        json_auto_t *claims = claims_of(i, token);
        lp_verified_add(v, token, strlen(token), claims, lp_verified_clears(v));
    }
}

/* How many are found, each with its own claims. */
static unsigned found(struct lp_verified *v, int64_t now_s)
{
    unsigned n = 0;
    char token[64];

    for (unsigned i = 0; i < LEARNERS; i++) {
        json_auto_t *own = claims_of(i, token);
        json_auto_t *claims = lp_verified_find(v, token, strlen(token), now_s);
        assert_true(!claims || json_equal(claims, own));
        n += claims != NULL;
    }
    return n;
}

static void of_a_thousand_learners_nearly_all_are_found(void **state)
{
    struct lp_verified *v = lp_verified_new();
    (void)state;

    add_all(v);
    assert_true(found(v, 99) >= LEARNERS * 8 / 10); /* 89 % as a mean, by its key: 1 % either way */
    assert_int_equal(found(v, 100), 0);             /* their time is over */
    lp_verified_clear(v);
    assert_int_equal(found(v, 99), 0);
    lp_verified_free(v);
}

static void what_was_verified_by_keys_that_have_changed_is_not_kept(void **state)
{
    struct lp_verified *v = lp_verified_new();
    char token[64];
    json_auto_t *claims = claims_of(1, token);
    uint64_t before = lp_verified_clears(v);
    (void)state;

    lp_verified_clear(v);
    lp_verified_add(v, token, strlen(token), claims, before);
    assert_null(lp_verified_find(v, token, strlen(token), 1));
    lp_verified_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_thousand_learners_nearly_all_are_found),
        cmocka_unit_test(what_was_verified_by_keys_that_have_changed_is_not_kept),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("verified", tests, NULL, NULL);
}
