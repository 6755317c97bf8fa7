/* cli/status.c -- reads LearningPlatforms, HPAs and the custom metrics API, and draws the table. No
 * state. */
#include "cli/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/find.h"
#include "http/url.h"
#include "json/json.h"
#include "kube/conditions.h"
#include "kube/kinds.h"
#include "kube/quantity.h"

/* "6" and "6500m" to a number; null for what is no quantity. */
static json_t *number_of(const char *quantity)
{
    int64_t milli = 0;
    struct lp_error why;

    if (!quantity || lp_quantity_parse(quantity, &milli, &why) < 0)
        return json_null();
    return json_real((double)milli / 1000);
}

/* What the caller may not see: once each, by the API server's message, which names the right. */
static void note_denied(const struct lp_error *err, json_t *row)
{
    if (err->code != LP_E_DENIED)
        return;
    if (!json_object_get(row, "denied"))
        json_object_set_new(row, "denied", json_array());
    json_array_append_new(json_object_get(row, "denied"), lp_json_text(err->msg));
}

static void add_queue_depth(struct lp_kube_client *client, const char *ns, const char *platform,
                            const char *service, json_t *row)
{
    lp_auto_buf struct lp_buf path = LP_BUF_INIT(2048);
    lp_auto_free char *full = lp_sprintf("%.200s-%.60s", platform, service);
    json_auto_t *list = NULL;
    struct lp_error err;

    lp_buf_str(&path, "/apis/custom.metrics.k8s.io/v1beta2/namespaces");
    lp_url_segment(&path, ns);
    lp_buf_str(&path, "/services");
    lp_url_segment(&path, full);
    lp_buf_str(&path, "/queue_depth");
    if (lp_kube_raw(client, path.ptr, &list, &err) < 0) {
        json_object_set_new(row, "queue", json_null());
        lp_json_set_str(row, "queueError", err.msg);
        note_denied(&err, row);
        return;
    }
    const json_t *item = json_array_get(json_object_get(list, "items"), 0);
    json_object_set_new(row, "queue", number_of(lp_json_str(item, "value", NULL)));
}

static void add_hpa(struct lp_kube_client *client, const char *ns, const char *platform,
                    const char *service, json_t *row)
{
    lp_auto_free char *full = lp_sprintf("%.200s-%.60s", platform, service);
    json_auto_t *hpa = NULL;
    struct lp_error err;

    if (lp_kube_get(client, &lp_kube_hpas, ns, full, &hpa, &err) < 0) {
        note_denied(&err, row);
        return;
    }
    json_object_set_new(row, "min", json_integer(lp_json_int(1, hpa, "spec", "minReplicas", NULL)));
    json_object_set_new(row, "max", json_integer(lp_json_int(0, hpa, "spec", "maxReplicas", NULL)));
}

static json_t *service_row(struct lp_kube_client *client, const json_t *platform,
                           const json_t *service)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    const char *name = lp_json_str(platform, "metadata", "name", NULL);
    const char *part = lp_json_str(service, "name", NULL);
    const char *why = lp_json_str(service, "scaling", "why", NULL);
    json_t *row = lp_json_make("{s:s, s:I, s:I, s:n, s:n, s:n, s:s}", "name", part ? part : "?",
                               "ready", (json_int_t)lp_json_int(0, service, "ready", NULL),
                               "desired", (json_int_t)lp_json_int(0, service, "desired", NULL),
                               "min", "max", "queue", "why", why ? why : "");
    if (ns && name && part) {
        add_hpa(client, ns, name, part, row);
        add_queue_depth(client, ns, name, part, row);
    }
    return row;
}

static json_t *platform_row(struct lp_kube_client *client, const json_t *platform)
{
    const char *phase = lp_json_str(platform, "status", "phase", NULL);
    const json_t *ready = lp_kube_condition(json_object_get(platform, "status"), "Ready");
    const char *state = lp_json_str(ready, "status", NULL);
    json_t *services = json_array(), *service;
    size_t i;

    json_array_foreach(lp_json_at(platform, "status", "services", NULL), i, service)
        json_array_append_new(services, service_row(client, platform, service));
    return lp_json_make("{s:s*, s:s*, s:s, s:s, s:o}", "namespace",
                        lp_json_str(platform, "metadata", "namespace", NULL), "name",
                        lp_json_str(platform, "metadata", "name", NULL), "phase",
                        phase ? phase : "Unknown", "ready", state ? state : "Unknown", "services",
                        services);
}

int status_gather(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                  json_t **ret_platforms, struct lp_error *err)
{
    json_auto_t *found = NULL;
    json_t *rows, *platform;
    size_t i;

    int r = find_platforms(client, options, ns, &found, err);
    if (r < 0)
        return r;
    rows = json_array();
    json_array_foreach(found, i, platform)
        json_array_append_new(rows, platform_row(client, platform));
    *ret_platforms = rows;
    return 0;
}

static void write_service(const json_t *s, struct lp_buf *out)
{
    char pods[32], range[32] = "-", queue[32] = "-";
    const json_t *depth = json_object_get(s, "queue"), *message;
    size_t i;

    snprintf(pods, sizeof pods, "%" PRId64 "/%" PRId64, lp_json_int(0, s, "ready", NULL),
             lp_json_int(0, s, "desired", NULL));
    if (json_is_integer(json_object_get(s, "max")))
        snprintf(range, sizeof range, "%" PRId64 "-%" PRId64, lp_json_int(0, s, "min", NULL),
                 lp_json_int(0, s, "max", NULL));
    if (json_is_number(depth))
        snprintf(queue, sizeof queue, "%.3g", json_number_value(depth));
    lp_buf_printf(out, "  %-12s %-7s %-7s %-7s %s\n", lp_json_str(s, "name", NULL), pods, range,
                  queue, lp_json_str(s, "why", NULL));
    json_array_foreach(json_object_get(s, "denied"), i, message)
        lp_buf_printf(out, "    not known: %s\n", json_string_value(message));
}

void status_table(const json_t *platforms, struct lp_buf *out)
{
    json_t *p, *s;
    size_t i, k;

    if (json_array_size(platforms) == 0)
        lp_buf_str(out, "No LearningPlatform found; -A looks in all namespaces.\n");
    json_array_foreach((json_t *)platforms, i, p)
    {
        lp_buf_printf(out, "%s/%s  phase %s  ready %s\n", lp_json_str(p, "namespace", NULL),
                      lp_json_str(p, "name", NULL), lp_json_str(p, "phase", NULL),
                      lp_json_str(p, "ready", NULL));
        lp_buf_printf(out, "  %-12s %-7s %-7s %-7s %s\n", "SERVICE", "PODS", "RANGE", "QUEUE",
                      "LAST DECISION");
        json_array_foreach(json_object_get(p, "services"), k, s) write_service(s, out);
    }
}
