/* cli/why.c -- see the header. No state. */
#include "cli/why.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/find.h"
#include "cli/history.h"
#include "json/json.h"
#include "kube/kinds.h"

/* What stands under the type of a metric of spec or status; NULL for types that we do not make. */
static const json_t *source_of(const json_t *metric)
{
    static const char *const types[] = { "containerResource", "resource", "object" };

    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        const json_t *source = json_object_get(metric, types[i]);
        if (source)
            return source;
    }
    return NULL;
}

/* "cpu", "queue_depth"; NULL for types that we do not make. */
static const char *metric_name(const json_t *metric)
{
    const json_t *source = source_of(metric);
    const char *name = lp_json_str(source, "name", NULL);

    return name ? name : lp_json_str(source, "metric", "name", NULL);
}

/* Of a "current" or a "target": "43%", or a quantity per pod or in all. The caller's; NULL:
 * unknown. */
static char *amount(const json_t *side)
{
    int64_t percent = lp_json_int(-1, side, "averageUtilization", NULL);
    const char *average = lp_json_str(side, "averageValue", NULL);
    const char *value = lp_json_str(side, "value", NULL);

    if (percent >= 0)
        return lp_sprintf("%" PRId64 "%%", percent);
    if (average)
        return lp_sprintf("%s per pod", average);
    return value ? lp_sprintf("%s in all", value) : NULL;
}

static const json_t *current_of(const json_t *hpa, const char *name)
{
    const json_t *m;
    size_t i;

    json_array_foreach(lp_json_at(hpa, "status", "currentMetrics", NULL), i, m)
    {
        const char *n = metric_name(m);
        if (n && strcmp(n, name) == 0)
            return json_object_get(source_of(m), "current");
    }
    return NULL;
}

static json_t *metrics_of(const json_t *hpa)
{
    json_t *list = json_array();
    const json_t *m;
    size_t i;

    json_array_foreach(lp_json_at(hpa, "spec", "metrics", NULL), i, m)
    {
        const char *name = metric_name(m);
        if (!name)
            continue;
        lp_auto_free char *wanted = amount(json_object_get(source_of(m), "target"));
        lp_auto_free char *seen = amount(current_of(hpa, name));
        json_array_append_new(
            list, lp_json_make("{s:s, s:s*, s:s*}", "name", name, "value", seen, "target", wanted));
    }
    return list;
}

static json_t *conditions_of(const json_t *hpa)
{
    json_t *list = json_array();
    const json_t *c;
    size_t i;

    json_array_foreach(lp_json_at(hpa, "status", "conditions", NULL), i, c) json_array_append_new(
        list,
        lp_json_make("{s:s*, s:s*, s:s*, s:s*}", "type", lp_json_str(c, "type", NULL), "status",
                     lp_json_str(c, "status", NULL), "reason", lp_json_str(c, "reason", NULL),
                     "message", lp_json_str(c, "message", NULL)));
    return list;
}

json_t *why_service(const json_t *service, const json_t *hpa)
{
    const char *name = lp_json_str(service, "name", NULL);
    const char *why = lp_json_str(service, "scaling", "why", NULL);
    json_t *o = lp_json_make("{s:s, s:I, s:I, s:s}", "name", name ? name : "?", "ready",
                             (json_int_t)lp_json_int(0, service, "ready", NULL), "desired",
                             (json_int_t)lp_json_int(0, service, "desired", NULL), "why",
                             why ? why : "nothing is known yet");

    if (lp_json_bool(false, service, "paused", NULL))
        json_object_set_new(o, "paused", json_true());
    if (json_object_get(service, "measured"))
        json_object_set(o, "measured", json_object_get(service, "measured"));
    if (!hpa)
        return o;
    json_object_set_new(o, "min", json_integer(lp_json_int(1, hpa, "spec", "minReplicas", NULL)));
    json_object_set_new(o, "max", json_integer(lp_json_int(0, hpa, "spec", "maxReplicas", NULL)));
    lp_json_set_str(o, "lastScaleTime", lp_json_str(hpa, "status", "lastScaleTime", NULL));
    json_object_set_new(o, "metrics", metrics_of(hpa));
    json_object_set_new(o, "conditions", conditions_of(hpa));
    return o;
}

static void metric_text(const json_t *metric, struct lp_buf *out)
{
    const char *value = lp_json_str(metric, "value", NULL);
    const char *target = lp_json_str(metric, "target", NULL);

    lp_buf_printf(out, "    %-14s %s, target %s\n", lp_json_str(metric, "name", NULL),
                  value ? value : "no value", target ? target : "none");
}

static void condition_text(const json_t *c, struct lp_buf *out)
{
    const char *reason = lp_json_str(c, "reason", NULL), *message = lp_json_str(c, "message", NULL);

    lp_buf_printf(out, "    %-14s %s, %s: %s\n", lp_json_str(c, "type", NULL),
                  lp_json_str(c, "status", NULL), reason ? reason : "?", message ? message : "");
}

