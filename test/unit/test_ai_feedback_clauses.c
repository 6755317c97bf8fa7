/* test/unit/test_ai_feedback_clauses.c -- what parts of a sentence ask of each other, and articles
 * that are missing: each with what must stay. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <string.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"

static void two_words_that_join_become_one(void **state)
{
    static const struct pair texts[] = {
        { "Although he is old, but he is healthy.", "Although he is old, he is healthy." },
        { "Because it was late, so we went home.", "Because it was late, we went home." },
        { "Although he is old, he is healthy.", "Although he is old, he is healthy." },
        { "Although he is old, poor but happy, he works.",
          "Although he is old, poor but happy, he works." },
        { "Because it was late, he went home, so we slept.",
          "Because it was late, he went home, so we slept." },
    };
    check_pairs(*state, texts, LP_COUNT(texts));
}

static void what_is_imagined_goes_with_would(void **state)
{
    static const struct pair texts[] = {
        { "If I were rich, I will travel.", "If I were rich, I would travel." },
        { "If I have time, I will travel.", "If I have time, I will travel." },
    };
    check_pairs(*state, texts, LP_COUNT(texts));
}

static void what_is_over_stands_in_the_past(void **state)
{
    static const struct pair texts[] = {
        { "Yesterday I go home.", "Yesterday I went home." },
        { "Last week we visit Bali.", "Last week we visited Bali." },
        { "Yesterday we go to the beach and we eat rice.",
          "Yesterday we went to the beach and we ate rice." },
        { "I already finish my homework last night.",
          "I already finished my homework last night." },
        { "Last summer, I have traveled to Bali.", "Last summer, I traveled to Bali." },
        { "I have been to Bali when I was a student.", "I went to Bali when I was a student." },
        { "I know him since he came yesterday.", "I know him since he came yesterday." },
        { "I like the book that I bought yesterday.", "I like the book that I bought yesterday." },
        { "We have made progress in the last year.", "We have made progress in the last year." },
        { "It reminds me of when I was a child.", "It reminds me of when I was a child." },
        { "I think he came yesterday.", "I think he came yesterday." },
        { "Yesterday I went home because I like it.", "Yesterday I went home because I like it." },
        { "I have worked here since last year.", "I have worked here since last year." },
    };
    check_pairs(*state, texts, LP_COUNT(texts));
}

static void what_goes_on_since_then_stands_in_the_perfect(void **state)
{
    static const struct pair texts[] = {
        { "I am living here since 2010.", "I have been living here since 2010." },
        { "I'm living in Bali since 2015.", "I've been living in Bali since 2015." },
        { "She lives here since 2010.", "She has lived here since 2010." },
        { "It is raining from this morning.", "It has been raining since this morning." },
        { "I am staying since it is raining.", "I am staying since it is raining." },
        { "I have been living here since 2010.", "I have been living here since 2010." },
    };
    check_pairs(*state, texts, LP_COUNT(texts));
}

static void one_thing_that_can_be_counted_gets_its_article(void **state)
{
    static const struct pair texts[] = {
        { "My father works in factory near our house.",
          "My father works in a factory near our house." },
        { "I want to buy new phone.", "I want to buy a new phone." },
        { "I want to be doctor.", "I want to be a doctor." },
        { "We go to school by bus.", "We go to school by bus." },
        { "He is at university in London.", "He is at university in London." },
        { "So far I have Apple and Pilot pens.", "So far I have Apple and Pilot pens." },
        { "I like my new phone.", "I like my new phone." },
        { "Phone calls are cheap.", "Phone calls are cheap." },
        { "They sell car parts and bus tickets.", "They sell car parts and bus tickets." },
    };
    check_pairs(*state, texts, LP_COUNT(texts));
}

static void what_is_said_twice_goes_and_what_it_is_is_stays(void **state)
{
    static const struct pair texts[] = {
        { "I think the internet is is useful.", "I think the internet is useful." },
        { "I want to uh want to drink water.", "I want to drink water." },
        { "What it is is useful.", "What it is is useful." },
        { "The thing is is that I like it.", "The thing is is that I like it." },
    };
    check_pairs(*state, texts, LP_COUNT(texts));
}

static void each_change_says_why(void **state)
{
    json_auto_t *reply = check_text(*state, "If I were rich, I will travel.");
    const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
    const json_t *edit = json_array_get(json_object_get(pair, "edits"), 0);

    assert_string_equal(lp_json_str(edit, "rule", NULL), "if-were-would");
    assert_string_equal(lp_json_str(edit, "original", NULL), "will");
    assert_string_equal(lp_json_str(edit, "replacement", NULL), "would");
    assert_non_null(strstr(lp_json_str(edit, "message", NULL), "imagined"));
}

/* Else the message of one proposes what the replacement is not. */
static void a_misspelt_word_that_also_changes_says_both(void **state)
{
    json_auto_t *reply = check_text(*state, "Yesterday I recieve it.");
    const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
    const json_t *edit = json_array_get(json_object_get(pair, "edits"), 0);
    const char *message = lp_json_str(edit, "message", NULL);

    assert_string_equal(lp_json_str(edit, "replacement", NULL), "received");
    assert_string_equal(lp_json_str(edit, "category", NULL), "spelling");
    assert_non_null(strstr(message, "did you mean \"receive\"?"));
    assert_non_null(strstr(message, "stands in the past"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_words_that_join_become_one),
        cmocka_unit_test(what_is_imagined_goes_with_would),
        cmocka_unit_test(what_is_over_stands_in_the_past),
        cmocka_unit_test(what_goes_on_since_then_stands_in_the_perfect),
        cmocka_unit_test(one_thing_that_can_be_counted_gets_its_article),
        cmocka_unit_test(what_is_said_twice_goes_and_what_it_is_is_stays),
        cmocka_unit_test(each_change_says_why),
        cmocka_unit_test(a_misspelt_word_that_also_changes_says_both),
    };
    return cmocka_run_group_tests_name("ai-feedback clauses", tests, load_speller, free_speller);
}
