/* test/fuzz/fuzz_ai_feedback_sentence.c -- cutting and rewriting any bytes: every token lies in the
 * text, every cut advances. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "services/ai-feedback/distance.h"
#include "services/ai-feedback/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sentence(const char *text, size_t len)
{
    auto_sentence struct sentence s;
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(16384);

    sentence_init(&s, text, len);
    for (size_t i = 0; i < s.n; i++)
        if (s.tokens[i].len == 0 || s.tokens[i].at + s.tokens[i].len > len)
            abort();
    rule_fillers(&s);
    rule_contractions(&s);
    rule_repetitions(&s);
    rule_names(&s);
    rule_articles(&s);
    rule_capitals(&s);
    rule_marks(&s);
    sentence_write(&s, &out);
    if (distance_characters(text, len, text, len) != 0)
        abort();
    distance_characters(text, len, out.ptr, out.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    while (size > 0) {
        size_t n = sentence_cut(text, size, 2000);
        if (n == 0 || n > size)
            abort();
        check_sentence(text, n);
        text += n;
        size -= n;
    }
    return 0;
}
