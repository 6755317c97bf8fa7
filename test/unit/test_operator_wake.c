/* test/unit/test_operator_wake.c -- Deployments that went to 0 pods and may not any more. */
#include "operator/reconcile/wake.h"

#include <string.h>

#include "base/buf.h"
#include "fake/fake_kube.h"
#include "json/json.h"
#include "platform/spec_decode.h"
#include "unit/check.h"
#include "unit/reconciler_fixture.h"

#define MARK "{\"" ANNOTATION_ZERO "\":\"2026-11-30T08:00:00Z\"}"

/* What was asked of the API server, where the Deployment of progress has so many pods and these
 * annotations, and its spec says minReplicas. */
static char *asked_for(int min, int replicas, const char *annotations)
{
    static const struct fake_answer answers[] = {
        { .match = "PATCH ", .status = 200, .echo = true }, FAKE_END
    };
    struct fake_kube *fake = fake_kube_start(answers);
    struct lp_kube_config *config = fake_kube_config(fake, NULL);
    const struct lp_kube_client_options options = { .user_agent = "test" };
    struct reconciler r = { .images = &images };
    struct platform p = { .ns = "n", .name = "english", .uid = "u", .images = &images };
    json_auto_t *object =
        lp_json_make("{s:{s:s}, s:{s:{s:{s:{s:i}}}}}", "metadata", "name", "english", "spec",
                     "services", "progress", "autoscaling", "minReplicas", min);
    lp_auto_buf struct lp_buf requests = LP_BUF_INIT(65536);
    struct observed observed = { .objects = { NULL } };
    struct plan plan;

    ok(lp_kube_client_new(config, &options, &r.client, &err));
    ok(spec_decode(object, &p.spec, &err));
    plan_init(&plan, &p);
    for (unsigned i = 0; i < plan.n; i++)
        if (plan.children[i].kind == CHILD_DEPLOYMENT &&
            strcmp(plan.children[i].name, "english-progress") == 0)
            observed.objects[i] = lp_json_make(
                "{s:{s:s, s:o}, s:{s:i}}", "metadata", "resourceVersion", "7", "annotations",
                json_loads(annotations, 0, NULL), "spec", "replicas", replicas);
    struct reconcile_context ctx = { .r = &r, .platform = &p };
    wake(&ctx, &plan, &observed);
    fake_kube_requests(fake, &requests);
    observed_done(&observed);
    plan_done(&plan);
    lp_kube_client_free(r.client);
    lp_kube_config_free(config);
    fake_kube_stop(fake);
    return lp_strdup(requests.len > 0 ? requests.ptr : "");
}

static void is_asked(int min, int replicas, const char *annotations, const char *patch)
{
    lp_auto_free char *asked = asked_for(min, replicas, annotations);

    if (patch)
        assert_non_null(strstr(asked, patch));
    else
        assert_string_equal(asked, "");
}

#define PATCH_OF(replicas)                                                         \
    "{\"metadata\":{\"resourceVersion\":\"7\",\"annotations\":{\"" ANNOTATION_ZERO \
    "\":null}},\"spec\":{\"replicas\":" replicas "}}"

static void a_spec_that_wants_pods_wakes_who_we_put_to_sleep(void **state)
{
    (void)state;
    is_asked(1, 0, MARK, PATCH_OF("1"));
    is_asked(0, 0, MARK, NULL); /* it may sleep */
    is_asked(1, 0, "{}", NULL); /* a person scaled it to 0 */
}

static void who_was_scaled_from_zero_by_somebody_else_is_not_asleep_by_us_any_more(void **state)
{
    (void)state;
    is_asked(0, 3, MARK, PATCH_OF("3"));
    is_asked(0, 3, "{}", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_that_wants_pods_wakes_who_we_put_to_sleep),
        cmocka_unit_test(who_was_scaled_from_zero_by_somebody_else_is_not_asleep_by_us_any_more),
    };
    return cmocka_run_group_tests_name("operator_wake", tests, NULL, NULL);
}
