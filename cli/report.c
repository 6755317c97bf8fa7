/* cli/report.c -- see the header. No state. */
#include "cli/report.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/about.h"
#include "cli/find.h"
#include "cli/operators.h"
#include "http/url.h"
#include "json/json.h"
#include "json/yaml.h"
#include "kube/kinds.h"
#include "kube/labels.h"
#include "kube/request.h"
#include "platform/plan.h"
#include "platform/redact.h"

#define LOG_LINES "1000"

struct report {
    struct lp_kube_client *client;
    struct lp_buf *out;
};

static void add_document(struct report *r, const json_t *object)
{
    json_auto_t *copy = json_deep_copy(object);

    redact_object(copy);
    json_object_del(json_object_get(copy, "metadata"), "managedFields");
    lp_buf_str(r->out, "---\n");
    lp_yaml_write(copy, r->out);
}

static void cannot_read(struct report *r, const char *what, const struct lp_error *err)
{
    lp_auto_free char *why = redact_line(err->msg);
    lp_buf_printf(r->out, "---\n# %s cannot be read: %.*s\n", what, (int)strcspn(why, "\n"), why);
}

/* `optional`: a cluster without the kind is no news. */
static void add_kind(struct report *r, const struct lp_kube_kind *kind, bool optional,
                     const char *ns, const char *selector)
{
    json_auto_t *list = json_array();
    const json_t *object;
    struct lp_error err;
    size_t i;

    int found = find_objects(r->client, kind, ns, selector, list, &err);
    if (found < 0 && !(found == LP_E_NOT_FOUND && optional))
        cannot_read(r, kind->kind, &err);
    json_array_foreach(list, i, object) add_document(r, object);
}

/* Those about the platform and what is its. */
static void add_events(struct report *r, const char *ns, const json_t *platform)
{
    json_auto_t *list = json_array();
    struct about *about = about_new(platform);
    const json_t *event;
    struct lp_error err;
    size_t i;

    if (find_objects(r->client, &lp_kube_events, ns, NULL, list, &err) < 0)
        cannot_read(r, lp_kube_events.kind, &err);
    json_array_foreach(list, i, event)
    {
        if (about_has(about, json_object_get(event, "regarding")))
            add_document(r, event);
    }
    about_free(about);
}

static void add_platform(struct report *r, const json_t *platform)
{
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    lp_auto_free char *selector = lp_sprintf(LABEL_PART_OF "=%s", name);

    add_document(r, platform);
    for (unsigned kind = 0; kind < N_CHILD_KINDS; kind++)
        add_kind(r, child_kinds[kind], child_kind_is_optional(kind), ns, selector);
    add_kind(r, &lp_kube_replica_sets, false, ns, selector);
    add_kind(r, &lp_kube_pods, false, ns, selector);
    add_events(r, ns, platform);
}

/* The lines of a pod's log; the caller's. */
static json_t *lines_of(const char *text)
{
    json_t *lines = json_array();

    while (*text) {
        size_t n = strcspn(text, "\n");
        lp_auto_free char *line = lp_strndup(text, n);
        lp_auto_free char *clean = redact_line(line);
        json_array_append_new(lines, lp_json_text(clean));
        text += n + (text[n] == '\n');
    }
    return lines;
}

static void add_log(struct report *r, const char *ns, const char *pod)
{
    LP_AUTO_PATH(path);
    lp_auto_http_response struct lp_http_response response = LP_HTTP_RESPONSE_INIT;
    const struct lp_kube_call call = { .method = "GET", .path = &path };
    lp_auto_free char *what = lp_sprintf("the log of %s/%s", ns, pod);
    struct lp_error err;

    lp_kube_path(&lp_kube_pods, ns, pod, "log", &path);
    lp_url_query(&path, "tailLines", LOG_LINES);
    if (lp_kube_call(r->client, &call, &response, &err) < 0) {
        cannot_read(r, what, &err);
        return;
    }
    json_auto_t *document =
        lp_json_make("{s:s, s:o}", "log", pod, "lines", lines_of(response.body.ptr));
    lp_buf_str(r->out, "---\n");
    lp_yaml_write(document, r->out);
}

