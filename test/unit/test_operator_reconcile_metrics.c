/* test/unit/test_operator_reconcile_metrics.c -- dashboards made for controller-runtime find what
 * they look for. */
#include "operator/reconcile/reconcile_metrics.h"

#include <string.h>

#include "base/alloc.h"
#include "metrics/metrics.h"
#include "unit/check.h"

static double value_of(const char *series)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    lp_auto_free char *line = lp_sprintf("\n%s ", series);
    const char *at = strstr(text.ptr, line);
    return at ? strtod(at + strlen(line), NULL) : -1;
}

#define OF_OURS "{controller=\"learningplatform\"}"
#define TOTAL "controller_runtime_reconcile_total{controller=\"learningplatform\",result="

static void assert_is(const char *series, double want)
{
    double have = value_of(series);
    if (have < want || have > want)
        fail_msg("%s is %g, wanted %g", series, have, want);
}

/* The names and labels are controller-runtime's (pkg/internal/controller/metrics). */
static void every_series_of_controller_runtime_is_there_from_the_start(void **state)
{
    static const char *const zero[] = {
        TOTAL "\"success\"}",
        TOTAL "\"error\"}",
        TOTAL "\"requeue\"}",
        TOTAL "\"requeue_after\"}",
        "controller_runtime_reconcile_errors_total" OF_OURS,
        "controller_runtime_terminal_reconcile_errors_total" OF_OURS,
        "controller_runtime_reconcile_panics_total" OF_OURS,
        "controller_runtime_reconcile_timeouts_total" OF_OURS,
        "controller_runtime_reconcile_time_seconds_count" OF_OURS,
        "controller_runtime_active_workers" OF_OURS,
    };
    (void)state;
    reconcile_metrics_init(3);
    for (size_t i = 0; i < LP_COUNT(zero); i++)
        assert_is(zero[i], 0);
    assert_is("controller_runtime_max_concurrent_reconciles" OF_OURS, 3);
}

static void end(int code, struct reconcile_result result)
{
    reconcile_metrics_begin();
    assert_is("controller_runtime_active_workers" OF_OURS, 1);
    reconcile_metrics_end(0.01, code, &result);
    assert_is("controller_runtime_active_workers" OF_OURS, 0);
}

static void each_end_of_a_reconcile_is_counted_once(void **state)
{
    (void)state;
    reconcile_metrics_init(3);
    end(0, (struct reconcile_result){ .writes = 2 });
    end(0, (struct reconcile_result){ .writes = 0 });
    end(0, (struct reconcile_result){ .writes = 1, .again_ms = 30000 });
    end(LP_E_UNAVAILABLE, (struct reconcile_result){ .writes = 1 });
    end(LP_E_TIMEOUT, (struct reconcile_result){ .writes = 0 });
    end(0, (struct reconcile_result){ .writes = 1, .terminal = true });
    reconcile_metrics_crashed(2);
    assert_is(TOTAL "\"success\"}", 2);
    assert_is(TOTAL "\"requeue_after\"}", 1);
    assert_is(TOTAL "\"error\"}", 3);
    assert_is("controller_runtime_reconcile_errors_total" OF_OURS, 3);
    assert_is("controller_runtime_terminal_reconcile_errors_total" OF_OURS, 1);
    assert_is("controller_runtime_reconcile_timeouts_total" OF_OURS, 1);
    assert_is("controller_runtime_reconcile_panics_total" OF_OURS, 2);
    assert_is("controller_runtime_reconcile_time_seconds_count" OF_OURS, 6);
    assert_is("lp_reconciles_without_change_total" OF_OURS, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_series_of_controller_runtime_is_there_from_the_start),
        cmocka_unit_test(each_end_of_a_reconcile_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
