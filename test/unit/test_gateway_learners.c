/* test/unit/test_gateway_learners.c -- who was active in the last one to two minutes. */
#include "services/gateway/learners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/sketch.h"
#include "metrics/metrics.h"
#include "unit/check.h"

#define MINUTE INT64_C(60000)
#define NOON (720 * MINUTE)

static void ask(struct learners *l, unsigned from, unsigned to, int64_t now)
{
    for (unsigned k = from; k < to; k++) {
        char name[32];
        snprintf(name, sizeof name, "learner-%u", k);
        learners_note(l, name, strlen(name), now);
    }
}

/* From the page of this process. */
static int64_t counted(void)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    uint8_t registers[SKETCH_REGISTERS];
    ok(lp_metrics_write(&text, &err));
    for (unsigned i = 0; i < SKETCH_REGISTERS; i++) {
        char line[64];
        snprintf(line, sizeof line, "\nlp_learners_sketch{register=\"%u\"} ", i);
        const char *at = strstr(text.ptr, line);
        assert_non_null(at);
        registers[i] = (uint8_t)strtoul(at + strlen(line), NULL, 10);
    }
    return sketch_count(registers);
}

static void learners_count_for_one_to_two_minutes(void **state)
{
    struct learners *l = learners_new();
    (void)state;
    assert_int_equal(counted(), 0);
    ask(l, 0, 100, NOON);
    ask(l, 0, 100, NOON + 1000);
    assert_in_range(counted(), 70, 130);
    learners_turn(l, NOON + MINUTE);
    assert_in_range(counted(), 70, 130);
    ask(l, 100, 120, NOON + MINUTE + 1);
    assert_in_range(counted(), 80, 160);
    learners_turn(l, NOON + 2 * MINUTE);
    assert_in_range(counted(), 12, 28);
    learners_turn(l, NOON + 3 * MINUTE);
    assert_int_equal(counted(), 0);
    learners_free(l);
}

static void a_pause_of_several_minutes_forgets_all(void **state)
{
    struct learners *l = learners_new();
    (void)state;
    ask(l, 0, 100, NOON);
    learners_turn(l, NOON + 2 * MINUTE);
    assert_int_equal(counted(), 0);
    learners_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learners_count_for_one_to_two_minutes),
        cmocka_unit_test(a_pause_of_several_minutes_forgets_all),
    };
    return cmocka_run_group_tests_name("gateway_learners", tests, NULL, NULL);
}
