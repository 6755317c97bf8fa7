/* test/unit/samples_objects.h -- what the API server tells a table of samples. */
#pragma once

#include "autoscaler/samples/samples.h"
#include "base/clock.h"
#include "json/json.h"

#define NOW 1000000
#define WALL INT64_C(1790845200000) /* when NOW was 0 */

static struct samples *s;

static inline json_t *pod_object(const char *name, const char *ip, bool ready)
{
    return lp_json_make("{s:{s:s,s:s,s:s,s:[{s:s,s:s,s:b}],s:{s:s,s:s}},s:{s:s,s:s,s:[{s:s,s:s}]},"
                        "s:{s:[{s:[{s:s}]}]}}",
                        "metadata", "namespace", "lp", "name", name, "uid", name, "ownerReferences",
                        "kind", "ReplicaSet", "uid", "set-1", "controller", 1, "labels",
                        "app.kubernetes.io/name", "auth", "app.kubernetes.io/part-of", "english",
                        "status", "phase", "Running", "podIP", ip, "conditions", "type", "Ready",
                        "status", ready ? "True" : "False", "spec", "containers", "ports", "name",
                        "metrics");
}

static inline void tell(const json_t *o, int64_t now)
{
    samples_pod(s, o, false, now, WALL + now);
}

static inline void pod(const char *name, const char *ip, bool ready)
{
    json_auto_t *o = pod_object(name, ip, ready);
    tell(o, NOW);
}

/* Ready since `since`, of the ReplicaSet with this uid. */
static inline void pod_of(const char *name, const char *ip, const char *set, int64_t since)
{
    char text[LP_CLOCK_TEXT];
    json_auto_t *o = pod_object(name, ip, true);
    json_t *owners = json_object_get(json_object_get(o, "metadata"), "ownerReferences");
    json_t *conditions = json_object_get(json_object_get(o, "status"), "conditions");
    lp_clock_format(WALL + since, 0, text);
    lp_json_set_str(json_array_get(owners, 0), "uid", set);
    lp_json_set_str(json_array_get(conditions, 0), "lastTransitionTime", text);
    tell(o, NOW);
}

static inline void replica_set_of(const char *uid, const char *revision, const char *deployment,
                                  bool gone)
{
    json_auto_t *o =
        lp_json_make("{s:{s:s,s:s,s:s,s:{s:s},s:[{s:s,s:s,s:s,s:b}]}}", "metadata", "namespace",
                     "lp", "name", uid, "uid", uid, "annotations",
                     "deployment.kubernetes.io/revision", revision, "ownerReferences", "kind",
                     "Deployment", "name", "english-auth", "uid", deployment, "controller", 1);
    samples_replica_set(s, o, gone, NOW);
}

static inline void replica_set(const char *uid, const char *revision, bool gone)
{
    replica_set_of(uid, revision, "deployment-1", gone);
}

static inline void pod_gone(const char *name)
{
    json_auto_t *o = pod_object(name, "10.0.0.1", true);
    samples_pod(s, o, true, NOW, WALL + NOW);
}

/* Its controller is of `kind`; NULL: it has none. */
static inline json_t *deployment_object(int replicas, const char *kind, const char *version)
{
    json_t *o = lp_json_make("{s:{s:s,s:s,s:s,s:{s:s}},s:{s:i}}", "metadata", "namespace", "lp",
                             "name", "english-auth", "uid", "deployment-1", "labels", "tier",
                             "front", "spec", "replicas", replicas);
    if (kind)
        json_object_set_new(json_object_get(o, "metadata"), "ownerReferences",
                            lp_json_make("[{s:s,s:s,s:s,s:s,s:b}]", "kind", kind, "apiVersion",
                                         version, "name", "english", "uid", "lp-1", "controller",
                                         1));
    return o;
}

static inline void deployment(int replicas)
{
    json_auto_t *o =
        deployment_object(replicas, "LearningPlatform", "learningplatform.io/v1alpha1");
    samples_deployment(s, o, false, NOW);
}

static inline void hpa(const char *target)
{
    json_auto_t *o =
        lp_json_make("{s:{s:s,s:s},s:{s:[{s:{s:{s:s},s:{s:s}}}]}}", "metadata", "namespace", "lp",
                     "name", "english-auth", "spec", "metrics", "object", "metric", "name",
                     "queue_depth", "target", "averageValue", target);
    samples_hpa(s, o, false);
}
