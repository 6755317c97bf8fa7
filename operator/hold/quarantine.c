/* operator/hold/quarantine.c -- see the header. */
#include "operator/hold/quarantine.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "metrics/metrics.h"
#include "operator/status/conditions.h"
#include "operator/status/status.h"

#define CONDITION "Quarantined"

bool quarantine_holds(const json_t *platform, const json_t *status)
{
    const json_t *c = lp_kube_condition(status, CONDITION);
    const char *state = lp_json_str(c, "status", NULL);
    const char *since = lp_json_str(c, "lastTransitionTime", NULL);
    const char *lifted = lp_json_str(platform, "metadata", "annotations", QUARANTINE_LIFT, NULL);

    if (!state || strcmp(state, "True") != 0)
        return false;
    if (lp_json_int(0, c, "observedGeneration", NULL) !=
        lp_json_int(0, platform, "metadata", "generation", NULL))
        return false;
    return !since || !lifted || strcmp(since, lifted) != 0;
}

void quarantine_publish(const char *ns, const char *name, bool quarantined)
{
    struct lp_metric_family *f =
        lp_metric_family(LP_METRIC_GAUGE, "lp_platform_quarantined",
                         "1 where a LearningPlatform is set aside: the operator died of it.",
                         "namespace,platform", NULL, 0);
    if (quarantined)
        lp_metric_set(lp_metric_with(f, ns, name), 1);
    else
        lp_metric_remove(f, (const char *const[]){ ns, name });
}

json_t *quarantine_status(const json_t *before, const json_t *platform, unsigned deaths,
                          int64_t now_ms)
{
    static const char *const types[] = { "Ready",       "Degraded", CONDITION,
                                         "Reconciling", "Stalled",  NULL };
    int64_t generation = lp_json_int(0, platform, "metadata", "generation", NULL);
    json_t *status = status_begin_from(before, generation, types);
    struct conditions c = { json_object_get(status, "conditions"), before, generation, now_ms };
    char since[LP_CLOCK_TEXT];

    lp_clock_format(now_ms, 0, since);
    lp_auto_free char *why =
        lp_sprintf("the operator died %u times while it carried this out; nothing is written until "
                   "the spec changes, or: kubectl annotate --overwrite -n %s learningplatform %s "
                   "%s=%s",
                   deaths, lp_json_str(platform, "metadata", "namespace", NULL),
                   lp_json_str(platform, "metadata", "name", NULL), QUARANTINE_LIFT, since);
    conditions_set(&c, "Ready", "False", CONDITION, why);
    conditions_set(&c, "Degraded", "True", CONDITION, why);
    conditions_set_kstatus(&c, true);
    c.before = NULL; /* a new time: what lifted it before does not lift it now */
    conditions_set(&c, CONDITION, "True", "OperatorDied", why);
    lp_json_set_str(status, "phase", CONDITION);
    return status;
}
