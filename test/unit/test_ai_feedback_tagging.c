/* test/unit/test_ai_feedback_tagging.c -- where sentences end that have no mark, and which of them
 * ask; each with a twin that stays. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/tagging/features.h"
#include "services/ai-feedback/tagging/linear.h"
#include "services/ai-feedback/tagging/network.h"
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
    static const struct {
        const char *path;
        unsigned word_bits, wide_bits;
    } tables[] = {
        { "services/ai-feedback/tagging/boundary.weights", BOUNDARY_WORD_BITS, BOUNDARY_BITS },
        { "services/ai-feedback/tagging/question.weights", QUESTION_WORD_BITS, QUESTION_BITS },
        { "services/ai-feedback/tagging/filler.weights", FILLER_WORD_BITS, FILLER_BITS },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(tables); i++) {
        struct stat file;
        assert_int_equal(stat(tables[i].path, &file), 0);
        assert_int_equal(file.st_size, NETWORK_BYTES(tables[i].word_bits, tables[i].wide_bits));
    }
}

/* All weights zero but for those that a test sets. */
static unsigned char *bytes_new(unsigned word_bits, unsigned wide_bits)
{
    return lp_calloc(1, NETWORK_BYTES(word_bits, wide_bits));
}

static void put_short(unsigned char *bytes, size_t at, int16_t value)
{
    unsigned char *to = bytes + (size_t)4 * LINEAR_CARES + 2 * at;
    to[0] = (unsigned char)((uint16_t)value & 255);
    to[1] = (unsigned char)((uint16_t)value >> 8);
}

static void a_network_reads_its_bytes_as_training_wrote_them(void **state)
{
    lp_auto_free unsigned char *bytes = bytes_new(4, 5);
    lp_auto_free struct network_dense *d = lp_calloc(1, sizeof *d);
    const struct network x = { bytes, 4, 5 };
    uint64_t hash = lp_hash("tea"), ending = lp_hash("ing"), feature = linear_feature(1, 2, 3);
    size_t words = (size_t)4 * LINEAR_CARES + 2 * NETWORK_DENSE;
    size_t endings = words + ((size_t)NETWORK_WORD << 4);
    size_t wide = endings + ((size_t)NETWORK_WORD << NETWORK_ENDING_BITS);
    float word[NETWORK_WORD];

    (void)state;
    put_short(bytes, 0, -4096);
    put_short(bytes, NETWORK_DENSE - 1, 2048);
    bytes[words + NETWORK_WORD * network_place(hash, 4)] = 48;
    bytes[endings + NETWORK_WORD * network_place(ending, NETWORK_ENDING_BITS) + 1] = 0xd0;
    bytes[wide + linear_place(feature, 5)] = 0xe0;
    network_dense_read(&x, d);
    assert_true(fabsf(d->ways[0].input[0][0] + 1) < 1e-6F && fabsf(d->out_bias - 0.5F) < 1e-6F);
    network_word(&x, hash, ending, word);
    assert_true(fabsf(word[0] - 1) < 1e-6F && fabsf(word[1] + 1) < 1e-6F && word[2] == 0);
    assert_true(fabsf(network_wide(&x, (uint64_t[]){ feature, feature }, 2) + 2) < 1e-6F);
    assert_int_equal(wide + ((size_t)1 << 5), NETWORK_BYTES(4, 5));
}

static void what_a_network_remembers_comes_from_its_side_alone(void **state)
{
    enum { N = 5 };
    lp_auto_free struct network_way *way = lp_calloc(1, sizeof *way);
    float input[N][NETWORK_INPUT] = { 0 }, other[N][NETWORK_INPUT];
    struct network_step forth[N], back[N], changed[N];

    (void)state;
    for (size_t k = 0; k < sizeof *way / sizeof(float); k++)
        ((float *)way)[k] = (float)((k * 37) % 23) / 40 - 0.27F;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < NETWORK_INPUT; k++)
            input[i][k] = (float)((i * 7 + k * 3) % 11) / 10 - 0.5F;
    for (size_t i = 0; i < N; i++) /* the other way about */
        memcpy(other[i], input[N - 1 - i], sizeof other[i]);
    network_run(way, 0, N, input, forth);
    network_run(way, 1, N, other, back);
    for (size_t i = 0; i < N; i++)
        assert_memory_equal(forth[i].state, back[N - 1 - i].state, sizeof forth[i].state);
    memcpy(other, input, sizeof other);
    other[3][0] += 1;
    network_run(way, 0, N, other, changed);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(memcmp(forth[i].state, changed[i].state, sizeof forth[i].state) == 0,
                         i < 3);
    for (float x = -12; x < 12; x += 0.01F)
        assert_true(fabsf(network_tanh(x) - tanhf(x)) < 1e-5F);
}

