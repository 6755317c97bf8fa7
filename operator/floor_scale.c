/* operator/floor_scale.c -- see the header. Threads: that of the floors. */
#include "operator/floor_scale.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan.h"

static void tell(const char *what, const char *ns, const char *name, int64_t from, int64_t to)
{
    char change[64];

    snprintf(change, sizeof change, "%lld to %lld", (long long)from, (long long)to);
    lp_log_info(what, "namespace", ns, "deployment", name, "replicas", change);
}

/* `subresource` NULL: of the object. Somebody who was quicker is no failure. */
static int patch_deployment(struct lp_kube_client *client, const char *ns, const char *name,
                            const char *subresource, const json_t *patch, bool *ret_written,
                            struct lp_error *err)
{
    struct lp_error why;
    int r =
        lp_kube_merge_patch(client, &lp_kube_deployments, ns, name, subresource, patch, NULL, &why);

    *ret_written = r == 0;
    if (r == 0 || r == LP_E_CONFLICT || r == LP_E_NOT_FOUND)
        return 0;
    *err = why;
    return lp_error_wrap(err, "scale of Deployment %s/%s", ns, name);
}

int floor_scale_up(struct lp_kube_client *client, struct informer_cache *cache, const char *ns,
                   const char *name, int64_t replicas, struct lp_error *err)
{
    json_auto_t *deployment = cache_child(cache, CHILD_DEPLOYMENT, ns, name);
    const char *version = lp_json_str(deployment, "metadata", "resourceVersion", NULL);
    int64_t now = lp_json_int(0, deployment, "spec", "replicas", NULL);
    bool written;

    if (!version || now <= 0 || now >= replicas)
        return 0;
    json_auto_t *patch = lp_json_make("{s:{s:s}, s:{s:I}}", "metadata", "resourceVersion", version,
                                      "spec", "replicas", (json_int_t)replicas);
    int r = patch_deployment(client, ns, name, "scale", patch, &written, err);
    if (written)
        tell("scaled at once", ns, name, now, replicas);
    return r;
}

bool floor_is_asleep(struct informer_cache *cache, const char *ns, const char *name)
{
    json_auto_t *deployment = cache_child(cache, CHILD_DEPLOYMENT, ns, name);

    return lp_json_int(1, deployment, "spec", "replicas", NULL) == 0 &&
           lp_json_str(deployment, "metadata", "annotations", ANNOTATION_ZERO, NULL);
}

bool floor_gateway_holds(struct informer_cache *cache, const char *ns, const char *gateway,
                         const char *service)
{
    json_auto_t *config_map = cache_child(cache, CHILD_CONFIG_MAP, ns, gateway);
    json_auto_t *deployment = cache_child(cache, CHILD_DEPLOYMENT, ns, gateway);

    return platform_gateway_holds(config_map, deployment, service);
}

int floor_scale_zero(struct lp_kube_client *client, struct informer_cache *cache, const char *ns,
                     const char *name, int64_t replicas, struct lp_error *err)
{
    json_auto_t *deployment = cache_child(cache, CHILD_DEPLOYMENT, ns, name);
    const char *version = lp_json_str(deployment, "metadata", "resourceVersion", NULL);
    int64_t now = lp_json_int(0, deployment, "spec", "replicas", NULL);
    char time[LP_CLOCK_TEXT];
    bool written;

    if (!version || (now == 0) == (replicas == 0))
        return 0;
    lp_clock_format(lp_clock_wall_ms(), 0, time);
    json_auto_t *mark = replicas == 0 ? json_string(time) : json_null();
    json_auto_t *patch = lp_json_make("{s:{s:s, s:{s:O}}, s:{s:I}}", "metadata", "resourceVersion",
                                      version, "annotations", ANNOTATION_ZERO, mark, "spec",
                                      "replicas", (json_int_t)replicas);
    int r = patch_deployment(client, ns, name, NULL, patch, &written, err);
    if (written)
        tell(replicas == 0 ? "scaled to zero: nobody asks anything of it" : "scaled from zero", ns,
             name, now, replicas);
    return r;
}
