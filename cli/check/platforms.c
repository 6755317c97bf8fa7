/* cli/check/platforms.c -- the platforms, and the HPAs of each with their metrics. No state. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/check/survey.h"
#include "cli/find.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "platform/plan.h"

/* Of all namespaces, or of ours for who may not list these; false: it is told why not. */
static bool find_here(struct survey *s, const struct lp_kube_kind *kind, const char *selector,
                      const char *check, json_t *list)
{
    struct lp_error err;

    int r = find_objects(s->client, kind, NULL, selector, list, &err);
    if (r == LP_E_DENIED)
        r = find_objects(s->client, kind, s->ns, selector, list, &err);
    if (r == LP_E_NOT_FOUND && kind == &lp_kube_platforms)
        return false; /* the definition is not there, which is told elsewhere */
    if (r < 0)
        findings_error(s->findings, check, kind->plural, &err);
    return r == 0;
}

static void check_platform(struct survey *s, const json_t *p)
{
    const json_t *ready = lp_kube_condition(json_object_get(p, "status"), "Ready");
    const char *ns = lp_json_str(p, "metadata", "namespace", NULL);
    const char *name = lp_json_str(p, "metadata", "name", NULL);
    const char *status = lp_json_str(ready, "status", NULL);
    const char *message = lp_json_str(ready, "message", NULL);
    int64_t seen = lp_json_int(-1, p, "status", "observedGeneration", NULL);
    int64_t generation = lp_json_int(0, p, "metadata", "generation", NULL);

    if (s->operators.deployments && json_array_size(s->operators.deployments) > 0 &&
        !operators_of(&s->operators, p))
        findings_add(s->findings, FINDING_FAIL, "platform",
                     "see spec.className, and WATCH_NAMESPACES and SELECTOR of the operators",
                     "%s/%s: no operator takes it", ns, name);
    else if (status && strcmp(status, "True") == 0 && seen == generation)
        findings_add(s->findings, FINDING_OK, "platform", NULL, "%s/%s is ready", ns, name);
    else if (status && strcmp(status, "False") != 0 && seen != generation)
        findings_add(s->findings, FINDING_FAIL, "platform", "wait, or see the operator's logs",
                     "%s/%s: the operator has not seen generation %" PRId64 " yet", ns, name,
                     generation);
    else
        findings_add(s->findings, FINDING_FAIL, "platform", "docs/runbooks/PlatformNotReady.md",
                     "%s/%s is not ready: %s", ns, name,
                     message ? message : "the operator has not said why");
}

static void check_hpa(struct survey *s, const json_t *hpa, unsigned *good)
{
    const json_t *active = lp_kube_condition(json_object_get(hpa, "status"), "ScalingActive");
    const char *status = lp_json_str(active, "status", NULL);
    const char *reason = lp_json_str(active, "reason", NULL);
    const char *message = lp_json_str(active, "message", NULL);

    if (status && strcmp(status, "True") == 0) {
        (*good)++;
        return;
    }
    /* Of a platform that is paused, say. */
    bool off = reason && strcmp(reason, "ScalingDisabled") == 0;
    findings_add(s->findings, off ? FINDING_OK : FINDING_FAIL, "hpa",
                 off ? NULL : "kubectl lp why tells which metric is missing", "%s/%s: %s",
                 lp_json_str(hpa, "metadata", "namespace", NULL),
                 lp_json_str(hpa, "metadata", "name", NULL),
                 message ? message : "the HPA controller has not looked at it yet");
}

void survey_platforms(struct survey *s)
{
    json_auto_t *platforms = json_array(), *hpas = json_array(), *pods = json_array();
    const json_t *each;
    unsigned good = 0;
    size_t i;

    if (!find_here(s, &lp_kube_platforms, NULL, "platform", platforms))
        return;
    json_array_foreach(platforms, i, each) check_platform(s, each);
    if (find_here(s, &lp_kube_pods, LABEL_MANAGED_BY "=lp-operator", "image-pull", pods))
        json_array_foreach(pods, i, each) survey_pod(s, each);
    if (!find_here(s, &lp_kube_hpas, LABEL_MANAGED_BY "=lp-operator", "hpa", hpas))
        return;
    json_array_foreach(hpas, i, each) check_hpa(s, each, &good);
    if (good > 0)
        findings_add(s->findings, FINDING_OK, "hpa", NULL, "%u HPAs have their metrics", good);
}
