/* test/unit/test_ai_worker_pronunciation.c -- texts that synthetic voices read, right and wrong. */
#include <string.h>

#include "base/buf.h"
#include "services/ai-feedback/recording/reference.h"
#include "unit/pronunciation_fixture.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define LP_SANITIZED true
#elif defined __has_feature
#define LP_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define LP_SANITIZED false
#endif

static void a_text_read_as_it_stands_has_all_its_words(void **state)
{
    (void)state;
    static const char *const voices[] = { "slt", "rms" };

    for (size_t i = 0; i < LP_COUNT(voices); i++) {
        json_auto_t *result = assess(say(voices[i], TEXT), TEXT, NULL);
        assert_status(result, "Success");
        assert_true(number(result, "completenessScore") >= 93);
        assert_true(number(result, "accuracyScore") >= 70);
        assert_true(number(result, "pronScore") >= 70);
        assert_int_equal(errors(result, "Insertion", NULL), 0);
        assert_true(number(result, "pace") > 100 && number(result, "pace") < 300);
        assert_true(size_of(result, "hints") <= 2);
    }
}

/* Words and phones lie within the recording, one after another, and phones within their word. */
static void words_and_phones_follow_one_another_within_the_recording(void **state)
{
    (void)state;
    json_auto_t *result = assess(say("slt", TEXT), TEXT, NULL);
    json_int_t end = 0, whole = lp_json_int(0, result, "durationMs", NULL);
    json_t *word, *phone;
    size_t i, k;

    json_array_foreach(json_object_get(result, "words"), i, word)
    {
        json_int_t at = lp_json_int(-1, word, "offsetMs", NULL), phones = at;
        if (strcmp(lp_json_str(word, "errorType", NULL), "Omission") == 0)
            continue;
        assert_true(at >= end);
        end = at + lp_json_int(-1, word, "durationMs", NULL);
        assert_true(size_of(word, "phonemes") > 0);
        json_array_foreach(json_object_get(word, "phonemes"), k, phone)
        {
            assert_int_equal(lp_json_int(-1, phone, "offsetMs", NULL), phones);
            phones += lp_json_int(-1, phone, "durationMs", NULL);
        }
        assert_int_equal(phones, end);
    }
    assert_true(end > 0 && end <= whole);
}

static void words_that_were_left_out_are_named(void **state)
{
    (void)state;
    json_auto_t *result = assess(
        say("slt", "The weather was cold this morning, so we stayed and read a book."), TEXT, NULL);
    const char *first = NULL;

    assert_status(result, "Success");
    assert_int_equal(errors(result, "Omission", &first), 2);
    assert_string_equal(first, "at");
    assert_true(number(result, "completenessScore") < 87);
    assert_null(strstr(lp_json_str(result, "displayText", NULL), "home"));
}

/* Whoever stops in the middle, or passes over a sentence, has read the rest. */
static void a_sentence_that_was_left_out_is_all_that_is_missing(void **state)
{
    (void)state;
    static const char text[] =
        "My sister lives near the river. She grows vegetables and flowers in "
        "her small garden. On Sunday we sit in the kitchen and drink tea.";
    json_auto_t *stopped = assess(say("slt", "My sister lives near the river."), text, NULL);
    json_auto_t *passed = assess(say("slt", "My sister lives near the river. On Sunday we sit in "
                                            "the kitchen and drink tea."),
                                 text, NULL);

    assert_int_equal(errors(stopped, "Omission", NULL), 19);
    assert_int_equal(errors(passed, "Omission", NULL), 9);
    assert_int_equal(errors(passed, "Insertion", NULL), 0);
}

static void a_word_that_was_said_twice_is_told_once(void **state)
{
    (void)state;
    json_auto_t *result = assess(
        say("slt", "The weather, weather was cold this morning, so we stayed at home and read a "
                   "book."),
        TEXT, NULL);
    const char *first = NULL;

    assert_int_equal(errors(result, "Insertion", &first), 1);
    assert_string_equal(first, "weather");
    assert_true(number(result, "completenessScore") >= 93);
}

/* What nobody wrote down is told, too, though not which words. */
static void what_the_text_does_not_have_is_told(void **state)
{
    (void)state;
    json_auto_t *result = assess(
        say("slt", "The weather was cold this morning, elephants dancing everywhere, so we stayed "
                   "at home and read a book."),
        TEXT, NULL);

    assert_in_range(errors(result, "Insertion", NULL), 1, 4);
    assert_true(number(result, "completenessScore") >= 85);
}

