/* lib/kube/client.c -- the verbs: each makes a path, a query and a body, and reads one JSON answer.
 * The rest is request.c's. One client, one thread. */
#include "kube/client.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/request.h"

#define LIST_RESTARTS 3

/* Sends `call` and reads the answer's JSON where it is wanted. */
static int call_json(struct lp_kube_client *c, const struct lp_kube_call *call, json_t **ret_json,
                     struct lp_error *err)
{
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    int r = lp_kube_call(c, call, &response, err);

    if (r < 0 || !ret_json)
        return r;
    r = lp_json_parse(response.body.ptr, response.body.len, response.body.max, "answer", ret_json,
                      err);
    if (r == 0)
        return 0;
    err->code = LP_E_UNAVAILABLE; /* the other side's fault, maybe a proxy's; try again */
    return lp_error_wrap(err, "%s %.*s", call->method, (int)strcspn(call->path->ptr, "?"),
                         call->path->ptr);
}

int lp_kube_get(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                const char *name, json_t **ret_object, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    struct lp_kube_call call = { .method = "GET", .path = &path };

    lp_kube_path(kind, ns, name, NULL, &path);
    return call_json(c, &call, ret_object, err);
}

int lp_kube_raw(struct lp_kube_client *c, const char *path_text, json_t **ret_json,
                struct lp_error *err)
{
    LP_AUTO_PATH(path);
    struct lp_kube_call call = { .method = "GET", .path = &path };

    lp_buf_str(&path, path_text);
    return call_json(c, &call, ret_json, err);
}

/* ---- list ---- */

/* Items of a list carry neither apiVersion nor kind; watch events do. */
static void complete(json_t *object, const struct lp_kube_kind *kind)
{
    if (!json_object_get(object, "apiVersion")) {
        lp_auto_free char *version = *kind->group ? lp_sprintf("%s/%s", kind->group, kind->version)
                                                  : lp_strdup(kind->version);
        lp_json_set_str(object, "apiVersion", version);
    }
    if (!json_object_get(object, "kind"))
        lp_json_set_str(object, "kind", kind->kind);
}

/* Delivers one page; *ret_page keeps its metadata alive for the caller. */
static int list_page(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                     const struct lp_kube_list_options *options, int size, const char *token,
                     lp_kube_each *each, void *user, json_t **ret_page, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    struct lp_kube_call call = { .method = "GET", .path = &path };
    char limit[16];
    size_t i;
    json_t *item;

    snprintf(limit, sizeof limit, "%d", size);
    lp_kube_path(kind, ns, NULL, NULL, &path);
    lp_url_query(&path, "limit", limit);
    lp_url_query(&path, "continue", token);
    lp_url_query(&path, "labelSelector", options ? options->label_selector : NULL);
    lp_url_query(&path, "fieldSelector", options ? options->field_selector : NULL);
    int r = call_json(c, &call, ret_page, err);
    json_array_foreach(r == 0 ? json_object_get(*ret_page, "items") : NULL, i, item)
    {
        complete(item, kind);
        if ((r = each(item, user, err)) < 0)
            return r;
    }
    return r;
}

static int list_once(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                     const struct lp_kube_list_options *options, int size, lp_kube_each *each,
                     void *user, char ret_resource_version[64], struct lp_error *err)
{
    lp_auto_free char *token = NULL;

    do {
        json_auto_t *page = NULL;
        int r = list_page(c, kind, ns, options, size, token, each, user, &page, err);
        if (r < 0)
            return r;
        const char *version = lp_json_str(page, "metadata", "resourceVersion", NULL);
        const char *next = lp_json_str(page, "metadata", "continue", NULL);
        snprintf(ret_resource_version, 64, "%s", version ? version : "");
        free(lp_take(token));
        token = lp_strdup(next);
    } while (token && *token);
    return 0;
}

int lp_kube_list(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                 const struct lp_kube_list_options *options, lp_kube_each *each, void *user,
                 char ret_resource_version[64], struct lp_error *err)
{
    int size = LP_LIMIT_KUBE_PAGE;

    for (int restarts = 0;; restarts++) {
        int r = list_once(c, kind, ns, options, size, each, user, ret_resource_version, err);
        bool smaller = r == LP_E_TOO_LARGE && size > 1;
        /* gone: the pages' snapshot was compacted, begin at the first page */
        if (!smaller && (r != LP_E_GONE || restarts == LIST_RESTARTS))
            return r;
        if (smaller)
            size = size > 10 ? size / 10 : 1;
    }
}

/* ---- writes ---- */

struct target {
    const char *ns, *name;
};

static int read_target(const struct lp_kube_kind *kind, const json_t *object, struct target *ret,
                       struct lp_error *err)
{
    ret->ns = lp_json_str(object, "metadata", "namespace", NULL);
    ret->name = lp_json_str(object, "metadata", "name", NULL);
    if (!ret->name || !*ret->name)
        return lp_error_set(err, LP_E_INVALID, "%s: metadata.name: must be set", kind->kind);
    if (!kind->cluster_scoped && (!ret->ns || !*ret->ns))
        return lp_error_set(err, LP_E_INVALID, "%s %s: metadata.namespace: must be set", kind->kind,
                            ret->name);
    return 0;
}

