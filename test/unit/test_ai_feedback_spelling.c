/* test/unit/test_ai_feedback_spelling.c -- the context speller: what it corrects, where it
 * abstains, and the parts that it is made of. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/spelling/affix.h"
#include "services/ai-feedback/spelling/channel.h"
#include "services/ai-feedback/spelling/lexicon.h"
#include "services/ai-feedback/spelling/model.h"

static void misspelt_words_are_corrected_in_their_place(void **state)
{
    static const struct pair cases[] = {
        { "um yesterday i recieve a apple from my freind",
          "Yesterday I received an apple from my friend." },
        { "i recieve a lettter from my freind", "I receive a letter from my friend." },
        { "yestarday i go to scool", "Yesterday I went to school." },
        { "Yestarday was good.", "Yesterday was good." },
        { "Becuase I was tierd, I slept.", "Because I was tired, I slept." },
        { "they alredy finnished ther homework", "They already finished their homework." },
        { "um i dont like alot of noise", "I don't like a lot of noise." },
        { "the goverment is responsable for the enviroment",
          "The government is responsible for the environment." },
        { "I want to becom a docter in the futur.", "I want to become a doctor in the future." },
        { "She is intrested in langauge and grammer.",
          "She is interested in language and grammar." },
        { "i will definetly recomend this restarant to evryone",
          "I will definitely recommend this restaurant to everyone." },
        { "On wensday i went home", "On Wednesday I went home." },
        { "I beleive that peple are kind.", "I believe that people are kind." },
        { "It is beutiful here.", "It is beautiful here." },
        { "I studyed hard", "I studied hard." },
        { "I am writting a leter.", "I am writing a letter." }
    };
    check_pairs(*state, cases, LP_COUNT(cases));
}

static void the_place_decides_among_words_that_are_equally_near(void **state)
{
    static const struct pair cases[] = {
        { "I like thier house.", "I like their house." },
        { "They finnished ther homework.", "They finished their homework." },
    };
    check_pairs(*state, cases, LP_COUNT(cases));
}

static void a_word_without_a_clear_winner_is_left_alone(void **state)
{
    static const char *const texts[] = { "We saw a qwzrt there.", "I like zxcvb.",
                                         "The blorptang is red." };
    for (size_t i = 0; i < LP_COUNT(texts); i++)
        check_pairs(*state, &(struct pair){ texts[i], texts[i] }, 1);
}

/* ---- the parts ---- */

static void count_word(const char *word, bool shy, void *user)
{
    size_t *n = user;
    (void)shy;
    n[0]++;
    n[1] += strcmp(word, "unhappily") == 0;
    n[2] += strcmp(word, "happier") == 0;
    n[3] += strcmp(word, "happyer") == 0;
}

static void affixes_make_the_forms_that_hunspell_takes(void **state)
{
    size_t n[4] = { 0 };
    struct lp_error err;
    (void)state;
    if (affix_expand("/usr/share/hunspell/en_US.aff", "/usr/share/hunspell/en_US.dic", count_word,
                     n, &err) < 0)
        fail_msg("%s", err.msg);
    assert_true(n[0] > 120000);
    assert_true(n[1] >= 1);
    assert_true(n[2] >= 1);
    assert_int_equal(n[3], 0);
    assert_int_equal(affix_expand("/nonexistent.aff", "/x", count_word, n, &err), LP_E_NOT_FOUND);
}

struct found {
    size_t n;
    bool receive, far;
};

static void note_word(const char *word, size_t len, unsigned bits, unsigned edits, void *user)
{
    struct found *f = user;
    assert_int_equal(strlen(word), len);
    assert_true(bits != 0);
    f->n++;
    f->far = f->far || edits > 2;
    f->receive = f->receive || (strcmp(word, "receive") == 0 && edits == 1);
}

