/* platform/hpa/hpa_rules.c -- reads the spec of an HPA, with the defaults that the API server gives
 * a behavior. Pure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "platform/hpa/hpa.h"
#include "platform/quantity_text.h"

/* pkg/apis/autoscaling/v2/defaults.go; the window downwards is the controller's flag. */
static const struct hpa_scaling default_up = {
    .window_s = 0,
    .select = HPA_SELECT_MAX,
    .n = 2,
    .policies = { { false, 4, 15 }, { true, 100, 15 } },
};
static const struct hpa_scaling default_down = {
    .window_s = 300,
    .select = HPA_SELECT_MAX,
    .n = 1,
    .policies = { { true, 100, 15 } },
};

static bool is(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

/* `m`: what stands under "resource" or "containerResource"; the controller counts both alike. */
static int read_resource(const json_t *m, struct hpa_metric *ret, struct lp_error *err)
{
    const char *name = lp_json_str(m, "name", NULL);

    ret->source = is(name, "memory") ? HPA_MEMORY : HPA_CPU;
    ret->target = lp_json_int(0, m, "target", "averageUtilization", NULL);
    if (!is(name, "cpu") && !is(name, "memory"))
        return lp_error_set(err, LP_E_INVALID, "resource.name: must be cpu or memory, is \"%.64s\"",
                            name ? name : "");
    if (ret->target < 1 || ret->target > INT32_MAX)
        return lp_error_set(err, LP_E_INVALID,
                            "resource.target.averageUtilization: must be 1..%d, is %" PRId64,
                            INT32_MAX, ret->target);
    snprintf(ret->name, sizeof ret->name, "%s", name);
    return 0;
}

static int read_container(const json_t *m, struct hpa_metric *ret, struct lp_error *err)
{
    ret->container = true;
    return read_resource(m, ret, err);
}

static int read_object(const json_t *m, struct hpa_metric *ret, struct lp_error *err)
{
    const char *name = lp_json_str(m, "object", "metric", "name", NULL);

    ret->source = HPA_OBJECT;
    int r =
        quantity_milli(lp_json_at(m, "object", "target", "averageValue", NULL), &ret->target, err);
    if (r < 0)
        return lp_error_wrap(err, "object.target.averageValue");
    if (!name || ret->target < 1)
        return lp_error_set(err, LP_E_INVALID,
                            "object: must have a metric.name and an averageValue over 0");
    snprintf(ret->name, sizeof ret->name, "%s", name);
    return 0;
}

static int read_metrics(const json_t *list, struct hpa_rules *rules, struct lp_error *err)
{
    const json_t *m;
    size_t i;

    if (json_array_size(list) < 1 || json_array_size(list) > HPA_MAX_METRICS)
        return lp_error_set(err, LP_E_INVALID, "metrics: must be 1..%d, are %zu", HPA_MAX_METRICS,
                            json_array_size(list));
    json_array_foreach(list, i, m)
    {
        const char *type = lp_json_str(m, "type", NULL);
        int r = 0;
        if (is(type, "Resource"))
            r = read_resource(json_object_get(m, "resource"), &rules->metrics[i], err);
        else if (is(type, "ContainerResource"))
            r = read_container(json_object_get(m, "containerResource"), &rules->metrics[i], err);
        else if (is(type, "Object"))
            r = read_object(m, &rules->metrics[i], err);
        else
            r = lp_error_set(err, LP_E_INVALID,
                             "type: must be Resource, ContainerResource or Object, is \"%.64s\"",
                             type ? type : "");
        if (r < 0)
            return lp_error_wrap(err, "metrics[%zu]", i);
    }
    rules->n_metrics = (unsigned)json_array_size(list);
    return 0;
}

static int read_policies(const json_t *list, struct hpa_scaling *ret, struct lp_error *err)
{
    const json_t *p;
    size_t i;

    if (json_array_size(list) < 1 || json_array_size(list) > HPA_MAX_POLICIES)
        return lp_error_set(err, LP_E_INVALID, "policies: must be 1..%d, are %zu", HPA_MAX_POLICIES,
                            json_array_size(list));
    json_array_foreach(list, i, p)
    {
        int64_t value = lp_json_int(0, p, "value", NULL);
        int64_t period = lp_json_int(0, p, "periodSeconds", NULL);
        if (value < 1 || value > 100000 || period < 1 || period > 1800)
            return lp_error_set(err, LP_E_INVALID,
                                "policies[%zu]: value must be 1..100000 and periodSeconds 1..1800, "
                                "are %" PRId64 " and %" PRId64,
                                i, value, period);
        const char *type = lp_json_str(p, "type", NULL);
        if (!is(type, "Pods") && !is(type, "Percent"))
            return lp_error_set(err, LP_E_INVALID,
                                "policies[%zu].type: must be Pods or Percent, is \"%.64s\"", i,
                                type ? type : "");
        ret->policies[i] =
            (struct hpa_policy){ is(type, "Percent"), (int32_t)value, (int32_t)period };
    }
    ret->n = (unsigned)json_array_size(list);
    return 0;
}

static int read_scaling(const json_t *o, const struct hpa_scaling *fallback,
                        struct hpa_scaling *ret, struct lp_error *err)
{
    const char *select = lp_json_str(o, "selectPolicy", NULL);
    const json_t *policies = json_object_get(o, "policies");
    int64_t window = lp_json_int(fallback->window_s, o, "stabilizationWindowSeconds", NULL);

    *ret = *fallback;
    if (window < 0 || window > 3600)
        return lp_error_set(err, LP_E_INVALID,
                            "stabilizationWindowSeconds: must be 0..3600, is %" PRId64, window);
    ret->window_s = (int32_t)window;
    if (select && !is(select, "Max") && !is(select, "Min") && !is(select, "Disabled"))
        return lp_error_set(err, LP_E_INVALID,
                            "selectPolicy: must be Max, Min or Disabled, is \"%.64s\"", select);
    if (select)
        ret->select = is(select, "Min")        ? HPA_SELECT_MIN
                      : is(select, "Disabled") ? HPA_SELECT_DISABLED
                                               : HPA_SELECT_MAX;
    return policies ? read_policies(policies, ret, err) : 0;
}

int hpa_rules_read(const json_t *spec, struct hpa_rules *ret_rules, struct lp_error *err)
{
    const json_t *behavior = json_object_get(spec, "behavior");
    struct hpa_rules rules = { .min = (int32_t)lp_json_int(1, spec, "minReplicas", NULL),
                               .max = (int32_t)lp_json_int(0, spec, "maxReplicas", NULL),
                               .has_behavior = json_is_object(behavior) };

    if (rules.min < 1 || rules.max < rules.min)
        return lp_error_set(err, LP_E_INVALID, "minReplicas: must be 1..maxReplicas (%d), is %d",
                            rules.max, rules.min);
    int r = read_metrics(json_object_get(spec, "metrics"), &rules, err);
    if (r == 0 && rules.has_behavior) {
        r = read_scaling(json_object_get(behavior, "scaleUp"), &default_up, &rules.up, err);
        if (r < 0)
            return lp_error_wrap(err, "behavior.scaleUp");
        r = read_scaling(json_object_get(behavior, "scaleDown"), &default_down, &rules.down, err);
        if (r < 0)
            return lp_error_wrap(err, "behavior.scaleDown");
    }
    if (r == 0)
        *ret_rules = rules;
    return r;
}
