/* cli/simulate_load.c -- what is simulated: the HPA and the pods that our planner makes of a file.
 * No state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "autoscaler/policy/calendar.h"
#include "base/alloc.h"
#include "cli/file.h"
#include "cli/simulate.h"
#include "json/json.h"
#include "platform/plan_parts.h"
#include "platform/quantity_text.h"
#include "platform/spec_decode.h"

#define CENTURY_MS INT64_C(946684800000) /* 2000-01-01 */

void simulate_service_done(struct simulate_service *service)
{
    json_decref(service->object);
    trace_done(&service->trace);
    *service = (struct simulate_service){ .object = NULL };
}

static const json_t *find_child(const struct plan *plan, enum child_kind kind, int service)
{
    for (unsigned i = 0; i < plan->n; i++)
        if (plan->children[i].kind == kind && plan->children[i].service == service)
            return json_object_get(plan->children[i].intent, "spec");
    return NULL;
}

static bool has_column(const struct trace *trace, const struct hpa_metric *m)
{
    if (m->source == HPA_CPU)
        return trace->has[TRACE_CPU] || trace->has[TRACE_REQUEST_CPU];
    if (m->source == HPA_MEMORY)
        return trace->has[TRACE_MEMORY];
    if (strcmp(m->name, HPA_DEMAND) == 0)
        return trace->has[TRACE_DEMAND] || trace->has[TRACE_ARRIVAL_RATE];
    return strcmp(m->name, trace_columns[TRACE_QUEUE_DEPTH]) == 0 &&
           (trace->has[TRACE_QUEUE_DEPTH] || trace->has[TRACE_ARRIVAL_RATE]);
}

/* A metric that would be missing at every sync would stop every way down: it is left out. */
static int leave_out(const struct trace *trace, struct simulate_service *s, struct lp_error *err)
{
    struct hpa_rules *rules = &s->rules;
    unsigned kept = 0;

    s->n_left_out = 0;
    for (unsigned i = 0; i < rules->n_metrics; i++) {
        if (has_column(trace, &rules->metrics[i]))
            rules->metrics[kept++] = rules->metrics[i];
        else
            snprintf(s->left_out[s->n_left_out++], sizeof s->left_out[0], "%s",
                     rules->metrics[i].name);
    }
    rules->n_metrics = kept;
    if (kept == 0)
        return lp_error_set(err, LP_E_INVALID, "the trace has no column that the HPA goes by");
    return 0;
}

/* Sums over the containers of the planned pod. */
static int read_resources(const json_t *deployment, struct cluster_pod *pod, struct lp_error *err)
{
    static const char *const names[HPA_RESOURCES] = { [HPA_CPU] = "cpu", [HPA_MEMORY] = "memory" };
    const json_t *container;
    size_t i;

    json_array_foreach(lp_json_at(deployment, "template", "spec", "containers", NULL), i, container)
    {
        for (unsigned k = 0; k < HPA_RESOURCES; k++) {
            int64_t request = 0, limit = 0;
            int r = quantity_milli(lp_json_at(container, "resources", "requests", names[k], NULL),
                                   &request, err);
            if (r == 0)
                r = quantity_milli(lp_json_at(container, "resources", "limits", names[k], NULL),
                                   &limit, err);
            if (r < 0)
                return r;
            pod->request[k] += request;
            pod->limit[k] += limit;
        }
    }
    return 0;
}

/* From the spec as its schedules and pauses are now. */
static int read_rules(struct simulate_service *s, struct lp_error *err)
{
    json_auto_t *hpa = plan_hpa(&s->platform, s->id);

    int r = hpa_rules_read(json_object_get(hpa, "spec"), &s->rules, err);
    if (s->pod.as_recorded && s->trace.has[TRACE_SEEN_MIN]) {
        int64_t min = s->platform.spec.services[s->id].autoscaling.min;
        s->rules.min = min > 1 ? (int32_t)min : 1; /* what lifted it is in the rows */
    }
    s->planned_min = s->rules.min;
    return r < 0 ? r : leave_out(&s->trace, s, err);
}

int64_t simulate_plan_at(struct simulate_service *service, int64_t at_ms)
{
    int64_t offset = service->start_ms - service->trace.rows[0].at_ms;
    struct calendar calendar;
    struct figures figures;
    struct lp_error ignored; /* it was read when it was loaded */

    if (service->start_ms < 0)
        return INT64_MAX;
    figures_read(json_object_get(service->object, "status"), &figures);
    calendar_plan(&service->platform, &figures, at_ms + offset, &calendar);
    service->unmeasured = service->unmeasured || calendar.unmeasured.services[service->id];
    (void)!read_rules(service, &ignored);
    return calendar.change_ms > 0 ? calendar.change_ms - offset : INT64_MAX;
}

/* They go by the load, so that without one of it nothing lifts. */
static int read_lift(struct simulate_service *s, struct lp_error *err)
{
    const struct service_spec *spec = &s->platform.spec.services[s->id];
    struct lift_rule rule = { .min = 0 };
    int r = 0;

    if (!s->trace.has[TRACE_ARRIVAL_RATE])
        return 0;
    if (spec->autoscaling.burst.factor) {
        rule.burst.target_wait_ms = quantity_wait_ms(spec->autoscaling.burst.target_wait);
        rule.burst.hold_ms = spec->autoscaling.burst.hold_s * 1000;
        r = quantity_milli(spec->autoscaling.burst.factor, &rule.burst.factor_milli, err);
    }
    rule.fallback = (struct fallback_rule){ spec->autoscaling.fallback.replicas,
                                            spec->autoscaling.fallback.after_s * 1000 };
    s->lift.rule = rule;
    return r;
}

