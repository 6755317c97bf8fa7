/* platform/ownership.c -- see the header. */
#include "platform/ownership.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "kube/kinds.h"
#include "kube/owner.h"
#include "platform/intent.h"

static bool is(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

static bool is_of_this_name(const struct platform *p, const json_t *object)
{
    const json_t *labels = lp_json_at(object, "metadata", "labels", NULL);

    return is(lp_json_str(labels, LABEL_PART_OF, NULL), p->name);
}

enum ownership ownership_of(const struct platform *p, enum child_kind kind, const json_t *object)
{
    const json_t *owner = lp_kube_controller(object, NULL);
    const char *owner_kind = lp_json_str(owner, "kind", NULL);
    const char *adopt = lp_json_str(object, "metadata", "annotations", ANNOTATION_ADOPT, NULL);

    if (owner && is(lp_json_str(owner, "uid", NULL), p->uid))
        return OWNERSHIP_OURS;
    if (owner && is(owner_kind, lp_kube_platforms.kind) &&
        is(lp_json_str(owner, "name", NULL), p->name))
        return OWNERSHIP_TERMINATING;
    /* StatefulSets of operators before this one own the claims that they made. */
    if (owner && !(kind == CHILD_CLAIM && is(owner_kind, lp_kube_stateful_sets.kind)))
        return OWNERSHIP_FOREIGN;
    if (is(adopt, p->name))
        return OWNERSHIP_OURS;
    if (!is_of_this_name(p, object))
        return OWNERSHIP_FOREIGN;
    return kind == CHILD_CLAIM || *intent_hash(object) ? OWNERSHIP_OURS : OWNERSHIP_FOREIGN;
}

char *ownership_conflict(const struct platform *p, enum child_kind kind, const json_t *object)
{
    const struct lp_kube_kind *k = child_kinds[kind];
    const json_t *owner = lp_kube_controller(object, NULL);
    const char *name = lp_json_str(object, "metadata", "name", NULL);
    lp_auto_free char *whose =
        owner ? lp_sprintf("%s %s controls it: choose another name for the platform, or delete it",
                           lp_json_str(owner, "kind", NULL), lp_json_str(owner, "name", NULL))
              : lp_sprintf("delete it, or hand it over, and it is the platform's and goes with it: "
                           "kubectl annotate %s %s -n %s " ANNOTATION_ADOPT "=%s",
                           k->plural, name, p->ns, p->name);

    return lp_sprintf("%s %s is there and not of this platform, so it is left as it is: %s",
                      k->kind, name, whose);
}

bool ownership_has(const json_t *object, const char *owner_uid)
{
    return lp_json_find(lp_json_at(object, "metadata", "ownerReferences", NULL), "uid", owner_uid);
}
