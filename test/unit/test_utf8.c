/* test/unit/test_utf8.c -- lib/base/utf8.h: what is a character, what is repaired. */
#include "base/utf8.h"

#include <string.h>

#include "unit/check.h"

static size_t sequence(const char *s)
{
    return lp_utf8_sequence(s, strlen(s));
}

static void a_sequence_is_what_rfc_3629_allows(void **state)
{
    (void)state;
    assert_int_equal(sequence("a"), 1);
    assert_int_equal(sequence("\xc3\xa9"), 2);
    assert_int_equal(sequence("\xe2\x82\xac"), 3);
    assert_int_equal(sequence("\xf0\x9f\x98\x80"), 4);
    assert_int_equal(sequence("\xf4\x8f\xbf\xbf"), 4);
    assert_int_equal(lp_utf8_sequence("", 1), 1); /* a NUL */
    assert_int_equal(sequence("\x80"), 0);
    assert_int_equal(sequence("\xc0\x80"), 0);         /* overlong */
    assert_int_equal(sequence("\xe0\x9f\xbf"), 0);     /* overlong */
    assert_int_equal(sequence("\xed\xa0\x80"), 0);     /* a surrogate */
    assert_int_equal(sequence("\xf4\x90\x80\x80"), 0); /* over U+10FFFF */
    assert_int_equal(sequence("\xf5\x80\x80\x80"), 0);
    assert_int_equal(sequence("\xe2\x82"), 0);
    assert_int_equal(lp_utf8_sequence("\xe2\x82\xac", 2), 0); /* never reads past `n` */
}

static void what_is_no_character_becomes_question_marks(void **state)
{
    char text[] = "\xc3\xa9\xff\xe2\x82 \xed\xa0\x80";

    (void)state;
    lp_utf8_repair(text);
    assert_string_equal(text, "\xc3\xa9??? ???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sequence_is_what_rfc_3629_allows),
        cmocka_unit_test(what_is_no_character_becomes_question_marks),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
