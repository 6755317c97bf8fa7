/* test/unit/test_ai_feedback_tagging.c -- where sentences end that have no mark, and which of them
 * ask; each with a twin that stays. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/linear.h"
#include "services/ai-feedback/tagging/tagger.h"

static void a_transcript_is_cut_into_its_sentences(void **state)
{
    static const struct pair pairs[] = {
        { "i live in jakarta i like to play football with my friends do you like football",
          "I live in Jakarta.|I like to play football with my friends.|Do you like football?" },
        { "i think school is important because we can learn many things my teacher is very kind "
          "she always helps me",
          "I think school is important because we can learn many things.|My teacher is very "
          "kind.|She always helps me." },
        { "what is your name where do you live i am from japan and i am a student",
          "What is your name?|Where do you live?|I am from Japan and I am a student." },
    };
    check_pairs(*state, pairs, LP_COUNT(pairs));
}

static void one_sentence_stays_one_and_a_mark_of_the_writer_decides(void **state)
{
    static const struct pair pairs[] = {
        { "when i was young i read", "When I was young I read." },
        { "i was born in 2005 and i live with my family in a small house",
          "I was born in 2005 and I live with my family in a small house." },
        { "Yesterday I went to the market with my mother, and we bought rice.",
          "Yesterday I went to the market with my mother, and we bought rice." },
        { "The book that I told you about is on the table you bought last week.",
          "The book that I told you about is on the table you bought last week." },
        { "I know what you did and who you met. We do not.",
          "I know what you did and who you met.|We do not." },
    };
    check_pairs(*state, pairs, LP_COUNT(pairs));
}

static void a_question_is_told_by_its_words(void **state)
{
    static const struct pair pairs[] = {
        { "do you like tea", "Do you like tea?" },
        { "where is the station", "Where is the station?" },
        { "so what do you think about it", "So what do you think about it?" },
        { "how about you", "How about you?" },
        { "I know where the station is", "I know where the station is." },
        { "when I am tired I sleep", "When I am tired I sleep." },
        { "next line", "Next line." },
    };
    check_pairs(*state, pairs, LP_COUNT(pairs));
}

static void fillers_do_not_hide_the_end_of_a_sentence(void **state)
{
    static const struct pair pairs[] = {
        { "i went home um i was very tired so i slept early what do you uh think about it",
          "I went home.|I was very tired so I slept early.|What do you think about it?" },
    };
    check_pairs(*state, pairs, LP_COUNT(pairs));
}

static void weights_are_summed_and_thresholds_may_be_negative(void **state)
{
    unsigned char bytes[LINEAR_BYTES(LINEAR_CARES, 4)] = { 0x88, 0xff, 0xff, 0xff, 7, 1, 0, 0, 1 };
    const struct linear x = { bytes, LINEAR_CARES, 4 };
    uint64_t features[3] = { linear_feature(1, 2, 3), linear_feature(1, 3, 2),
                             linear_feature(2, 2, 3) };
    (void)state;
    assert_int_equal(linear_threshold(&x, LINEAR_BALANCED), -120);
    assert_int_equal(linear_threshold(&x, LINEAR_CAREFUL), 263);
    assert_int_equal(linear_threshold(&x, LINEAR_CERTAIN), 1);
    int want = 0;
    for (size_t i = 0; i < LP_COUNT(features); i++) {
        size_t place = linear_place(features[i], 4);
        assert_true(place < 16);
        bytes[(size_t)4 * LINEAR_CARES + place] = (unsigned char)(i == 1 ? 0xfd : 5);
    }
    for (size_t i = 0; i < LP_COUNT(features); i++)
        want += (signed char)bytes[(size_t)4 * LINEAR_CARES + linear_place(features[i], 4)];
    assert_int_equal(linear_score(&x, features, LP_COUNT(features)), want);
    assert_int_equal(linear_score(&x, features, 0), 0);
}

static void the_tables_of_weights_have_the_size_that_the_program_reads(void **state)
{
    struct stat boundary, question;
    (void)state;
    assert_int_equal(stat("services/ai-feedback/tagging/boundary.weights", &boundary), 0);
    assert_int_equal(stat("services/ai-feedback/tagging/question.weights", &question), 0);
    assert_int_equal(boundary.st_size, LINEAR_BYTES(LINEAR_CARES, BOUNDARY_BITS));
    assert_int_equal(question.st_size, LINEAR_BYTES(LINEAR_CARES, QUESTION_BITS));
}

static void no_feature_leaves_its_room_however_long_the_sentence(void **state)
{
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *w = NULL;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 16);
    uint64_t gap[GAP_FEATURES], question[QUESTION_FEATURES];

    for (int i = 0; i < 900; i++)
        lp_buf_str(&text, i % 3 ? "a " : "what ");
    sentence_init(&s, text.ptr, text.len);
    const struct model *m = spelling_model(*state);
    size_t n = tag_words(&s, m, &w);
    assert_int_equal(n, 900);
    for (size_t i = 1; i < n; i++)
        assert_in_range(gap_features(m, w, n, i, gap), 1, GAP_FEATURES);
    for (size_t i = 1; i <= n; i++)
        assert_in_range(question_features(w, i, question), 1, QUESTION_FEATURES);
    size_t *starts = lp_calloc(s.n, sizeof *starts);
    size_t found = tagger_boundaries(&s, *state, true, starts);
    for (size_t i = 0; i < found; i++)
        assert_true(starts[i] < s.n && (i == 0 || starts[i] > starts[i - 1]));
    free(starts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transcript_is_cut_into_its_sentences),
        cmocka_unit_test(one_sentence_stays_one_and_a_mark_of_the_writer_decides),
        cmocka_unit_test(a_question_is_told_by_its_words),
        cmocka_unit_test(fillers_do_not_hide_the_end_of_a_sentence),
        cmocka_unit_test(weights_are_summed_and_thresholds_may_be_negative),
        cmocka_unit_test(the_tables_of_weights_have_the_size_that_the_program_reads),
        cmocka_unit_test(no_feature_leaves_its_room_however_long_the_sentence),
    };
    return cmocka_run_group_tests_name("ai-feedback tagging", tests, load_speller, free_speller);
}
