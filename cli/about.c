/* cli/about.c -- see the header. No state beside the caller's. */
#include "cli/about.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/plan.h"
#include "platform/spec_decode.h"

struct about {
    char *uid, *name;
    json_t *owned; /* {"<kind>/<name>": true} of the plan */
};

static void add_plan(struct about *a, const json_t *platform)
{
    struct platform p = { .ns = lp_json_str(platform, "metadata", "namespace", NULL),
                          .name = a->name,
                          .uid = a->uid };
    struct plan plan plan_auto;
    struct lp_error err;

    plan.n = 0;
    if (spec_decode(platform, &p.spec, &err) < 0)
        return; /* the condition InvalidSpec says so */
    plan_list(&plan, &p);
    for (unsigned i = 0; i < plan.n; i++) {
        const struct child *c = &plan.children[i];
        lp_auto_free char *key = lp_sprintf("%s/%s", child_kinds[c->kind]->kind, c->name);
        json_object_set_new(a->owned, key, json_true());
    }
}

struct about *about_new(const json_t *platform)
{
    struct about *a = lp_alloc(sizeof *a);
    const char *uid = lp_json_str(platform, "metadata", "uid", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);

    a->uid = lp_strdup(uid ? uid : "");
    a->name = lp_strdup(name ? name : "");
    a->owned = json_object();
    add_plan(a, platform);
    return a;
}

void about_free(struct about *a)
{
    if (!a)
        return;
    json_decref(a->owned);
    free(a->uid);
    free(a->name);
    free(a);
}

static bool owns(const struct about *a, const char *kind, const char *name, size_t len)
{
    lp_auto_free char *key = lp_sprintf("%s/%.*s", kind, (int)len, name);

    return json_object_get(a->owned, key) != NULL;
}

/* How many bytes of the name are left without its last `parts` parts, each after a '-'; 0: it has
 * not so many. */
static size_t without(const char *name, unsigned parts)
{
    size_t n = strlen(name);

    while (parts-- > 0 && n > 0) {
        size_t end = n;
        while (n > 0 && name[n - 1] != '-')
            n--;
        if (n == 0 || n == end)
            return 0;
        n--;
    }
    return n;
}

static bool is_ordinal(const char *text)
{
    return *text && strspn(text, "0123456789") == strlen(text);
}

/* generateName is cut to 58 bytes, then five are added (apiserver, names.SimpleNameGenerator). */
#define POD_NAME 63
#define POD_BASE 58
#define POD_HASH 10 /* bytes of a pod-template-hash at most, which has no '-' */

/* Of a Deployment whose name is so long that the "<name>-<hash>-" of its pods was cut. */
static bool is_cut_pod_of(const char *pod, const char *deployment)
{
    char base[POD_BASE + 1]; /* "<name>-", cut the same way */

    snprintf(base, sizeof base, "%s-", deployment);
    size_t n = strlen(base);
    return strncmp(pod, base, n) == 0 && POD_BASE - n <= POD_HASH && !strchr(pod + n, '-');
}

static bool has_cut_pod(const struct about *a, const char *name)
{
    lp_auto_free char *kind = lp_sprintf("%s/", lp_kube_deployments.kind);
    const char *key;
    json_t *yes;

    if (strlen(name) != POD_NAME)
        return false;
    json_object_foreach(a->owned, key, yes)
    {
        if (strncmp(key, kind, strlen(kind)) == 0 && is_cut_pod_of(name, key + strlen(kind)))
            return true;
    }
    return false;
}

static bool is_pod_of(const struct about *a, const char *name)
{
    size_t set = without(name, 1), deployment = without(name, 2);

    return (set > 0 && is_ordinal(name + set + 1) &&
            owns(a, lp_kube_stateful_sets.kind, name, set)) ||
           (deployment > 0 && owns(a, lp_kube_deployments.kind, name, deployment)) ||
           has_cut_pod(a, name);
}

bool about_has(const struct about *a, const json_t *regarding)
{
    const char *kind = lp_json_str(regarding, "kind", NULL);
    const char *name = lp_json_str(regarding, "name", NULL);
    const char *uid = lp_json_str(regarding, "uid", NULL);

    if (!kind || !name)
        return false;
    if (strcmp(kind, lp_kube_platforms.kind) == 0)
        return strcmp(name, a->name) == 0 && (!uid || strcmp(uid, a->uid) == 0);
    if (strcmp(kind, lp_kube_pods.kind) == 0)
        return is_pod_of(a, name);
    if (strcmp(kind, lp_kube_replica_sets.kind) == 0)
        return without(name, 1) > 0 && owns(a, lp_kube_deployments.kind, name, without(name, 1));
    return owns(a, kind, name, strlen(name));
}
