/* test/unit/speller_fixture.h -- a speller of Debian's dictionaries and model, as cmocka's state,
 * and what a text becomes by it. */
#pragma once

#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "unit/check.h"

static const struct spelling_files files = { .dialect = "any",
                                             .dictionaries = "/usr/share/hunspell",
                                             .model = "/usr/share/pocketsphinx/model/en-us" };

static inline int load_speller(void **state)
{
    struct lp_error err;
    struct spelling *s = NULL;
    if (spelling_new(&files, &s, &err) < 0)
        fail_msg("%s", err.msg);
    *state = s;
    return 0;
}

static inline int free_speller(void **state)
{
    spelling_free(*state);
    return 0;
}

/* The whole answer, the caller's. */
static inline json_t *check_text(const void *speller, const char *text)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(2 * FEEDBACK_ANSWER);
    struct feedback_request q = { .text = text, .deadline_ms = INT64_MAX };
    struct lp_error err;
    int score;
    if (feedback_check(speller, &q, &out, &score, &err) < 0)
        fail_msg("%.60s: %s", text, err.msg);
    json_t *reply = json_loadb(out.ptr, out.len, 0, NULL);
    assert_non_null(reply);
    return reply;
}

/* The i-th sentence as it became, of the answer. */
static inline const char *corrected_at(const json_t *reply, size_t i)
{
    return lp_json_str(json_array_get(json_object_get(reply, "sentence_pairs"), i), "corrected",
                       NULL);
}

/* All of them, "|" between them. */
static inline void corrected_text(const void *speller, const char *text, struct lp_buf *out)
{
    json_auto_t *reply = check_text(speller, text);
    size_t n = json_array_size(json_object_get(reply, "sentence_pairs"));
    for (size_t i = 0; i < n; i++) {
        lp_buf_str(out, i ? "|" : "");
        lp_buf_str(out, corrected_at(reply, i));
    }
}

/* A text, and its sentences as they are to become, "|" between them. */
struct pair {
    const char *text, *right;
};

static inline void check_pairs(const void *speller, const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        lp_auto_buf struct lp_buf out = LP_BUF_INIT(1 << 16);
        corrected_text(speller, pairs[i].text, &out);
        assert_string_equal(out.ptr, pairs[i].right);
    }
}
