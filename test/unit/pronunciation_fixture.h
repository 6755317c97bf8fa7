/* test/unit/pronunciation_fixture.h -- an engine that listens to what speech_fixture.h reads aloud.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "json/json.h"
#include "services/ai-worker/speech/pronunciation.h"
#include "speech_fixture.h"

#define MODEL "/usr/share/pocketsphinx/model/en-us"
#define TEXT "The weather was cold this morning, so we stayed at home and read a book."

static struct pronunciation *engine;

static inline int load(void **state)
{
    (void)state;
    struct lp_error err = { 0 };

    if (pronunciation_new(MODEL, &engine, &err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err.msg);
    return -1;
}

static inline int unload(void **state)
{
    (void)state;
    pronunciation_free(engine);
    return 0;
}

static inline json_t *assess(struct recording r, const char *text, const char *first_language)
{
    const struct pronunciation_request request = { .wav = r.bytes,
                                                   .size = r.size,
                                                   .text = text,
                                                   .first_language = first_language,
                                                   .deadline_ms = lp_clock_ms() + 100000 };
    struct lp_error err = { 0 };
    json_t *result = NULL;

    if (pronunciation_assess(engine, &request, &result, &err) < 0)
        fail_msg("%s", err.msg);
    free(r.bytes);
    if (getenv("LP_SPEECH_SHOW"))
        json_dumpf(result, stderr, JSON_INDENT(1) | JSON_REAL_PRECISION(4));
    return result;
}

static inline double number(const json_t *result, const char *key)
{
    json_t *value = json_object_get(result, key);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static inline void assert_status(const json_t *result, const char *status)
{
    assert_string_equal(lp_json_str(result, "recognitionStatus", NULL), status);
}

/* How many words have this error, and the first of them. */
static inline size_t errors(const json_t *result, const char *error, const char **ret_first)
{
    size_t n = 0, i;
    json_t *word;

    json_array_foreach(json_object_get(result, "words"), i, word)
    {
        if (strcmp(lp_json_str(word, "errorType", NULL), error) != 0)
            continue;
        if (n++ == 0 && ret_first)
            *ret_first = lp_json_str(word, "word", NULL);
    }
    return n;
}

static inline size_t size_of(const json_t *result, const char *key)
{
    return json_array_size(json_object_get(result, key));
}
