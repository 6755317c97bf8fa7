/* test/fuzz/fuzz_ai_feedback_sentence.c -- any bytes as a learner's text, up to the rendered
 * answer: it is JSON, and its pairs hold together. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "services/ai-feedback/feedback.h"
#include "services/ai-feedback/text/cut.h"
#include "services/ai-feedback/text/sentence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct spelling_files files = { .dialect = "any",
                                             .dictionaries = "/usr/share/hunspell",
                                             .model = "/usr/share/pocketsphinx/model/en-us" };

static struct spelling *speller(void)
{
    static struct spelling *loaded;
    struct lp_error err;

    if (!loaded && spelling_new(&files, &loaded, &err) < 0)
        abort();
    return loaded;
}

static void check_pair(const json_t *pair)
{
    const json_t *edits = json_object_get(pair, "edits");
    const char *original = lp_json_str(pair, "original", NULL);
    int64_t end = 0, length = 0;

    for (const char *c = original; *c; c++)
        length += ((unsigned char)*c & 0xc0) != 0x80;
    for (size_t i = 0; i < json_array_size(edits); i++) {
        const json_t *e = json_array_get(edits, i);
        int64_t from = lp_json_int(-1, e, "start", NULL), to = lp_json_int(-1, e, "end", NULL);
        if (from < end || to < from || to > length)
            abort();
        end = to;
    }
}

/* Every cut advances and every token lies in the text, whatever the bytes. */
static void check_cuts(const char *text, size_t size)
{
    while (size > 0) {
        auto_sentence struct sentence s;
        size_t n = sentence_cut(text, size, 2000);
        if (n == 0 || n > size)
            abort();
        sentence_init(&s, text, n);
        for (size_t i = 0; i < s.n; i++)
            if (s.tokens[i].len == 0 || s.tokens[i].at + s.tokens[i].len > n)
                abort();
        text += n;
        size -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    lp_auto_free char *text = lp_strndup((const char *)data, size);
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(2 * FEEDBACK_ANSWER);
    struct feedback_request q = { .text = text, .deadline_ms = INT64_MAX };
    struct lp_error err;
    int score;

    check_cuts((const char *)data, size);
    if (feedback_check(speller(), &q, &out, &score, &err) < 0)
        return 0;
    json_auto_t *reply = json_loadb(out.ptr, out.len, 0, NULL);
    const json_t *pairs = json_object_get(reply, "sentence_pairs");
    if (!json_is_array(pairs) || score < 0 || score > 100)
        abort();
    for (size_t i = 0; i < json_array_size(pairs); i++)
        check_pair(json_array_get(pairs, i));
    return 0;
}