static void no_feature_leaves_its_room_however_long_the_sentence(void **state)
{
    auto_sentence struct sentence s;
    lp_auto_free struct tag_word *w = NULL;
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 16);
    uint64_t gap[GAP_FEATURES], question[QUESTION_FEATURES];
    float views[NETWORK_VIEWS];

    for (int i = 0; i < 900; i++)
        lp_buf_str(&text, i % 3 ? "like " : "what ");
    sentence_init(&s, text.ptr, text.len);
    const struct model *m = spelling_model(*state);
    size_t n = tag_words(&s, m, &w);
    assert_int_equal(n, 900);
    for (size_t i = 1; i < n; i++) {
        assert_in_range(gap_features(w, n, i, gap), 1, GAP_FEATURES);
        assert_in_range(filler_features(m, w, n, i, 1, gap), 1, GAP_FEATURES);
    }
    for (size_t i = 1; i <= n; i++) {
        assert_in_range(question_features(w, i, question), 1, QUESTION_FEATURES);
        word_views(m, w, n, i - 1, views);
        for (size_t k = 0; k < NETWORK_VIEWS; k++)
            assert_true(views[k] >= -4 && views[k] <= 4);
    }
    size_t *tokens = lp_calloc(s.n, sizeof *tokens);
    size_t found = tagger_boundaries(&s, *state, true, tokens);
    for (size_t i = 0; i < found; i++)
        assert_true(tokens[i] < s.n && (i == 0 || tokens[i] > tokens[i - 1]));
    found = tagger_fillers(&s, *state, tokens);
    for (size_t i = 0; i < found; i++)
        assert_true(token_is(&s, tokens[i], "like") && (i == 0 || tokens[i] > tokens[i - 1]));
    free(tokens);
}

static void fillers_of_a_transcript_go_and_real_words_stay(void **state)
{
    static const struct pair pairs[] = {
        { "it was like really cold in the morning", "It was really cold in the morning." },
        { "the teacher was you know very angry", "The teacher was very angry." },
        { "my sister is i mean very tall", "My sister is very tall." },
        { "i like music", "I like music." },
        { "my friends like play football", "My friends like play football." },
        { "every student like it", "Every student likes it." },
        { "she looks like her mother", "She looks like her mother." },
        { "do you know the answer", "Do you know the answer?" },
        { "what do you mean", "What do you mean?" },
        { "like", "Like." },
        { "you know", "You know." },
        { "so um i went home", "I went home." },
        { "so i went home", "So I went home." },
        { "w- what is this", "What is this?" },
        { "th-the dog ran", "The dog ran." },
        { "i bought a t-shirt and re-read the book", "I bought a t-shirt and re-read the book." },
        { "It was so-so.", "It was so-so." },
        { "We did a t-test on D-Day.", "We did a t-test on D-Day." },
        { "My father drives a C-class.", "My father drives a C-class." },
        { "W-what is this?", "What is this?" },
        { "so i like was really tired", "So I was really tired." },
        { "i saw him in like two weeks", "I saw him in two weeks." },
    };
    check_pairs(*state, pairs, LP_COUNT(pairs));
}

static void like_that_is_no_filler_stays(void **state)
{
    static const struct pair pairs[] = {
        { "i love her like a sister and i always will",
          "I love her like a sister and I always will." },
        { "i don't want to see her like this again", "I don't want to see her like this again." },
        { "whatever you like is fine with me", "Whatever you like is fine with me." },
        { "the people they like are here", "The people they like are here." },
        { "but like a fool i stayed in that town", "But like a fool I stayed in that town." },
        { "my phone is in like new condition", "My phone is in like new condition." },
        { "it is kind of like a dream", "It is kind of like a dream." },
        { "the man i work for like a good boss pays well",
          "The man I work for like a good boss pays well." },
        { "march comes in like a lion", "March comes in like a lion." },
        { "we will not see his like again", "We will not see his like again." },
        { "for like reasons the court refused", "For like reasons the court refused." },
        { "we trust her like we trust you", "We trust her like we trust you." },
    };
    check_pairs(*state, pairs, LP_COUNT(pairs));
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
        cmocka_unit_test(a_network_reads_its_bytes_as_training_wrote_them),
        cmocka_unit_test(what_a_network_remembers_comes_from_its_side_alone),
        cmocka_unit_test(fillers_of_a_transcript_go_and_real_words_stay),
        cmocka_unit_test(like_that_is_no_filler_stays),
        cmocka_unit_test(no_feature_leaves_its_room_however_long_the_sentence),
    };
    return cmocka_run_group_tests_name("ai-feedback tagging", tests, load_speller, free_speller);
}
