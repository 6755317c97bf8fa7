/* operator/reconcile/prune.c -- deletes children that the plan no longer has. Threads: the
 * worker's. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "operator/reconcile/apply.h"
#include "platform/ownership.h"

struct search {
    const char *prefix; /* "namespace/platform-" */
    char **keys;
    size_t n, cap;
};

static void collect(const char *key, void *user)
{
    struct search *s = user;

    if (strncmp(key, s->prefix, strlen(s->prefix)) != 0)
        return;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 8;
        s->keys = lp_realloc(s->keys, s->cap * sizeof *s->keys);
    }
    s->keys[s->n++] = lp_strdup(key);
}

static bool is_planned(const struct plan *plan, enum child_kind kind, const char *name)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == kind && strcmp(plan->children[i].name, name) == 0)
            return true;
    return false;
}

static void delete_child(struct reconcile_context *ctx, enum child_kind kind, const char *name,
                         const json_t *object)
{
    struct lp_error err;
    const char *uid = lp_json_str(object, "metadata", "uid", NULL);

    ctx->writes++;
    int r = lp_kube_delete(ctx->r->client, child_kinds[kind], ctx->platform->ns, name, uid, &err);
    if (r < 0 && r != LP_E_NOT_FOUND && r != LP_E_CONFLICT)
        context_fail(ctx, child_kinds[kind], name, &err);
    else
        lp_log_info("deleted", "kind", child_kinds[kind]->kind, "name", name, "why",
                    "the plan no longer has it");
}

/* A database that its service still needs goes later, of the same generation. */
static bool has_leaving(const struct plan *plan)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].leaving)
            return true;
    return false;
}

/* False where there is something that is ours and not planned. */
static bool prune_one(struct reconcile_context *ctx, const struct plan *plan, enum child_kind kind,
                      const char *name)
{
    if (is_planned(plan, kind, name))
        return true;
    json_auto_t *object = cache_child(ctx->r->cache, kind, ctx->platform->ns, name);
    const char *service = lp_json_str(object, "metadata", "labels", LABEL_NAME, NULL);
    if (!object || !ownership_has(object, ctx->platform->uid))
        return true; /* of another platform whose name begins with this one's */
    bool ends = lp_json_str(object, "metadata", "deletionTimestamp", NULL) != NULL;
    if (!ends && (!service || !plan_is_paused(ctx->platform, service)))
        delete_child(ctx, kind, name, object);
    return false;
}

void prune(struct reconcile_context *ctx, const struct plan *plan)
{
    const struct platform *p = ctx->platform;
    struct platform_state *m = ctx->state;
    int64_t now = lp_clock_ms();
    bool clean = !has_leaving(plan);

    if (m->pruned_generation == p->generation && now < m->pruned_ms + PRUNE_AGAIN_MS)
        return;
    lp_auto_free char *prefix = lp_sprintf("%s/%s-", p->ns, p->name);

    for (unsigned kind = CHILD_CLAIM + 1; kind < N_CHILD_KINDS; kind++) { /* no claim, ever */
        struct search s = { .prefix = prefix };
        cache_child_keys(ctx->r->cache, (enum child_kind)kind, collect, &s);
        for (size_t i = 0; i < s.n; i++) {
            clean &= prune_one(ctx, plan, (enum child_kind)kind, s.keys[i] + strlen(p->ns) + 1);
            free(s.keys[i]);
        }
        free(s.keys);
    }
    m->pruned_generation = clean ? p->generation : 0;
    m->pruned_ms = now;
}
