/* autoscaler/base/group.h -- the API group that we serve, and its versions. */
#pragma once

#define METRICS_GROUP "custom.metrics.k8s.io"

/* The preferred version comes first. */
enum metrics_version { METRICS_V1BETA2, METRICS_V1BETA1 };
#define METRICS_VERSIONS 2

/* "v1beta2", "v1beta1": a literal. */
static inline const char *metrics_version_name(enum metrics_version v)
{
    return v == METRICS_V1BETA1 ? "v1beta1" : "v1beta2";
}
