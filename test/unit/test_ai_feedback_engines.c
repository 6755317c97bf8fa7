/* test/unit/test_ai_feedback_engines.c -- a LanguageTool server as a second opinion: what a real
 * one answered (test/unit/languagetool), served over HTTP, and what broken ones do. */
#include "unit/check.h"
#include "unit/speller_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "fake/fake_upstream.h"
#include "json/json.h"
#include "metrics/metrics.h"
#include "services/ai-feedback/engines/grammar.h"
#include "services/ai-feedback/engines/transcribe.h"
#include "services/ai-feedback/feedback.h"

static struct engine *engine_at(const char *url, int64_t timeout_ms)
{
    lp_auto_free char *endpoint = engine_endpoint(url, "/v2/check");
    struct engine_options o = { .name = "languagetool",
                                .url = endpoint,
                                .timeout_ms = timeout_ms,
                                .concurrency = 2,
                                .max_answer = GRAMMAR_ANSWER };
    struct engine *e = NULL;
    ok(engine_new(&o, &e, &err));
    return e;
}

static json_t *check_with(void *speller, struct engine *e, const char *text)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 20);
    struct feedback_request q = {
        .text = text, .deadline_ms = INT64_MAX, .grammar = e, .dialect = "any"
    };
    int score;
    ok(feedback_check(speller, &q, &out, &score, &err));
    json_t *reply = json_loadb(out.ptr, out.len, 0, NULL);
    assert_non_null(reply);
    return reply;
}

static char *answer_with(const char *json)
{
    return lp_sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n\r\n%s",
                      strlen(json), json);
}

static char *file_text(const char *path)
{
    char *text = NULL;
    ok(lp_file_read(path, "recorded answer", &text, &err));
    return text;
}

static void what_a_real_server_found_is_changed_at_its_place_behind_an_emoji(void **state)
{
    lp_auto_free char *json = file_text("test/unit/languagetool/check-6.6.json");
    lp_auto_free char *text = file_text("test/unit/languagetool/check-6.6.txt");
    lp_auto_free char *reply = answer_with(json);
    struct fake_script scripts[] = { { .match = "POST /v2/check", .reply = reply },
                                     FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 5000);
    json_auto_t *answer = check_with(*state, e, text);
    const json_t *pairs = json_object_get(answer, "sentence_pairs");
    const json_t *edits = json_object_get(json_array_get(pairs, 0), "edits");
    const json_t *edit = json_array_get(edits, 0);
    assert_string_equal(corrected_at(answer, 0),
                        "\xf0\x9f\x98\x80 Na\xc3\xafve \xf0\x9f\x98\x80 as I was, "
                        "I am used to waking up early.");
    assert_int_equal(json_array_size(edits), 1);
    assert_string_equal(lp_json_str(edit, "rule", NULL), "languagetool:ADMIT_ENJOY_VB");
    assert_int_equal(lp_json_int(-1, edit, "start", NULL), 33); /* characters; 35 units there */
    assert_string_equal(lp_json_str(edit, "original", NULL), "wake");
    assert_string_equal(lp_json_str(answer, "engine", NULL), "local+languagetool");
    assert_null(json_object_get(answer, "fallback"));
    engine_free(e);
    fake_upstream_stop(f);
}

static void spans_that_are_no_prose_stay_whatever_a_server_says_of_them(void **state)
{
    lp_auto_free char *json = file_text("test/unit/languagetool/check-6.6.json");
    lp_auto_free char *text = file_text("test/unit/languagetool/check-6.6.txt");
    lp_auto_free char *reply = answer_with(json);
    struct fake_script scripts[] = { { .reply = reply }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 5000);
    json_auto_t *answer = check_with(*state, e, text);
    assert_string_equal(corrected_at(answer, 1), "Fewer people came, see `less people came` and "
                                                 "https://a.bc/less.people or Fewer people.");
    engine_free(e);
    fake_upstream_stop(f);
}

static void a_word_beside_one_that_we_changed_is_not_changed_by_who_did_not_see_that(void **state)
{
    lp_auto_free char *json = file_text("test/unit/languagetool/check-6.6.json");
    lp_auto_free char *text = file_text("test/unit/languagetool/check-6.6.txt");
    lp_auto_free char *reply = answer_with(json);
    struct fake_script scripts[] = { { .reply = reply }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 5000);
    json_auto_t *answer = check_with(*state, e, text);
    assert_non_null(strstr(json, "AGREEMENT_SENT_START")); /* "The informations were wrong." */
    assert_string_equal(corrected_at(answer, 2), "The information was wrong.");
    engine_free(e);
    fake_upstream_stop(f);
}

