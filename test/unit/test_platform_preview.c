/* test/unit/test_platform_preview.c -- what a preview says of an HPA whose minReplicas changes
 * hands. The fake API server answers with what was applied. */
#include "platform/preview.h"

#include <string.h>

#include "fake/fake_kube.h"
#include "json/json.h"
#include "platform/plan.h"
#include "unit/check.h"

static json_t *hpa_of(const char *floor, int64_t min)
{
    json_t *o = lp_json_make("{s:s, s:s, s:{s:s, s:s, s:{s:s*}}, s:{s:I}}", "apiVersion",
                             "autoscaling/v2", "kind", "HorizontalPodAutoscaler", "metadata",
                             "name", "english-auth", "namespace", "n", "annotations",
                             ANNOTATION_FLOOR, floor, "spec", "maxReplicas", (json_int_t)9);
    if (min > 0)
        json_object_set_new(json_object_get(o, "spec"), "minReplicas", json_integer(min));
    return o;
}

/* Whether spec.minReplicas is among the fields that change. */
static void check_fields(const char *floor, const json_t *live, bool min_changes)
{
    static const struct fake_answer answers[] = {
        { .match = "PATCH ", .status = 200, .echo = true }, FAKE_END
    };
    const struct lp_kube_client_options options = { .user_agent = "test" };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    struct lp_kube_client *client = NULL;
    struct child child = { .kind = CHILD_HPA,
                           .name = lp_strdup("english-auth"),
                           .intent = hpa_of(floor, 0),
                           .initial_replicas = -1 };
    json_auto_t *change = NULL;
    ok(lp_kube_client_new(config, &options, &client, &err));
    ok(preview_child(client, &child, live, &change, &err));
    lp_auto_free char *text = json_dumps(change, JSON_COMPACT);
    print_message("%s\n", text);
    assert_string_equal(lp_json_str(change, "action", NULL), "change");
    assert_int_equal(strstr(text, "spec.minReplicas") != NULL, min_changes);
    json_decref(child.intent);
    free(child.name);
    lp_kube_client_free(client);
    lp_kube_config_free(config);
    fake_kube_stop(fake);
}

static void a_burst_that_is_switched_on_does_not_let_min_replicas_fall(void **state)
{
    json_auto_t *live = hpa_of(NULL, 3);
    (void)state;
    check_fields("{\"minReplicas\":3}", live, false);
}

static void one_that_asks_for_more_is_shown_with_it(void **state)
{
    json_auto_t *live = hpa_of(NULL, 3);
    (void)state;
    check_fields("{\"minReplicas\":4}", live, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_that_is_switched_on_does_not_let_min_replicas_fall),
        cmocka_unit_test(one_that_asks_for_more_is_shown_with_it),
    };
    return cmocka_run_group_tests_name("platform_preview", tests, NULL, NULL);
}
