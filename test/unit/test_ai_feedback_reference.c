/* test/unit/test_ai_feedback_reference.c -- the words that a learner is to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "services/ai-feedback/recording/reference.h"

static struct reference reference;

static void test_words(void **state)
{
    (void)state;
    struct lp_error err;

    assert_int_equal(
        reference_read(
            "  I don\xe2\x80\x99t know \xe2\x80\x94 'well-read'\xe2\x80\xa6 Dogs' TAILS?!",
            &reference, &err),
        0);
    static const char *const words[] = { "i", "don't", "know", "well", "read", "dogs", "tails" };
    assert_int_equal(reference.n, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(reference.words[i].text, words[i]);
}

static void test_sentences(void **state)
{
    (void)state;
    struct lp_error err;

    assert_int_equal(reference_read("...Yes. No!? Well, go\nhome", &reference, &err), 0);
    static const unsigned sentences[] = { 0, 1, 2, 2, 3 };
    assert_int_equal(reference.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(reference.words[i].sentence, sentences[i]);
}

static void refused(const char *text, const char *why)
{
    struct lp_error err = { 0 };

    assert_int_equal(reference_read(text, &reference, &err), LP_E_INVALID);
    if (!strstr(err.msg, why))
        fail_msg("%s: %s", text, err.msg);
}

static void test_refused(void **state)
{
    (void)state;
    char longest[REFERENCE_BYTES + 2], many[2 * (REFERENCE_WORDS + 1) + 1];

    memset(longest, ' ', sizeof longest);
    longest[0] = 'a';
    longest[REFERENCE_BYTES + 1] = '\0';
    for (size_t i = 0; i <= REFERENCE_WORDS; i++)
        memcpy(many + 2 * i, "a ", 3);
    refused("", "no word");
    refused("... \xe2\x80\x94 !", "no word");
    refused("I have 3 cats", "digit 3");
    refused("caf\xc3\xa9", "\"\xc3\xa9\"");
    refused("\xe4\xbd\xa0\xe5\xa5\xbd", "\"\xe4\xbd\xa0\"");
    refused("a \xff b", "UTF-8");
    refused("cut \xe2\x80", "UTF-8");
    refused("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "word of over 32 letters");
    refused(longest, "2001 bytes, 2000 at most");
    refused(many, "over 120 words");
}

/* The longest that is taken of each. */
static void test_limits(void **state)
{
    (void)state;
    char longest[REFERENCE_BYTES + 1], many[2 * REFERENCE_WORDS + 1];
    struct lp_error err;

    memset(longest, ' ', sizeof longest);
    memset(longest, 'b', REFERENCE_WORD - 1);
    longest[REFERENCE_BYTES] = '\0';
    for (size_t i = 0; i < REFERENCE_WORDS; i++)
        memcpy(many + 2 * i, "a ", 3);
    assert_int_equal(reference_read(longest, &reference, &err), 0);
    assert_int_equal(strlen(reference.words[0].text), REFERENCE_WORD - 1);
    assert_int_equal(reference_read(many, &reference, &err), 0);
    assert_int_equal(reference.n, REFERENCE_WORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
