/* test/unit/optional_fixture.h -- the plan of a platform with optional services, and looks at it.
 */
#pragma once

#include <string.h>

#include "base/limits.h"
#include "json/json.h"
#include "json/yaml.h"
#include "platform/plan.h"
#include "platform/plan_parts.h"
#include "platform/spec_decode.h"
#include "unit/check.h"
#include "unit/spec_schema.h"

static const struct plan_images images = { "r", "t", "IfNotPresent", "p", "m", true, false, false };

struct fixture {
    json_t *object;
    struct platform platform;
    struct plan plan;
};

static struct fixture *make(const char *spec)
{
    struct fixture *f = lp_alloc(sizeof *f);
    struct lp_error err;
    f->object = lp_json_make("{s:{s:s}, s:o}", "metadata", "name", "english", "spec", parse(spec));
    f->platform =
        (struct platform){ .ns = "learning", .name = "english", .uid = "u", .images = &images };
    if (spec_decode(f->object, &f->platform.spec, &err) < 0)
        fail_msg("%s", err.msg);
    plan_init(&f->plan, &f->platform);
    return f;
}

static inline void drop(struct fixture *f)
{
    plan_done(&f->plan);
    json_decref(f->object);
    free(f);
}

static const json_t *find(const struct fixture *f, enum child_kind kind, const char *name)
{
    for (unsigned i = 0; i < f->plan.n; i++)
        if (f->plan.children[i].kind == kind && strcmp(f->plan.children[i].name, name) == 0)
            return f->plan.children[i].intent;
    return NULL;
}

static const json_t *container_of(const json_t *workload)
{
    return json_array_get(lp_json_at(workload, "spec", "template", "spec", "containers", NULL), 0);
}

/* "Secret/key" of a variable of the workload's container, "" where it has none; the caller's. */
static char *source_of(const json_t *workload, const char *variable)
{
    const json_t *item =
        lp_json_find(json_object_get(container_of(workload), "env"), "name", variable);
    const json_t *ref = lp_json_at(item, "valueFrom", "secretKeyRef", NULL);
    return ref ? lp_sprintf("%s/%s", lp_json_str(ref, "name", NULL), lp_json_str(ref, "key", NULL))
               : lp_strdup("");
}

static inline void check_source(const json_t *workload, const char *variable, const char *want)
{
    lp_auto_free char *is = source_of(workload, variable);
    assert_string_equal(is, want);
}

/* How many services may reach the traffic port, and whether `service` is one of them. */
static size_t callers(const struct fixture *f, const char *policy, const char *service,
                      bool *ret_has)
{
    const json_t *from = lp_json_at(
        json_array_get(lp_json_at(find(f, CHILD_NETWORK_POLICY, policy), "spec", "ingress", NULL),
                       0),
        "from", NULL);
    const json_t *item;
    size_t i;
    *ret_has = false;
    json_array_foreach(from, i, item)
    {
        const char *name = lp_json_str(item, "podSelector", "matchLabels", LABEL_NAME, NULL);
        *ret_has = *ret_has || strcmp(name, service) == 0;
    }
    return json_array_size(from);
}
