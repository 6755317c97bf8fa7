/*
 * platform/preview.c -- lists what is there, kind by kind, and dry-runs each child of the plan.
 * Threads: the client's.
 */
#include "platform/preview.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/request.h"
#include "platform/diff.h"
#include "platform/ownership.h"
#include "platform/plan_parts.h"

#define CLAIM_KEY "PersistentVolumeClaim/"
#define MAX_BYTES (256 << 10) /* of the changes of one preview */

static bool has_pods(enum child_kind kind)
{
    return kind == CHILD_DEPLOYMENT || kind == CHILD_STATEFUL_SET;
}

static const char *floor_of(const json_t *hpa)
{
    return lp_json_str(hpa, "metadata", "annotations", ANNOTATION_FLOOR, NULL);
}

/* Where minReplicas passes to FLOOR_MANAGER: what it has, or the spec's where that is more
 * (operator/reconcile/handover.h); whoever applies the intent alone would see it fall to 1. */
static void keep_floor(json_t *intent, const json_t *live)
{
    const char *text = floor_of(intent);
    int64_t now = lp_json_int(0, live, "spec", "minReplicas", NULL);
    json_auto_t *wish = NULL;
    struct lp_error ignored;

    if (!text || !live || floor_of(live) ||
        lp_json_parse(text, strlen(text), MAX_BYTES, "floor", &wish, &ignored) < 0)
        return;
    int64_t least = lp_json_int(1, wish, "minReplicas", NULL);
    json_object_set_new(json_object_get(intent, "spec"), "minReplicas",
                        json_integer(now > least ? now : least));
}

/* What is applied: under autoscaling the number of pods stays as it is, whoever owns it (handover).
 */
static json_t *wanted(const struct child *child, const json_t *live)
{
    json_t *o = live ? json_deep_copy(child->intent) : plan_creation(child);

    keep_floor(o, live);

    if (child->initial_replicas >= 0)
        json_object_set_new(
            json_object_get(o, "spec"), "replicas",
            json_integer(lp_json_int(child->initial_replicas, live, "spec", "replicas", NULL)));
    return o;
}

static json_t *change_of(const struct child *child, const char *action)
{
    return lp_json_make("{s:s, s:s, s:s, s:b}", "kind", child_kinds[child->kind]->kind, "name",
                        child->name, "action", action, "restartsPods", 0);
}

static json_t *compare(const struct child *child, const json_t *live, const json_t *after)
{
    struct diff d diff_auto;

    diff_objects(live, after, &d);
    if (json_array_size(d.fields) == 0)
        return change_of(child, "none");
    json_t *change = change_of(child, "change");
    json_object_set(change, "fields", d.fields);
    if (d.more > 0)
        json_object_set_new(change, "more", json_integer(d.more));
    if (has_pods(child->kind) && !json_equal(lp_json_at(live, "spec", "template", NULL),
                                             lp_json_at(after, "spec", "template", NULL)))
        json_object_set_new(change, "restartsPods", json_true());
    return change;
}

static bool is_of_this_child(int code)
{
    return code == LP_E_INVALID || code == LP_E_CONFLICT || code == LP_E_TOO_LARGE ||
           code == LP_E_NOT_FOUND;
}

/*
 * Where the key of a list's item was changed (a port's number), apply would put ours beside it and
 * is refused; the operator then puts whole lists in place, by a merge patch (RFC 7386).
 */
static int dry_run_replacing(struct lp_kube_client *client, const struct child *child,
                             const json_t *intent, json_t **ret_after, struct lp_error *err)
{
    LP_AUTO_PATH(path);
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    json_auto_t *patch = lp_json_make("{s:O}", "spec", json_object_get(intent, "spec"));
    const struct lp_kube_call call = { .method = "PATCH",
                                       .path = &path,
                                       .content_type = "application/merge-patch+json",
                                       .body = patch };

    lp_kube_path(child_kinds[child->kind], lp_json_str(intent, "metadata", "namespace", NULL),
                 child->name, NULL, &path);
    lp_url_query(&path, "dryRun", "All");
    int r = lp_kube_call(client, &call, &response, err);
    return r < 0 ? r
                 : lp_json_parse(response.body.ptr, response.body.len, response.body.max, "answer",
                                 ret_after, err);
}

int preview_child(struct lp_kube_client *client, const struct child *child, const json_t *live,
                  json_t **ret_change, struct lp_error *err)
{
    static const struct lp_kube_apply_options options = { .field_manager = MANAGER,
                                                          .force = true,
                                                          .dry_run = true };
    json_auto_t *intent = wanted(child, live), *after = NULL;
    struct lp_error why;

    int r = lp_kube_apply(client, child_kinds[child->kind], intent, &options, &after, &why);
    struct lp_error again;
    if (r == LP_E_INVALID && live && json_object_get(intent, "spec") &&
        dry_run_replacing(client, child, intent, &after, &again) == 0)
        r = 0;
    if (r == 0) {
        *ret_change = live ? compare(child, live, after) : change_of(child, "create");
        return 0;
    }
    if (!is_of_this_child(r)) {
        *err = why;
        return r;
    }
    *ret_change = change_of(child, "error");
    json_object_set_new(*ret_change, "message", lp_json_text(why.msg));
    return 0;
}

