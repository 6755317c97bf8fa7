/* test/unit/test_platform_schema.c -- the decode table and the defaults equal those of the CRD. */
#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "platform/routes.h"
#include "platform/schedule.h"
#include "platform/spec_decode.h"
#include "platform/spec_fields.h"
#include "unit/check.h"
#include "unit/spec_schema.h"

static const char *schema_type(const json_t *schema)
{
    if (lp_json_bool(false, schema, "x-kubernetes-int-or-string", NULL))
        return "any";
    return lp_json_str(schema, "type", NULL);
}

static const char *table_type(enum lp_json_type type)
{
    static const char *const names[] = { "string", "integer", "boolean", "object", "array", "any" };
    return names[type];
}

static void compare_limits(const struct lp_json_field *f, const json_t *schema, const char *path)
{
    static const char *const keys[][2] = { { "minLength", "maxLength" },
                                           { "minimum", "maximum" },
                                           { NULL, NULL },
                                           { NULL, NULL },
                                           { "minItems", "maxItems" } };
    if (f->type > LP_JSON_ARRAY || !keys[f->type][0])
        return;
    int64_t min = lp_json_int(0, schema, keys[f->type][0], NULL);
    int64_t max = lp_json_int(0, schema, keys[f->type][1], NULL);
    if (f->min != min || f->max != max)
        fail_msg("%s: the table says %lld..%lld, the CRD %lld..%lld", path, (long long)f->min,
                 (long long)f->max, (long long)min, (long long)max);
}

static void compare_enum(const struct lp_json_field *f, const json_t *schema, const char *path)
{
    const json_t *allowed = json_object_get(schema, "enum");
    size_t n = 0;
    while (f->one_of && f->one_of[n]) {
        const char *text = json_string_value(json_array_get(allowed, n));
        if (!text || strcmp(text, f->one_of[n]) != 0)
            fail_msg("%s: \"%s\" is not at its place in the CRD's enum", path, f->one_of[n]);
        n++;
    }
    if (n != json_array_size(allowed))
        fail_msg("%s: %zu values in the table, %zu in the CRD", path, n, json_array_size(allowed));
}

static bool is_required(const json_t *schema, const char *key)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(schema, "required"), i,
                       v) if (strcmp(json_string_value(v), key) == 0) return true;
    return false;
}

static void compare(const struct lp_json_field *fields, const json_t *schema, const char *path)
{
    const json_t *properties = json_object_get(schema, "properties");
    size_t n = 0;
    for (const struct lp_json_field *f = fields; f->key; f++, n++) {
        char below[256];
        const json_t *of = json_object_get(properties, f->key);
        snprintf(below, sizeof below, "%s.%s", path, f->key);
        if (!of)
            fail_msg("%s: is not in the CRD", below);
        assert_string_equal(table_type(f->type), schema_type(of));
        if (f->required != is_required(schema, f->key))
            fail_msg("%s: required in one of the two only", below);
        compare_limits(f, of, below);
        compare_enum(f, of, below);
        if (f->fields)
            compare(f->fields, of, below);
    }
    if (n != json_object_size(properties))
        fail_msg("%s: %zu fields in the table, %zu in the CRD", path, n,
                 json_object_size(properties));
}

static void the_decode_table_equals_the_crd(void **state)
{
    (void)state;
    json_auto_t *crd = load_crd();
    compare(spec_fields, spec_schema(crd), "spec");
    compare(schedule_fields, lp_json_at(spec_schema(crd), "properties", "schedules", "items", NULL),
            "spec.schedules[]");
    compare(extra_service_fields,
            lp_json_at(spec_schema(crd), "properties", "extraServices", "items", NULL),
            "spec.extraServices[]");
    compare(route_fields,
            lp_json_at(spec_schema(crd), "properties", "services", "properties", "gateway",
                       "properties", "routes", "items", NULL),
            "spec.services.gateway.routes[]");
}

static void our_defaults_are_the_crds(void **state)
{
    struct platform_spec ours, theirs;
    struct lp_error err;
    (void)state;
    json_auto_t *crd = load_crd();
    json_auto_t *bare = parse("{metadata: {name: english}, spec: {}}");
    json_auto_t *filled = json_deep_copy(bare);
    fill_defaults(json_object_get(filled, "spec"), spec_schema(crd));
    assert_int_equal(spec_decode(bare, &ours, &err), 0);
    assert_int_equal(spec_decode(filled, &theirs, &err), 0);
    assert_string_equal(ours.mode, theirs.mode);
    assert_int_equal(ours.network_policy.enabled, theirs.network_policy.enabled);
    check_same_database(&ours.databases.postgres, &theirs.databases.postgres);
    check_same_database(&ours.databases.mongodb, &theirs.databases.mongodb);
    assert_string_equal(ours.access, theirs.access);
    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        check_same_service(&ours.services[i], &theirs.services[i]);
    assert_int_equal(ours.services[SERVICE_GATEWAY].autoscaling.max, 5);
}

