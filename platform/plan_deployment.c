/* platform/plan_deployment.c -- the Deployment of a service. Pure. */
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/intent.h"
#include "platform/plan_parts.h"

#define SERVICE_UID 65532
#define DRAIN_SECONDS 5 /* preStop: endpoints and gateways forget the pod meanwhile */
/* preStop, then DRAIN_DELAY (5 s), REQUEST_DEADLINE (30 s) and the 10 s that lib/service adds for
 * answers under way: 50. The rest is for closing connections and sending what is left. */
#define GRACE_SECONDS 60

static char *image_of(const struct platform *p, enum service_id id)
{
    const struct platform_spec *spec = &p->spec;
    const char *registry = spec->image.registry ? spec->image.registry : p->images->registry;
    const char *tag = spec->image.tag ? spec->image.tag : p->images->tag;

    if (spec->services[id].image)
        return lp_strdup(spec->services[id].image);
    return lp_sprintf("%s%s%s:%s", registry, *registry ? "/" : "", plan_kind(p, id).program, tag);
}

static json_t *spread_over(const struct platform *p, const char *suffix, const char *key)
{
    return lp_json_make("{s:i, s:s, s:s, s:{s:o}}", "maxSkew", 1, "topologyKey", key,
                        "whenUnsatisfiable", "ScheduleAnyway", "labelSelector", "matchLabels",
                        plan_selector(p, suffix));
}

static json_t *spread(const struct platform *p, enum service_id id)
{
    const char *suffix = plan_kind(p, id).name;
    json_t *given = plan_copy_or_null(p->spec.services[id].pod.spread);

    if (given)
        return given;
    return lp_json_make("[o, o]", spread_over(p, suffix, "kubernetes.io/hostname"),
                        spread_over(p, suffix, "topology.kubernetes.io/zone"));
}

static json_t *ports(const struct platform *p, enum service_id id)
{
    json_t *list = lp_json_make("[{s:s, s:i, s:s}]", "name", "http", "containerPort",
                                plan_kind(p, id).port, "protocol", "TCP");

    if (plan_has_metrics(p, id))
        json_array_append_new(list, lp_json_make("{s:s, s:i, s:s}", "name", "metrics",
                                                 "containerPort", 9090, "protocol", "TCP"));
    return list;
}

/* A start under a small CPU limit takes many seconds: three minutes are allowed. Ours answer on a
 * port of their own, so that a full one does not look dead. Of an extra service only a port that
 * takes no connection is a reason to restart it: its health may tell of what it depends on. */
static void set_probes(json_t *container, const struct platform *p, enum service_id id)
{
    const char *health = p->spec.services[id].extra.health;
    bool ours = id < N_OWN_SERVICES;

    json_object_set_new(container, "startupProbe",
                        ours ? plan_http_probe("/livez", 2, 2, 90)
                             : plan_traffic_probe(health, 2, 2, 90));
    json_object_set_new(container, "readinessProbe",
                        ours ? plan_http_probe("/readyz", 3, 3, 2)
                             : plan_traffic_probe(health, 3, 3, 2));
    json_object_set_new(container, "livenessProbe",
                        ours ? plan_http_probe("/livez", 10, 5, 6)
                             : plan_traffic_probe(NULL, 10, 5, 6));
}

/* What auth says of it when it ends is for a condition of the platform (master_key.c). */
static void mount_master_key(json_t *container)
{
    lp_json_set_str(container, "terminationMessagePolicy", "FallbackToLogsOnError");
    json_array_append_new(json_object_get(container, "volumeMounts"),
                          lp_json_make("{s:s, s:s, s:b}", "name", "privacy", "mountPath",
                                       PLAN_PRIVACY_DIR, "readOnly", 1));
}

static json_t *container(const struct platform *p, enum service_id id)
{
    const struct service_kind kind = plan_kind(p, id);
    const struct service_spec *s = &p->spec.services[id];
    const char *policy =
        p->spec.image.pull_policy ? p->spec.image.pull_policy : p->images->pull_policy;
    lp_auto_free char *name = plan_name(p, kind.name);
    lp_auto_free char *image = image_of(p, id);
    json_auto_t *env = plan_pod_env(p, id);

    json_t *c = lp_json_make("{s:s, s:s, s:s, s:[{s:{s:s}}], s:o*}", "name", kind.name, "image",
                             image, "imagePullPolicy", policy, "envFrom", "configMapRef", "name",
                             name, "env", plan_copy_or_null(env));
    json_object_set_new(c, "ports", ports(p, id));
    json_object_set_new(c, "resources", plan_resources(&s->resources));
    set_probes(c, p, id);
    json_object_set_new(
        c, "lifecycle",
        lp_json_make("{s:{s:{s:i}}}", "preStop", "sleep", "seconds", DRAIN_SECONDS));
    json_object_set_new(c, "securityContext", plan_container_security());
    json_object_set_new(c, "volumeMounts",
                        lp_json_make("[{s:s, s:s}]", "name", "tmp", "mountPath", "/tmp"));
    if (plan_has_keys(p, id))
        json_array_append_new(json_object_get(c, "volumeMounts"),
                              lp_json_make("{s:s, s:s, s:b}", "name", "keys", "mountPath",
                                           PLAN_KEYS_DIR, "readOnly", 1));
    if (id == SERVICE_AUTH && p->spec.privacy.master_key)
        mount_master_key(c);
    return c;
}

