/* test/unit/test_ai_feedback_harm.c -- what must stay as it is: names, abbreviations, addresses,
 * code, quotes, lists, other languages; each with a twin that is changed. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <string.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"

static void check_same(const void *speller, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check_pairs(speller, &(struct pair){ texts[i], texts[i] }, 1);
}

static void names_stay_and_misspelt_words_at_the_start_do_not(void **state)
{
    static const char *const texts[] = {
        "Budi went to school.",     "Wang is my friend.",     "Siti and Dewi are sisters.",
        "Rizky likes football.",    "Nguyen lives in Hanoi.", "Xiaoming is tall.",
        "Yuki came late.",          "Aisyah teaches us.",     "Joko works hard.",
        "Wayan cooks well.",        "Thanh studies English.", "Fatima reads a lot.",
        "Putri sings songs.",       "Hendra drives a car.",   "Agus is tired.",
        "I am from Yogyakarta.",    "Hola, my name is Ana.",  "In Jakarta, people speak Bahasa.",
        "My friend Xiang came too."
    };
    static const struct pair twins[] = {
        { "Yestarday was good.", "Yesterday was good." },
        { "my name is budi and he is calld Agus", "My name is budi and he is called Agus." },
        { "Becuase I was tired, I slept.", "Because I was tired, I slept." }
    };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void abbreviations_end_no_sentence_and_full_stops_do(void **state)
{
    static const char *const texts[] = { "I live in the U.S. and I like it.",
                                         "We met at 5 p.m. on Monday.",
                                         "He works for Apple Inc. in California.",
                                         "Dr. Smith and Mr. Jones came.", "J. Smith wrote it." };
    static const struct pair twins[] = { { "We met at 5 p.m. Then we left.",
                                           "We met at 5 p.m.|Then we left." },
                                         { "I like it. you too.", "I like it.|You too." } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void an_ellipsis_or_a_quoted_question_does_not_cut_the_sentence(void **state)
{
    static const char *const texts[] = { "Wait... what happened?", "\"Are you ok?\" she asked.",
                                         ("\xe2\x80\x9c"
                                          "Are you ok?\xe2\x80\x9d she asked.") };
    static const struct pair twins[] = { { "What?! no way!", "What?!|No way!" },
                                         { "He said \"ok.\" then he left.",
                                           "He said \"ok.\" then he left." } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void other_languages_are_left_alone_and_misspelt_english_is_not(void **state)
{
    static const char *const texts[] = {
        "Saya suka makan nasi.",
        "Ich mag er nicht.",
        "Eu tenho um carro.",
        "Me gusta comer arroz.",
        "Je suis tr\xc3\xa8s content.",
        "\xe6\x88\x91\xe5\x96\x9c\xe6\xac\xa2\xe5\xad\xa6\xe4\xb9\xa0\xe8\x8b\xb1\xe8\xaf\xad\xe3"
        "\x80\x82",
        "\xe7\xa7\x81\xe3\x81\xaf\xe5\xad\xa6\xe7\x94\x9f\xe3\x81\xa7\xe3\x81\x99\xe3\x80\x82",
        "\xd0\xaf \xd0\xbb\xd1\x8e\xd0\xb1\xd0\xbb\xd1\x8e "
        "\xd1\x87\xd0\xb8\xd1\x82\xd0\xb0\xd1\x82\xd1\x8c "
        "\xd0\xba\xd0\xbd\xd0\xb8\xd0\xb3\xd0\xb8.",
        "\xec\x98\xa4\xeb\x8a\x98 \xeb\x82\xa0\xec\x94\xa8\xea\xb0\x80 "
        "\xec\xa2\x8b\xec\x95\x84\xec\x9a\x94."
    };
    static const struct pair twins[] = { { "yestarday i go to scool",
                                           "Yesterday I went to school." } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void addresses_code_and_tags_stay_and_the_prose_around_them_does_not(void **state)
{
    static const char *const texts[] = { "See https://example.com/a,b?c=d for more.",
                                         "My mail is budi.santoso@example.co.id, write me.",
                                         "Open the file report.pdf and main.c today.",
                                         "Call print(\"hello\") in the code.",
                                         "Run `git comit -m um` now.",
                                         "Follow @budi and #learning today.",
                                         "We use and/or here.",
                                         "x = y + 1",
                                         "if (a == b) { return; }" };
    static const struct pair twins[] = {
        { "i recieve https://example.com/a,b", "I receive https://example.com/a,b" },
        { "Go to www.example.com and look", "Go to www.example.com and look." }
    };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void letters_without_end_are_no_word(void **state)
{
    static char endless[5001];
    memset(endless, 'a', sizeof endless - 1);
    json_auto_t *reply = check_text(*state, endless);
    const json_t *pairs = json_object_get(reply, "sentence_pairs"), *pair;
    size_t i;
    assert_int_equal(json_array_size(pairs), 3);
    json_array_foreach(pairs, i, pair)
        assert_int_equal(json_array_size(json_object_get(pair, "edits")), 0);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 16);
    endless[61] = '\0';
    lp_auto_free char *text = lp_sprintf("i have %s here", endless);
    lp_auto_free char *right = lp_sprintf("I have %s here.", endless);
    corrected_text(*state, text, &out);
    assert_string_equal(out.ptr, right);
}

static void items_of_lists_get_no_full_stop_and_no_capital(void **state)
{
    static const char *const texts[] = { "- milk", "\xe2\x80\xa2 first item", "a) red" };
    static const struct pair twins[] = { { "- two eggs\n- bread", "- two eggs|- bread" },
                                         { "1. open the door\n2. close it",
                                           "1. open the door|2. close it" },
                                         { "- a apple", "- an apple" } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void numbers_times_units_and_pictures_stay(void **state)
{
    static const char *const texts[] = {
        "I like it \xf0\x9f\x98\x80", "I like it :) very much.",
        "At 7pm I watch TV.",         "It costs 1,000.50 dollars.",
        "The train leaves at 10:30.", "The COVID-19 test was negative.",
        "It is 5 mm long.",           "I use B2B and MP3 files.",
        "Is it 3.14 or 2.71?",        "I paid $5 for it.",
        "50% of people agree."
    };
    check_same(*state, texts, LP_COUNT(texts));
}

static void what_is_repeated_on_purpose_stays_and_a_slip_goes(void **state)
{
    static const char *const texts[] = { "We visited Bora Bora last year.",
                                         "What it is is a problem.",
                                         "I know that that is true.",
                                         "Ha ha, that is funny.",
                                         "I had had enough.",
                                         "He is very very tall.",
                                         "My number is five five two one.",
                                         "Long long ago there was a king." };
    static const struct pair twins[] = { { "I I want the the book.", "I want the book." } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void fillers_go_with_their_marks_and_words_that_look_like_them_stay(void **state)
{
    static const char *const texts[] = { "He went to the ER at night." };
    static const struct pair twins[] = { { "I think. Um. Yes", "I think.||Yes." }, { "Um", "" } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void contractions_written_small_are_words(void **state)
{
    static const char *const texts[] = { "I'm here and I'll stay." };
    static const struct pair twins[] = { { "i'm here and i'll stay", "I'm here and I'll stay." },
                                         { "i dont know", "I don't know." } };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void quoted_words_and_phrases_of_other_languages_stay(void **state)
{
    static const char *const texts[] = { "The word \"nasi\" means rice.",
                                         "She said 'goreng' is fried.", "I like nasi goreng.",
                                         "We eat rendang every week.", "I ate sushi and ramen." };
    check_same(*state, texts, LP_COUNT(texts));
}

static void right_english_stays(void **state)
{
    static const char *const texts[] = { "My iPhone is new.",
                                         "iPhone is good.",
                                         "The colour and the color.",
                                         "The organisation will organize it.",
                                         "It is a well-known song.",
                                         "My mother-in-law is nice.",
                                         "She's the teacher's friend.",
                                         "The students' books are here.",
                                         "It's o'clock.",
                                         "The caf\xc3\xa9 is open.",
                                         "A na\xc3\xafve r\xc3\xa9sum\xc3\xa9.",
                                         "He said, \"I am fine.\"",
                                         "It was a three days' journey.",
                                         "Then Will threw the ball.",
                                         "People that complain about it are right.",
                                         "He stopped to smoke.",
                                         "OK.",
                                         "TV is fun." };
    check_same(*state, texts, LP_COUNT(texts));
}

static void what_people_write_in_chats_stays(void **state)
{
    static const char *const texts[] = { "That was fun haha.",
                                         "Hehehe, I know.",
                                         "This convo was great.",
                                         "We ate ramen and drank boba.",
                                         "She is on the leaderboard.",
                                         "Our grandkids play Minecraft.",
                                         "I'd've come sooner.",
                                         "I play vunit and conda every day.",
                                         "Ollama is new.",
                                         "Goodnight.",
                                         "It's not that big of a deal.",
                                         "I'll be back in a couple weeks.",
                                         "Hey hey!",
                                         "It was a sad sad day.",
                                         "If you know, you know, and that is it.",
                                         "He bought an Xbox.",
                                         "It's a Utah thing.",
                                         "Cant is no way to talk." };
    static const struct pair twins[] = {
        { "That was fnu.", "That was fun." },
        { "He bought a umbrella.", "He bought an umbrella." },
        { "WHY DONT I SEE IT?", "WHY DON'T I SEE IT?" },
        { "I went because, you know, he asked.", "I went because he asked." },
        { "I want to to go home.", "I want to go home." },
    };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void a_verb_goes_with_the_noun_before_a_preposition(void **state)
{
    static const char *const texts[] = {
        "The dungeons in this game are big.",
        "The price of the tickets is high.",
        "A barely healthy animal might die.",
        "We saw a soccer match there.",
        "I want to hear about these.",
        "You should do it as you need to to be safe.",
        "I do all I can to stay on top.",
        "But a lot are.",
        "The students in our class have time.",
        "Which school did he go to to learn that?",
        "Who do you listen to to relax?",
        "He drove faster than he had to to arrive on time.",
        "It's an onerous task.",
        "A ewe had two lambs.",
        "He was wont to say so.",
        "As is its wont, the river rose.",
        "Religious cant was everywhere.",
        "Tut tut, that is naughty.",
        "It's a cruel cruel world.",
    };
    static const struct pair twins[] = {
        { "I have two brother and a sister.", "I have two brothers and a sister." },
        { "All of this things are new.", "All of these things are new." },
        { "He was, I mean, he is ill.", "He was, he is ill." },
        { "I wont come but cant say why.", "I won't come but can't say why." },
    };
    check_same(*state, texts, LP_COUNT(texts));
    check_pairs(*state, twins, LP_COUNT(twins));
}

static void a_sentence_of_another_language_is_named(void **state)
{
    static const struct pair cases[] = { { "Saya suka makan nasi.", "id" },
                                         { "Ich mag das nicht.", "de" },
                                         { "Je suis tr\xc3\xa8s content.", "fr" },
                                         { "Eu tenho um carro.", "pt" },
                                         { "\xe6\x88\x91\xe5\x96\x9c\xe6\xac\xa2", "zh" } };
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        json_auto_t *reply = check_text(*state, cases[i].text);
        const json_t *pair = json_array_get(json_object_get(reply, "sentence_pairs"), 0);
        assert_string_equal(lp_json_str(pair, "language", NULL), cases[i].right);
        assert_int_equal(json_array_size(json_object_get(pair, "edits")), 0);
    }
    json_auto_t *reply = check_text(*state, "I like tea.");
    assert_null(
        json_object_get(json_array_get(json_object_get(reply, "sentence_pairs"), 0), "language"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stay_and_misspelt_words_at_the_start_do_not),
        cmocka_unit_test(abbreviations_end_no_sentence_and_full_stops_do),
        cmocka_unit_test(an_ellipsis_or_a_quoted_question_does_not_cut_the_sentence),
        cmocka_unit_test(other_languages_are_left_alone_and_misspelt_english_is_not),
        cmocka_unit_test(addresses_code_and_tags_stay_and_the_prose_around_them_does_not),
        cmocka_unit_test(letters_without_end_are_no_word),
        cmocka_unit_test(items_of_lists_get_no_full_stop_and_no_capital),
        cmocka_unit_test(numbers_times_units_and_pictures_stay),
        cmocka_unit_test(what_is_repeated_on_purpose_stays_and_a_slip_goes),
        cmocka_unit_test(fillers_go_with_their_marks_and_words_that_look_like_them_stay),
        cmocka_unit_test(contractions_written_small_are_words),
        cmocka_unit_test(quoted_words_and_phrases_of_other_languages_stay),
        cmocka_unit_test(right_english_stays),
        cmocka_unit_test(what_people_write_in_chats_stays),
        cmocka_unit_test(a_verb_goes_with_the_noun_before_a_preposition),
        cmocka_unit_test(a_sentence_of_another_language_is_named),
    };
    return cmocka_run_group_tests_name("ai-feedback harm", tests, load_speller, free_speller);
}
