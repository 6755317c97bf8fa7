/* test/unit/test_ai_feedback_levels.c -- how much is said at a level, the figures of a text,
 * advice.
 */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <string.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/scores.h"

static json_t *check_at(void *speller, const char *text, enum level level)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    struct feedback_request q = { .text = text, .deadline_ms = INT64_MAX, .level = level };
    int score;
    ok(feedback_check(speller, &q, &out, &score, &err));
    json_t *reply = json_loadb(out.ptr, out.len, 0, NULL);
    assert_non_null(reply);
    return reply;
}

static void six_levels_are_read_in_any_case_and_nothing_else_is(void **state)
{
    static const char *const wrong[] = { "", "A", "A0", "A3", "D1", "A1 ", "A12", "native" };
    enum level level = LEVEL_NONE;
    struct lp_error err;
    (void)state;
    for (enum level l = LEVEL_A1; l <= LEVEL_C2; l++) {
        assert_int_equal(level_read(level_name(l), &level, &err), 0);
        assert_int_equal(level, l);
    }
    assert_int_equal(level_read("b2", &level, &err), 0);
    assert_int_equal(level, LEVEL_B2);
    for (size_t i = 0; i < LP_COUNT(wrong); i++)
        assert_int_equal(level_read(wrong[i], &level, &err), LP_E_INVALID);
    assert_string_equal(err.msg, "level is \"native\": it must be A1, A2, B1, B2, C1 or C2");
    assert_int_equal(level, LEVEL_B2); /* untouched */
}

#define MANY "um i recieve a apple and and he go to school yesterday"

static void a_beginner_gets_every_correction_and_the_two_reasons_that_matter_most(void **state)
{
    json_auto_t *all = check_at(*state, MANY, LEVEL_NONE);
    json_auto_t *few = check_at(*state, MANY, LEVEL_A1);
    const json_t *whole = json_array_get(json_object_get(all, "sentence_pairs"), 0);
    const json_t *pair = json_array_get(json_object_get(few, "sentence_pairs"), 0);
    size_t n = json_array_size(json_object_get(whole, "edits"));
    assert_string_equal(lp_json_str(pair, "corrected", NULL),
                        lp_json_str(whole, "corrected", NULL));
    assert_int_equal(lp_json_int(-1, pair, "distance", NULL),
                     lp_json_int(-2, whole, "distance", NULL));
    assert_null(json_object_get(whole, "untold"));
    const json_t *told = json_object_get(pair, "edits");
    assert_int_equal(json_array_size(told), 2);
    assert_int_equal(lp_json_int(-1, pair, "untold", NULL), n - 2);
    for (size_t i = 0; i < 2; i++) { /* no capital, mark, filler while a word is wrong */
        const char *category = lp_json_str(json_array_get(told, i), "category", NULL);
        assert_true(strcmp(category, "spelling") == 0 || strcmp(category, "tense") == 0 ||
                    strcmp(category, "agreement") == 0);
    }
    assert_string_equal(lp_json_str(few, "level", NULL), "A1");
}

static void each_level_tells_no_less_than_the_one_below(void **state)
{
    size_t before = 0;
    for (enum level l = LEVEL_A1; l <= LEVEL_C2; l++) {
        json_auto_t *reply = check_at(*state, MANY, l);
        const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
        size_t n = json_array_size(json_object_get(pair, "edits"));
        assert_true(n >= before);
        before = n;
        assert_true(json_array_size(json_object_get(reply, "advice")) <= level_advice(l));
    }
    json_auto_t *all = check_at(*state, MANY, LEVEL_NONE);
    const json_t *pair = json_array_get(json_object_get(all, "sentence_pairs"), 0);
    assert_int_equal(json_array_size(json_object_get(pair, "edits")), before);
}

static void every_edit_has_a_reason_in_words_and_a_confidence(void **state)
{
    json_auto_t *reply = check_at(*state, MANY, LEVEL_C2);
    const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
    const json_t *edits = json_object_get(pair, "edits");
    for (size_t i = 0; i < json_array_size(edits); i++) {
        const json_t *e = json_array_get(edits, i);
        double confidence = json_number_value(json_object_get(e, "confidence"));
        assert_true(strlen(lp_json_str(e, "message", NULL)) > 10);
        assert_true(confidence > 0 && confidence <= 1);
        assert_string_not_equal(lp_json_str(e, "category", NULL), "none");
    }
}

static void words_are_counted_by_how_frequent_they_are(void **state)
{
    json_auto_t *reply =
        check_at(*state, "The house is good. Perspicacious xylophones obfuscate.", LEVEL_NONE);
    const json_t *scores = json_object_get(reply, "scores");
    assert_int_equal(lp_json_int(-1, scores, "bands", "1000", NULL), 57); /* 4 of 7 */
    assert_int_equal(lp_json_int(-1, scores, "vocabulary", NULL),
                     lp_json_int(-1, scores, "bands", "2000", NULL) +
                         lp_json_int(-1, scores, "bands", "5000", NULL) +
                         lp_json_int(-1, scores, "bands", "rarer", NULL));
    assert_true(lp_json_int(-1, scores, "bands", "rarer", NULL) > 0);
    assert_int_equal(lp_json_int(-1, scores, "grammar", NULL), 100);
}

static void advice_is_about_what_was_changed_most_and_there_is_none_for_a_right_text(void **state)
{
    json_auto_t *fillers = check_at(*state, "Um I um like um tea uh a lot.", LEVEL_A1);
    json_auto_t *right = check_at(*state, "All is well.", LEVEL_A1);
    const json_t *advice = json_object_get(fillers, "advice");
    assert_int_equal(json_array_size(advice), 1);
    assert_string_equal(json_string_value(json_array_get(advice, 0)),
                        "Pause in silence instead of saying um or uh.");
    assert_null(json_object_get(right, "advice"));
}

static void a_text_without_an_english_word_has_no_scores(void **state)
{
    struct scores none = { 0 };
    (void)state;
    assert_null(scores_json(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_levels_are_read_in_any_case_and_nothing_else_is),
        cmocka_unit_test(a_beginner_gets_every_correction_and_the_two_reasons_that_matter_most),
        cmocka_unit_test(each_level_tells_no_less_than_the_one_below),
        cmocka_unit_test(every_edit_has_a_reason_in_words_and_a_confidence),
        cmocka_unit_test(words_are_counted_by_how_frequent_they_are),
        cmocka_unit_test(advice_is_about_what_was_changed_most_and_there_is_none_for_a_right_text),
        cmocka_unit_test(a_text_without_an_english_word_has_no_scores),
    };
    return cmocka_run_group_tests_name("ai-feedback levels", tests, load_speller, free_speller);
}
