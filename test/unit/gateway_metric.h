/* test/unit/gateway_metric.h -- waits for what the gateway of this process counts. */
#pragma once

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "metrics/metrics.h"
#include "unit/check.h"

/* Waits until a gauge has this value; the gateway's own threads move it. */
static inline void await_metric(const char *name, const char *labels, double want)
{
    int64_t end = lp_clock_ms() + 30000;
    double have = -1;

    while (lp_clock_ms() < end) {
        lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
        lp_auto_free char *line = lp_sprintf("\n%s%s ", name, labels);
        assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
        const char *at = strstr(text.ptr, line);
        have = at ? strtod(at + strlen(line), NULL) : -1;
        if (have == want)
            return;
        sched_yield();
    }
    fail_msg("%s%s is %g, not %g", name, labels, have, want);
}