static void another_text_is_no_match_or_scores_low(void **state)
{
    (void)state;
    json_auto_t *result = assess(
        say("slt", "Engineers often discuss the price of yellow fruit with their neighbours."),
        TEXT, NULL);

    assert_true(number(result, "pronScore") <= 30);
    assert_true(number(result, "completenessScore") <= 45);
}

static void a_sound_that_was_another_is_hinted_at_twice_a_sentence_at_most(void **state)
{
    (void)state;
    static const char text[] = "I think that thing is thick.";
    json_auto_t *right = assess(say("slt", text), text, "zh");
    json_auto_t *wrong = assess(say("slt", "I sink that sing is sick."), text, "zh");
    const char *first = NULL;
    json_t *hint;
    size_t i;

    assert_int_equal(size_of(right, "hints"), 0);
    assert_true(errors(wrong, "Mispronunciation", &first) >= 2);
    assert_int_equal(size_of(wrong, "hints"), 2); /* three are wrong: not more than two are told */
    json_array_foreach(json_object_get(wrong, "hints"), i, hint)
    {
        assert_string_equal(lp_json_str(hint, "expected", NULL), "TH");
        assert_string_equal(lp_json_str(hint, "heard", NULL), "S");
        assert_non_null(strstr(lp_json_str(hint, "message", NULL), "may have"));
    }
    assert_true(number(wrong, "pronScore") < number(right, "pronScore"));
}

static void thirty_seconds_of_silence_match_nothing(void **state)
{
    (void)state;
    json_auto_t *result = assess(silence(48000 * 30, 48000), TEXT, NULL);

    assert_status(result, "NoMatch");
    assert_string_equal(lp_json_str(result, "displayText", NULL), "");
    assert_int_equal(errors(result, "Omission", NULL), size_of(result, "words"));
    assert_true(number(result, "pronScore") == 0);
    assert_int_equal(lp_json_int(-1, result, "durationMs", NULL), 30000);
}

/* Noise is no speech, at least not of the text. */
static void noise_matches_nothing(void **state)
{
    (void)state;
    struct recording r = silence(16000 * 3, 16000);
    uint32_t x = 1;

    for (size_t i = WAV_HEADER; i < r.size; i++)
        r.bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    json_auto_t *result = assess(r, TEXT, NULL);
    assert_status(result, "NoMatch");
}

static void a_pause_is_told_and_is_less_fluent(void **state)
{
    (void)state;
    json_auto_t *result = assess(join(say("slt", "The weather was cold this morning."), 1500,
                                      say("slt", "So we stayed at home and read a book.")),
                                 TEXT, NULL);
    json_auto_t *fluent = assess(say("slt", TEXT), TEXT, NULL);
    json_t *pauses = json_object_get(result, "pauses");

    assert_int_equal(json_array_size(pauses), 1);
    assert_true(lp_json_int(0, json_array_get(pauses, 0), "durationMs", NULL) >= 1400);
    assert_true(number(result, "fluencyScore") < number(fluent, "fluencyScore"));
    assert_true(number(result, "pace") < number(fluent, "pace"));
    assert_true(number(result, "completenessScore") >= 93);
}

static void any_rate_and_two_channels_are_listened_to(void **state)
{
    (void)state;
    static const struct {
        uint32_t rate, channels;
        double least;
    } cases[] = { { 8000, 1, 80 }, { 11025, 2, 80 }, { 22050, 1, 93 }, { 44100, 2, 93 } };

    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *result =
            assess(convert(say("rms", TEXT), cases[i].rate, cases[i].channels), TEXT, NULL);
        assert_status(result, "Success");
        assert_true(number(result, "completenessScore") >= cases[i].least);
    }
}

static void a_voice_unlike_those_of_the_model_is_followed(void **state)
{
    (void)state;
    json_auto_t *result = assess(say("en-us", TEXT), TEXT, NULL);

    assert_status(result, "Success");
    assert_true(number(result, "completenessScore") >= 60);
}

