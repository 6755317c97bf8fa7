/* platform/workload.c -- rollout state as kubectl rollout status reads it. Pure. */
#include "platform/workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

static bool is(const json_t *condition, const char *member, const char *wanted)
{
    const char *text = lp_json_str(condition, member, NULL);
    return text && strcmp(text, wanted) == 0;
}

/* A rollout that its controller has given up on, pods that may not be made (quota, admission), or a
 * Deployment that somebody has paused. */
static void read_condition(const json_t *c, struct workload *w)
{
    const char *message = lp_json_str(c, "message", NULL);
    bool failed = is(c, "type", "ReplicaFailure") && is(c, "status", "True");
    bool given_up = is(c, "type", "Progressing") && is(c, "status", "False");

    if (is(c, "type", "Progressing") && is(c, "reason", "DeploymentPaused")) {
        w->stuck_by = STUCK_PAUSED;
        snprintf(w->stuck, sizeof w->stuck, "it is paused, so no change reaches its pods");
    } else if ((failed || given_up) && (failed || !*w->stuck)) {
        bool quota = message && strstr(message, "exceeded quota");
        w->stuck_by = quota ? STUCK_QUOTA : STUCK_ROLLOUT;
        snprintf(w->stuck, sizeof w->stuck, "%s", message ? message : lp_json_str(c, "type", NULL));
    }
}

static void read_stuck(const json_t *object, struct workload *w)
{
    const json_t *c;
    size_t i;

    json_array_foreach(lp_json_at(object, "status", "conditions", NULL), i, c) read_condition(c, w);
}

char *workload_advice(const struct workload *w, const char *kind, const char *name, const char *ns)
{
    if (w->stuck_by == STUCK_PAUSED)
        return lp_sprintf("kubectl rollout resume %s/%s -n %s", kind, name, ns);
    if (w->stuck_by == STUCK_QUOTA)
        return lp_sprintf("raise the quota (kubectl describe quota -n %s), or lower the resources "
                          "or numbers of pods in the spec",
                          ns);
    return lp_sprintf("kubectl describe %s/%s -n %s tells more", kind, name, ns);
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
    else if (total < 1 && w.desired > 0)
        lacks(&w, "status.replicas", total, w.desired,
              "no pod of it could be made yet, kubectl describe names a quota or policy that is "
              "against it");
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
    static const char when[] = "looked at with every change";

    if (!w->exists)
        snprintf(ret_text, 384, "%s is not there, wanted is that it is: it is being made; %s",
                 object, when);
    else if (w->field)
        snprintf(ret_text, 384, "%s: %s is %" PRId64 ", wanted %" PRId64 ": %s; %s", object,
                 w->field, w->seen, w->wanted, w->next, when);
    else
        snprintf(ret_text, 384, "%s is complete", object);
}
