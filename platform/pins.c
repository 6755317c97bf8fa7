/* platform/pins.c -- see the header. */
#include "platform/pins.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "json/json.h"
#include "platform/plan_parts.h"

static const json_t *container_of(const json_t *stateful_set)
{
    return json_array_get(lp_json_at(stateful_set, "spec", "template", "spec", "containers", NULL),
                          0);
}

/* Of a StatefulSet: "true" where its pod is given a first user; NULL: there is none to ask. */
static const char *users_of(const json_t *stateful_set)
{
    const json_t *container = container_of(stateful_set);

    if (!container)
        return NULL;
    return lp_json_find(json_object_get(container, "env"), "name", "MONGO_INITDB_ROOT_USERNAME")
               ? "true"
               : "false";
}

static const json_t *storage_of(const json_t *stateful_set)
{
    const json_t *template =
        json_array_get(lp_json_at(stateful_set, "spec", "volumeClaimTemplates", NULL), 0);
    const json_t *size = lp_json_at(template, "spec", "resources", "requests", "storage", NULL);

    return json_is_string(size) ? size : NULL;
}

void pins_read(enum database_id id, const json_t *claim, const json_t *stateful_set,
               struct database_state *ret)
{
    const char *image = lp_json_str(claim, "metadata", "annotations", ANNOTATION_IMAGE, NULL);
    const char *users = lp_json_str(claim, "metadata", "annotations", ANNOTATION_USERS, NULL);

    ret->image = image ? image : lp_json_str(container_of(stateful_set), "image", NULL);
    if (id == DATABASE_MONGODB)
        ret->users = users ? users : users_of(stateful_set);
    ret->exists = stateful_set != NULL;
    ret->pod_policy = lp_json_str(stateful_set, "spec", "podManagementPolicy", NULL);
    ret->storage = storage_of(stateful_set);
    ret->secret = lp_json_str(stateful_set, "spec", "template", "metadata", "annotations",
                              ANNOTATION_SECRET_DATABASE, NULL);
}

/* "postgres" of "registry:5000/library/postgres:16@sha256:…", and "16" as *ret_tag, "" without. */
static char *name_of(const char *image, const char **ret_tag)
{
    const char *slash = strrchr(image, '/'), *name = slash ? slash + 1 : image;
    size_t n = strcspn(name, ":@");

    *ret_tag = name[n] == ':' ? name + n + 1 : "";
    return lp_strndup(name, n);
}

bool pins_is_major(const char *from, const char *to)
{
    const char *old_tag, *new_tag;
    lp_auto_free char *old_name = name_of(from, &old_tag), *new_name = name_of(to, &new_tag);
    bool counted = isdigit((unsigned char)*old_tag) || isdigit((unsigned char)*new_tag);
    size_t digits = strspn(old_tag, "0123456789");

    if (strcmp(old_name, new_name) != 0)
        return true;
    return counted && (digits == 0 || strspn(new_tag, "0123456789") != digits ||
                       strncmp(old_tag, new_tag, digits) != 0);
}

static const char *image_of_operator(const struct platform *p, enum database_id id)
{
    return database_kinds[id].engine == ENGINE_POSTGRES ? p->images->postgres : p->images->mongo;
}

const char *pins_image(const struct platform *p, enum database_id id)
{
    const char *ours = image_of_operator(p, id), *pinned = p->databases[id].image;

    return pinned && pins_is_major(pinned, ours) ? pinned : ours;
}

bool pins_users(const struct platform *p, enum database_id id)
{
    const char *pinned = p->databases[id].users;

    if (database_kinds[id].engine == ENGINE_POSTGRES)
        return true;
    return pinned ? strcmp(pinned, "true") == 0 : p->images->mongodb_auth;
}

char *pins_refused(const struct platform *p, enum database_id id)
{
    const char *ours = image_of_operator(p, id), *pinned = p->databases[id].image;
    lp_auto_free char *claim = plan_claim_name(p, id);
    bool users = pins_users(p, id);

    if (pinned && pins_is_major(pinned, ours))
        return lp_sprintf(
            "%s: the operator's image is %s, but %s wrote the data of PersistentVolumeClaim %s, so "
            "it stays at that: dump the data, delete StatefulSet %s-%s and the claim, and load it "
            "into the new one (docs/install.md)",
            database_kinds[id].name, ours, pinned, claim, p->name, database_kinds[id].name);
    if (id == DATABASE_MONGODB && users != p->images->mongodb_auth)
        return lp_sprintf(
            "mongodb: the operator's LP_MONGODB_AUTH is %s, but the data of PersistentVolumeClaim "
            "%s was made with %s, so it stays at that: dump the data, delete StatefulSet "
            "%s-mongodb, the claim and Secret %s-mongodb, and load it into the new one "
            "(docs/install.md)",
            p->images->mongodb_auth ? "true" : "false", claim, users ? "true" : "false", p->name,
            p->name);
    return NULL;
}
