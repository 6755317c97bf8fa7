/* operator/reconcile/monitors.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/monitors.h"

#include "base/alloc.h"
#include "kube/conditions.h"
#include "platform/plan_parts.h"

static const enum child_kind kinds[N_MONITORS] = { CHILD_POD_MONITOR, CHILD_PROMETHEUS_RULE };

void monitors_prepare(struct reconcile_context *ctx, const json_t *status, struct plan *plan,
                      struct monitors *ret_monitors, struct notices *notices)
{
    bool asked_before = lp_kube_condition(status, "Monitored") != NULL;

    for (unsigned i = 0; i < N_MONITORS; i++) {
        ret_monitors->kinds[i] =
            (struct optional_kind){ .kind = kinds[i], .suffix = PLAN_MONITORING };
        optional_kind_prepare(ctx, &ret_monitors->kinds[i], asked_before,
                              "say None in spec.monitoring", plan, &notices->monitored);
    }
}

/* Every cluster has its kind, so that it needs no more than to be looked at. */
static void notice_dashboard(const struct plan *plan, const struct observed *observed,
                             struct notices *notices, struct lp_buf *there)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        if (c->kind != CHILD_CONFIG_MAP || c->service >= 0)
            continue;
        if (observed->objects[i])
            lp_buf_printf(there, "ConfigMap %s is there", c->name);
        else
            notices_say(&notices->monitored, "Unknown", "NotThere",
                        "the ConfigMap of the dashboard is not there yet");
    }
}

void monitors_notice(struct reconcile_context *ctx, const struct monitors *m,
                     const struct plan *plan, const struct observed *observed,
                     struct notices *notices)
{
    lp_auto_buf struct lp_buf there = LP_BUF_INIT(1024);

    notice_dashboard(plan, observed, notices, &there);
    for (unsigned i = 0; i < N_MONITORS; i++) {
        const struct optional_kind *k = &m->kinds[i];
        if (optional_kind_child(ctx, k, plan, observed, &notices->monitored))
            lp_buf_printf(&there, "%s%s %s is there", there.len > 0 ? "; " : "",
                          child_kinds[k->kind]->kind, plan->children[k->child].name);
    }
    if (there.len > 0)
        notices_say(&notices->monitored, "True", "AsAsked", there.ptr);
}
