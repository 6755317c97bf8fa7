/*
 * Who asks. Threads: any; the counter is atomic, the rest stands still once shared.
 */
#include "autoscaler/auth/user.h"

#include <string.h>

#include "base/alloc.h"
#include "json/json.h"

struct user *user_new(const char *name)
{
    struct user *u = lp_alloc(sizeof *u);
    u->refs = 1;
    u->name = lp_strdup(name);
    u->groups = json_array();
    u->extra = json_object();
    return u;
}

void user_ref(void *user)
{
    __atomic_add_fetch(&((struct user *)user)->refs, 1, __ATOMIC_RELAXED);
}

void user_unref(void *user)
{
    struct user *u = user;
    if (!u || __atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    free(u->name);
    free(u->uid);
    json_decref(u->groups);
    json_decref(u->extra);
    free(u);
}

void user_add_group(struct user *u, const char *group)
{
    json_array_append_new(u->groups, json_string(group));
}

void user_add_extra(struct user *u, const char *name, const char *value)
{
    json_t *values = json_object_get(u->extra, name);
    if (!values) {
        json_object_set_new(u->extra, name, json_array());
        values = json_object_get(u->extra, name);
    }
    json_array_append_new(values, json_string(value));
}

bool user_in_group(const struct user *u, const char *group)
{
    size_t i;
    json_t *g;
    json_array_foreach(u->groups, i, g) if (strcmp(json_string_value(g), group) == 0) return true;
    return false;
}

void user_authenticated(struct user *u)
{
    if (!user_in_group(u, "system:authenticated") && !user_in_group(u, "system:unauthenticated"))
        user_add_group(u, "system:authenticated");
}

void user_write(const struct user *u, struct lp_buf *out)
{
    lp_buf_add(out, u->name, strlen(u->name) + 1);
    lp_buf_add(out, u->uid ? u->uid : "", u->uid ? strlen(u->uid) + 1 : 1);
    size_t i;
    json_t *g;
    json_array_foreach(u->groups, i, g)
    {
        lp_buf_add(out, json_string_value(g), json_string_length(g) + 1);
    }
    lp_buf_char(out, '\1');
    if (json_object_size(u->extra) > 0)
        lp_json_write(u->extra, out);
    lp_buf_char(out, '\0');
}