static void the_search_finds_words_within_two_edits_once_and_no_others(void **state)
{
    struct lexicon *x = NULL;
    struct found f = { 0 };
    struct lp_error err;
    (void)state;
    assert_int_equal(lexicon_new("any", files.dictionaries, &x, &err), 0);
    lexicon_near(x, "recieve", 7, 2, note_word, &f);
    assert_true(f.receive);
    assert_false(f.far);
    assert_in_range(f.n, 2, 200);
    assert_true(lexicon_find(x, "bill", 4) & LEXICON_LOWER);
    assert_true(lexicon_find(x, "bill", 4) & LEXICON_NAME);
    assert_int_equal(lexicon_find(x, "monday", 6), LEXICON_NAME);
    assert_true(lexicon_find(x, "colour", 6) & LEXICON_LOWER);
    assert_int_equal(lexicon_find(x, "recieve", 7), 0);
    lexicon_free(x);
}

static void what_learners_do_often_costs_less(void **state)
{
    (void)state;
    assert_true(channel_cost("recieve", 7, "receive", 7) <
                channel_cost("rexeive", 7, "receive", 7));
    assert_true(channel_cost("leter", 5, "letter", 6) < channel_cost("leter", 5, "leper", 5));
    assert_true(channel_cost("dont", 4, "don't", 5) < channel_cost("dont", 4, "font", 4));
    assert_true(channel_cost("same", 4, "same", 4) == 0);
    assert_true(isinf(channel_cost("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 31, "a", 1)));
}

static void the_model_prefers_what_is_said_more_often(void **state)
{
    struct model *m = NULL;
    struct lp_error err;
    (void)state;
    assert_int_equal(model_open(files.model, &m, &err), 0);
    int of = model_word(m, "of", 2), one = model_word(m, "one", 3), the = model_word(m, "the", 3);
    assert_int_equal(model_word(m, "recieve", 7), MODEL_UNKNOWN);
    assert_int_equal(model_word(m, "ofx", 2), of);
    assert_true(model_score(m, the, of, one) > model_score(m, of, of, one));
    assert_true(model_score(m, the, of, one) > model_score(m, the, the, one));
    assert_true(model_score(m, the, of, one) < 0);
    assert_true(model_score(m, MODEL_UNKNOWN, of, one) <= MODEL_FLOOR);
    model_close(m);
}

static void a_file_that_is_no_model_is_refused(void **state)
{
    char folder[] = "/tmp/lp-model-XXXXXX", path[64];
    struct model *m = NULL;
    struct lp_error err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/en-us.lm.bin", folder);
    static const char head[] =
        "Trie Language Model\x03\xff\xff\x00\x00\xff\xff\x00\x00\xff\xff\x00\x00";
    for (size_t n = 0; n < sizeof head; n += 4) {
        FILE *f = fopen(path, "we");
        assert_non_null(f);
        fwrite(head, 1, n, f);
        fclose(f);
        assert_int_equal(model_open(folder, &m, &err), LP_E_INVALID);
    }
    unlink(path);
    rmdir(folder);
}

static void *use_speller(void *user)
{
    for (int i = 0; i < 20; i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 16);
        corrected_text(user, "i recieve alot of lettters from my freinds", &out);
        if (strcmp(out.ptr, "I receive a lot of letters from my friends.") != 0)
            return user;
    }
    return NULL;
}

static void many_threads_share_it_without_a_lock(void **state)
{
    pthread_t threads[4];
    for (size_t i = 0; i < LP_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_speller, *state), 0);
    for (size_t i = 0; i < LP_COUNT(threads); i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misspelt_words_are_corrected_in_their_place),
        cmocka_unit_test(the_place_decides_among_words_that_are_equally_near),
        cmocka_unit_test(a_word_without_a_clear_winner_is_left_alone),
        cmocka_unit_test(affixes_make_the_forms_that_hunspell_takes),
        cmocka_unit_test(the_search_finds_words_within_two_edits_once_and_no_others),
        cmocka_unit_test(what_learners_do_often_costs_less),
        cmocka_unit_test(the_model_prefers_what_is_said_more_often),
        cmocka_unit_test(a_file_that_is_no_model_is_refused),
        cmocka_unit_test(many_threads_share_it_without_a_lock),
    };
    return cmocka_run_group_tests_name("ai-feedback spelling", tests, load_speller, free_speller);
}