static int read_planned(struct simulate_service *s, const struct cli_options *options,
                        struct lp_error *err)
{
    const struct service_spec *spec = &s->platform.spec.services[s->id];
    struct plan plan plan_auto;

    plan_make(&plan, &s->platform);
    if (!find_child(&plan, CHILD_HPA, (int)s->id))
        return lp_error_set(err, LP_E_INVALID,
                            "spec.services.%s.autoscaling.enabled: must be true to simulate it",
                            service_kinds[s->id].key);
    s->pod = (struct cluster_pod){ .concurrency = spec->concurrency,
                                   .queue_limit = spec->queue_limit,
                                   .ready_after_ms = options->ready_after_ms,
                                   .usage_delay_ms = options->usage_delay_ms,
                                   .as_recorded = options->as_recorded };
    int r = quantity_milli(spec->autoscaling.queue.target, &s->queue_target, err);
    if (r == 0)
        r = read_rules(s, err);
    if (r == 0)
        r = read_lift(s, err);
    if (r == 0)
        r = read_resources(find_child(&plan, CHILD_DEPLOYMENT, (int)s->id), &s->pod, err);
    return r;
}

/* Seconds of this century are a date; what begins with 0 or with seconds since midnight is none. */
static int64_t start_of(const struct cli_options *options, const struct trace *trace)
{
    if (options->start_ms > 0)
        return options->start_ms;
    return trace->rows[0].at_ms >= CENTURY_MS ? trace->rows[0].at_ms : -1;
}

/* What was seen at each look of the controller, and nothing of which it would have to be made. */
static int check_recorded(const struct cli_options *options, const struct trace *trace,
                          struct lp_error *err)
{
    const bool *has = trace->has;

    if (!options->as_recorded ||
        (has[TRACE_SEEN_REPLICAS] && has[TRACE_SEEN_READY] && !has[TRACE_ARRIVAL_RATE]))
        return 0;
    return lp_error_set(err, LP_E_INVALID,
                        "--as-recorded: %.256s must have the columns seen_replicas and seen_ready, "
                        "and cpu, memory, queue_depth or demand as they were, not arrival_rate",
                        options->trace);
}

static int load_platform(const struct cli_options *options, const struct plan_images *images,
                         struct simulate_service *s, struct lp_error *err)
{
    s->images = *images;
    s->images.no_adapter =
        true; /* the plan has minReplicas as of the spec, simulate_lift.c lifts it */
    s->platform = (struct platform){ .ns = lp_json_str(s->object, "metadata", "namespace", NULL),
                                     .name = lp_json_str(s->object, "metadata", "name", NULL),
                                     .uid = "",
                                     .images = &s->images };
    s->start_ms = start_of(options, &s->trace);
    int r = spec_decode_strict(s->object, &s->platform.spec, err);
    if (r == 0)
        r = read_planned(s, options, err);
    snprintf(s->title, sizeof s->title, "%.64s/%.64s %s", s->platform.ns, s->platform.name,
             service_kinds[s->id].name);
    return r;
}

int simulate_load_platform(json_t *platform, const char *what, enum service_id id,
                           const struct cli_options *options, const struct plan_images *images,
                           const struct lp_buf *csv, struct simulate_service *ret_service,
                           struct lp_error *err)
{
    simulate_auto_service struct simulate_service s = { .id = id };

    if (images->no_metrics_api)
        return lp_error_set(err, LP_E_INVALID,
                            "METRICS_API: must not be None: the operator itself then scales by the "
                            "queue depth, which is not simulated");
    int r = trace_parse(csv->ptr, csv->len, options->trace, service_kinds[id].name, &s.trace, err);
    if (r == 0)
        r = check_recorded(options, &s.trace, err);
    if (r < 0)
        return r;
    s.object = json_incref(platform);
    r = load_platform(options, images, &s, err);
    if (r < 0)
        return lp_error_wrap(err, "%.256s", what);
    *ret_service = s;
    ret_service->platform.images = &ret_service->images;
    s.object = NULL;
    s.trace.rows = NULL;
    return 0;
}

int simulate_load(const char *file, enum service_id id, const struct cli_options *options,
                  const struct plan_images *images, const struct lp_buf *csv,
                  struct simulate_service *ret_service, struct lp_error *err)
{
    const char *const files[] = { file, NULL };
    json_auto_t *platforms = NULL;

    int r = file_platforms(files, options->ns ? options->ns : "default", &platforms, err);
    if (r < 0)
        return r;
    if (json_array_size(platforms) != 1)
        return lp_error_set(err, LP_E_INVALID, "%.256s: must hold one LearningPlatform, holds %zu",
                            file, json_array_size(platforms));
    return simulate_load_platform(json_array_get(platforms, 0), file, id, options, images, csv,
                                  ret_service, err);
}
