/* operator/reconcile/measure.c -- see the header. */
#include "operator/reconcile/measure.h"

#include "base/alloc.h"
#include "json/json.h"
#include "platform/plan_parts.h"

#define AGAIN_MS 60000

static void ask(const struct reconcile_context *ctx, const struct platform *platform,
                enum service_id id, struct measured *ret_measured)
{
    lp_auto_free char *name = plan_name(platform, service_kinds[id].name);

    ctx->r->measured(ctx->r->metrics_user, platform->ns, name, ret_measured);
}

static bool expects_students(const struct platform *platform)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(platform->spec.schedules, i, entry)
    {
        if (json_object_get(entry, "expectedStudents"))
            return true;
    }
    return false;
}

void measure(struct reconcile_context *ctx, const struct platform *platform, const json_t *status,
             int64_t now_ms)
{
    struct measured gateway, m;

    figures_read(status, &ctx->figures);
    if (!ctx->r->measured)
        return;
    ask(ctx, platform, SERVICE_GATEWAY, &gateway);
    for (unsigned i = 0; i < N_SERVICES; i++) {
        ask(ctx, platform, (enum service_id)i, &m);
        figure_take(&ctx->figures.of[i], &m, gateway.learners, now_ms);
    }
    if (gateway.learners >= FIGURES_LEARNERS || expects_students(platform))
        context_again(ctx, AGAIN_MS);
}
