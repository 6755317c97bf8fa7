/* test/unit/test_platform_dashboard.c -- spec.monitoring.dashboards: dashboards/platform.json as a
 * ConfigMap of each platform. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/pack.h"
#include "platform/images.h"
#include "platform/plan_parts.h"
#include "platform/spec_decode.h"
#include "unit/check.h"

extern const char dashboard_json[];
static struct lp_error err;

static json_t *parse(const char *text)
{
    json_t *o = NULL;
    assert_int_equal(lp_json_parse(text, strlen(text), 1 << 20, "test", &o, &err), 0);
    return o;
}

/* The ConfigMap of the platform ns/name, or NULL where the plan has none; the caller's. */
static json_t *config_map_of(const char *ns, const char *name, const char *spec)
{
    json_auto_t *object = lp_json_make("{s:{s:s, s:s}, s:o}", "metadata", "name", name, "namespace",
                                       ns, "spec", parse(spec));
    lp_auto_free char *want = lp_sprintf("%s-monitoring", name);
    const struct plan_images images = images_defaults();
    struct platform p = { .ns = ns, .name = name, .uid = "u", .images = &images };
    struct plan plan plan_auto;
    json_t *found = NULL;

    if (spec_decode(object, &p.spec, &err) < 0)
        fail_msg("%s", err.msg);
    plan_init(&plan, &p);
    for (unsigned i = 0; i < plan.n; i++) {
        const struct child *c = &plan.children[i];
        if (c->kind != CHILD_CONFIG_MAP || strcmp(c->name, want) != 0)
            continue;
        assert_null(found);
        found = json_incref(c->intent);
    }
    return found;
}

#define WITH "{\"monitoring\": {\"dashboards\": \"ConfigMap\"}}"

static json_t *dashboard_of(const json_t *config_map, const char *key)
{
    const char *text = lp_json_str(config_map, "data", key, NULL);
    if (text)
        return parse(text);
    fail_msg("no key %s", key);
    return NULL;
}

static void a_platform_has_none_unless_it_asks_for_one(void **state)
{
    (void)state;
    assert_null(config_map_of("school", "english", "{}"));
    assert_null(config_map_of("school", "english", "{\"monitoring\": {}}"));
    assert_null(config_map_of("school", "english", "{\"monitoring\": {\"dashboards\": \"None\"}}"));
    json_auto_t *it = config_map_of("school", "english", WITH);
    assert_string_equal(lp_json_str(it, "metadata", "labels", "grafana_dashboard", NULL), "1");
    assert_string_equal(lp_json_str(it, "metadata", "labels", LABEL_COMPONENT, NULL), "monitoring");
    assert_string_equal(lp_json_str(it, "metadata", "labels", LABEL_MANAGED_BY, NULL), MANAGER);
    assert_int_equal(json_object_size(json_object_get(it, "data")), 1);
}

static const json_t *variable(const json_t *dashboard, const char *name)
{
    return lp_json_find(lp_json_at(dashboard, "templating", "list", NULL), "name", name);
}

static void it_is_the_dashboard_that_people_import_with_its_choices_made(void **state)
{
    (void)state;
    json_auto_t *it = config_map_of("school", "english", WITH);
    json_auto_t *ours = dashboard_of(it, "school.english.json");
    json_auto_t *source = parse(dashboard_json);
    assert_string_equal(lp_json_str(ours, "title", NULL), "Learning Platform school/english");
    assert_string_equal(lp_json_str(variable(ours, "namespace"), "type", NULL), "constant");
    assert_string_equal(lp_json_str(variable(ours, "namespace"), "query", NULL), "school");
    assert_string_equal(lp_json_str(variable(ours, "platform"), "current", "value", NULL),
                        "english");
    assert_string_equal(lp_json_str(variable(ours, "datasource"), "type", NULL), "datasource");
    assert_true(json_array_size(json_object_get(source, "panels")) > 10);
    static const char *const own[] = { "uid", "title", "templating" };
    for (size_t i = 0; i < LP_COUNT(own); i++) {
        assert_non_null(json_object_get(source, own[i]));
        assert_false(json_equal(json_object_get(ours, own[i]), json_object_get(source, own[i])));
        json_object_del(ours, own[i]);
        json_object_del(source, own[i]);
    }
    assert_true(json_equal(ours, source));
}

/* Grafana tells dashboards apart by uid (40 bytes at most), its sidecar by the name of the file. */
static void those_of_two_platforms_are_two_for_grafana_and_its_sidecar(void **state)
{
    (void)state;
    json_auto_t *one = config_map_of("a-b", "c", WITH);
    json_auto_t *two = config_map_of("a", "b-c", WITH);
    json_auto_t *of_one = dashboard_of(one, "a-b.c.json");
    json_auto_t *of_two = dashboard_of(two, "a.b-c.json");
    const char *uid = lp_json_str(of_one, "uid", NULL);
    assert_true(strlen(uid) > 3 && strlen(uid) <= 40);
    assert_int_equal(strspn(uid, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(uid));
    assert_string_not_equal(uid, lp_json_str(of_two, "uid", NULL));
}

static void another_word_is_refused_by_name(void **state)
{
    json_auto_t *object =
        parse("{\"metadata\": {\"name\": \"english\"}, \"spec\": {\"monitoring\": "
              "{\"dashboards\": \"Auto\"}}}");
    struct platform_spec spec;
    (void)state;
    assert_int_equal(spec_decode(object, &spec, &err), LP_E_INVALID);
    assert_string_equal(err.msg,
                        "spec.monitoring.dashboards: must be one of None, ConfigMap, is \"Auto\"");
}

/* It is longer than the model of its kind, so that nothing but itself makes it small. */
static void the_cache_keeps_it_in_three_kilobytes(void **state)
{
    json_auto_t *it = config_map_of("school", "english", WITH);
    struct lp_buf text = LP_BUF_INIT(1 << 20);
    struct lp_kube_packer *packer = lp_kube_packer_new();
    size_t len = 0;
    (void)state;
    lp_json_write_unsorted(it, &text);
    lp_auto_free void *packed = lp_kube_pack(packer, "", 0, text.ptr, text.len, &len);
    assert_non_null(packed);
    assert_true(text.len > 10000);
    assert_true(len < 3072);
    lp_kube_packer_free(packer);
    lp_buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_platform_has_none_unless_it_asks_for_one),
        cmocka_unit_test(it_is_the_dashboard_that_people_import_with_its_choices_made),
        cmocka_unit_test(those_of_two_platforms_are_two_for_grafana_and_its_sidecar),
        cmocka_unit_test(another_word_is_refused_by_name),
        cmocka_unit_test(the_cache_keeps_it_in_three_kilobytes),
    };
    lp_json_init();
    return cmocka_run_group_tests_name("platform_dashboard", tests, NULL, NULL);
}
