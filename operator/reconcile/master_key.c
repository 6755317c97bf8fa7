/* operator/reconcile/master_key.c -- see the header. Threads: a worker's. */
#include "operator/reconcile/master_key.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan_parts.h"
#include "platform/workload.h"

/* With what such a message begins (services/auth/privacy); it goes to the end of its text. */
#define FIELD "spec.privacy.masterKeyRef"

static char *message_of(const json_t *state)
{
    const char *text = lp_json_str(state, "terminated", "message", NULL);
    const char *at = text ? strstr(text, FIELD) : NULL;
    return at ? lp_strndup(at, strcspn(at, "\"\n")) : NULL;
}

char *master_key_refusal(const json_t *pod)
{
    const json_t *c;
    size_t i;
    json_array_foreach(lp_json_at(pod, "status", "containerStatuses", NULL), i, c)
    {
        char *now = message_of(json_object_get(c, "state"));
        char *found = now ? now : message_of(json_object_get(c, "lastState"));
        if (found)
            return found;
    }
    return NULL;
}

static int look_at_pod(json_t *pod, void *user, struct lp_error *err)
{
    char **found = user;
    (void)err;
    if (!*found && !lp_json_str(pod, "metadata", "deletionTimestamp", NULL))
        *found = master_key_refusal(pod);
    return 0;
}

static bool is_started(const struct plan *plan, const struct observed *observed)
{
    struct workload w = { 0 };
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_DEPLOYMENT && plan->children[i].service == SERVICE_AUTH)
            workload_read(observed->objects[i], 1, 0, &w);
    return !w.exists || (w.rolled && w.available);
}

char *master_key_stuck(struct reconcile_context *ctx, const struct plan *plan,
                       const struct observed *observed)
{
    const struct platform *p = ctx->platform;
    const char *auth = service_kinds[SERVICE_AUTH].name;
    lp_auto_free char *selector = lp_sprintf(LABEL_NAME "=%s," LABEL_PART_OF "=%s", auth, p->name);
    lp_auto_free char *why = NULL;
    const struct lp_kube_list_options options = { .label_selector = selector };
    struct lp_error ignored;
    char version[64];

    if (!p->spec.privacy.master_key || is_started(plan, observed))
        return NULL;
    context_again(ctx, CONTEXT_PODS_MS);
    if (lp_kube_list(ctx->r->client, &lp_kube_pods, p->ns, &options, look_at_pod, &why, version,
                     &ignored) < 0 ||
        !why)
        return NULL;
    return lp_sprintf("Deployment %s-%s: its pods do not start: %s (Secret %s); looked at with "
                      "every change and within 30 s",
                      p->name, auth, why, p->spec.privacy.master_key);
}
