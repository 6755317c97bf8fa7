/* lib/kube/conditions.c -- see the header. */
#include "kube/conditions.h"

#include <string.h>

#include "json/json.h"

const json_t *lp_kube_condition(const json_t *status, const char *type)
{
    return lp_json_find(json_object_get(status, "conditions"), "type", type);
}

bool lp_kube_condition_is(const json_t *status, const char *type, const char *value)
{
    const char *state = lp_json_str(lp_kube_condition(status, type), "status", NULL);
    return state && strcmp(state, value) == 0;
}
