/* test/unit/test_awaited.c -- calls that reached nobody are told until one is answered. */
#include "service/awaited.h"

#include <string.h>

#include "base/buf.h"
#include "metrics/metrics.h"
#include "unit/check.h"

static bool is_told(const char *line)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    ok(lp_metrics_write(&text, &err));
    return strstr(text.ptr, line) != NULL;
}

static void a_call_that_reached_nobody_is_told_until_one_is_answered(void **state)
{
    (void)state;
    lp_awaited_announce("progress");
    lp_awaited_announce("ai-feedback");
    lp_awaited_announce("progress"); /* once more is the same */
    assert_true(is_told("\nlp_calls_awaiting_upstream{upstream=\"progress\"} 0\n"));
    lp_awaited_note("progress", false);
    assert_true(is_told("\nlp_calls_awaiting_upstream{upstream=\"progress\"} 1\n"));
    assert_true(is_told("\nlp_calls_awaiting_upstream{upstream=\"ai-feedback\"} 0\n"));
    lp_awaited_note("progress", true);
    assert_true(is_told("\nlp_calls_awaiting_upstream{upstream=\"progress\"} 0\n"));
    lp_awaited_note("nobody", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_reached_nobody_is_told_until_one_is_answered),
    };
    return cmocka_run_group_tests_name("awaited", tests, NULL, NULL);
}