static int post(struct lp_kube_client *c, const struct lp_kube_kind *kind, const json_t *object,
                bool dry_run, json_t **ret_object, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    const char *ns = lp_json_str(object, "metadata", "namespace", NULL);
    struct lp_kube_call call = {
        .method = "POST", .path = &path, .content_type = "application/json", .body = object
    };

    /* The name may be missing: generateName, and reviews, which have none. */
    if (!kind->cluster_scoped && (!ns || !*ns))
        return lp_error_set(err, LP_E_INVALID, "%s: metadata.namespace: must be set", kind->kind);
    lp_kube_path(kind, ns, NULL, NULL, &path);
    lp_url_query(&path, "fieldValidation", "Strict");
    lp_url_query(&path, "dryRun", dry_run ? "All" : NULL);
    return call_json(c, &call, ret_object, err);
}

int lp_kube_create(struct lp_kube_client *c, const struct lp_kube_kind *kind, const json_t *object,
                   json_t **ret_object, struct lp_error *err)
{
    return post(c, kind, object, false, ret_object, err);
}

int lp_kube_dry_run_create(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                           const json_t *object, json_t **ret_object, struct lp_error *err)
{
    return post(c, kind, object, true, ret_object, err);
}

int lp_kube_update(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                   const char *subresource, const json_t *object, json_t **ret_object,
                   struct lp_error *err)
{
    LP_AUTO_PATH(path);
    struct target at;
    struct lp_kube_call call = {
        .method = "PUT", .path = &path, .content_type = "application/json", .body = object
    };

    int r = read_target(kind, object, &at, err);
    if (r < 0)
        return r;
    lp_kube_path(kind, at.ns, at.name, subresource, &path);
    lp_url_query(&path, "fieldValidation", "Strict");
    return call_json(c, &call, ret_object, err);
}

int lp_kube_apply(struct lp_kube_client *c, const struct lp_kube_kind *kind, const json_t *object,
                  const struct lp_kube_apply_options *options, json_t **ret_object,
                  struct lp_error *err)
{
    LP_AUTO_PATH(path);
    struct target at;
    struct lp_kube_call call = { .method = "PATCH",
                                 .path = &path,
                                 .content_type = "application/apply-patch+yaml",
                                 .body = object }; /* JSON is YAML */

    int r = read_target(kind, object, &at, err);
    if (r < 0)
        return r;
    lp_kube_path(kind, at.ns, at.name, options->subresource, &path);
    lp_url_query(&path, "fieldManager", options->field_manager);
    lp_url_query(&path, "force", options->force ? "true" : "false");
    lp_url_query(&path, "fieldValidation", "Ignore");
    lp_url_query(&path, "dryRun", options->dry_run ? "All" : NULL);
    return call_json(c, &call, ret_object, err);
}

static int merge_patch(struct lp_kube_client *c, struct lp_buf *path, const json_t *patch,
                       json_t **ret_object, struct lp_error *err)
{
    struct lp_kube_call call = { .method = "PATCH",
                                 .path = path,
                                 .content_type = "application/merge-patch+json",
                                 .body = patch };
    return call_json(c, &call, ret_object, err);
}

int lp_kube_merge_patch(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                        const char *name, const char *subresource, const json_t *patch,
                        json_t **ret_object, struct lp_error *err)
{
    LP_AUTO_PATH(path);

    lp_kube_path(kind, ns, name, subresource, &path);
    return merge_patch(c, &path, patch, ret_object, err);
}

int lp_kube_dry_run_merge_patch(struct lp_kube_client *c, const struct lp_kube_kind *kind,
                                const char *ns, const char *name, const json_t *patch,
                                json_t **ret_object, struct lp_error *err)
{
    LP_AUTO_PATH(path);

    lp_kube_path(kind, ns, name, NULL, &path);
    lp_url_query(&path, "fieldValidation", "Strict");
    lp_url_query(&path, "dryRun", "All");
    return merge_patch(c, &path, patch, ret_object, err);
}

int lp_kube_delete(struct lp_kube_client *c, const struct lp_kube_kind *kind, const char *ns,
                   const char *name, const char *uid, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    json_auto_t *options = lp_json_make("{s:s, s:s, s:s}", "apiVersion", "v1", "kind",
                                        "DeleteOptions", "propagationPolicy", "Background");
    struct lp_kube_call call = {
        .method = "DELETE", .path = &path, .content_type = "application/json", .body = options
    };

    if (uid)
        json_object_set_new(options, "preconditions", lp_json_make("{s:s}", "uid", uid));
    lp_kube_path(kind, ns, name, NULL, &path);
    return call_json(c, &call, NULL, err);
}
