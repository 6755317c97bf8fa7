/* lib/kube/impersonate.c -- see impersonate.h. The header fields are those of client-go
 * (transport/round_trippers.go). */
#include "kube/impersonate.h"

#include <string.h>

#include "base/alloc.h"
#include "http/field.h"
#include "json/json.h"

#define MAX_FIELDS 256

struct fields {
    char **list;
    size_t n;
};

static int add(struct fields *f, const char *name, const char *value, struct lp_error *err)
{
    if (!*value || !lp_http_is_field_value(value, strlen(value)))
        return lp_error_set(err, LP_E_INVALID,
                            "%s: must be text without control characters and not empty", name);
    if (f->n == MAX_FIELDS)
        return lp_error_set(err, LP_E_INVALID, "%s: over %d values", name, MAX_FIELDS);
    f->list[f->n++] = lp_sprintf("%s: %s", name, value);
    return 0;
}

static int add_groups(struct fields *f, const struct lp_kube_as *as, const json_t *user,
                      struct lp_error *err)
{
    const json_t *item;
    size_t i;
    int r = 0;

    for (const char *const *g = as->groups; r == 0 && g && *g; g++)
        r = add(f, "Impersonate-Group", *g, err);
    if (as->groups && *as->groups)
        return r;
    json_array_foreach(json_object_get(user, "as-groups"), i, item)
    {
        const char *group = json_string_value(item);
        if (r == 0 && group)
            r = add(f, "Impersonate-Group", group, err);
    }
    return r;
}

/* A key may hold what a field name may not: percent-encoded, as the API server decodes it. */
static char *extra_name(const char *key)
{
    static const char hex[] = "0123456789ABCDEF";
    lp_auto_buf struct lp_buf b = LP_BUF_INIT(4096);

    lp_buf_str(&b, "Impersonate-Extra-");
    for (const unsigned char *p = (const unsigned char *)key; *p; p++) {
        char one = (char)*p;
        if (one != '%' && lp_http_is_token(&one, 1)) {
            lp_buf_char(&b, one);
        } else {
            lp_buf_char(&b, '%');
            lp_buf_char(&b, hex[*p >> 4]);
            lp_buf_char(&b, hex[*p & 15]);
        }
    }
    return lp_buf_take(&b);
}

static int add_extra(struct fields *f, const json_t *user, struct lp_error *err)
{
    const char *key;
    json_t *values, *item;
    size_t i;
    int r = 0;

    json_object_foreach(json_object_get(user, "as-user-extra"), key, values)
    {
        lp_auto_free char *name = extra_name(key);
        json_array_foreach(values, i, item)
        {
            const char *value = json_string_value(item);
            if (r == 0 && value)
                r = add(f, name, value, err);
        }
    }
    return r;
}

static int add_all(struct fields *f, const struct lp_kube_as *as, const json_t *user,
                   struct lp_error *err)
{
    const char *name = as->user ? as->user : lp_json_str(user, "as", NULL);
    const char *uid = as->uid ? as->uid : lp_json_str(user, "as-uid", NULL);
    int r = 0;

    if (name && *name)
        r = add(f, "Impersonate-User", name, err);
    if (r == 0 && uid && *uid)
        r = add(f, "Impersonate-Uid", uid, err);
    if (r == 0)
        r = add_groups(f, as, user, err);
    if (r == 0)
        r = add_extra(f, user, err);
    if (r == 0 && f->n > 0 && !(name && *name))
        r = lp_error_set(err, LP_E_INVALID,
                         "as: must name a user where groups, uid or extra are impersonated");
    return r;
}

int lp_kube_impersonate(const struct lp_kube_as *as, const json_t *user, char ***ret_fields,
                        struct lp_error *err)
{
    struct fields f = { .list = lp_calloc(MAX_FIELDS + 1, sizeof(char *)) };

    int r = add_all(&f, as, user, err);
    if (r == 0 && f.n > 0) {
        *ret_fields = f.list;
        return 0;
    }
    for (size_t i = 0; i < f.n; i++)
        free(f.list[i]);
    free(f.list);
    if (r == 0)
        *ret_fields = NULL;
    return r;
}
