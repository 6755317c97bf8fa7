/* test/unit/test_ai_worker_listening.c -- whose recording is listened to: refused, stopped, late,
 * two at a time. */
#include <pthread.h>
#include <string.h>

#include "unit/pronunciation_fixture.h"

static void one_sample_is_a_recording_too(void **state)
{
    (void)state;
    json_auto_t *result = assess(silence(1, 8000), "Hello", NULL);

    assert_status(result, "NoMatch");
}

static void refused(const struct pronunciation_request *request, int code, const char *why)
{
    struct lp_error err = { 0 };
    json_t *result = NULL;

    assert_int_equal(pronunciation_assess(engine, request, &result, &err), code);
    assert_null(result);
    if (!strstr(err.msg, why))
        fail_msg("%s", err.msg);
}

static void what_cannot_be_judged_is_refused_with_field_and_value(void **state)
{
    (void)state;
    struct recording r = silence(100, 16000);
    struct pronunciation_request request = {
        .wav = r.bytes, .size = r.size, .text = "Call 911", .deadline_ms = lp_clock_ms() + 100000
    };

    refused(&request, LP_E_INVALID, "digit 9");
    request.text = "Hello";
    request.size--;
    refused(&request, LP_E_INVALID, "RIFF length is 236");
    request.size = 0;
    refused(&request, LP_E_INVALID, "no WAV");
    free(r.bytes);
}

/* Stopped or late it says so, and the next recording is listened to as if nothing had been. */
static void stop_and_deadline_end_it_and_the_next_recording_is_heard(void **state)
{
    (void)state;
    struct recording r = say("slt", TEXT);
    struct lp_stop *stop = lp_stop_new();
    struct pronunciation_request request = {
        .wav = r.bytes, .size = r.size, .text = TEXT, .stop = stop, .deadline_ms = 1
    };

    refused(&request, LP_E_TIMEOUT, "deadline");
    request.deadline_ms = lp_clock_ms() + 100000;
    lp_stop_request(stop);
    refused(&request, LP_E_CANCELED, "stopped");
    lp_stop_free(stop);
    json_auto_t *result = assess(r, TEXT, NULL);
    assert_status(result, "Success");
}

struct reader {
    pthread_t thread;
    const char *text;
    struct recording recording;
    json_t *result;
    struct lp_error err;
};

static void *read_aloud(void *user)
{
    struct reader *r = user;
    const struct pronunciation_request request = { .wav = r->recording.bytes,
                                                   .size = r->recording.size,
                                                   .text = r->text,
                                                   .deadline_ms = lp_clock_ms() + 100000 };

    if (pronunciation_assess(engine, &request, &r->result, &r->err) < 0)
        r->result = NULL;
    return NULL;
}

/* The recogniser listens to one at a time, and each is judged by the own text. */
static void two_who_read_at_the_same_time_are_told_of_their_own_words(void **state)
{
    (void)state;
    struct reader readers[] = { { .text = "Hello, my friend." }, { .text = "She likes tea." } };

    for (size_t i = 0; i < LP_COUNT(readers); i++)
        readers[i].recording = say("slt", readers[i].text);
    for (size_t i = 0; i < LP_COUNT(readers); i++)
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_aloud, &readers[i]), 0);
    for (size_t i = 0; i < LP_COUNT(readers); i++)
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
    for (size_t i = 0; i < LP_COUNT(readers); i++) {
        if (!readers[i].result)
            fail_msg("%s", readers[i].err.msg);
        assert_status(readers[i].result, "Success");
        assert_true(number(readers[i].result, "completenessScore") == 100);
        json_decref(readers[i].result);
        free(readers[i].recording.bytes);
    }
}

static void a_missing_model_is_named(void **state)
{
    (void)state;
    struct pronunciation *none = NULL;
    struct lp_error err = { 0 };

    assert_int_equal(pronunciation_new("/nowhere", &none, &err), LP_E_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/nowhere/cmudict-en-us.dict"));
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sample_is_a_recording_too),
        cmocka_unit_test(what_cannot_be_judged_is_refused_with_field_and_value),
        cmocka_unit_test(stop_and_deadline_end_it_and_the_next_recording_is_heard),
        cmocka_unit_test(two_who_read_at_the_same_time_are_told_of_their_own_words),
        cmocka_unit_test(a_missing_model_is_named),
    };
    lp_json_init();
    return cmocka_run_group_tests(tests, load, unload);
}