static void a_word_that_the_dictionary_does_not_have_is_named_not_judged(void **state)
{
    (void)state;
    static const char text[] = "Yesterday my friend Xqvbjk came to the station.";
    json_auto_t *result =
        assess(say("slt", "Yesterday my friend Balamory came to the station."), text, NULL);
    json_t *unknown = json_object_get(result, "notInDictionary");

    assert_int_equal(json_array_size(unknown), 1);
    assert_string_equal(json_string_value(json_array_get(unknown, 0)), "xqvbjk");
    assert_true(number(result, "completenessScore") == 100);
    assert_int_equal(errors(result, "Insertion", NULL), 0);
}

/* As many words as are taken, each with all ways to say it, in as many seconds. */
static void as_many_words_as_are_taken_are_looked_for(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(REFERENCE_BYTES);
    struct recording r = say("slt", "Everything is available, these very "
                                    "interesting things are everywhere. ");

    for (unsigned i = 0; i < 12; i++)
        lp_buf_str(&text, "Everything is available these very interesting things are everywhere "
                          "usually. ");
    assert_false(text.overflowed);
    json_auto_t *result = assess(r, text.ptr, NULL);
    assert_true(size_of(result, "words") >= 120);
}

/* The most memory that this process had in RAM since forget_peak(), in kB. */
static long peak_kb(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");

    assert_non_null(f);
    while (kb < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(f);
    return kb;
}

static long forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");

    assert_non_null(f);
    assert_true(fputs("5", f) >= 0);
    assert_int_equal(fclose(f), 0);
    return peak_kb();
}

/* Another way after each of 120 sentences of a word: what fits none of them keeps all possible. A
 * sanitizer's own memory would be counted, too, and is slow: there a sentence is heard. */
static void sounds_that_fit_none_of_many_sentences_take_a_bounded_memory(void **state)
{
    (void)state;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(REFERENCE_BYTES);
    const char *said = LP_SANITIZED
                           ? "Yesterday morning my brother visited the museum near the river."
                           : "Yesterday morning my brother and his children visited the museum "
                             "near the river, looked at seventeen pictures, bought postcards, and "
                             "returned home before dinner. Nobody understood why those enormous "
                             "elephants suddenly crossed the muddy river without their keepers, "
                             "who were sleeping under the trees. Seven cyclists pushed heavy "
                             "bicycles uphill through thick fog, grumbling about wet shoes, broken "
                             "umbrellas, missing biscuits, and the long evening ahead of them.";
    struct recording r = say("slt", said);

    for (unsigned i = 0; i < 120; i++)
        lp_buf_str(&text, "A. ");
    long before = forget_peak();
    json_auto_t *result = assess(r, text.ptr, NULL);
    long grown = peak_kb() - before;
    assert_true(size_of(result, "words") == 0 || number(result, "completenessScore") < 50);
    if (getenv("LP_SPEECH_SHOW"))
        print_message("%ld kB more\n", grown);
    if (!LP_SANITIZED)
        assert_true(grown < 100000); /* 52,000; without a bound of the search 166,000 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_read_as_it_stands_has_all_its_words),
        cmocka_unit_test(words_and_phones_follow_one_another_within_the_recording),
        cmocka_unit_test(words_that_were_left_out_are_named),
        cmocka_unit_test(a_sentence_that_was_left_out_is_all_that_is_missing),
        cmocka_unit_test(a_word_that_was_said_twice_is_told_once),
        cmocka_unit_test(what_the_text_does_not_have_is_told),
        cmocka_unit_test(another_text_is_no_match_or_scores_low),
        cmocka_unit_test(a_sound_that_was_another_is_hinted_at_twice_a_sentence_at_most),
        cmocka_unit_test(thirty_seconds_of_silence_match_nothing),
        cmocka_unit_test(noise_matches_nothing),
        cmocka_unit_test(a_pause_is_told_and_is_less_fluent),
        cmocka_unit_test(any_rate_and_two_channels_are_listened_to),
        cmocka_unit_test(a_voice_unlike_those_of_the_model_is_followed),
        cmocka_unit_test(a_word_that_the_dictionary_does_not_have_is_named_not_judged),
        cmocka_unit_test(as_many_words_as_are_taken_are_looked_for),
        cmocka_unit_test(sounds_that_fit_none_of_many_sentences_take_a_bounded_memory),
    };
    lp_json_init();
    return cmocka_run_group_tests(tests, load, unload);
}
