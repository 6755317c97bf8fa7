/* test/unit/spec_schema.h -- the schema of a LearningPlatform's spec as crds/ has it, and specs
 * that should be the same. */
#pragma once

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/spec.h"
#include "unit/check.h"
#include "unit/yaml.h"

/* An extra service with what it must have. */
#define QUIZ "{name: quiz, image: 'quiz:1', port: 8000, path: /quiz}"

static inline json_t *load_crd(void)
{
    static char text[LP_LIMIT_CONFIG_BYTES];
    FILE *f = fopen("crds/learningplatform.yaml", "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_true(n < 200000); /* kubectl apply keeps it whole in an annotation of at most 262,144 */
    return parse(text);
}

static inline json_t *spec_schema(const json_t *crd)
{
    const json_t *version = json_array_get(lp_json_at(crd, "spec", "versions", NULL), 0);
    return lp_json_at(version, "schema", "openAPIV3Schema", "properties", "spec", NULL);
}

/* What the API server does with the defaults of a schema. */
static inline void fill_defaults(json_t *object, const json_t *schema)
{
    const char *key;
    json_t *of;
    json_object_foreach(json_object_get(schema, "properties"), key, of)
    {
        json_t *fallback = json_object_get(of, "default");
        if (!json_object_get(object, key) && fallback)
            json_object_set_new(object, key, json_deep_copy(fallback));
        json_t *value = json_object_get(object, key);
        if (json_is_object(value))
            fill_defaults(value, of);
    }
}

static inline void check_same_quantities(const struct quantities *a, const struct quantities *b)
{
    assert_true(json_equal(a->cpu, b->cpu));
    assert_true(json_equal(a->memory, b->memory));
}

static inline void check_same_service(const struct service_spec *a, const struct service_spec *b)
{
    check_same_quantities(&a->resources.requests, &b->resources.requests);
    check_same_quantities(&a->resources.limits, &b->resources.limits);
    assert_int_equal(a->paused, b->paused);
    assert_int_equal(a->replicas, b->replicas);
    assert_int_equal(a->concurrency, b->concurrency);
    assert_int_equal(a->queue_limit, b->queue_limit);
    assert_string_equal(a->expose.type, b->expose.type);
    assert_int_equal(a->autoscaling.enabled, b->autoscaling.enabled);
    assert_int_equal(a->autoscaling.min, b->autoscaling.min);
    assert_int_equal(a->autoscaling.max, b->autoscaling.max);
    assert_int_equal(a->autoscaling.cpu.utilization, b->autoscaling.cpu.utilization);
    assert_int_equal(a->autoscaling.memory.utilization, b->autoscaling.memory.utilization);
    assert_true(json_equal(a->autoscaling.queue.target, b->autoscaling.queue.target));
    assert_true(a->autoscaling.metrics == b->autoscaling.metrics ||
                json_equal(a->autoscaling.metrics, b->autoscaling.metrics));
}

static inline void check_same_database(const struct database_spec *a, const struct database_spec *b)
{
    assert_string_equal(a->mode, b->mode);
    assert_string_equal(a->on_delete, b->on_delete);
    assert_true(json_equal(a->storage, b->storage));
    check_same_quantities(&a->resources.requests, &b->resources.requests);
    assert_null(a->resources.limits.cpu);
    assert_null(b->resources.limits.cpu);
    assert_true(json_equal(a->resources.limits.memory, b->resources.limits.memory));
}
