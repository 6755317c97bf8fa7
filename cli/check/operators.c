/* cli/check/operators.c -- the operators: pods, images, leader, watches. No state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/check/survey.h"
#include "cli/find.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/kinds.h"

#define LEASE "lp-operator"
#define LEASE_OLD_S 60 /* four times its duration: clocks differ */
#define METRICS_PORT "9090"

const char *survey_image(const json_t *deployment)
{
    const json_t *all = lp_json_at(deployment, "spec", "template", "spec", "containers", NULL);
    const json_t *named = lp_json_find(all, "name", "operator");
    const char *image = lp_json_str(named ? named : json_array_get(all, 0), "image", NULL);

    return image ? image : "";
}

const char *survey_tag(const char *image)
{
    const char *slash = strrchr(image, '/'), *colon = strrchr(image, ':');

    return colon && !strchr(image, '@') && (!slash || colon > slash) ? colon + 1 : "";
}

/* "v0.1.0-7361cd2" is a build of v0.1.0, as ./quickstart makes it. */
static bool is_our_version(const char *tag)
{
    size_t n = strlen(LP_VERSION);
    return strncmp(tag, LP_VERSION, n) == 0 && (tag[n] == '\0' || tag[n] == '-');
}

static void check_replicas(struct survey *s, const char *name, const json_t *d)
{
    int64_t wanted = lp_json_int(1, d, "spec", "replicas", NULL);
    int64_t available = lp_json_int(0, d, "status", "availableReplicas", NULL);
    const char *tag = survey_tag(survey_image(d));

    if (available >= wanted && wanted > 0)
        findings_add(s->findings, FINDING_OK, "operator", NULL, "%s: %" PRId64 " pods available",
                     name, available);
    else if (wanted == 0)
        findings_add(s->findings, FINDING_FAIL, "operator", "kubectl scale the Deployment to 2",
                     "%s is scaled to 0", name);
    else
        findings_add(s->findings, available > 0 ? FINDING_WARN : FINDING_FAIL, "operator",
                     "kubectl describe its pods", "%s: %" PRId64 " of %" PRId64 " pods available",
                     name, available, wanted);
    if (*tag && !is_our_version(tag))
        findings_add(s->findings, FINDING_WARN, "skew", "take the plugin of the operator's version",
                     "%s is %s, this plugin %s", name, tag, LP_VERSION);
}

/* "ImagePullBackOff" and what the kubelet says of it. */
static void check_waiting(struct survey *s, const json_t *pod, const json_t *container)
{
    const json_t *waiting = lp_json_at(container, "state", "waiting", NULL);
    const char *reason = lp_json_str(waiting, "reason", NULL);
    const char *message = lp_json_str(waiting, "message", NULL);
    const char *pulls[] = { "ImagePullBackOff", "ErrImagePull", "InvalidImageName",
                            "ErrImageNeverPull" };
    bool pull = false;

    for (size_t i = 0; reason && i < LP_COUNT(pulls); i++)
        pull = pull || strcmp(reason, pulls[i]) == 0;
    if (!reason || (!pull && strcmp(reason, "CrashLoopBackOff") != 0))
        return;
    findings_add(s->findings, FINDING_FAIL, pull ? "image-pull" : "crash",
                 pull ? "load the image into the nodes, or set LP_IMAGE_REGISTRY, LP_IMAGE_TAG and "
                        "a pull secret"
                      : "kubectl logs --previous of the pod",
                 "%s/%s: %s: %s", lp_json_str(pod, "metadata", "namespace", NULL),
                 lp_json_str(pod, "metadata", "name", NULL), reason, message ? message : "");
}

void survey_pod(struct survey *s, const json_t *pod)
{
    static const char *const lists[] = { "initContainerStatuses", "containerStatuses" };
    const json_t *container;
    size_t i;

    for (size_t k = 0; k < LP_COUNT(lists); k++)
        json_array_foreach(lp_json_at(pod, "status", lists[k], NULL), i, container)
            check_waiting(s, pod, container);
}