/* An answer with one match about "He must to go \U0001F600 there." */
static char *one_match(const char *offset, const char *length, const char *rest)
{
    return lp_sprintf(
        "{\"matches\":[{\"message\":\"m\",\"offset\":%s,\"length\":%s,%s\"rule\":{\"id\":\"R\","
        "\"issueType\":\"grammar\",\"category\":{\"id\":\"GRAMMAR\"}}}]}",
        offset, length, rest);
}

#define GO "\"context\":{\"text\":\"...must to go\",\"offset\":8,\"length\":5},"
#define TO_GO "\"replacements\":[{\"value\":\"go\"}]," GO

static size_t matches_of(const char *json)
{
    const char *text = "He must to go \xf0\x9f\x98\x80 there.";
    struct grammar_matches m = { .text = text };
    struct lp_error err;
    int r = grammar_read(json, strlen(json), strlen(text), &m, &err);
    size_t n = r < 0 ? 999 : m.n;
    grammar_matches_done(&m);
    return n;
}

static void a_match_that_lies_nowhere_in_the_text_is_passed_over(void **state)
{
    static const char *const cases[][3] = {
        { "-1", "5", TO_GO },
        { "8", "0", TO_GO },
        { "8", "-5", TO_GO },
        { "8", "5000000000000", TO_GO },
        { "9223372036854775807", "5", TO_GO },
        { "24", "5", TO_GO },                                 /* behind the end */
        { "15", "5", TO_GO },                                 /* within the emoji */
        { "8", "7", TO_GO },                                  /* ends within it */
        { "7", "5", TO_GO },                                  /* another place than its context */
        { "8.5", "5", TO_GO },                                /* no integer */
        { "\"8\"", "5", TO_GO },                              /* a string */
        { "8", "5", GO },                                     /* nothing to put there */
        { "8", "5", "\"replacements\":[{\"value\":7}]," GO }, /* no text */
        { "8", "5", "\"replacements\":[{\"value\":\"a\\nb\"}]," GO }, /* no plain text */
        { "8", "5", "\"replacements\":[{\"value\":\"go\"}]," },       /* no context */
        { "8", "5", "\"replacements\":{}," GO },
    };
    (void)state;
    lp_auto_free char *right = one_match("8", "5", TO_GO);
    assert_int_equal(matches_of(right), 1);
    for (size_t i = 0; i < LP_COUNT(cases); i++) {
        lp_auto_free char *json = one_match(cases[i][0], cases[i][1], cases[i][2]);
        if (matches_of(json) != 0)
            fail_msg("case %zu: %s", i, json);
    }
}

static void an_answer_that_is_not_of_the_api_is_refused_whole(void **state)
{
    static const char *const answers[] = { "",   "{",    "null",           "[]", "{\"matches\":{}}",
                                           "{}", "\xff", "<html>no</html>" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(answers); i++)
        assert_int_equal(matches_of(answers[i]), 999);
    assert_int_equal(matches_of("{\"matches\":[]}"), 0);
    assert_int_equal(matches_of("{\"matches\":[7,null,{},[],{\"rule\":[]}]}"), 0);
}

static void matters_of_style_are_passed_over_and_of_overlapping_matches_one_counts(void **state)
{
    static const char *const passed[][2] = { { "style", "GRAMMAR" },
                                             { "whitespace", "MISC" },
                                             { "grammar", "STYLE" },
                                             { "typographical", "TYPOGRAPHY" } };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(passed); i++) {
        lp_auto_free char *json = lp_sprintf(
            "{\"matches\":[{\"message\":\"m\",\"offset\":8,\"length\":5," TO_GO
            "\"rule\":{\"id\":\"R\",\"issueType\":\"%s\",\"category\":{\"id\":\"%s\"}}}]}",
            passed[i][0], passed[i][1]);
        assert_int_equal(matches_of(json), 0);
    }
    lp_auto_free char *one = one_match("8", "5", TO_GO);
    lp_auto_free char *body = lp_strndup(one + 12, strlen(one) - 14);
    lp_auto_free char *twice = lp_sprintf("{\"matches\":[%s,%s]}", body, body);
    assert_int_equal(matches_of(twice), 1);
}

/* Asks a server that does what `script` says; the answer must be our own, and say why. */
static void expect_fallback(void *speller, struct fake_script script, const char *why)
{
    struct fake_script scripts[] = { script, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), strcmp(why, "timeout") == 0 ? 100 : 10000);
    json_auto_t *answer = check_with(speller, e, "He have a apple.");
    assert_string_equal(corrected_at(answer, 0), "He has an apple.");
    assert_string_equal(lp_json_str(answer, "engine", NULL), "local");
    assert_string_equal(lp_json_str(answer, "fallback", "languagetool", NULL), why);
    assert_true(fake_upstream_sent(f) < 16 << 20); /* of an endless answer */
    engine_free(e);
    fake_upstream_stop(f);
}

