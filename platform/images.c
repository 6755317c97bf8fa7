/* platform/images.c -- see the header. Pure. */
#include "platform/images.h"

#include <string.h>

#include "base/alloc.h"

const char *const images_variables[IMAGES_VARIABLES + 1] = {
    "LP_IMAGE_REGISTRY", "LP_IMAGE_TAG",    "LP_IMAGE_PULL_POLICY", "LP_POSTGRES_IMAGE",
    "LP_MONGO_IMAGE",    "LP_MONGODB_AUTH", "METRICS_API",          "ADAPTER",
};

struct plan_images images_defaults(void)
{
    return (struct plan_images){ .registry = IMAGES_REGISTRY,
                                 .tag = LP_VERSION,
                                 .pull_policy = IMAGES_PULL_POLICY,
                                 .postgres = IMAGES_POSTGRES,
                                 .mongo = IMAGES_MONGO,
                                 .mongodb_auth = true };
}

void images_set(struct plan_images *images, const char *variable, const char *value)
{
    const char **const members[] = { &images->registry, &images->tag, &images->pull_policy,
                                     &images->postgres, &images->mongo };

    if (!value)
        return;
    for (size_t i = 0; i < LP_COUNT(members); i++)
        if (strcmp(variable, images_variables[i]) == 0)
            *members[i] = value;
    if (strcmp(variable, "LP_MONGODB_AUTH") == 0)
        images->mongodb_auth = strcmp(value, "true") == 0;
    if (strcmp(variable, "METRICS_API") == 0)
        images->no_metrics_api = strcmp(value, "None") == 0;
    if (strcmp(variable, "ADAPTER") == 0)
        images->no_adapter = strcmp(value, "false") == 0;
}