static json_t *pod_metadata(const struct platform *p, enum service_id id, const json_t *config)
{
    const struct service_spec *s = &p->spec.services[id];
    json_t *labels = plan_labels(p, plan_kind(p, id).name);
    json_t *annotations = json_object();
    char hash[INTENT_DIGEST_TEXT];

    json_object_update_missing(labels, s->pod.labels);
    json_object_update(annotations, s->pod.annotations);
    if (id < N_OWN_SERVICES)
        lp_json_set_str(annotations, ANNOTATION_SECRET_KEYS, p->keys);
    for (unsigned d = 0; d < N_DATABASES; d++)
        if (plan_uses_database(p, id, (enum database_id)d))
            lp_json_set_str(annotations, ANNOTATION_SECRET_DATABASE, p->databases[d].user_secret);
    intent_digest(config, hash);
    lp_json_set_str(annotations, ANNOTATION_CONFIG, hash);
    return lp_json_make("{s:o, s:o}", "labels", labels, "annotations", annotations);
}

/* The keys of tokens as files, which are read again when the Secrets change. Those that verify have
 * HMAC keys only where somebody makes that Secret: who knows one can make tokens too. */
static json_t *key_volume(const struct platform *p, enum service_id id)
{
    lp_auto_free char *jwt = plan_name(p, "jwt"), *signing = plan_name(p, "signing");
    lp_auto_free char *known = plan_name(p, "jwt-known");

    if (id != SERVICE_AUTH)
        return lp_json_make("{s:s, s:{s:[{s:{s:s, s:[{s:s, s:s}], s:b}}]}}", "name", "keys",
                            "projected", "sources", "secret", "name", known, "items", "key", "hmac",
                            "path", "hmac", "optional", 1);
    return lp_json_make(
        "{s:s, s:{s:[{s:{s:s, s:[{s:s, s:s}, {s:s, s:s}]}}, {s:{s:s, s:[{s:s, s:s}]}}]}}", "name",
        "keys", "projected", "sources", "secret", "name", jwt, "items", "key", "access", "path",
        "access", "key", "refresh", "path", "refresh", "secret", "name", signing, "items", "key",
        "signing.pem", "path", "signing.pem");
}

static json_t *pod_spec(const struct platform *p, enum service_id id)
{
    const struct service_spec *s = &p->spec.services[id];
    lp_auto_free char *name = plan_name(p, plan_kind(p, id).name);
    json_t *o = lp_json_make("{s:s, s:b, s:b, s:i, s:o, s:[o], s:[{s:s, s:{s:s}}], s:o}",
                             "serviceAccountName", name, "automountServiceAccountToken", 0,
                             "enableServiceLinks", 0, "terminationGracePeriodSeconds",
                             GRACE_SECONDS, "securityContext", plan_pod_security(SERVICE_UID),
                             "containers", container(p, id), "volumes", "name", "tmp", "emptyDir",
                             "sizeLimit", "64Mi", "topologySpreadConstraints", spread(p, id));

    if (plan_has_keys(p, id))
        json_array_append_new(json_object_get(o, "volumes"), key_volume(p, id));
    /* optional: auth itself says that it is missing; a pod that waits for a volume says nothing */
    if (id == SERVICE_AUTH && p->spec.privacy.master_key)
        json_array_append_new(json_object_get(o, "volumes"),
                              lp_json_make("{s:s, s:{s:s, s:b}}", "name", "privacy", "secret",
                                           "secretName", p->spec.privacy.master_key, "optional",
                                           1));
    json_t *more = lp_json_make("{s:o*, s:o*, s:o*, s:o*, s:s*}", "imagePullSecrets",
                                plan_copy_or_null(p->spec.image.pull_secrets), "nodeSelector",
                                plan_copy_or_null(s->pod.node_selector), "tolerations",
                                plan_copy_or_null(s->pod.tolerations), "affinity",
                                plan_copy_or_null(s->pod.affinity), "priorityClassName",
                                s->pod.priority_class);
    json_object_update(o, more);
    json_decref(more);
    return o;
}

json_t *plan_deployment(const struct platform *p, enum service_id id, const json_t *config)
{
    const struct service_spec *s = &p->spec.services[id];
    const char *suffix = plan_kind(p, id).name;
    bool ours = s->replicas >= 0;
    json_t *o = plan_object(p, &lp_kube_deployments, suffix);
    json_t *spec = lp_json_make(
        "{s:i, s:i, s:{s:s, s:{s:i, s:i}}, s:{s:o}, s:{s:o, s:o}}", "revisionHistoryLimit", 3,
        "progressDeadlineSeconds", 600, "strategy", "type", "RollingUpdate", "rollingUpdate",
        "maxUnavailable", 0, "maxSurge", 1, "selector", "matchLabels", plan_selector(p, suffix),
        "template", "metadata", pod_metadata(p, id, config), "spec", pod_spec(p, id));

    if (ours)
        json_object_set_new(spec, "replicas", json_integer(s->replicas));
    json_object_set_new(json_object_get(o, "metadata"), "annotations",
                        lp_json_make("{s:s}", ANNOTATION_REPLICAS, ours ? "operator" : "released"));
    json_object_set_new(o, "spec", spec);
    return o;
}
