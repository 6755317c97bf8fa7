/* operator/reconcile/wake.c -- see the header. */
#include "operator/reconcile/wake.h"

#include "json/json.h"
#include "kube/kinds.h"

static bool is_to_wake(const struct reconcile_context *ctx, const struct child *c,
                       const json_t *deployment)
{
    return c->kind == CHILD_DEPLOYMENT && !c->paused && c->initial_replicas > 0 &&
           lp_json_int(1, deployment, "spec", "replicas", NULL) == 0 &&
           lp_json_str(deployment, "metadata", "annotations", ANNOTATION_ZERO, NULL) &&
           !platform_may_sleep(ctx->platform, (enum service_id)c->service);
}

static int wake_one(struct reconcile_context *ctx, const struct child *c, const json_t *deployment,
                    struct lp_error *err)
{
    json_auto_t *none = json_null();
    json_auto_t *patch =
        lp_json_make("{s:{s:O, s:{s:O}}, s:{s:I}}", "metadata", "resourceVersion",
                     lp_json_at(deployment, "metadata", "resourceVersion", NULL), "annotations",
                     ANNOTATION_ZERO, none, "spec", "replicas", (json_int_t)c->initial_replicas);

    return lp_kube_merge_patch(ctx->r->client, &lp_kube_deployments, ctx->platform->ns, c->name,
                               NULL, patch, NULL, err);
}

void wake(struct reconcile_context *ctx, const struct plan *plan, const struct observed *observed)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        struct lp_error err;
        if (!is_to_wake(ctx, c, observed->objects[i]))
            continue;
        int r = wake_one(ctx, c, observed->objects[i], &err);
        ctx->writes += r == 0;
        /* Who was quicker, and a watch that is late, are met by the next reconcile. */
        if (r == LP_E_CONFLICT || r == LP_E_NOT_FOUND)
            context_again(ctx, 1000);
        else if (r < 0)
            context_fail(ctx, &lp_kube_deployments, c->name, &err);
    }
}
