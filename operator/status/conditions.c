/* operator/status/conditions.c -- see the header. */
#include "operator/status/conditions.h"

#include <string.h>

#include "base/clock.h"
#include "json/json.h"
#include "kube/conditions.h"

void conditions_set(const struct conditions *c, const char *type, const char *status,
                    const char *reason, const char *message)
{
    const json_t *before = lp_kube_condition(c->before, type);
    const char *was = lp_json_str(before, "status", NULL);
    const char *since = lp_json_str(before, "lastTransitionTime", NULL);
    char now[LP_CLOCK_TEXT];

    lp_clock_format(c->now_ms, 0, now);
    if (!was || !since || strcmp(was, status) != 0)
        since = now;
    json_array_append_new(
        c->list, lp_json_make("{s:s, s:s, s:I, s:s, s:s, s:o}", "type", type, "status", status,
                              "observedGeneration", (json_int_t)c->generation, "lastTransitionTime",
                              since, "reason", reason, "message", lp_json_text(message)));
}

/* With reason and message of Ready, or of Degraded, whose message says what to do. */
static void set_abnormal(const struct conditions *c, const char *type, bool is, const json_t *cause,
                         const char *over)
{
    if (is)
        conditions_set(c, type, "True", lp_json_str(cause, "reason", NULL),
                       lp_json_str(cause, "message", NULL));
    else if (lp_kube_condition(c->before, type))
        conditions_set(c, type, "False", "AsExpected", over);
}

void conditions_set_kstatus(const struct conditions *c, bool stalled)
{
    json_auto_t *status = lp_json_make("{s:O}", "conditions", c->list);
    const json_t *ready = lp_kube_condition(status, "Ready");
    const json_t *degraded = lp_kube_condition(status, "Degraded");
    bool done = lp_kube_condition_is(status, "Ready", "True");
    bool explains = lp_kube_condition_is(status, "Degraded", "True");

    set_abnormal(c, "Reconciling", !done && !stalled, ready, "nothing is being carried out");
    set_abnormal(c, "Stalled", !done && stalled, explains ? degraded : ready,
                 "nobody needs to do anything");
}
