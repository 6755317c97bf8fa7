/* operator/reconcile/monitors.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/monitors.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "platform/ownership.h"
#include "platform/plan_parts.h"

#define CONDITION "Monitored"
#define LISTED_MS 250  /* until the first list of a kind is there */
#define AGAIN_MS 10000 /* for a kind that the cluster does not have; no watch tells of it */

static const enum child_kind kinds[N_MONITORS] = { CHILD_POD_MONITOR, CHILD_PROMETHEUS_RULE };

static int find(const struct plan *plan, enum child_kind kind)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == kind)
            return (int)i;
    return -1;
}

/* The first that is said gives status and reason; the sentences are put together. */
static void say(struct notices *n, const char *status, const char *reason, const char *sentence)
{
    if (!n->monitored_status) {
        n->monitored_status = status;
        n->monitored_reason = reason;
    }
    lp_buf_printf(&n->monitored, "%s%s", n->monitored.len > 0 ? "; " : "", sentence);
}

/* What keeps the kind from being watched, as `code` and `why` of cache_watch_optional say. */
static void tell_of_absence(enum child_kind kind, int code, const struct lp_error *why,
                            struct notices *n)
{
    const struct lp_kube_kind *k = child_kinds[kind];
    lp_auto_free char *denied = lp_sprintf(
        "the operator may not watch %s.%s (%.300s): apply the rights of its version (config/rbac), "
        "or say None in spec.monitoring; looked at again every 10 s",
        k->plural, k->group, why->msg);
    lp_auto_free char *missing = lp_sprintf("the cluster has no %s (%s.%s, version %s) yet; looked "
                                            "at again every 10 s",
                                            k->kind, k->plural, k->group, k->version);
    lp_auto_free char *unknown = lp_sprintf("%s are not known yet: %.300s", k->plural, why->msg);

    if (code == LP_E_NOT_FOUND)
        say(n, "False", "DefinitionMissing", missing);
    else if (code == LP_E_DENIED)
        say(n, "False", "NotAllowed", denied);
    else
        say(n, "Unknown", "NotListed", unknown);
}

static void prepare(struct reconcile_context *ctx, struct plan *plan, unsigned i,
                    struct monitors *m, struct notices *notices)
{
    struct lp_error why;
    int r = cache_watch_optional(ctx->r->cache, kinds[i], ctx->r->client, ctx->platform->ns, &why);

    m->watched[i] = r == 0;
    if (r == 0 || (m->child[i] < 0 && r == LP_E_NOT_FOUND))
        return; /* without the kind none is left to be deleted */
    if (m->child[i] >= 0)
        plan->children[m->child[i]].paused = true;
    tell_of_absence(kinds[i], r, &why, notices);
    context_again(ctx, r == LP_E_TIMEOUT ? LISTED_MS : AGAIN_MS);
}

void monitors_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                      struct monitors *ret_monitors, struct notices *notices)
{
    bool asked_before = lp_kube_condition(status, CONDITION) != NULL;

    for (unsigned i = 0; i < N_MONITORS; i++) {
        ret_monitors->child[i] = find(plan, kinds[i]);
        ret_monitors->watched[i] = false;
        if (ret_monitors->child[i] < 0 && !asked_before)
            continue;
        if (ret_monitors->child[i] < 0)
            ctx->state->pruned_generation = 0; /* it was not, or may not be, there to be seen */
        prepare(ctx, plan, i, ret_monitors, notices);
    }
}

/* Until it is gone the condition stays, so that an operator that starts now looks for it too. */
static void tell_of_end(const struct reconcile_context *ctx, enum child_kind kind,
                        struct notices *notices)
{
    const struct platform *p = ctx->platform;
    lp_auto_free char *name = plan_name(p, PLAN_MONITORING);
    json_auto_t *object = cache_child(ctx->r->cache, kind, p->ns, name);

    if (!object || !ownership_has(object, p->uid))
        return;
    lp_auto_free char *text =
        lp_sprintf("%s %s goes, as the spec does not ask for it", child_kinds[kind]->kind, name);
    say(notices, "Unknown", "Leaving", text);
}

void monitors_notice(struct reconcile_context *ctx, const struct monitors *m,
                     const struct plan *plan, const struct observed *observed,
                     struct notices *notices)
{
    lp_auto_buf struct lp_buf there = LP_BUF_INIT(1024);

    for (unsigned i = 0; i < N_MONITORS; i++) {
        const struct child *c = m->child[i] >= 0 ? &plan->children[m->child[i]] : NULL;
        if (!m->watched[i])
            continue;
        if (!c) {
            tell_of_end(ctx, kinds[i], notices);
        } else if (observed->objects[m->child[i]]) {
            lp_buf_printf(&there, "%s%s %s is there", there.len > 0 ? "; " : "",
                          child_kinds[kinds[i]]->kind, c->name);
        } else {
            lp_auto_free char *text =
                lp_sprintf("%s %s is not there yet", child_kinds[kinds[i]]->kind, c->name);
            say(notices, "Unknown", "NotThere", text);
            context_again(ctx, AGAIN_MS);
        }
    }
    if (there.len > 0)
        say(notices, "True", "AsAsked", there.ptr);
}
