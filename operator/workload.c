/* operator/workload.c -- rollout state as kubectl rollout status reads it. Pure. */
#include "operator/workload.h"

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

void workload_read(const json_t *object, int64_t at_least, int64_t generation,
                   struct workload *ret_workload)
{
    struct workload w = { .exists = object != NULL };
    const json_t *status = json_object_get(object, "status");
    int64_t wanted =
        generation > 0 ? generation : lp_json_int(0, object, "metadata", "generation", NULL);
    int64_t total = lp_json_int(0, status, "replicas", NULL);
    int64_t updated = lp_json_int(0, status, "updatedReplicas", NULL);
    int64_t available = lp_json_int(0, status, "availableReplicas", NULL);

    w.desired = object ? lp_json_int(1, object, "spec", "replicas", NULL) : 0;
    w.ready = lp_json_int(0, status, "readyReplicas", NULL);
    w.rolled =
        object && lp_json_int(-1, status, "observedGeneration", NULL) >= wanted && updated == total;
    int64_t enough = at_least >= 0 && at_least < w.desired ? at_least : w.desired;
    w.available = w.rolled && available >= enough;
    w.complete = w.available && total == w.desired && available == w.desired;
    read_stuck(object, &w);
    *ret_workload = w;
}
