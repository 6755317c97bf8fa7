/*
 * operator/reconcile/unchanged.c -- one hash over all that a pass goes by: of the platform its uid,
 * generation, spec, status and our own annotations; of the operator its images, what it says of the
 * metrics API and the number of strangers in the cache; of every child and claim its
 * resourceVersion. The versions are those of the objects that were compared, not of what the cache
 * has by then. Threads: the worker's.
 */
#include "operator/reconcile/unchanged.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "operator/state/repairs.h"
#include "platform/plan_parts.h"

#define OUR_ANNOTATIONS "learningplatform.io/"

static uint64_t add_json(uint64_t mark, const json_t *value)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(LP_LIMIT_KUBE_OBJECT);

    lp_json_write(value, &text);
    return lp_hash_add(mark, text.ptr);
}

static uint64_t add_annotations(uint64_t mark, const json_t *annotations)
{
    uint64_t sum = 0; /* in no particular order */
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)annotations, name, value)
    {
        if (strncmp(name, OUR_ANNOTATIONS, sizeof OUR_ANNOTATIONS - 1) == 0)
            sum += add_json(lp_hash_add(lp_hash(""), name), value);
    }
    return lp_hash_bytes(mark, &sum, sizeof sum);
}

static uint64_t add_images(uint64_t mark, const struct plan_images *images)
{
    bool flags[] = { images->mongodb_auth, images->no_metrics_api };

    mark = lp_hash_add(lp_hash_add(mark, images->registry), images->tag);
    mark = lp_hash_add(lp_hash_add(mark, images->pull_policy), images->postgres);
    return lp_hash_bytes(lp_hash_add(mark, images->mongo), flags, sizeof flags);
}

/* Planned or not: what of a database is kept is told too. */
static uint64_t add_claims(const struct reconcile_context *ctx, uint64_t mark)
{
    for (unsigned id = 0; id < N_DATABASES; id++) {
        lp_auto_free char *name = plan_claim_name(ctx->platform, id);
        char version[64] = "";
        if (!cache_child_version(ctx->r->cache, CHILD_CLAIM, ctx->platform->ns, name, version))
            version[0] = '\0';
        mark = lp_hash_add(mark, version);
    }
    return mark;
}

static uint64_t mark_without_children(const struct reconcile_context *ctx, const json_t *status)
{
    const struct reconciler *r = ctx->r;
    unsigned foreign_adds = cache_foreign_adds(r->cache);
    char why[256] = "";
    uint64_t mark = lp_hash_add(lp_hash(""), ctx->platform->uid);

    if (r->metrics_conflict && !r->metrics_conflict(r->metrics_user, why))
        why[0] = '\0';
    mark = lp_hash_bytes(mark, &ctx->platform->generation, sizeof ctx->platform->generation);
    mark = add_json(mark, json_object_get(ctx->object, "spec"));
    mark = add_json(mark, status);
    mark = add_annotations(mark, lp_json_at(ctx->object, "metadata", "annotations", NULL));
    mark = lp_hash_bytes(mark, &foreign_adds, sizeof foreign_adds);
    mark = add_claims(ctx, mark);
    return lp_hash_add(add_images(mark, r->images), why);
}

/* In memory a child is its kind as one byte, then what follows the platform's name in its own, with
 * a NUL; after the last one comes N_CHILD_KINDS. */
static bool add_children(const struct reconcile_context *ctx, uint64_t *mark)
{
    const struct platform *p = ctx->platform;
    const char *at = ctx->state->well_children;

    for (; (unsigned char)*at < N_CHILD_KINDS; at += strlen(at + 1) + 2) {
        lp_auto_free char *name = lp_sprintf("%s%s", p->name, at + 1);
        char version[64];
        if (!cache_child_version(ctx->r->cache, (enum child_kind) * at, p->ns, name, version))
            return false;
        *mark = lp_hash_add(*mark, version);
    }
    return true;
}

bool unchanged_since(struct reconcile_context *ctx, const json_t *status)
{
    struct platform_state *m = ctx->state;
    uint64_t well = m->well_mark, mark = mark_without_children(ctx, status);

    m->well_mark = 0;
    ctx->mark = mark;
    if (well == 0 || lp_clock_ms() >= m->pruned_ms + PRUNE_AGAIN_MS || !add_children(ctx, &mark) ||
        mark != well)
        return false;
    m->well_mark = well;
    return true;
}

/* Nothing was written, nothing waits, and no child is of another make than the plan's. */
static bool is_well(const struct reconcile_context *ctx)
{
    const struct platform_state *m = ctx->state;

    return ctx->all_well && ctx->writes == 0 && ctx->failure.code == 0 && ctx->again_ms == 0 &&
           spec_is_active(&ctx->platform->spec) && json_object_size(m->rewritten) == 0 &&
           !m->dry_runs && m->prune_mark != 0 && repairs_next_ms(m->repairs, lp_clock_ms()) == 0 &&
           !lp_stop_requested(ctx->r->stop);
}

void unchanged_remember(struct reconcile_context *ctx, const struct plan *plan,
                        const struct observed *observed)
{
    lp_auto_buf struct lp_buf children = LP_BUF_INIT((size_t)PLAN_MAX_CHILDREN * 256);
    const char *platform = ctx->platform->name;
    size_t n = strlen(platform);
    struct platform_state *m = ctx->state;
    uint64_t mark = ctx->mark;

    for (unsigned i = 0; is_well(ctx) && i < plan->n; i++) {
        const struct child *c = &plan->children[i];
        if (c->kind == CHILD_CLAIM)
            continue; /* is in ctx->mark */
        const char *version =
            lp_json_str(observed->objects[i], "metadata", "resourceVersion", NULL);
        if (!version || !*version || strncmp(c->name, platform, n) != 0)
            return;
        lp_buf_char(&children, (char)c->kind);
        lp_buf_add(&children, c->name + n, strlen(c->name + n) + 1);
        mark = lp_hash_add(mark, version);
    }
    if (children.len == 0 || children.overflowed)
        return;
    lp_buf_char(&children, (char)N_CHILD_KINDS);
    free(m->well_children);
    m->well_children = lp_buf_take(&children);
    m->well_mark = mark;
}
