/* cli/dashboard/what_if.c -- the what-if panel's questions, answered by the simulator. No state. */
#include "cli/dashboard/what_if.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/operators.h"
#include "cli/record.h"
#include "cli/simulate.h"
#include "base/limits.h"
#include "json/json.h"

static void add_points(const struct simulate_result *result, json_t *o)
{
    json_t *time = json_array(), *pods = json_array(), *ready = json_array(), *queue = json_array();

    for (size_t i = 0; i < result->series->n; i++) {
        const struct series_point *p = &result->series->points[i];
        json_array_append_new(time, json_real((double)p->at_ms / 1000));
        json_array_append_new(pods, json_integer(p->pods));
        json_array_append_new(ready, json_integer(p->ready));
        json_array_append_new(queue,
                              p->queue < 0 ? json_null() : json_real((double)p->queue / 1000));
    }
    json_object_set_new(o, "time", time);
    json_object_set_new(o, "pods", pods);
    json_object_set_new(o, "ready", ready);
    json_object_set_new(o, "queue", queue);
}

static json_t *result_of(const struct simulate_service *s, const struct simulate_result *r)
{
    int64_t wait = s->trace.has[TRACE_ARRIVAL_RATE] ? waits_percentile(r->waits, 950) : -1;
    json_t *o =
        lp_json_make("{s:f, s:i, s:I, s:o, s:o, s:I}", "podHours", (double)r->pod_ms / 3.6e6,
                     "most", (int)r->most, "changes", (json_int_t)r->ups + (json_int_t)r->downs,
                     "waitP95Ms", wait < 0 ? json_null() : json_integer(wait), "minutesOver",
                     wait < 0 ? json_null() : json_integer(r->waits->minutes_over), "targetWaitMs",
                     (json_int_t)r->waits->target_ms);

    add_points(r, o);
    return o;
}

static int run(const json_t *question, const char *spec, enum service_id id,
               const struct cli_options *options, const struct lp_buf *csv, json_t **ret,
               struct lp_error *err)
{
    simulate_auto_service struct simulate_service service = { .object = NULL };
    simulate_auto_result struct simulate_result result = { .changes = NULL };
    struct plan_images images;
    json_auto_t *object = lp_json_make(
        "{s:s, s:s, s:{s:O, s:O}, s:O, s:O?}", "apiVersion", "learningplatform.io/v1alpha1", "kind",
        "LearningPlatform", "metadata", "namespace", json_object_get(question, "namespace"), "name",
        json_object_get(question, "name"), "spec", json_object_get(question, spec), "status",
        json_object_get(question, "status"));

    operators_images(NULL, options, &images);
    int r = simulate_load_platform(object, spec, id, options, &images, csv, &service, err);
    if (r < 0)
        return r;
    simulate_run(&service, options->sync_ms, options->target_wait_ms, &result);
    *ret = result_of(&service, &result);
    return 0;
}

/* The service that the question names, by its name in a platform's status. */
static int service_of(const json_t *question, enum service_id *ret, struct lp_error *err)
{
    const char *name = lp_json_str(question, "service", NULL);

    for (int id = 0; name && id < N_SERVICES; id++) {
        if (strcmp(service_kinds[id].name, name) == 0) {
            *ret = (enum service_id)id;
            return 0;
        }
    }
    return lp_error_set(err, LP_E_INVALID,
                        "service: must be gateway, auth, ai-feedback or progress, is \"%.64s\"",
                        name ? name : "");
}

/* What was recorded, or the trace that came with the question. */
static int load_of(const json_t *question, enum service_id id, struct lp_buf *csv,
                   struct lp_error *err)
{
    const char *given = lp_json_str(question, "csv", NULL);
    const json_t *decisions = json_object_get(question, "decisions");

    if (given)
        lp_buf_str(csv, given);
    else if (!json_is_array(decisions) || record_csv(decisions, service_kinds[id].name, csv) < 2)
        return lp_error_set(err, LP_E_INVALID,
                            "decisions: must tell the load of %s at two moments or more; or drop a "
                            "CSV",
                            service_kinds[id].name);
    return csv->overflowed ? lp_error_set(err, LP_E_TOO_LARGE, "csv: must have at most %d bytes",
                                          LP_LIMIT_TRACE_BYTES)
                           : 0;
}

int what_if_answer(const char *question, size_t len, const struct cli_options *options,
                   struct lp_buf *out, struct lp_error *err)
{
    lp_auto_buf struct lp_buf csv = LP_BUF_INIT(LP_LIMIT_TRACE_BYTES);
    json_auto_t *o = NULL, *before = NULL, *after = NULL;
    enum service_id id = SERVICE_GATEWAY;
    struct cli_options own = *options;

    int r = lp_json_parse(question, len, WHAT_IF_BODY, "question", &o, err);
    own.trace = json_object_get(o, "csv") ? "the dropped trace" : "the recorded load";
    if (r == 0)
        r = service_of(o, &id, err);
    if (r == 0)
        r = load_of(o, id, &csv, err);
    if (r == 0)
        r = run(o, "spec", id, &own, &csv, &before, err);
    if (r == 0)
        r = run(o, "changed", id, &own, &csv, &after, err);
    if (r < 0)
        return r;
    json_auto_t *whole = lp_json_make("{s:O, s:O}", "before", before, "after", after);
    lp_json_write_unsorted(whole, out);
    return 0;
}

void what_if_reply(struct lp_http_exchange *x, const struct cli_options *options)
{
    lp_auto_buf struct lp_buf out = LP_BUF_INIT(WHAT_IF_BODY);
    struct lp_error err;
    size_t len = 0;
    const char *body = lp_http_body(x, &len);

    if (what_if_answer(body, len, options, &out, &err) == 0)
        lp_http_reply_buf(x, 200, "application/json", &out);
    else
        lp_http_reply_json(x, err.code == LP_E_TOO_LARGE ? 413 : 400,
                           lp_json_make("{s:s}", "error", err.msg));
}