/* "a=b,c=d" of spec.selector.matchLabels, what its pods have; the caller's. */
static char *selector_of(const json_t *deployment)
{
    json_t *labels = lp_json_at(deployment, "spec", "selector", "matchLabels", NULL);
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(LP_SELECTOR_TEXT);
    const char *key;
    json_t *value;

    json_object_foreach(labels, key, value)
        lp_buf_printf(&text, "%s%s=%s", text.len > 0 ? "," : "", key, json_string_value(value));
    return lp_strdup(text.ptr);
}

/* Its pods and their logs. */
static void add_pods(struct report *r, const char *ns, const char *selector)
{
    json_auto_t *pods = json_array();
    const json_t *pod;
    struct lp_error err;
    size_t i;

    if (find_objects(r->client, &lp_kube_pods, ns, selector, pods, &err) < 0)
        cannot_read(r, "Pod of the operator", &err);
    json_array_foreach(pods, i, pod)
    {
        const char *name = lp_json_str(pod, "metadata", "name", NULL);
        add_document(r, pod);
        if (name)
            add_log(r, ns, name);
    }
}

static bool takes_any(const json_t *deployment, const json_t *platforms)
{
    const json_t *platform;
    size_t i;

    json_array_foreach(platforms, i, platform)
    {
        if (operators_takes(deployment, platform))
            return true;
    }
    return false;
}

/* In full; but one that takes none of the platforms, by its settings alone. */
static void add_operator(struct report *r, const json_t *deployment, const json_t *platforms)
{
    const char *ns = lp_json_str(deployment, "metadata", "namespace", NULL);
    bool takes = takes_any(deployment, platforms);

    lp_buf_str(r->out, "---\n# operator ");
    operators_text(deployment, r->out);
    lp_buf_str(r->out, takes ? "\n" : " (takes none of these platforms)\n");
    if (!takes)
        return;
    lp_auto_free char *selector = selector_of(deployment);
    add_document(r, deployment);
    add_kind(r, &lp_kube_leases, false, ns, NULL);
    add_pods(r, ns, selector);
}

static void add_operators(struct report *r, const char *ns, const json_t *platforms)
{
    struct operators operators operators_auto;
    const json_t *deployment;
    size_t i;

    operators_find(r->client, ns, &operators);
    if (json_array_size(operators.deployments) == 0)
        cannot_read(r, "Deployment of the operator", &operators.why);
    json_array_foreach(operators.deployments, i, deployment) add_operator(r, deployment, platforms);
}

static void add_version(struct report *r)
{
    char now[LP_CLOCK_TEXT];
    json_auto_t *version = NULL;
    struct lp_error err;

    lp_clock_format(lp_clock_wall_ms(), 0, now);
    lp_buf_printf(r->out, "# kubectl lp report, " LP_VERSION ", %s\n", now);
    if (lp_kube_raw(r->client, "/version", &version, &err) < 0) {
        cannot_read(r, "/version", &err);
        return;
    }
    json_auto_t *document = lp_json_make("{s:O}", "kubernetes", version);
    lp_yaml_write(document, r->out);
}

int report_platforms(struct lp_kube_client *client, const struct cli_options *options,
                     const char *ns, struct lp_buf *out, struct lp_error *err)
{
    struct report report = { .client = client, .out = out };
    json_auto_t *found = NULL;
    const json_t *platform;
    size_t i;

    int r = find_platforms(client, options, ns, &found, err);
    if (r < 0)
        return r;
    add_version(&report);
    json_array_foreach(found, i, platform) add_platform(&report, platform);
    add_operators(&report, ns, found);
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "the report has over %zu bytes: name one platform",
                            out->max);
    return 0;
}
