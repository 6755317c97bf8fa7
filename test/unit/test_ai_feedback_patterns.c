/* test/unit/test_ai_feedback_patterns.c -- the examples of each pattern: what is wrong becomes
 * right, and what is right stays. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <ctype.h>
#include <string.h>

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/rules/forms.h"
#include "services/ai-feedback/rules/pattern.h"
#include "services/ai-feedback/rules/phrases.h"

static bool tells(const json_t *reply, const char *rule)
{
    const json_t *edits =
        json_object_get(json_array_get(json_object_get(reply, "sentence_pairs"), 0), "edits");
    for (size_t i = 0; i < json_array_size(edits); i++)
        if (strcmp(lp_json_str(json_array_get(edits, i), "rule", NULL), rule) == 0)
            return true;
    return false;
}

/* "wrong => right": right but for the capital and the full stop, which other rules add. */
static bool is_mended(const void *speller, const struct pattern *p, const char *example)
{
    const char *arrow = strstr(example, " => "), *id = p->id;
    lp_auto_free char *wrong = lp_strndup(example, (size_t)(arrow - example));
    lp_auto_free char *right = lp_strdup(arrow + 4);
    json_auto_t *reply = check_text(speller, wrong);
    const char *got = corrected_at(reply, 0);
    size_t n = strlen(right);

    *right = (char)toupper((unsigned char)*right);
    bool same = strncmp(got, right, n) == 0 && (!got[n] || strcmp(got + n, ".") == 0);
    if (!same)
        print_error("%s: \"%s\" became \"%s\", not \"%s\"\n", id, wrong, got, right);
    else if (!tells(reply, id))
        print_error("%s: \"%s\" was changed by another rule\n", id, wrong);
    return same && tells(reply, id);
}

static bool stays(const void *speller, const char *id, const char *right)
{
    json_auto_t *reply = check_text(speller, right);
    bool same = strcmp(corrected_at(reply, 0), right) == 0;

    if (!same)
        print_error("%s: \"%s\" was right and became \"%s\"\n", id, right, corrected_at(reply, 0));
    return same;
}

static void check_list(const void *speller, const struct pattern_list *list)
{
    size_t bad = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct pattern *p = &list->patterns[i];
        size_t wrong = 0, right = 0;
        for (const char *const *e = p->examples; *e; e++) {
            if (strstr(*e, " => ")) {
                wrong++;
                bad += !is_mended(speller, p, *e);
                continue;
            }
            right++;
            bad += !stays(speller, p->id, *e);
        }
        if (wrong == 0 || right == 0)
            fail_msg("%s needs an example of each kind", p->id);
    }
    assert_int_equal(bad, 0);
}

static void what_is_wrong_about_verbs_becomes_right_and_what_is_right_stays(void **state)
{
    check_list(*state, &pattern_verbs);
}

static void what_is_wrong_about_words_becomes_right_and_what_is_right_stays(void **state)
{
    check_list(*state, &pattern_words);
}

static void order_subjects_and_phrases_become_right_and_what_is_right_stays(void **state)
{
    check_list(*state, &pattern_order);
    check_list(*state, &pattern_subjects);
    check_list(*state, &pattern_phrases);
}

static void confused_words_become_right_and_what_is_right_stays(void **state)
{
    check_list(*state, &pattern_confusables);
}

static bool becomes(const void *speller, const struct phrase_example *e, size_t *told)
{
    json_auto_t *reply = check_text(speller, e->wrong);
    const char *got = corrected_at(reply, 0);
    size_t n = strlen(e->right);
    bool same = toupper((unsigned char)*e->right) == *got &&
                strncmp(got + 1, e->right + 1, n - 1) == 0 &&
                (!got[n] || strcmp(got + n, ".") == 0 || strcmp(got + n, "?") == 0);

    if (!same)
        print_error("%s: \"%s\" became \"%s\", not \"%s\"\n", e->id, e->wrong, got, e->right);
    *told += tells(reply, e->id);
    return same;
}

/* Each rule of phrases.rules has an example of what it mends and one of what it leaves alone; where
 * other rules mend its example before it, it has another one. */
static void phrases_become_right_and_what_is_right_stays(void **state)
{
    size_t n, bad = 0, told = 0, right = 0;
    const struct phrase_example *examples = phrases_examples(&n);

    if (phrases_fault())
        fail_msg("phrases.rules: %s", phrases_fault());
    for (size_t i = 0; i < n; i++) {
        const struct phrase_example *e = &examples[i];
        right += !e->wrong;
        bad += e->wrong ? !becomes(*state, e, &told) : !stays(*state, e->id, e->right);
        if (i + 1 < n && strcmp(e->id, examples[i + 1].id) == 0)
            continue;
        bool keeps = strncmp(e->id, "keep-", 5) == 0;
        bad += (told == 0 && !keeps) || right == 0;
        if ((told == 0 && !keeps) || right == 0)
            print_error("%s needs an example of each kind\n", e->id);
        told = right = 0;
    }
    assert_true(n > 200);
    assert_int_equal(bad, 0);
}

