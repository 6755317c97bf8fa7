/* test/fuzz/fuzz_cli_scenario.c -- any bytes are refused as a scenario with a message that begins
 * with its source, or make one whose rounds end, whose shape is whole, and whose requests can be
 * written. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/load/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round(const struct scenario *s, double random)
{
    int at = -1, before = -2;

    if (s->n_steps < 1 || s->n_steps > SCENARIO_STEPS)
        abort();
    while ((at = scenario_next(s, at, random)) >= 0) {
        if (at <= before || at >= s->n_steps)
            abort();
        before = at;
    }
}

static void check_shape(const struct shape *s)
{
    for (int i = 1; i < s->n; i++)
        if (s->points[i].at < s->points[i - 1].at)
            abort();
    if (s->points[0].at != 0 || s->points[s->n - 1].at != 1 || shape_total(s) <= 0 ||
        shape_when(s, shape_total(s) / 2) < 0)
        abort();
}

static void check_step(const struct scenario_step *step)
{
    static const char *const values[TEMPLATE_VARIABLES] = { "a@b", "\"\n/\\" };
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(16384), body = LP_BUF_INIT(1 << 20);

    template_write(step->path, TEMPLATE_PATH, values, &path);
    if (step->body)
        template_write(step->body, TEMPLATE_JSON, values, &body);
    if (path.ptr[0] != '/' || !step->method || step->think_min > step->think_max)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scenario *s = NULL;
    struct lp_error err;

    if (scenario_parse((const char *)data, size, "fuzz", &s, &err) < 0) {
        if (strncmp(err.msg, "fuzz", 4) != 0)
            abort();
        return 0;
    }
    check_round(s, 0);
    check_round(s, 0.9999999999);
    if (s->has_shape)
        check_shape(&s->shape);
    for (int i = 0; i < s->n_setup; i++)
        check_step(&s->setup[i]);
    for (int i = 0; i < s->n_steps; i++)
        check_step(&s->steps[i]);
    scenario_free(s);
    return 0;
}
