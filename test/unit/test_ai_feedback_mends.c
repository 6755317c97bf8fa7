/* test/unit/test_ai_feedback_mends.c -- small errors of grammar that a classifier mends: examples
 * of each kind, what is left alone, and the table that decides. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/rules/mend.h"
#include "services/ai-feedback/tagging/linear.h"

/* The rule of the first edit of the first sentence, "" where there is none. */
static const char *first_rule(const json_t *reply)
{
    const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
    const json_t *edit = json_array_get(json_object_get(pair, "edits"), 0);
    const char *rule = json_string_value(json_object_get(edit, "rule"));
    return rule ? rule : "";
}

static void each_kind_is_mended_and_says_which_it_is(void **state)
{
    static const char *const rows[][3] = {
        { "article-missing", "He is one of most important people in the world.",
          "He is one of the most important people in the world." },
        { "article-needless", "For most the people it is hard.", "For most people it is hard." },
        { "article-other", "She is a best player on the team.",
          "She is the best player on the team." },
        { "preposition-needless", "I would like to thank to you for your help.",
          "I would like to thank you for your help." },
        { "number", "I do not like this kind of musics.", "I do not like this kind of music." },
        { "tense", "She borrowing a book from him.", "She borrowed a book from him." },
        { "confused", "I spend a lot of time with me family.",
          "I spend a lot of time with my family." },
    };
    size_t bad = 0;
    for (size_t i = 0; i < LP_COUNT(rows); i++) {
        json_auto_t *reply = check_text(*state, rows[i][1]);
        bool fine = strcmp(corrected_at(reply, 0), rows[i][2]) == 0 &&
                    strcmp(first_rule(reply), rows[i][0]) == 0;
        if (!fine)
            print_error("%s: \"%s\" became \"%s\" by %s\n", rows[i][0], rows[i][1],
                        corrected_at(reply, 0), first_rule(reply));
        bad += !fine;
    }
    assert_int_equal(bad, 0);
}

static void what_is_right_stays(void **state)
{
    static const char *const texts[] = {
        "Most people prefer tea to coffee here.",
        "He is used to getting up early.",
        "I am used to living here now.",
        "I suggest that he take the bus.",
        "None of the other people has a key.",
        "I like apples, and I am like my father.",
        "If I have a lot of time, I will read a book.",
        "We look forward to seeing you in the summer.",
        "She goes to school by bus and comes home on foot.",
        "The students' work was on the table in the hall.",
        "Other kinds of music are popular with young people.",
        "It is one of the most beautiful cities in Europe.",
        "There are many reasons why people move to the city.",
        "He has been working there for three years.",
        "My parents want me to become a doctor.",
        "The book that I read last week was very good.",
        "Does every student in your class have a computer?",
        "Life in the countryside is cheaper than life in the city.",
        "Provides a list of all the files.",
        "Students learn best when they are interested in the subject.",
        "I think that success depends on hard work.",
        "She made him laugh and let him go.",
        "In my opinion, children should play outside more often.",
        "The number of cars has grown in recent years.",
        "It was the very success of the plan that hurt him.",
        "We are greatly accelerating the work.",
        "We did what we could to help.",
        "The oldest map in the books is torn.",
        "The lights in the house were off.",
        "The leaves on the tree are red.",
        "The pages of the book are torn.",
        "We wait when the buses stop here.",
        "Do what you must to stay alive.",
        "The new law comes in next year.",
        "We will act as we must to help protect them.",
        "How very many are here today!",
        "Let the public service be a proud and lively career.",
        "We need never fear for our future.",
        "Stocks fall as fears grow.",
        "The plan offers you choice between cash and credit.",
        "The deadly arms race went on.",
        "She entered to a loud cheer.",
    };
    size_t bad = 0;
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        json_auto_t *reply = check_text(*state, texts[i]);
        bool same = strcmp(corrected_at(reply, 0), texts[i]) == 0;
        if (!same)
            print_error("\"%s\" was right and became \"%s\" by %s\n", texts[i],
                        corrected_at(reply, 0), first_rule(reply));
        bad += !same;
    }
    assert_int_equal(bad, 0);
}

/* Words without end, words longer than a word may be, no words: within the rooms that there are. */
static void odd_words_are_read_within_bounds(void **state)
{
    const struct spelling *speller = *state;
    static const char *const texts[] = {
        "",
        "a",
        "the the the the the the the the the the the the the the the the the the the the the",
        "An aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa is to is to have aaaaaaaaaaaaaaaa",
        "to to to. - - is 5 5 5 a 5 the 5",
        "\xc3\xa9t\xc3\xa9 is are was were \xc3\xa9",
    };
    for (size_t k = 0; k < LP_COUNT(texts); k++) {
        auto_sentence struct sentence s;
        struct mend_text t;
        sentence_init(&s, texts[k], strlen(texts[k]));
        mend_text_init(&t, &s, spelling_model(speller));
        for (size_t i = 0; i < t.n; i++) {
            struct mend_way ways[2 * MEND_WAYS];
            size_t gap = mend_gap_ways(&t, i, ways);
            size_t n = gap + mend_word_ways(&t, i, ways + gap);
            assert_true(gap <= MEND_WAYS && n - gap <= MEND_WAYS);
            for (size_t w = 0; w < n; w++) {
                uint64_t features[MEND_FEATURES];
                assert_in_range(mend_features(&t, i, &ways[w], features), 1, MEND_FEATURES);
                assert_in_range(ways[w].group, 0, MEND_WORD_FORM);
            }
        }
        mend_text_done(&t);
    }
}

static void what_is_done_to_the_words_is_seen_by_what_follows(void **state)
{
    auto_sentence struct sentence s;
    struct mend_text t;
    const struct mend_way put = { .act = MEND_PUT, .word = "the" };
    const struct mend_way turn = { .act = MEND_TURN, .word = "shops" };
    const struct mend_way drop = { .act = MEND_DROP };

    sentence_init(&s, "to shop", 7);
    mend_text_init(&t, &s, spelling_model(*state));
    mend_text_change(&t, 1, &put);
    mend_text_change(&t, 2, &turn);
    assert_int_equal(t.n, 3);
    assert_string_equal(t.words[1].text, "the");
    assert_true(t.words[1].token == MEND_NO_TOKEN);
    assert_string_equal(t.words[2].text, "shops");
    mend_text_change(&t, 0, &drop);
    mend_text_change(&t, 1, &drop);
    assert_int_equal(t.n, 1);
    assert_string_equal(t.words[0].text, "the");
    mend_text_done(&t);
}

static void the_table_has_the_size_that_the_program_reads(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat("services/ai-feedback/rules/mend.weights", &st), 0);
    assert_int_equal(st.st_size, LINEAR_BYTES(MEND_GROUPS, MEND_BITS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_mended_and_says_which_it_is),
        cmocka_unit_test(what_is_right_stays),
        cmocka_unit_test(odd_words_are_read_within_bounds),
        cmocka_unit_test(what_is_done_to_the_words_is_seen_by_what_follows),
        cmocka_unit_test(the_table_has_the_size_that_the_program_reads),
    };
    return cmocka_run_group_tests_name("ai-feedback mends", tests, load_speller, free_speller);
}