static void the_four_services_share_one_schema(void **state)
{
    (void)state;
    json_auto_t *crd = load_crd();
    json_t *services = lp_json_at(spec_schema(crd), "properties", "services", "properties", NULL);
    json_auto_t *first = json_deep_copy(json_object_get(services, "gateway"));
    json_object_del(json_object_get(first, "properties"), "expose");
    json_object_del(json_object_get(first, "properties"), "routes");
    json_object_del(first, "description");
    json_t *scaling = lp_json_at(first, "properties", "autoscaling", NULL);
    json_object_set_new(lp_json_at(scaling, "properties", "maxReplicas", NULL), "default",
                        json_integer(10));
    json_object_set_new(json_object_get(scaling, "default"), "maxReplicas", json_integer(10));
    for (unsigned i = SERVICE_AUTH; i < N_SERVICES; i++) {
        json_auto_t *other = json_deep_copy(json_object_get(services, service_kinds[i].key));
        json_object_del(other, "description");
        json_t *theirs = lp_json_at(other, "properties", "autoscaling", "properties", NULL);
        assert_int_equal(json_object_del(theirs, "idleSeconds"), i > SERVICE_AUTH ? 0 : -1);
        json_object_set(theirs, "minReplicas",
                        lp_json_at(scaling, "properties", "minReplicas", NULL));
        if (!json_equal(first, other))
            fail_msg("%s differs from gateway", service_kinds[i].key);
    }
}

/* But for what it says of fields, and metrics, whose default depends on queueMetrics. */
static void drop_descriptions(json_t *schema)
{
    const char *key;
    json_t *value;
    json_object_del(schema, "description");
    json_object_foreach(json_object_get(schema, "properties"), key, value) drop_descriptions(value);
    if (json_object_get(schema, "items"))
        drop_descriptions(json_object_get(schema, "items"));
}

/* Rules that read a quantity: 32 times each they cost too much for Kubernetes before 1.34. */
static void drop_quantity_rules(json_t *schema)
{
    const char *rule = lp_json_str(
        json_array_get(json_object_get(schema, "x-kubernetes-validations"), 0), "rule", NULL);
    const char *key;
    json_t *value;

    if (rule && strstr(rule, "quantity("))
        json_object_del(schema, "x-kubernetes-validations");
    json_object_foreach(json_object_get(schema, "properties"), key, value)
        drop_quantity_rules(value);
}

static void an_extra_service_has_the_schema_of_the_four_and_five_fields(void **state)
{
    static const char *const own[] = { "name", "port", "path", "healthPath", "queueMetrics" };
    (void)state;
    json_auto_t *crd = load_crd();
    json_t *schema = spec_schema(crd);
    json_auto_t *extra = json_deep_copy(
        lp_json_at(schema, "properties", "extraServices", "items", "properties", NULL));
    json_auto_t *progress = json_deep_copy(
        lp_json_at(schema, "properties", "services", "properties", "progress", "properties", NULL));
    for (size_t i = 0; i < LP_COUNT(own); i++)
        assert_int_equal(json_object_del(extra, own[i]), 0);
    json_object_del(lp_json_at(progress, "autoscaling", "properties", "metrics", NULL), "default");
    const char *key;
    json_t *value;
    json_object_foreach(progress, key, value)
    {
        json_t *other = json_object_get(extra, key);
        drop_descriptions(value);
        drop_descriptions(other);
        drop_quantity_rules(value);
        if (!json_equal(value, other))
            fail_msg("%s differs from that of progress", key);
    }
    assert_int_equal(json_object_size(extra), json_object_size(progress));
}

static void an_extra_service_has_the_defaults_of_the_crd(void **state)
{
    struct platform_spec ours, theirs;
    struct lp_error err;
    (void)state;
    json_auto_t *crd = load_crd();
    json_auto_t *bare = parse("{metadata: {name: english}, spec: {extraServices: [" QUIZ "]}}");
    json_auto_t *filled = json_deep_copy(bare);
    fill_defaults(json_array_get(lp_json_at(filled, "spec", "extraServices", NULL), 0),
                  lp_json_at(spec_schema(crd), "properties", "extraServices", "items", NULL));
    assert_int_equal(spec_decode(bare, &ours, &err), 0);
    assert_int_equal(spec_decode(filled, &theirs, &err), 0);
    assert_int_equal(spec_n_services(&ours), N_OWN_SERVICES + 1);
    const struct service_spec *a = &ours.services[N_OWN_SERVICES],
                              *b = &theirs.services[N_OWN_SERVICES];
    check_same_service(a, b);
    assert_int_equal(a->extra.queue_metrics, b->extra.queue_metrics);
    assert_true(service_scales_by(a, "cpu") && service_scales_by(a, "memory"));
    assert_false(service_scales_by(a, "queueDepth") || service_scales_by(a, "demand"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_decode_table_equals_the_crd),
        cmocka_unit_test(our_defaults_are_the_crds),
        cmocka_unit_test(the_four_services_share_one_schema),
        cmocka_unit_test(an_extra_service_has_the_schema_of_the_four_and_five_fields),
        cmocka_unit_test(an_extra_service_has_the_defaults_of_the_crd),
    };
    return cmocka_run_group_tests_name("operator_spec", tests, NULL, NULL);
}