/* ---- a whole platform ---- */

/* What is there, by "Kind/name", and the work done so far. */
struct survey {
    const struct platform *p;
    json_t *live;
    const char *kind; /* that is being listed */
};

static char *key_of(const char *kind, const char *name)
{
    return lp_sprintf("%s/%s", kind, name);
}

static int preview_collect(json_t *object, void *user, struct lp_error *err)
{
    struct survey *s = user;
    const char *name = lp_json_str(object, "metadata", "name", NULL);

    (void)err;
    if (name) {
        lp_auto_free char *key = key_of(s->kind, name);
        json_object_set(s->live, key, object);
    }
    return 0;
}

static int list_all(struct lp_kube_client *client, struct survey *s, struct lp_error *err)
{
    lp_auto_free char *selector =
        lp_sprintf(LABEL_MANAGED_BY "=" MANAGER "," LABEL_PART_OF "=%s", s->p->name);
    struct lp_kube_list_options options = { .label_selector = selector };
    char version[64];

    for (unsigned kind = 0; kind < N_CHILD_KINDS; kind++) {
        s->kind = child_kinds[kind]->kind;
        int r = lp_kube_list(client, child_kinds[kind], s->p->ns, &options, preview_collect, s,
                             version, err);
        /* Not every cluster has the kind, nor every user's role; a planned one is asked for below.
         */
        if ((r == LP_E_NOT_FOUND || r == LP_E_DENIED) && child_kind_is_optional(kind))
            continue;
        if (r < 0)
            return r;
    }
    return 0;
}

/* From the survey, where it is taken out; one that lost its labels is asked for by name. The
 * caller's. */
static int find_live(struct lp_kube_client *client, struct survey *s, const struct child *child,
                     json_t **ret_live, struct lp_error *err)
{
    lp_auto_free char *key = key_of(child_kinds[child->kind]->kind, child->name);
    struct lp_error why;

    *ret_live = json_incref(json_object_get(s->live, key));
    json_object_del(s->live, key);
    if (*ret_live)
        return 0;
    int r = lp_kube_get(client, child_kinds[child->kind], s->p->ns, child->name, ret_live, &why);
    if (r == 0 || r == LP_E_NOT_FOUND)
        return 0;
    *err = why;
    return r;
}

/* Takes over `change`. Over MAX_BYTES in all only the numbers grow. */
static void add_change(json_t *preview, json_t *change)
{
    static const char *const counters[][2] = { { "create", "create" },
                                               { "change", "change" },
                                               { "delete", "delete" },
                                               { "error", "errors" } };
    const char *action = lp_json_str(change, "action", NULL);
    int64_t bytes = lp_json_int(0, preview, "bytes", NULL);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(MAX_BYTES);

    for (size_t i = 0; i < LP_COUNT(counters); i++)
        if (strcmp(action, counters[i][0]) == 0)
            json_object_set_new(preview, counters[i][1],
                                json_integer(lp_json_int(0, preview, counters[i][1], NULL) + 1));
    if (lp_json_bool(false, change, "restartsPods", NULL))
        json_array_append(json_object_get(preview, "restarts"), json_object_get(change, "name"));
    lp_json_write(change, &text);
    bytes += (int64_t)text.len;
    if (text.overflowed || bytes > MAX_BYTES) {
        json_object_set_new(preview, "more",
                            json_integer(lp_json_int(0, preview, "more", NULL) + 1));
        json_decref(change);
        return;
    }
    json_object_set_new(preview, "bytes", json_integer(bytes));
    json_array_append_new(json_object_get(preview, "changes"), change);
}

/* What is left of the survey and ours is what the plan no longer has. */
static void add_deletions(const struct platform *p, const json_t *left, json_t *preview)
{
    lp_auto_free char *own = plan_name(p, PLAN_SUFFIX);
    const char *key;
    json_t *object;

    json_object_foreach((json_t *)left, key, object)
    {
        const char *name = lp_json_str(object, "metadata", "name", NULL);
        const char *service = lp_json_str(object, "metadata", "labels", LABEL_NAME, NULL);
        if (!ownership_has(object, p->uid) || (service && plan_is_paused(p, service)))
            continue;
        bool is_claim = strncmp(key, CLAIM_KEY, sizeof CLAIM_KEY - 1) == 0; /* never deleted */
        if (strcmp(name, own) != 0 && !is_claim)
            add_change(preview,
                       lp_json_make("{s:s%, s:s, s:s, s:b}", "kind", key, strcspn(key, "/"), "name",
                                    name, "action", "delete", "restartsPods", 0));
    }
}

