/* operator/status/workload.c -- rollout state as kubectl rollout status reads it. Pure. */
#include "operator/status/workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"

/* A rollout that its controller has given up on, or pods that may not be made (quota, admission).
 */
static void read_stuck(const json_t *object, struct workload *w)
{
    static const struct {
        const char *type, *bad;
    } wanted[] = { { "ReplicaFailure", "True" }, { "Progressing", "False" } };
    const json_t *c;
    size_t i;

    json_array_foreach(lp_json_at(object, "status", "conditions", NULL), i, c)
    {
        const char *type = lp_json_str(c, "type", NULL);
        const char *state = lp_json_str(c, "status", NULL);
        const char *message = lp_json_str(c, "message", NULL);
        for (unsigned k = 0; k < 2 && type && state; k++)
            if (strcmp(type, wanted[k].type) == 0 && strcmp(state, wanted[k].bad) == 0)
                snprintf(w->stuck, sizeof w->stuck, "%s", message ? message : type);
    }
}

static void lacks(struct workload *w, const char *field, int64_t seen, int64_t wanted,
                  const char *next)
{
    w->field = field;
    w->seen = seen;
    w->wanted = wanted;
    w->next = next;
}

void workload_read(const json_t *object, int64_t at_least, int64_t generation,
                   struct workload *ret_workload)
{
    struct workload w = { .exists = object != NULL };
    const json_t *status = json_object_get(object, "status");
    int64_t wanted =
        generation > 0 ? generation : lp_json_int(0, object, "metadata", "generation", NULL);
    int64_t observed = lp_json_int(-1, status, "observedGeneration", NULL);
    int64_t total = lp_json_int(0, status, "replicas", NULL);
    int64_t updated = lp_json_int(0, status, "updatedReplicas", NULL);
    int64_t available = lp_json_int(0, status, "availableReplicas", NULL);

    w.desired = object ? lp_json_int(1, object, "spec", "replicas", NULL) : 0;
    w.ready = lp_json_int(0, status, "readyReplicas", NULL);
    w.rolled = object && observed >= wanted && updated == total;
    int64_t enough = at_least >= 0 && at_least < w.desired ? at_least : w.desired;
    w.available = w.rolled && available >= enough;
    w.complete = w.available && total == w.desired && available == w.desired;
    if (observed < wanted)
        lacks(&w, "status.observedGeneration", observed < 0 ? 0 : observed, wanted,
              "its controller has not seen the last change yet");
    else if (updated != total)
        lacks(&w, "status.updatedReplicas", updated, total,
              "pods from before the last change are being replaced");
    else if (available < enough)
        lacks(&w, "status.availableReplicas", available, enough,
              "its pods are not ready yet, kubectl describe pods tells why");
    else if (total != w.desired)
        lacks(&w, "status.replicas", total, w.desired, "their number is being changed");
    else if (available != w.desired)
        lacks(&w, "status.availableReplicas", available, w.desired, "its new pods are starting");
    read_stuck(object, &w);
    *ret_workload = w;
}

void workload_text(const char *object, const struct workload *w, char ret_text[384])
{
    static const char when[] = "looked at with every change and within 30 s";

    if (!w->exists)
        snprintf(ret_text, 384, "%s is not there, wanted is that it is: it is being made; %s",
                 object, when);
    else if (w->field)
        snprintf(ret_text, 384, "%s: %s is %" PRId64 ", wanted %" PRId64 ": %s; %s", object,
                 w->field, w->seen, w->wanted, w->next, when);
    else
        snprintf(ret_text, 384, "%s is complete", object);
}
