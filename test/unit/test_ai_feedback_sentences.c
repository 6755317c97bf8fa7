/* test/unit/test_ai_feedback_sentences.c -- what each rule changes, and what it leaves alone. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "services/ai-feedback/text/distance.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/text/sentence.h"

/* By their first sentence. */
static void check_all(void *speller, const struct pair *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_auto_t *reply = check_text(speller, cases[i].text);
        assert_string_equal(corrected_at(reply, 0), cases[i].right);
    }
}

static void fillers_go_and_real_words_stay(void **state)
{
    static const struct pair cases[] = {
        { "Um, I like tea.", "I like tea." },
        { "I, uh, like tea.", "I, like tea." },
        { "I was, you know, tired.", "I was tired." },
        { "You know the answer.", "You know the answer." },
        { "I mean it.", "I mean it." },
        { "I like music.", "I like music." },
    };
    check_all(*state, cases, LP_COUNT(cases));
}

static void repetitions_go_but_for_those_that_mean_something(void **state)
{
    static const struct pair cases[] = {
        { "I I I want tea.", "I want tea." },
        { "The the dog ran.", "The dog ran." },
        { "I want I want to go.", "I want to go." },
        { "It was very very good.", "It was very very good." },
        { "He had had enough.", "He had had enough." },
        { "I want to to go.", "I want to go." },
        { "The man I spoke to to ask was kind.", "The man I spoke to to ask was kind." },
    };
    check_all(*state, cases, LP_COUNT(cases));
}

static void spelling_is_corrected_in_the_dialects_that_count(void **state)
{
    static const struct pair cases[] = {
        { "I recieve a letter.", "I receive a letter." },
        { "She is my freind.", "She is my friend." },
        { "I dont know.", "I don't know." },
        { "The colour and the color.", "The colour and the color." },
        { "We visited Borobudur.", "We visited Borobudur." },
        { "Yestarday was good.", "Yesterday was good." },
        { "He snuck out of the house.", "He snuck out of the house." },
        { "He got stuk in the house.", "He got stuck in the house." },
        { "I watch TV at 7pm.", "I watch TV at 7pm." },
        { "We went to bandung, ok.", "We went to Bandung, ok." },
    };
    check_all(*state, cases, LP_COUNT(cases));
}

