/* operator/reconcile/wake.c -- see the header. */
#include "operator/reconcile/wake.h"

#include "json/json.h"
#include "kube/kinds.h"

/* To how many pods; 0: it may stay as it is. One that has pods has the annotation from before
 * somebody else scaled it. */
static int64_t pods_of_awake(const struct reconcile_context *ctx, const struct child *c,
                             const json_t *deployment)
{
    int64_t now = lp_json_int(1, deployment, "spec", "replicas", NULL);

    if (c->kind != CHILD_DEPLOYMENT || c->paused ||
        !lp_json_str(deployment, "metadata", "annotations", ANNOTATION_ZERO, NULL))
        return 0;
    if (now > 0)
        return now;
    return c->initial_replicas > 0 &&
                   !platform_may_sleep(ctx->platform, (enum service_id)c->service)
               ? c->initial_replicas
               : 0;
}

static int wake_one(struct reconcile_context *ctx, const struct child *c, const json_t *deployment,
                    int64_t replicas, struct lp_error *err)
{
    json_auto_t *none = json_null();
    json_auto_t *patch =
        lp_json_make("{s:{s:O, s:{s:O}}, s:{s:I}}", "metadata", "resourceVersion",
                     lp_json_at(deployment, "metadata", "resourceVersion", NULL), "annotations",
                     ANNOTATION_ZERO, none, "spec", "replicas", (json_int_t)replicas);

    return lp_kube_merge_patch(ctx->r->client, &lp_kube_deployments, ctx->platform->ns, c->name,
                               NULL, patch, NULL, err);
}

void wake(struct reconcile_context *ctx, const struct plan *plan, const struct observed *observed)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        int64_t replicas = pods_of_awake(ctx, c, observed->objects[i]);
        struct lp_error err;
        if (replicas == 0)
            continue;
        int r = wake_one(ctx, c, observed->objects[i], replicas, &err);
        ctx->writes += r == 0;
        /* Who was quicker, and a watch that is late, are met by the next reconcile. */
        if (r == LP_E_CONFLICT || r == LP_E_NOT_FOUND)
            context_again(ctx, 1000);
        else if (r < 0)
            context_fail(ctx, &lp_kube_deployments, c->name, &err);
    }
}
