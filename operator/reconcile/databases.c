/* operator/reconcile/databases.c -- see the header. Threads: the worker's. */
#include "operator/reconcile/databases.h"

#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "operator/status/events.h"
#include "platform/workload.h"
#include "platform/intent.h"
#include "platform/pins.h"
#include "platform/plan_parts.h"

#define CLAIM_AGAIN_MS 2000 /* until its StatefulSet's controller has let go of a claim */

static json_t *look(void *user, enum child_kind kind, const char *name)
{
    return context_child(user, kind, name);
}

/* Of the API server, as the cache has no owners; true where it does not answer. */
static bool is_owned(void *user, const char *name)
{
    const struct reconcile_context *ctx = user;
    json_auto_t *claim = NULL;
    struct lp_error err;

    int r =
        lp_kube_get(ctx->r->client, &lp_kube_volume_claims, ctx->platform->ns, name, &claim, &err);
    return r < 0 ? r != LP_E_NOT_FOUND : databases_owned_by_stateful_set(claim);
}

void databases_observe(struct reconcile_context *ctx, struct platform *platform,
                       struct databases_seen *ret)
{
    const struct databases_source source = { .look = look, .owned = is_owned, .user = ctx };

    databases_read(&source, platform, ret);
    if (ret->held)
        context_again(ctx, CLAIM_AGAIN_MS);
}

static bool takes_volume_along(const json_t *stateful_set)
{
    const char *when = lp_json_str(stateful_set, "spec", "persistentVolumeClaimRetentionPolicy",
                                   "whenDeleted", NULL);
    return when && strcmp(when, "Delete") == 0;
}

void databases_protect(struct reconcile_context *ctx, const struct plan *plan,
                       const struct observed *observed)
{
    json_auto_t *patch = lp_json_make(
        "{s:{s:{s:s}}}", "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted", "Retain");

    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *child = &plan->children[i];
        struct lp_error err;
        if (child->kind != CHILD_STATEFUL_SET || !child->paused ||
            !takes_volume_along(observed->objects[i]))
            continue;
        ctx->writes++;
        if (lp_kube_merge_patch(ctx->r->client, &lp_kube_stateful_sets, ctx->platform->ns,
                                child->name, NULL, patch, NULL, &err) < 0)
            context_fail(ctx, &lp_kube_stateful_sets, child->name, &err);
        else
            lp_log_info("its volume stays now when it is deleted", "kind", "StatefulSet", "name",
                        child->name);
    }
}

static void notice_kept(const struct platform *p, enum database_id id, struct lp_buf *out)
{
    const char *database = database_kinds[id].name;
    const char *separator = out->len > 0 ? "; " : "";
    const char *disabled =
        spec_has_service(&p->spec, database_kinds[id].user) ? "" : " (its service is not enabled)";

    if (p->databases[id].leaving)
        lp_buf_printf(out,
                      "%s%s: StatefulSet %s-%s stays until every pod of %s-%s is Ready with the "
                      "external one; looked at with every change",
                      separator, database, p->name, database, p->name,
                      service_kinds[database_kinds[id].user].name);
    else
        lp_buf_printf(out,
                      "%s%s: PersistentVolumeClaim data-%s-%s-0 keeps what the embedded database "
                      "held, for mode Embedded again%s; to remove it for ever: kubectl delete pvc "
                      "data-%s-%s-0 -n %s",
                      separator, database, p->name, database, disabled, p->name, database, p->ns);
}

void databases_notice(const struct reconcile_context *ctx, const struct databases_seen *seen,
                      struct notices *notices)
{
    const struct platform *p = ctx->platform;

    for (unsigned id = 0; id < N_DATABASES; id++) {
        bool embedded = platform_embeds(p, id);
        lp_auto_free char *refused = embedded ? pins_refused(p, id) : NULL;
        if (refused)
            lp_buf_printf(&notices->pinned, "%s%s", notices->pinned.len > 0 ? "; " : "", refused);
        if (!embedded && (seen->claims[id] || p->databases[id].leaving)) {
            notices->is_leaving |= p->databases[id].leaving;
            notice_kept(p, id, &notices->kept);
        }
    }
}

static bool is_pod_ready(const json_t *pod)
{
    return lp_kube_condition_is(json_object_get(pod, "status"), "Ready", "True");
}

/* By its status alone: an update is under way and no pod has it or is Ready. */
static bool may_be_stuck(const json_t *stateful_set)
{
    const json_t *status = json_object_get(stateful_set, "status");
    const char *now = lp_json_str(status, "currentRevision", NULL);
    const char *next = lp_json_str(status, "updateRevision", NULL);

    return now && next && strcmp(now, next) != 0 &&
           lp_json_int(0, status, "observedGeneration", NULL) >=
               lp_json_int(0, stateful_set, "metadata", "generation", NULL) &&
           lp_json_int(0, status, "replicas", NULL) > 0 &&
           lp_json_int(0, status, "updatedReplicas", NULL) == 0 &&
           lp_json_int(0, status, "readyReplicas", NULL) == 0;
}

char *databases_stuck_pod(struct reconcile_context *ctx, const struct plan *plan,
                          const struct observed *observed)
{
    const char *ns = ctx->platform->ns;

    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *child = &plan->children[i];
        const json_t *set = observed->objects[i];
        json_auto_t *pod = NULL;
        struct lp_error ignored;
        if (child->kind != CHILD_STATEFUL_SET || !may_be_stuck(set))
            continue;
        context_again(ctx, CONTEXT_PODS_MS);
        lp_auto_free char *name = lp_sprintf("%s-0", child->name);
        if (lp_kube_get(ctx->r->client, &lp_kube_pods, ns, name, &pod, &ignored) < 0)
            continue;
        const char *revision =
            lp_json_str(pod, "metadata", "labels", "controller-revision-hash", NULL);
        if (!revision || lp_json_str(pod, "metadata", "deletionTimestamp", NULL) ||
            is_pod_ready(pod) ||
            strcmp(revision, lp_json_str(set, "status", "updateRevision", NULL)) == 0)
            continue;
        return lp_sprintf("StatefulSet %s: pod %s was made from an older template and is not "
                          "Ready, and its controller waits for it for ever: kubectl delete pod %s "
                          "-n %s; looked at with every change and within 30 s",
                          child->name, name, name, ns);
    }
    return NULL;
}

void databases_tell_kept(const struct reconciler *r, const char *ns, const char *name)
{
    const struct platform p = { .ns = ns, .name = name };

    for (unsigned id = 0; id < N_DATABASES; id++) {
        lp_auto_free char *claim = plan_claim_name(&p, id);
        json_auto_t *object = cache_child(r->cache, CHILD_CLAIM, ns, claim);
        if (!object || lp_json_at(object, "metadata", "ownerReferences", NULL) ||
            lp_json_str(object, "metadata", "deletionTimestamp", NULL))
            continue;
        lp_auto_free char *note = lp_sprintf(
            "LearningPlatform %s is gone and its %s data stays, with its Secret, for a platform of "
            "this name in namespace %s; to remove both for ever: kubectl delete pvc %s -n %s",
            name, database_kinds[id].name, ns, claim, ns);
        events_emit_about(r, object, "Normal", "DatabaseKept", "Delete", note);
    }
}