static void a_server_that_fails_leaves_our_own_answer_which_says_why(void **state)
{
    lp_auto_free char *garbage = answer_with("{\"matches\":[{");
    const char *big = "HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n";
    const char *error = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n";
    const char *many = "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n";
    const char *bad = "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n";
    const char *moved = "HTTP/1.1 302 There\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    const char *part = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"matches\":[";
    expect_fallback(*state, (struct fake_script){ .then = FAKE_HANG }, "timeout");
    expect_fallback(*state, (struct fake_script){ .reply = part, .then = FAKE_HANG }, "timeout");
    expect_fallback(*state, (struct fake_script){ .then = FAKE_RESET }, "unreachable");
    expect_fallback(*state, (struct fake_script){ .reply = part, .then = FAKE_CLOSE },
                    "unreachable");
    expect_fallback(*state, (struct fake_script){ .reply = error }, "failed");
    expect_fallback(*state, (struct fake_script){ .reply = many }, "failed");
    expect_fallback(*state, (struct fake_script){ .reply = bad }, "refused");
    expect_fallback(*state, (struct fake_script){ .reply = moved }, "refused");
    expect_fallback(*state, (struct fake_script){ .reply = garbage }, "unreadable");
    expect_fallback(*state, (struct fake_script){ .reply = big, .filler = 50 << 20 }, "too_large");
}

static void a_server_that_is_not_there_is_left_alone_after_five_failures(void **state)
{
    struct fake_script scripts[] = { FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_late(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 5000);
    for (int i = 0; i < 7; i++) {
        json_auto_t *answer = check_with(*state, e, "All is well.");
        assert_string_equal(lp_json_str(answer, "fallback", "languagetool", NULL),
                            i < 5 ? "unreachable" : "circuit_open");
    }
    engine_free(e);
    fake_upstream_stop(f);
}

static void a_text_that_met_a_failure_does_not_ask_again(void **state)
{
    struct fake_script scripts[] = { { .then = FAKE_HANG }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 100);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    while (text.len < (size_t)4 * GRAMMAR_WINDOW)
        lp_buf_str(&text, "All is well here. ");
    json_auto_t *answer = check_with(*state, e, text.ptr);
    assert_string_equal(lp_json_str(answer, "fallback", "languagetool", NULL), "timeout");
    assert_int_equal(fake_upstream_connections(f), 1);
    engine_free(e);
    fake_upstream_stop(f);
}

static void a_long_text_is_asked_about_in_windows(void **state)
{
    lp_auto_free char *reply = answer_with("{\"matches\":[]}");
    struct fake_script scripts[] = { { .reply = reply }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 5000);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    while (text.len < (size_t)2 * GRAMMAR_WINDOW)
        lp_buf_str(&text, "All is well here. ");
    json_auto_t *answer = check_with(*state, e, text.ptr);
    assert_string_equal(lp_json_str(answer, "engine", NULL), "local+languagetool");
    fake_upstream_await_requests(f, 3);
    assert_int_equal(fake_upstream_connections(f), 1);
    engine_free(e);
    fake_upstream_stop(f);
}

static int read_any(const char *body, size_t len, void *user, struct lp_error *err)
{
    (void)body;
    (void)len;
    (void)user;
    (void)err;
    return 0;
}

static void *ask_until_released(void *user)
{
    const struct engine_ask ask = { .deadline_ms = INT64_MAX, .read = read_any };
    static enum engine_outcome outcomes[2];
    static _Atomic size_t n;
    enum engine_outcome *mine = &outcomes[n++];
    *mine = engine_ask(user, &ask);
    return mine;
}

static void who_finds_every_place_taken_for_the_whole_time_goes_without(void **state)
{
    struct fake_script scripts[] = {
        { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .held = true }, FAKE_SCRIPT_END
    };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 20000);
    pthread_t threads[2];
    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_until_released, e), 0);
    fake_upstream_await_requests(f, 2);
    const struct engine_ask ask = { .deadline_ms = lp_clock_ms() + 50, .read = read_any };
    assert_int_equal(engine_ask(e, &ask), ENGINE_BUSY);
    for (size_t i = 0; i < 2; i++)
        fake_upstream_release(f);
    for (size_t i = 0; i < 2; i++) {
        void *outcome = NULL;
        pthread_join(threads[i], &outcome);
        assert_int_equal(*(enum engine_outcome *)outcome, ENGINE_ANSWERED);
    }
    engine_free(e);
    fake_upstream_stop(f);
}

static void outcomes_are_counted_by_engine_and_announced_before_the_first(void **state)
{
    lp_auto_buf struct lp_buf page = LP_BUF_INIT(1 << 20);
    (void)state;
    engine_announce("languagetool");
    ok(lp_metrics_write(&page, &err));
    for (enum engine_outcome o = 0; o < ENGINE_OUTCOMES; o++) {
        lp_auto_free char *series =
            lp_sprintf("lp_ai_engine_requests_total{engine=\"languagetool\",outcome=\"%s\"} ",
                       engine_outcome_name(o));
        assert_non_null(strstr(page.ptr, series));
    }
}