static void a_phrase_is_found_by_a_word_of_its_own(void **state)
{
    size_t n;
    const struct phrase_key *keys = phrases_of("instock", &n);

    (void)state;
    assert_int_equal(n, 0);
    keys = phrases_of("worth", &n);
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(keys[i].word, "worth");
        assert_non_null(keys[i].phrase->pattern.message);
    }
}

static void every_pattern_has_a_name_of_its_own_and_says_why(void **state)
{
    const struct pattern_list *lists[] = { &pattern_verbs, &pattern_words,    &pattern_confusables,
                                           &pattern_order, &pattern_subjects, &pattern_phrases };
    (void)state;
    for (size_t l = 0; l < LP_COUNT(lists); l++)
        for (size_t i = 0; i < lists[l]->n; i++) {
            const struct pattern *p = &lists[l]->patterns[i];
            assert_true(strlen(p->message) > 10);
            assert_true(p->confidence > 0.5 && p->confidence < 1);
            assert_true(p->category != CATEGORY_NONE);
            for (size_t k = 0; k < i; k++)
                assert_string_not_equal(p->id, lists[l]->patterns[k].id);
        }
}

static void verbs_and_nouns_have_their_forms(void **state)
{
    static const char *const want[][VERB_FORMS] = {
        { "go", "goes", "went", "gone", "going" },
        { "study", "studies", "studied", "studied", "studying" },
        { "stop", "stops", "stopped", "stopped", "stopping" },
        { "live", "lives", "lived", "lived", "living" },
        { "see", "sees", "saw", "seen", "seeing" },
        { "watch", "watches", "watched", "watched", "watching" },
        { "enjoy", "enjoys", "enjoyed", "enjoyed", "enjoying" },
    };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(want); i++) {
        unsigned forms = 0;
        int verb = verb_find(want[i][0], &forms);
        assert_true(verb >= 0 && forms & 1u << VERB_BASE);
        for (int f = 0; f < VERB_FORMS; f++) {
            char text[FORM_ROOM];
            verb_write(verb, (enum verb_form)f, text);
            assert_string_equal(text, want[i][f]);
        }
    }
    unsigned forms;
    bool plural;
    assert_true(verb_of_regularised("runned") >= 0);
    assert_int_equal(verb_of_regularised("walked"), -1);
    assert_int_equal(verb_find("table", &forms), -1);
    assert_true(noun_find("children", &plural) >= 0 && plural);
    assert_true(is_uncountable("money"));
}

static void a_form_of_two_verbs_is_one_and_no_word_of_its_own_is_regularised(void **state)
{
    (void)state;
    assert_int_equal(verb_of_regularised("seed"), -1);
    assert_int_equal(verb_of_regularised("showed"), -1);
    assert_true(verb_of_regularised("teached") >= 0);
    char text[FORM_ROOM];
    unsigned forms;
    verb_write(verb_find("dying", &forms), VERB_THIRD, text);
    assert_string_equal(text, "dies");
    adjective_write(adjective_find("easy"), text);
    assert_string_equal(text, "easier");
    adjective_write(adjective_find("famous"), text);
    assert_string_equal(text, "");
}

static void names_that_move_keep_their_capitals(void **state)
{
    json_auto_t *reply = check_text(*state, "I like very much Bali.");
    assert_string_equal(corrected_at(reply, 0), "I like Bali very much.");
    json_auto_t *shouted = check_text(*state, "HE GO TO SCHOOL.");
    assert_string_equal(corrected_at(shouted, 0), "HE GOES TO SCHOOL.");
}

static void what_is_a_name_by_its_capital_is_no_verb(void **state)
{
    static const char *const right[] = { "We had Drew over for dinner.",
                                         "We had Rose to stay for a week.",
                                         "Didn't Drew call you yesterday?" };
    for (size_t i = 0; i < LP_COUNT(right); i++)
        assert_true(stays(*state, "a name", right[i]));
}

static void irregular_verbs_made_regular_are_told_their_past(void **state)
{
    json_auto_t *reply = check_text(*state, "He runned and buyed a car.");
    assert_string_equal(corrected_at(reply, 0), "He ran and bought a car.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_about_verbs_becomes_right_and_what_is_right_stays),
        cmocka_unit_test(what_is_wrong_about_words_becomes_right_and_what_is_right_stays),
        cmocka_unit_test(order_subjects_and_phrases_become_right_and_what_is_right_stays),
        cmocka_unit_test(confused_words_become_right_and_what_is_right_stays),
        cmocka_unit_test(phrases_become_right_and_what_is_right_stays),
        cmocka_unit_test(a_phrase_is_found_by_a_word_of_its_own),
        cmocka_unit_test(every_pattern_has_a_name_of_its_own_and_says_why),
        cmocka_unit_test(verbs_and_nouns_have_their_forms),
        cmocka_unit_test(a_form_of_two_verbs_is_one_and_no_word_of_its_own_is_regularised),
        cmocka_unit_test(names_that_move_keep_their_capitals),
        cmocka_unit_test(what_is_a_name_by_its_capital_is_no_verb),
        cmocka_unit_test(irregular_verbs_made_regular_are_told_their_past),
    };
    return cmocka_run_group_tests_name("ai-feedback patterns", tests, load_speller, free_speller);
}
