/* platform/spec.c -- what is fixed about the services of every platform. */
#include "platform/spec.h"

const char *const autoscaling_metrics[N_AUTOSCALING_METRICS] = { "cpu", "memory", "queueDepth",
                                                                 "demand" };

bool service_scales_by(const struct service_spec *s, const char *metric)
{
    const json_t *item;
    size_t i;

    if (!s->autoscaling.metrics)
        return strcmp(metric, "demand") != 0 &&
               (s->extra.queue_metrics || strcmp(metric, "queueDepth") != 0);
    json_array_foreach(s->autoscaling.metrics, i, item)
    {
        const char *name = json_string_value(item);
        if (name && strcmp(name, metric) == 0)
            return true;
    }
    return false;
}

const struct service_kind service_kinds[N_OWN_SERVICES] = {
    [SERVICE_GATEWAY] = { "gateway", "gateway", "lp-gateway", 8080, SERVICE_GATEWAY },
    [SERVICE_AUTH] = { "auth", "auth", "lp-auth", 3000, SERVICE_GATEWAY },
    [SERVICE_AI_FEEDBACK] = { "aiFeedback", "ai-feedback", "lp-ai-feedback", 5000,
                              SERVICE_GATEWAY },
    [SERVICE_PROGRESS] = { "progress", "progress", "lp-progress", 3001, SERVICE_GATEWAY },
    [SERVICE_LEARNING] = { "learning", "learning", "lp-learning", 3002, SERVICE_GATEWAY },
    [SERVICE_AI_WORKER] = { "aiWorker", "ai-worker", "lp-ai-worker", 5001, SERVICE_AI_FEEDBACK },
};

struct service_kind spec_service(const struct platform_spec *s, unsigned id)
{
    const struct service_spec *service = s->services + id;

    if (id < N_OWN_SERVICES)
        return service_kinds[id];
    return (struct service_kind){ .name = service->extra.name, .port = (int)service->extra.port };
}