static void an_endpoint_is_made_of_a_server_s_address_or_a_part_of_it(void **state)
{
    static const char *const urls[] = { "http://lt:8010", "http://lt:8010/", "http://lt:8010/v2",
                                        "http://lt:8010/v2/check" };
    (void)state;
    for (size_t i = 0; i < LP_COUNT(urls); i++) {
        lp_auto_free char *endpoint = engine_endpoint(urls[i], "/v2/check");
        assert_string_equal(endpoint, "http://lt:8010/v2/check");
    }
}

/* What transcribe() says of an answer with this body; *ret_text is the caller's. */
static enum engine_outcome hear(const char *json, char **ret_text, struct lp_buf *heads)
{
    lp_auto_free char *reply = answer_with(json);
    struct fake_script scripts[] = { { .reply = reply }, FAKE_SCRIPT_END };
    struct fake_upstream *f = fake_upstream_start(scripts);
    struct engine *e = engine_at(fake_upstream_url(f), 5000);
    struct transcriber t = { .engine = e, .model = "m", .key = "secret" };
    enum engine_outcome outcome =
        transcribe(&t, "audio/webm;codecs=opus", "\0\r\n--", 5, INT64_MAX, ret_text);
    fake_upstream_heads(f, heads);
    engine_free(e);
    fake_upstream_stop(f);
    return outcome;
}

static void what_was_heard_is_read_from_json_of_bounded_length_only(void **state)
{
    static const char *const wrong[] = {
        "", "[]", "{}", "{\"text\":7}", "{\"text\":null}", "hello"
    };
    lp_auto_buf struct lp_buf heads = LP_BUF_INIT(1 << 16);
    lp_auto_free char *long_text = lp_alloc(TRANSCRIBE_TEXT + 2);
    char *text = NULL;
    (void)state;
    assert_int_equal(hear("{\"text\":\"i am here\",\"usage\":{}}", &text, &heads), ENGINE_ANSWERED);
    assert_string_equal(text, "i am here");
    free(lp_take(text));
    assert_non_null(strstr(heads.ptr, "Authorization: Bearer secret\r\n"));
    assert_non_null(strstr(heads.ptr, "Content-Type: multipart/form-data; boundary="));
    for (size_t i = 0; i < LP_COUNT(wrong); i++)
        assert_int_equal(hear(wrong[i], &text, &heads), ENGINE_UNREADABLE);
    memset(long_text, 'a', TRANSCRIBE_TEXT + 1);
    lp_auto_free char *json = lp_sprintf("{\"text\":\"%s\"}", long_text);
    assert_int_equal(hear(json, &text, &heads), ENGINE_UNREADABLE);
    assert_null(text);
}

static void types_of_audio_are_told_from_others(void **state)
{
    (void)state;
    assert_true(transcribe_takes("audio/wav"));
    assert_true(transcribe_takes("Audio/WebM; codecs=opus"));
    assert_false(transcribe_takes("application/json"));
    assert_false(transcribe_takes("audio/wavy"));
    assert_false(transcribe_takes("audio"));
    assert_false(transcribe_takes(""));
    assert_false(transcribe_takes(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes_are_counted_by_engine_and_announced_before_the_first),
        cmocka_unit_test(what_a_real_server_found_is_changed_at_its_place_behind_an_emoji),
        cmocka_unit_test(spans_that_are_no_prose_stay_whatever_a_server_says_of_them),
        cmocka_unit_test(a_word_beside_one_that_we_changed_is_not_changed_by_who_did_not_see_that),
        cmocka_unit_test(a_match_that_lies_nowhere_in_the_text_is_passed_over),
        cmocka_unit_test(an_answer_that_is_not_of_the_api_is_refused_whole),
        cmocka_unit_test(matters_of_style_are_passed_over_and_of_overlapping_matches_one_counts),
        cmocka_unit_test(a_server_that_fails_leaves_our_own_answer_which_says_why),
        cmocka_unit_test(a_server_that_is_not_there_is_left_alone_after_five_failures),
        cmocka_unit_test(a_text_that_met_a_failure_does_not_ask_again),
        cmocka_unit_test(a_long_text_is_asked_about_in_windows),
        cmocka_unit_test(who_finds_every_place_taken_for_the_whole_time_goes_without),
        cmocka_unit_test(what_was_heard_is_read_from_json_of_bounded_length_only),
        cmocka_unit_test(types_of_audio_are_told_from_others),
        cmocka_unit_test(an_endpoint_is_made_of_a_server_s_address_or_a_part_of_it),
    };
    return cmocka_run_group_tests_name("ai-feedback engines", tests, load_speller, free_speller);
}