static void measured_text(const json_t *measured, struct lp_buf *out)
{
    const char *pods = lp_json_str(measured, "podsPerThousandLearners", NULL);
    int64_t start = lp_json_int(0, measured, "startSeconds", NULL);

    if (pods)
        lp_buf_printf(out, "    %-14s %s pods for 1,000 learners, with %" PRId64 " at %s\n",
                      "measured", pods, lp_json_int(0, measured, "learners", NULL),
                      lp_json_str(measured, "at", NULL));
    if (start > 0)
        lp_buf_printf(out, "    %-14s %" PRId64 " s from a pod's creation to Ready, for 95 %%\n",
                      "starts", start);
}

void why_service_text(const json_t *why, struct lp_buf *out)
{
    const char *last = lp_json_str(why, "lastScaleTime", NULL);
    const json_t *item;
    size_t i;

    lp_buf_printf(out, "  %s: %" PRId64 " pods, %" PRId64 " ready", lp_json_str(why, "name", NULL),
                  lp_json_int(0, why, "desired", NULL), lp_json_int(0, why, "ready", NULL));
    if (json_object_get(why, "max"))
        lp_buf_printf(out, ", of %" PRId64 " to %" PRId64, lp_json_int(0, why, "min", NULL),
                      lp_json_int(0, why, "max", NULL));
    lp_buf_printf(out, "%s%s%s\n    %s\n", last ? ", changed at " : "", last ? last : "",
                  json_object_get(why, "paused") ? ", paused" : "", lp_json_str(why, "why", NULL));
    measured_text(json_object_get(why, "measured"), out);
    json_array_foreach(json_object_get(why, "metrics"), i, item) metric_text(item, out);
    json_array_foreach(json_object_get(why, "conditions"), i, item) condition_text(item, out);
}

/* `only` NULL: all of them. */
static json_t *services_of(struct lp_kube_client *client, const json_t *platform, const char *only)
{
    const char *ns = lp_json_str(platform, "metadata", "namespace", NULL);
    json_t *list = json_array();
    const json_t *service;
    size_t i;

    json_array_foreach(lp_json_at(platform, "status", "services", NULL), i, service)
    {
        const char *part = lp_json_str(service, "name", NULL);
        lp_auto_free char *name = lp_sprintf(
            "%.200s-%.60s", lp_json_str(platform, "metadata", "name", NULL), part ? part : "");
        json_auto_t *hpa = NULL;
        struct lp_error err;
        json_t *why;
        if (only && (!part || strcmp(part, only) != 0))
            continue;
        if (lp_kube_get(client, &lp_kube_hpas, ns, name, &hpa, &err) == 0 ||
            err.code == LP_E_NOT_FOUND) {
            why = why_service(service, hpa);
        } else {
            why = why_service(service, NULL);
            lp_json_set_str(why, "hpaError", err.msg);
        }
        json_array_append_new(list, why);
    }
    return list;
}

static void write_text(const json_t *rows, struct lp_buf *out)
{
    const json_t *row, *item;
    size_t i, k;

    if (json_array_size(rows) == 0)
        lp_buf_str(out, "No LearningPlatform found; -A looks in all namespaces.\n");
    json_array_foreach(rows, i, row)
    {
        lp_buf_printf(out, "%s/%s  phase %s\n", lp_json_str(row, "namespace", NULL),
                      lp_json_str(row, "name", NULL), lp_json_str(row, "phase", NULL));
        json_array_foreach(json_object_get(row, "conditions"), k, item) condition_text(item, out);
        json_array_foreach(json_object_get(row, "services"), k, item)
        {
            const char *error = lp_json_str(item, "hpaError", NULL);
            why_service_text(item, out);
            if (error)
                lp_buf_printf(out, "    the HPA cannot be read: %s\n", error);
        }
    }
}

int why_platforms(struct lp_kube_client *client, const struct cli_options *options, const char *ns,
                  struct lp_buf *out, struct lp_error *err)
{
    json_auto_t *found = NULL, *rows = json_array();
    const json_t *p;
    size_t i;

    if (options->at || options->since)
        return history_platforms(client, options, ns, out, err);
    int r = find_platforms(client, options, ns, &found, err);
    if (r == 0)
        r = find_service(found, options->service, err);
    if (r < 0)
        return r;
    json_array_foreach(found, i, p)
    {
        const char *phase = lp_json_str(p, "status", "phase", NULL);
        json_array_append_new(rows, lp_json_make("{s:s*, s:s*, s:s, s:o, s:o}", "namespace",
                                                 lp_json_str(p, "metadata", "namespace", NULL),
                                                 "name", lp_json_str(p, "metadata", "name", NULL),
                                                 "phase", phase ? phase : "Unknown", "conditions",
                                                 conditions_of(p), "services",
                                                 services_of(client, p, options->service)));
    }
    if (options->format == CLI_JSON) {
        json_auto_t *whole = lp_json_make("{s:O}", "platforms", rows);
        lp_json_write(whole, out);
        lp_buf_char(out, '\n');
    } else {
        write_text(rows, out);
    }
    return 0;
}
