/* platform/databases.c -- see the header. No state. */
#include "platform/databases.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "platform/intent.h"
#include "platform/pins.h"
#include "platform/plan_parts.h"
#include "platform/workload.h"

void databases_seen_done(struct databases_seen *seen)
{
    for (unsigned id = 0; id < N_DATABASES; id++) {
        json_decref(seen->claims[id]);
        json_decref(seen->stateful_sets[id]);
        json_decref(seen->users[id]);
    }
    json_decref(seen->gateway);
}

static json_t *look(const struct databases_source *source, const struct platform *p,
                    enum child_kind kind, const char *suffix)
{
    lp_auto_free char *name = plan_name(p, suffix);

    return source->look(source->user, kind, name);
}

static const char *of_template(const json_t *workload, const char *annotation)
{
    return lp_json_str(workload, "spec", "template", "metadata", "annotations", annotation, NULL);
}

/* As many pods as are wanted, at least one, all of the last change and Ready. */
static bool is_complete(const json_t *workload)
{
    struct workload w;

    workload_read(workload, -1, 0, &w);
    return w.complete && w.desired > 0;
}

bool databases_owned_by_stateful_set(const json_t *claim)
{
    return lp_json_find(lp_json_at(claim, "metadata", "ownerReferences", NULL), "kind",
                        lp_kube_stateful_sets.kind) != NULL;
}

/* Whether the Deployment of the service has what the spec asks for now. */
static bool has_intent(const struct platform *p, enum service_id id, const json_t *deployment)
{
    json_auto_t *config = plan_config_map(p, id);
    json_auto_t *intent = plan_deployment(p, id, config);

    intent_stamp(intent);
    return strcmp(intent_hash(intent), intent_hash(deployment)) == 0;
}

/* Whether no pod of the service has the database that the spec had before. */
static bool is_moved(const struct databases_source *source, const struct platform *p,
                     enum service_id id)
{
    json_auto_t *deployment = look(source, p, CHILD_DEPLOYMENT, service_kinds[id].name);
    struct workload w;

    workload_read(deployment, -1, 0, &w);
    return has_intent(p, id, deployment) && w.complete &&
           (w.desired > 0 || platform_is_asleep(p, id, deployment));
}

static bool is_leaving(const struct databases_source *source, const struct platform *p,
                       enum database_id id, struct databases_seen *seen)
{
    if (platform_embeds(p, id) || !spec_has_service(&p->spec, database_kinds[id].user) ||
        !seen->stateful_sets[id])
        return false;
    for (unsigned i = 0; i < N_OWN_SERVICES; i++)
        if (plan_uses_database(p, i, id) && !is_moved(source, p, (enum service_id)i))
            return true;
    lp_auto_free char *claim = plan_claim_name(p, id);
    bool held = source->owned(source->user, claim);
    seen->held |= held;
    return held;
}

void databases_read(const struct databases_source *source, struct platform *platform,
                    struct databases_seen *ret)
{
    *ret = (struct databases_seen){ .gateway = look(source, platform, CHILD_DEPLOYMENT,
                                                    service_kinds[SERVICE_GATEWAY].name) };
    platform->keys = of_template(ret->gateway, ANNOTATION_SECRET_KEYS);
    for (unsigned id = 0; id < N_DATABASES; id++) {
        struct database_state *d = &platform->databases[id];
        lp_auto_free char *claim = plan_claim_name(platform, id);
        ret->claims[id] = source->look(source->user, CHILD_CLAIM, claim);
        ret->stateful_sets[id] =
            look(source, platform, CHILD_STATEFUL_SET, database_kinds[id].name);
        ret->users[id] =
            look(source, platform, CHILD_DEPLOYMENT, service_kinds[database_kinds[id].user].name);
        pins_read(id, ret->claims[id], ret->stateful_sets[id], d);
        /* First the database, then its service. */
        bool follows = d->secret && is_complete(ret->stateful_sets[id]);
        d->user_secret =
            follows ? d->secret : of_template(ret->users[id], ANNOTATION_SECRET_DATABASE);
    }
    for (unsigned id = 0; id < N_DATABASES; id++)
        platform->databases[id].leaving = is_leaving(source, platform, id, ret);
}