/* What the pod says of itself: its caches, watches and metrics API. */
static void check_readiness(struct survey *s, const json_t *pod)
{
    const char *ns = lp_json_str(pod, "metadata", "namespace", NULL);
    const char *name = lp_json_str(pod, "metadata", "name", NULL);
    lp_auto_free char *port = lp_sprintf("%.250s:" METRICS_PORT, name);
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(2048);
    json_auto_t *answer = NULL;
    struct lp_error err;

    lp_buf_str(&path, "/api/v1/namespaces");
    lp_url_segment(&path, ns);
    lp_buf_str(&path, "/pods");
    lp_url_segment(&path, port);
    lp_buf_str(&path, "/proxy/readyz");
    int r = lp_kube_raw(s->client, path.ptr, &answer, &err);
    if (r == 0)
        findings_add(s->findings, FINDING_OK, "watches", NULL, "%s/%s is ready: %zu checks", ns,
                     name, json_object_size(json_object_get(answer, "checks")));
    else if (r == LP_E_DENIED)
        findings_error(s->findings, "watches", name, &err);
    else
        findings_add(
            s->findings, FINDING_FAIL, "watches",
            "its logs say more; a NetworkPolicy may keep the API server from port " METRICS_PORT,
            "%s/%s: %s", ns, name, err.msg);
}

static void check_pods(struct survey *s, const char *ns)
{
    json_auto_t *pods = json_array();
    const json_t *pod;
    struct lp_error err;
    size_t i;

    if (find_objects(s->client, &lp_kube_pods, ns, "app.kubernetes.io/name=lp-operator", pods,
                     &err) < 0) {
        findings_error(s->findings, "image-pull", "the operator's pods", &err);
        return;
    }
    json_array_foreach(pods, i, pod)
    {
        const char *phase = lp_json_str(pod, "status", "phase", NULL);
        survey_pod(s, pod);
        if (phase && strcmp(phase, "Running") == 0)
            check_readiness(s, pod);
    }
}

static void check_leader(struct survey *s, const char *ns)
{
    json_auto_t *lease = NULL;
    struct lp_error err;

    if (lp_kube_get(s->client, &lp_kube_leases, ns, LEASE, &lease, &err) < 0) {
        if (err.code == LP_E_NOT_FOUND)
            findings_add(s->findings, FINDING_FAIL, "leader", "see the operator's logs",
                         "nobody has led in %s yet", ns);
        else
            findings_error(s->findings, "leader", LEASE, &err);
        return;
    }
    const char *holder = lp_json_str(lease, "spec", "holderIdentity", NULL);
    const char *renewed = lp_json_str(lease, "spec", "renewTime", NULL);
    int64_t age_s = renewed ? (lp_clock_wall_ms() - lp_clock_parse(renewed)) / 1000 : INT64_MAX;
    if (!holder || !*holder)
        findings_add(s->findings, FINDING_FAIL, "leader", "see the operator's logs",
                     "nobody leads in %s", ns);
    else if (age_s > LEASE_OLD_S)
        findings_add(s->findings, FINDING_FAIL, "leader",
                     "see the operator's pods and this machine's clock",
                     "%s/%s: %s has not renewed its lease since %s", ns, LEASE, holder,
                     renewed ? renewed : "ever");
    else
        findings_add(s->findings, FINDING_OK, "leader", NULL, "%s leads in %s", holder, ns);
}

void survey_operators(struct survey *s)
{
    const json_t *d;
    size_t i;

    if (json_array_size(s->operators.deployments) == 0)
        findings_add(s->findings,
                     s->operators.why.code == LP_E_DENIED ? FINDING_UNKNOWN : FINDING_FAIL,
                     "operator",
                     s->operators.why.code == LP_E_DENIED ? "ask an administrator for this right"
                                                          : "kubectl apply -f config/install.yaml",
                     "%s", s->operators.why.msg);
    json_array_foreach(s->operators.deployments, i, d)
    {
        const char *ns = lp_json_str(d, "metadata", "namespace", NULL);
        lp_auto_free char *name = lp_sprintf("%s/%s", ns, lp_json_str(d, "metadata", "name", NULL));
        check_replicas(s, name, d);
        check_pods(s, ns);
        check_leader(s, ns);
        survey_operator_rights(s, d);
    }
}
