/* operator/reconcile/optional_kind.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/optional_kind.h"

#include "base/alloc.h"
#include "platform/ownership.h"
#include "platform/plan_parts.h"

#define LISTED_MS 250  /* until the first list of a kind is there */
#define AGAIN_MS 10000 /* for a kind that the cluster does not have; no watch tells of it */

static int find(const struct plan *plan, enum child_kind kind)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == kind)
            return (int)i;
    return -1;
}

/* What keeps the kind from being watched, as `code` and `why` of cache_watch_optional say. */
static void tell_of_absence(const struct lp_kube_kind *k, int code, const struct lp_error *why,
                            const char *otherwise, struct condition_notice *notice)
{
    lp_auto_free char *denied = lp_sprintf(
        "the operator may not watch %s.%s (%.300s): apply the rights of its version (config/rbac), "
        "or %s; looked at again every 10 s",
        k->plural, k->group, why->msg, otherwise);
    lp_auto_free char *missing =
        lp_sprintf("the cluster has no %s (CustomResourceDefinition %s.%s, version %s) yet: "
                   "install what brings it, or %s; looked at again every 10 s",
                   k->kind, k->plural, k->group, k->version, otherwise);
    lp_auto_free char *unknown = lp_sprintf("%s are not known yet: %.300s", k->plural, why->msg);

    if (code == LP_E_NOT_FOUND)
        notices_say(notice, "False", "DefinitionMissing", missing);
    else if (code == LP_E_DENIED)
        notices_say(notice, "False", "NotAllowed", denied);
    else
        notices_say(notice, "Unknown", "NotListed", unknown);
}

void optional_kind_prepare(struct reconcile_context *ctx, struct optional_kind *k,
                           bool asked_before, const char *otherwise, struct plan *plan,
                           struct condition_notice *notice)
{
    struct lp_error why;

    k->child = find(plan, k->kind);
    k->watched = false;
    if (k->child < 0 && !asked_before)
        return;
    if (k->child < 0)
        ctx->state->pruned_generation = 0; /* it was not, or may not be, there to be seen */
    int r = cache_watch_optional(ctx->r->cache, k->kind, ctx->r->client, ctx->platform->ns, &why);
    k->watched = r == 0;
    if (r == 0 || (k->child < 0 && r == LP_E_NOT_FOUND))
        return; /* without the kind none is left to be deleted */
    if (k->child >= 0)
        plan->children[k->child].paused = true;
    tell_of_absence(child_kinds[k->kind], r, &why, otherwise, notice);
    context_again(ctx, r == LP_E_TIMEOUT ? LISTED_MS : AGAIN_MS);
}

/* Until it is gone the condition stays, so that an operator that starts now looks for it too. */
static void tell_of_end(const struct reconcile_context *ctx, const struct optional_kind *k,
                        struct condition_notice *notice)
{
    const struct platform *p = ctx->platform;
    lp_auto_free char *name = plan_name(p, k->suffix);
    json_auto_t *object = cache_child(ctx->r->cache, k->kind, p->ns, name);

    if (!object || !ownership_has(object, p->uid))
        return;
    lp_auto_free char *text =
        lp_sprintf("%s %s goes, as the spec does not ask for it", child_kinds[k->kind]->kind, name);
    notices_say(notice, "Unknown", "Leaving", text);
}

const json_t *optional_kind_child(struct reconcile_context *ctx, const struct optional_kind *k,
                                  const struct plan *plan, const struct observed *observed,
                                  struct condition_notice *notice)
{
    if (!k->watched)
        return NULL;
    if (k->child < 0) {
        tell_of_end(ctx, k, notice);
        return NULL;
    }
    if (observed->objects[k->child])
        return observed->objects[k->child];
    lp_auto_free char *text = lp_sprintf("%s %s is not there yet", child_kinds[k->kind]->kind,
                                         plan->children[k->child].name);
    notices_say(notice, "Unknown", "NotThere", text);
    context_again(ctx, AGAIN_MS); /* with no object no watch tells that the definition goes */
    return NULL;
}
