/* test/unit/test_operator_quarantine.c -- for how long a platform that ended the operator stays
 * aside. */
#include "operator/hold/quarantine.h"

#include <string.h>

#include "json/json.h"
#include "kube/conditions.h"
#include "metrics/metrics.h"
#include "operator/status/conditions.h"
#include "unit/check.h"

static json_t *platform(int generation)
{
    return lp_json_make("{s:{s:s, s:s, s:I}}", "metadata", "namespace", "learning", "name",
                        "english", "generation", (json_int_t)generation);
}

static void lift(json_t *platform, const char *value)
{
    json_object_set_new(json_object_get(platform, "metadata"), "annotations",
                        lp_json_make("{s:s}", QUARANTINE_LIFT, value));
}

static void it_holds_until_the_spec_changes(void **state)
{
    json_auto_t *before = platform(4), *after = platform(5);
    json_auto_t *status = quarantine_status(NULL, before, 2, 1000);
    (void)state;
    assert_false(quarantine_holds(before, NULL));
    assert_true(quarantine_holds(before, status));
    assert_false(quarantine_holds(after, status));
    assert_string_equal(lp_json_str(status, "phase", NULL), "Quarantined");
    assert_int_equal(lp_json_int(0, status, "observedGeneration", NULL), 4);
    assert_true(lp_kube_condition_is(status, "Stalled", "True"));
    const json_t *ready = lp_kube_condition(status, "Ready");
    assert_string_equal(lp_json_str(ready, "status", NULL), "False");
}

static void its_message_says_how_to_lift_it(void **state)
{
    json_auto_t *o = platform(4);
    json_auto_t *status = quarantine_status(NULL, o, 2, 1000);
    const json_t *c = lp_kube_condition(status, "Quarantined");
    const char *message = lp_json_str(c, "message", NULL);
    (void)state;
    assert_non_null(strstr(message, "died 2 times"));
    assert_non_null(strstr(message, "-n learning learningplatform english " QUARANTINE_LIFT
                                    "=1970-01-01T00:00:01Z"));
    lift(o, "1970-01-01T00:00:02Z");
    assert_true(quarantine_holds(o, status));
    lift(o, "1970-01-01T00:00:01Z");
    assert_false(quarantine_holds(o, status));
}

static void what_lifted_it_once_does_not_lift_it_again(void **state)
{
    json_auto_t *o = platform(4);
    json_auto_t *first = quarantine_status(NULL, o, 2, 1000);
    (void)state;
    lift(o, "1970-01-01T00:00:01Z");
    json_auto_t *second = quarantine_status(first, o, 2, 5000);
    assert_true(quarantine_holds(o, second));
    size_t n = json_array_size(json_object_get(second, "conditions"));
    assert_int_equal(n, json_array_size(json_object_get(first, "conditions")));
}

static bool exposed(const char *line)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(1 << 20);
    assert_int_equal(lp_metrics_write(&text, &(struct lp_error){ .code = 0 }), 0);
    return strstr(text.ptr, line) != NULL;
}

static void it_is_a_metric_while_it_lasts(void **state)
{
    static const char line[] =
        "lp_platform_quarantined{namespace=\"learning\",platform=\"english\"} 1\n";
    (void)state;
    quarantine_publish("learning", "english", true);
    assert_true(exposed(line));
    quarantine_publish("learning", "english", false);
    assert_false(exposed(line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_until_the_spec_changes),
        cmocka_unit_test(its_message_says_how_to_lift_it),
        cmocka_unit_test(what_lifted_it_once_does_not_lift_it_again),
        cmocka_unit_test(it_is_a_metric_while_it_lasts),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("operator_quarantine", tests, NULL, NULL);
}
