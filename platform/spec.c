/* platform/spec.c -- what is fixed about the services of every platform. */
#include "platform/spec.h"

const struct service_kind service_kinds[N_SERVICES] = {
    [SERVICE_GATEWAY] = { "gateway", "gateway", "lp-gateway", 8080 },
    [SERVICE_AUTH] = { "auth", "auth", "lp-auth", 3000 },
    [SERVICE_AI_FEEDBACK] = { "aiFeedback", "ai-feedback", "lp-ai-feedback", 5000 },
    [SERVICE_PROGRESS] = { "progress", "progress", "lp-progress", 3001 },
};