static void american_spelling_alone_refuses_british_words(void **state)
{
    struct spelling *american = NULL;
    struct lp_error err;
    (void)state;
    struct spelling_files one = files;
    one.dialect = "en-US";
    assert_int_equal(spelling_new(&one, &american, &err), 0);
    assert_false(spelling_knows(american, "colour"));
    assert_true(spelling_knows(american, "color"));
    spelling_free(american);
    one.dictionaries = "/nonexistent";
    assert_int_equal(spelling_new(&one, &american, &err), LP_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/nonexistent/en_US.aff"));
    one = files;
    one.model = "/nonexistent";
    assert_int_equal(spelling_new(&one, &american, &err), LP_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/nonexistent/en-us.lm.bin"));
}

static void capitals_articles_and_marks(void **state)
{
    static const struct pair cases[] = {
        { "i like tea", "I like tea." },
        { "yesterday i met him on monday in january", "Yesterday I met him on Monday in January." },
        { "do you like tea", "Do you like tea?" },
        { "where is the station", "Where is the station?" },
        { "When I was young I read", "When I was young I read." },
        { "how many people came", "How many people came?" },
        { "I ate a apple and an banana.", "I ate an apple and a banana." },
        { "It took a hour at an university.", "It took an hour at a university." },
        { "Write an udev rule.", "Write a udev rule." },
        { "A url is an html link and an mp3 is a file.",
          "A url is an html link and an mp3 is a file." },
        { "Hello , world !", "Hello, world!" },
        { "Yes,we can.", "Yes, we can." },
        { "Really??", "Really?" },
        { "I paid 1,000.50 dollars.", "I paid 1,000.50 dollars." },
        { "i\xe2\x80\x99m happy", "I\xe2\x80\x99m happy." },
    };
    check_all(*state, cases, LP_COUNT(cases));
}

static void a_text_is_cut_into_its_sentences(void **state)
{
    json_auto_t *reply =
        check_text(*state, "Mr. Smith came at 3.30 p.m. today. Did he? \"Yes.\" ok\nnext line");
    const json_t *pairs = json_object_get(reply, "sentence_pairs");
    static const char *const want[] = { "Did he?", "\"Yes.\" ok.", "Next line." };
    size_t n = json_array_size(pairs);
    assert_true(n >= LP_COUNT(want));
    for (size_t i = 0; i < LP_COUNT(want); i++)
        assert_string_equal(corrected_at(reply, n - LP_COUNT(want) + i), want[i]);
    assert_int_equal(lp_json_int(-1, reply, "stats", "total sentences", NULL), (int64_t)n);
}

/* Applies the edits of a pair to its original, from the last to the first; ASCII only. */
static void apply_edits(const json_t *pair, char *out, size_t size)
{
    const json_t *edits = json_object_get(pair, "edits");
    const char *original = lp_json_str(pair, "original", NULL);
    assert_true(strlen(original) < size);
    memcpy(out, original, strlen(original) + 1);
    for (size_t i = json_array_size(edits); i-- > 0;) {
        const json_t *e = json_array_get(edits, i);
        size_t start = (size_t)lp_json_int(-1, e, "start", NULL);
        size_t end = (size_t)lp_json_int(-1, e, "end", NULL);
        const char *to = lp_json_str(e, "replacement", NULL);
        assert_true(start <= end && end <= strlen(out));
        assert_memory_equal(out + start, lp_json_str(e, "original", NULL), end - start);
        assert_true(strlen(out) - (end - start) + strlen(to) < size);
        memmove(out + start + strlen(to), out + end, strlen(out + end) + 1);
        memcpy(out + start, to, strlen(to));
    }
}

static void the_edits_lead_from_the_original_to_the_corrected_sentence(void **state)
{
    static const char *const texts[] = {
        "um i dont like a apple",     "the the dog , ran,away",   "I want I want to recieve it",
        "do you know um where is it", "hello  world ,,  again??", "i , uh, went on monday",
    };
    for (size_t i = 0; i < LP_COUNT(texts); i++) {
        json_auto_t *reply = check_text(*state, texts[i]);
        const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
        char out[256];
        apply_edits(pair, out, sizeof out);
        assert_string_equal(out, corrected_at(reply, 0));
    }
}

static void every_edit_says_why(void **state)
{
    json_auto_t *reply = check_text(*state, "um i recieve a apple , and and go");
    const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
    const json_t *edits = json_object_get(pair, "edits");
    assert_true(json_array_size(edits) >= 6);
    for (size_t i = 0; i < json_array_size(edits); i++) {
        const json_t *e = json_array_get(edits, i);
        assert_true(strlen(lp_json_str(e, "message", NULL)) > 10);
        assert_true(strlen(lp_json_str(e, "rule", NULL)) > 0);
        assert_string_not_equal(lp_json_str(e, "category", NULL), "none");
        double confidence = json_number_value(json_object_get(e, "confidence"));
        assert_true(confidence > 0 && confidence <= 1);
    }
}

static void scores_tell_fillers_and_words_beyond_the_frequent_ones(void **state)
{
    json_auto_t *plain = check_text(*state, "I like to go home with you.");
    json_auto_t *spoken = check_text(*state, "Um, I like, uh, to go home.");
    json_auto_t *rich = check_text(*state, "Her meticulous hypothesis was ubiquitous.");
    assert_int_equal(lp_json_int(-1, plain, "scores", "fillers", NULL), 0);
    assert_int_equal(lp_json_int(-1, plain, "scores", "vocabulary", NULL), 0);
    assert_int_equal(lp_json_int(-1, spoken, "scores", "fillers", NULL), 29);  /* 2 of 7 */
    assert_int_equal(lp_json_int(-1, rich, "scores", "vocabulary", NULL), 60); /* 3 of 5 */
}

static size_t plain_distance(const char *a, const char *b)
{
    size_t an = strlen(a), bn = strlen(b), row[64];
    for (size_t j = 0; j <= bn; j++)
        row[j] = j;
    for (size_t i = 1; i <= an; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            if (above + 1 < best)
                best = above + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[bn];
}

static void the_banded_distance_equals_the_plain_one(void **state)
{
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char a[60] = "", b[60] = "";
        size_t an = (size_t)(rand_r(&seed) % 50), bn = (size_t)(rand_r(&seed) % 50);
        for (size_t i = 0; i < an; i++)
            a[i] = (char)('a' + rand_r(&seed) % 3);
        for (size_t i = 0; i < bn; i++)
            b[i] = (char)('a' + rand_r(&seed) % 3);
        assert_int_equal(distance_characters(a, an, b, bn), plain_distance(a, b));
    }
    assert_int_equal(distance_characters("caf\xc3\xa9", 5, "cafe", 4), 1);
    assert_int_equal(distance_length("caf\xc3\xa9", 5), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fillers_go_and_real_words_stay),
        cmocka_unit_test(repetitions_go_but_for_those_that_mean_something),
        cmocka_unit_test(spelling_is_corrected_in_the_dialects_that_count),
        cmocka_unit_test(american_spelling_alone_refuses_british_words),
        cmocka_unit_test(capitals_articles_and_marks),
        cmocka_unit_test(a_text_is_cut_into_its_sentences),
        cmocka_unit_test(the_edits_lead_from_the_original_to_the_corrected_sentence),
        cmocka_unit_test(every_edit_says_why),
        cmocka_unit_test(scores_tell_fillers_and_words_beyond_the_frequent_ones),
        cmocka_unit_test(the_banded_distance_equals_the_plain_one),
    };
    return cmocka_run_group_tests_name("ai-feedback sentences", tests, load_speller, free_speller);
}
