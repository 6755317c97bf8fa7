/*
 * operator/apply.c -- server-side apply (KEP-555) of the children that need it. One write is spared
 * wherever the object has all that we own, so that an idle platform and a restart write nothing.
 * Threads: the worker's.
 */
#include "operator/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "json/json.h"
#include "operator/events.h"
#include "operator/handover.h"

void pass_fail(struct pass *pass, const struct lp_kube_kind *kind, const char *name,
               const struct lp_error *err)
{
    lp_log_warn("cannot write a child", "kind", kind->kind, "name", name, "error", err->msg);
    if (pass->failure.code != 0)
        return;
    pass->failure = *err;
    snprintf(pass->failed_child, sizeof pass->failed_child, "%s %s", kind->kind, name);
}

/* What changes when somebody changes the object: its generation where it has one, else its version.
 */
static char *settled_mark(const struct child *child, const json_t *object)
{
    const char *hash =
        lp_json_str(child->intent, "metadata", "annotations", ANNOTATION_INTENT, NULL);
    int64_t generation = lp_json_int(0, object, "metadata", "generation", NULL);
    const char *version = lp_json_str(object, "metadata", "resourceVersion", NULL);

    return generation > 0 ? lp_sprintf("%s %" PRId64, hash, generation)
                          : lp_sprintf("%s v%s", hash, version ? version : "");
}

static char *child_key(const struct child *child)
{
    return lp_sprintf("%s/%s", child_kinds[child->kind]->kind, child->name);
}

static void note_generation(struct pass *pass, const struct child *child, const json_t *object)
{
    lp_auto_free char *key = child_key(child);
    json_t *generation = lp_json_at(object, "metadata", "generation", NULL);

    if (generation)
        json_object_set(pass->memory->generations, key, generation);
}

int64_t apply_generation(struct pass *pass, const struct child *child, const json_t *observed)
{
    lp_auto_free char *key = child_key(child);

    int64_t known = lp_json_int(0, pass->memory->generations, key, NULL);
    int64_t now = lp_json_int(0, observed, "metadata", "generation", NULL);
    if (known > 0 && known <= now)
        return known;
    note_generation(pass, child, observed); /* not known, or of an object that was deleted */
    return now;
}

/* An admission policy that rewrites our fields would make us apply for ever: what it made of an
 * intent is accepted until the object or the intent changes. */
static void note_settled(struct pass *pass, const struct child *child, const json_t *object)
{
    lp_auto_free char *key = child_key(child);
    lp_auto_free char *mark = settled_mark(child, object);

    if (lp_json_contains(object, child->intent)) {
        json_object_del(pass->memory->settled, key);
        return;
    }
    json_object_set_new(pass->memory->settled, key, json_string(mark));
    lp_log_warn("the API server keeps other values than those applied", "child", key);
}

static bool is_settled(const struct pass *pass, const struct child *child, const json_t *object)
{
    lp_auto_free char *key = child_key(child);
    lp_auto_free char *mark = settled_mark(child, object);
    const char *known = json_string_value(json_object_get(pass->memory->settled, key));

    return known && strcmp(known, mark) == 0;
}

static bool needs_apply(const struct pass *pass, const struct child *child, const json_t *observed)
{
    if (!observed)
        return true;
    if (lp_json_str(observed, "metadata", "deletionTimestamp", NULL))
        return false; /* its end brings us back */
    return !lp_json_contains(observed, child->intent) && !is_settled(pass, child, observed);
}

/* A user wants to know that something of theirs was put back, not that a plan was carried out. */
static void tell(struct pass *pass, const struct child *child, const json_t *before)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];
    const char *hash = lp_json_str(before, "metadata", "annotations", ANNOTATION_INTENT, NULL);
    const char *wanted =
        lp_json_str(child->intent, "metadata", "annotations", ANNOTATION_INTENT, NULL);
    bool same_intent = hash && wanted && strcmp(hash, wanted) == 0;

    lp_log_info("applied", "kind", kind->kind, "name", child->name, "why",
                !before       ? "it was not there"
                : same_intent ? "it differed"
                              : "the plan changed");
    if (pass->spec_changed || (before && !same_intent) ||
        !memory_may_tell(pass->memory, lp_clock_ms()))
        return;
    lp_auto_free char *note = lp_sprintf("%s %s was put back: it %s", kind->kind, child->name,
                                         before ? "had been changed" : "was not there");
    events_emit(pass, "Normal", "Repaired", "Apply", note);
}

static const json_t *hpa_of(const struct plan *plan, const struct observed *observed, int service)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == CHILD_HPA && plan->children[i].service == service)
            return observed->objects[i];
    return NULL;
}

/*
 * Somebody changed the key of a list's item (a port's number): apply would add ours beside theirs,
 * and the API server refuses the two together. A merge patch (RFC 7386) puts whole lists in place;
 * applying again then makes the fields ours.
 */
static int replace_and_apply(struct pass *pass, const struct child *child,
                             const struct lp_kube_apply_options *options, json_t **ret_object,
                             struct lp_error *err)
{
    const struct lp_kube_kind *kind = child_kinds[child->kind];
    json_auto_t *patch = json_object();

    json_object_set(patch, "spec", json_object_get(child->intent, "spec"));
    int r = lp_kube_merge_patch(pass->r->client, kind, pass->platform->ns, child->name, NULL, patch,
                                NULL, err);
    return r < 0 ? r
                 : lp_kube_apply(pass->r->client, kind, child->intent, options, ret_object, err);
}

static int write_child(struct pass *pass, const struct plan *plan, unsigned i,
                       const struct observed *observed, json_t **ret_object, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = MANAGER, .force = true };
    const struct child *child = &plan->children[i];

    if (handover_is_due(child, observed->objects[i])) {
        const json_t *hpa = hpa_of(plan, observed, child->service);
        return handover_apply(pass->r->client, child, handover_first_replicas(child, hpa),
                              ret_object, err);
    }
    int r = lp_kube_apply(pass->r->client, child_kinds[child->kind], child->intent, &options,
                          ret_object, err);
    if (r != LP_E_INVALID || !observed->objects[i] || !json_object_get(child->intent, "spec"))
        return r;
    struct lp_error again;
    return replace_and_apply(pass, child, &options, ret_object, &again) < 0 ? r : 0;
}

static void apply_child(struct pass *pass, const struct plan *plan, unsigned i,
                        struct observed *observed)
{
    const struct child *child = &plan->children[i];
    json_t *object = NULL;
    struct lp_error err;

    if (child->paused || observed->stale[i] || !needs_apply(pass, child, observed->objects[i]))
        return;
    pass->writes++;
    if (write_child(pass, plan, i, observed, &object, &err) < 0) {
        pass_fail(pass, child_kinds[child->kind], child->name, &err);
        return;
    }
    cache_expect(pass->r->cache, child->kind, object);
    note_settled(pass, child, object);
    note_generation(pass, child, object);
    observed->generations[i] = apply_generation(pass, child, object);
    tell(pass, child, observed->objects[i]);
    json_decref(observed->objects[i]);
    observed->objects[i] = object;
}

void apply_plan(struct pass *pass, const struct plan *plan, struct observed *observed)
{
    for (unsigned i = 0; i < plan->n; i++)
        apply_child(pass, plan, i, observed);
}
