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
#include "unit/plan_fixture.h"
#include "unit/spec_schema.h"

static inline const json_t *intent_of(const struct fixture *f, enum child_kind kind,
                                      const char *name)
{
    const struct child *c = find(f, kind, name);

    return c ? c->intent : NULL;
}

static inline const json_t *container_in(const json_t *workload)
{
    return json_array_get(lp_json_at(workload, "spec", "template", "spec", "containers", NULL), 0);
}

/* "Secret/key" of a variable of the workload's container, "" where it has none; the caller's. */
static char *source_of(const json_t *workload, const char *variable)
{
    const json_t *item =
        lp_json_find(json_object_get(container_in(workload), "env"), "name", variable);
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
        json_array_get(
            lp_json_at(intent_of(f, CHILD_NETWORK_POLICY, policy), "spec", "ingress", NULL), 0),
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
