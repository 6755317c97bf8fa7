/* test/fuzz/fuzz_cli_trace.c -- any bytes are refused as a trace, or make one whose times ascend
 * and whose values are within their limits. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/trace.h"

#define GREATEST INT64_C(10000000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const struct trace *t, size_t i)
{
    const struct trace_row *row = &t->rows[i];

    if (row->at_ms < 0 || (i > 0 && row->at_ms <= row[-1].at_ms))
        abort();
    for (unsigned k = 0; k < TRACE_COLUMNS; k++)
        if (row->values[k] < -1 || row->values[k] > GREATEST ||
            (!t->has[k] && row->values[k] != -1))
            abort();
    if (row->values[TRACE_SERVICE_TIME] == 0 ||
        (row->values[TRACE_SERVICE_TIME] < 0) != (row->values[TRACE_ARRIVAL_RATE] < 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    trace_auto struct trace t = { 0 };
    struct lp_error err;

    if (trace_parse((const char *)data, size, "fuzz", NULL, &t, &err) < 0)
        return 0;
    if (t.n < 2)
        abort();
    for (size_t i = 0; i < t.n; i++)
        check_row(&t, i);
    return 0;
}