static json_t *conflict_of(const struct platform *p, const struct child *child, const json_t *live)
{
    json_t *change = change_of(child, "error");
    lp_auto_free char *message = ownership_conflict(p, child->kind, live);

    json_object_set_new(change, "message", lp_json_text(message));
    return change;
}

static int preview_each(struct lp_kube_client *client, struct survey *s, const struct plan *plan,
                        json_t *preview, struct lp_error *err)
{
    for (unsigned i = 0; i < plan->n; i++) {
        const struct child *child = &plan->children[i];
        json_auto_t *live = NULL, *change = NULL;
        int r = find_live(client, s, child, &live, err);
        if (r == 0 && live && ownership_of(s->p, child->kind, live) == OWNERSHIP_FOREIGN)
            change = conflict_of(s->p, child, live);
        else if (r == 0 && !child->paused)
            r = preview_child(client, child, live, &change, err);
        if (r < 0)
            return lp_error_wrap(err, "%s %s", child_kinds[child->kind]->kind, child->name);
        if (change && strcmp(lp_json_str(change, "action", NULL), "none") != 0)
            add_change(preview, json_incref(change));
    }
    return 0;
}

int preview_platform(struct lp_kube_client *client, const struct platform *p,
                     const struct plan *plan, json_t **ret_preview, struct lp_error *err)
{
    json_auto_t *live = json_object();
    json_auto_t *preview = lp_json_make("{s:I, s:i, s:i, s:i, s:i, s:[], s:[], s:i}", "generation",
                                        (json_int_t)p->generation, "create", 0, "change", 0,
                                        "delete", 0, "errors", 0, "restarts", "changes", "more", 0);
    struct survey survey = { .p = p, .live = live };

    int r = list_all(client, &survey, err);
    if (r == 0)
        r = preview_each(client, &survey, plan, preview, err);
    if (r < 0)
        return r;
    add_deletions(p, live, preview);
    json_object_del(preview, "bytes");
    *ret_preview = json_incref(preview);
    return 0;
}

/* ---- text ---- */

int64_t preview_count(const json_t *preview)
{
    return lp_json_int(0, preview, "create", NULL) + lp_json_int(0, preview, "change", NULL) +
           lp_json_int(0, preview, "delete", NULL) + lp_json_int(0, preview, "errors", NULL);
}

char *preview_summary(const json_t *preview)
{
    struct lp_buf out = LP_BUF_INIT(8192);
    int64_t errors = lp_json_int(0, preview, "errors", NULL);
    const json_t *restarts = json_object_get(preview, "restarts"), *name;
    size_t i;

    if (preview_count(preview) == 0) {
        lp_buf_str(&out, "no changes");
        return lp_buf_take(&out);
    }
    lp_buf_printf(&out, "%" PRId64 " to create, %" PRId64 " to change, %" PRId64 " to delete",
                  lp_json_int(0, preview, "create", NULL), lp_json_int(0, preview, "change", NULL),
                  lp_json_int(0, preview, "delete", NULL));
    if (errors > 0)
        lp_buf_printf(&out, ", %" PRId64 " refused by the API server", errors);
    lp_buf_printf(&out, "; restarts pods: %s", json_array_size(restarts) > 0 ? "yes (" : "no");
    json_array_foreach(restarts, i, name)
        lp_buf_printf(&out, "%s%s", i > 0 ? ", " : "", json_string_value(name));
    if (json_array_size(restarts) > 0)
        lp_buf_char(&out, ')');
    return lp_buf_take(&out);
}

static void change_text(const json_t *change, struct lp_buf *out)
{
    const char *action = lp_json_str(change, "action", NULL);
    const json_t *field;
    size_t i;

    lp_buf_printf(out, "%s %s %s", action, lp_json_str(change, "kind", NULL),
                  lp_json_str(change, "name", NULL));
    if (strcmp(action, "error") == 0)
        lp_buf_printf(out, ": %s", lp_json_str(change, "message", NULL));
    if (lp_json_bool(false, change, "restartsPods", NULL))
        lp_buf_str(out, " (restarts pods)");
    lp_buf_char(out, '\n');
    json_array_foreach(json_object_get(change, "fields"), i, field)
    {
        lp_buf_str(out, "    ");
        diff_field_text(field, out);
        lp_buf_char(out, '\n');
    }
    int64_t more = lp_json_int(0, change, "more", NULL);
    if (more > 0)
        lp_buf_printf(out, "    and %" PRId64 " more fields\n", more);
}

void preview_text(const json_t *preview, struct lp_buf *out)
{
    lp_auto_free char *summary = preview_summary(preview);
    int64_t more = lp_json_int(0, preview, "more", NULL);
    const json_t *change;
    size_t i;

    json_array_foreach(json_object_get(preview, "changes"), i, change) change_text(change, out);
    if (more > 0)
        lp_buf_printf(out, "and %" PRId64 " more changes\n", more);
    lp_buf_printf(out, "%s\n", summary);
}
