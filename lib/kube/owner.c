/* lib/kube/owner.c -- see the header. */
#include "kube/owner.h"

#include <string.h>

#include "json/json.h"

const json_t *lp_kube_controller(const json_t *object, const char *kind)
{
    const json_t *owner;
    size_t i;

    json_array_foreach(lp_json_at(object, "metadata", "ownerReferences", NULL), i, owner)
    {
        const char *its = lp_json_str(owner, "kind", NULL);
        if (lp_json_bool(false, owner, "controller", NULL) &&
            (!kind || (its && strcmp(its, kind) == 0)))
            return owner;
    }
    return NULL;
}
