/* test/unit/test_ai_feedback_choices.c -- words taken for others of their set: the examples of each
 * set, what is left alone, and the table that decides. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/rules/choice.h"
#include "services/ai-feedback/tagging/linear.h"

/* "wrong => right" but for the full stop, which another rule adds. */
static bool becomes_right(const void *speller, const char *example)
{
    const char *arrow = strstr(example, " => ");
    lp_auto_free char *wrong = lp_strndup(example, (size_t)(arrow - example));
    json_auto_t *reply = check_text(speller, wrong);
    const char *got = corrected_at(reply, 0), *right = arrow + 4;
    size_t n = strlen(right);
    bool same = strncmp(got + 1, right + 1, n - 1) == 0 && (!got[n] || strcmp(got + n, ".") == 0);

    if (!same)
        print_error("\"%s\" became \"%s\", not \"%s\"\n", wrong, got, right);
    return same;
}

static bool stays(const void *speller, const char *text)
{
    json_auto_t *reply = check_text(speller, text);
    bool same = strcmp(corrected_at(reply, 0), text) == 0;

    if (!same)
        print_error("\"%s\" was right and became \"%s\"\n", text, corrected_at(reply, 0));
    return same;
}

static void what_is_wrong_becomes_right_and_its_twin_stays(void **state)
{
    size_t bad = 0;

    for (size_t i = 0; i < choice_set_count; i++) {
        size_t wrong = 0, right = 0;
        for (const char *const *e = choice_sets[i].examples; *e; e++) {
            bool is_wrong = strstr(*e, " => ") != NULL;
            wrong += is_wrong;
            right += !is_wrong;
            bad += !(is_wrong ? becomes_right(*state, *e) : stays(*state, *e));
        }
        if (wrong == 0 || right == 0)
            fail_msg("%s needs an example of each kind", choice_sets[i].id);
    }
    assert_int_equal(bad, 0);
}

static void right_sentences_with_words_of_the_sets_stay(void **state)
{
    static const char *const texts[] = {
        "The book is on the table in the room at the end of the hall.",
        "He was born on a farm in the north of the country.",
        "She has been to Japan, but she has not been to Korea.",
        "There are many people there, and they're happy with their work.",
        "It's known for its beaches, and it's too hot to walk to town.",
        "I know where they were, and now I know why there is no water.",
        "If I were you, I would write to her right now.",
        "We passed the station at half past six.",
        "The film is boring, so I am bored.",
        "He lives a quiet life and is quite happy.",
        "Each of the boys has his own room.",
        "The news is good, and the police are here.",
        "She made me do it, and he let me go.",
        "I saw him leave, and I heard her sing.",
        "It was written by hand and sent by post.",
        "What does he do, and what do they do?",
    };
    size_t bad = 0;
    for (size_t i = 0; i < LP_COUNT(texts); i++)
        bad += !stays(*state, texts[i]);
    assert_int_equal(bad, 0);
}

static void capitals_stay_and_what_is_all_capitals_is_left_alone(void **state)
{
    json_auto_t *reply = check_text(*state, "Their is a shop.");
    assert_string_equal(corrected_at(reply, 0), "There is a shop.");
    assert_true(stays(*state, "He shouted THEY WAS HERE."));
}

static void a_slot_holds_each_word_once_and_knows_which_is_written(void **state)
{
    struct choice_slot slot;
    (void)state;
    for (size_t i = 0; i < choice_set_count; i++) {
        const struct choice_set *set = &choice_sets[i];
        const char *word = set->words[0]                         ? set->words[0]
                           : set->category == CATEGORY_VERB_FORM ? "went"
                                                                 : "children";
        assert_true(choice_slot(i, word, &slot));
        assert_string_equal(slot.words[slot.written], word);
        assert_in_range(slot.n, 2, CHOICE_WORDS);
        for (size_t c = 0; c < slot.n; c++)
            for (size_t k = 0; k < c; k++)
                assert_string_not_equal(slot.words[c], slot.words[k]);
        assert_false(choice_slot(i, "xyzzy", &slot));
    }
}

static void the_table_has_the_size_that_the_program_reads(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(stat("services/ai-feedback/rules/choice.weights", &st), 0);
    assert_int_equal(st.st_size, LINEAR_BYTES(CHOICE_SETS, CHOICE_BITS));
    assert_true(choice_set_count <= CHOICE_SETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_becomes_right_and_its_twin_stays),
        cmocka_unit_test(right_sentences_with_words_of_the_sets_stay),
        cmocka_unit_test(capitals_stay_and_what_is_all_capitals_is_left_alone),
        cmocka_unit_test(a_slot_holds_each_word_once_and_knows_which_is_written),
        cmocka_unit_test(the_table_has_the_size_that_the_program_reads),
    };
    return cmocka_run_group_tests_name("ai-feedback choices", tests, load_speller, free_speller);
}
