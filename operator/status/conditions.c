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
