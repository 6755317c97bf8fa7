/* operator/state/context.c -- see the header. Threads: the worker's; the pool's in context_run. */
#include "operator/state/context.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "kube/store.h"

void observed_done(struct observed *o)
{
    for (unsigned i = 0; i < PLAN_MAX_CHILDREN; i++)
        json_decref(o->objects[i]);
}

json_t *context_child(struct reconcile_context *ctx, enum child_kind kind, const char *name)
{
    lp_auto_free char *key = lp_sprintf("%s/%s", child_kinds[kind]->kind, name);
    json_t *object = json_object_get(ctx->read, key);

    if (object)
        return json_incref(object);
    object = cache_child(ctx->r->cache, kind, ctx->platform->ns, name);
    if (!ctx->read)
        ctx->read = json_object();
    json_object_set(ctx->read, key, object);
    return object;
}

struct named {
    const struct reconcile_context *ctx;
    const char *key;
    lp_thread_pool_job *job;
    void *user;
};

static void do_named(unsigned i, void *client, void *user)
{
    const struct named *n = user;
    const struct reconciler *r = n->ctx->r;
    bool borrowed = client != r->client;

    if (borrowed) {
        lp_log_context("platform", n->key);
        lp_log_context_id("reconcileID", r->id);
        lp_kube_client_audit_id(client, r->id);
    }
    n->job(i, client, n->user);
    if (borrowed) {
        lp_kube_client_audit_id(client, NULL);
        lp_log_context_id(NULL, NULL);
        lp_log_context(NULL, NULL);
    }
}

void context_run(const struct reconcile_context *ctx, unsigned n, lp_thread_pool_job *job,
                 void *user)
{
    lp_auto_free char *key = lp_kube_key(ctx->platform->ns, ctx->platform->name);
    struct named named = { ctx, key, job, user };

    lp_thread_pool_run(ctx->r->pool, n, do_named, ctx->r->client, &named);
}

void context_fail(struct reconcile_context *ctx, const struct lp_kube_kind *kind, const char *name,
                  const struct lp_error *err)
{
    if (err->code != LP_E_CANCELED) /* the stop: it is written after the next start */
        lp_log_warn("cannot write a child", "kind", kind->kind, "name", name, "error", err->msg);
    if (ctx->failure.code != 0)
        return;
    ctx->failure = *err;
    snprintf(ctx->failed_child, sizeof ctx->failed_child, "%s %s", kind->kind, name);
}

void context_again(struct reconcile_context *ctx, int64_t ms)
{
    if (ms < 1)
        ms = 1; /* its time came during this reconcile; 0 would say: nothing to wait for */
    if (ctx->again_ms == 0 || ms < ctx->again_ms)
        ctx->again_ms = ms;
}

void context_name_conflict(struct reconcile_context *ctx, const char *text)
{
    context_again(ctx, CONTEXT_CONFLICT_MS);
    if (ctx->name_conflicts++ == 0)
        snprintf(ctx->name_conflict, sizeof ctx->name_conflict, "%s", text);
}
