/* cli/simulate_load.c -- what is simulated: the HPA and the pods that our planner makes of a file.
 * No state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cli/file.h"
#include "cli/simulate.h"
#include "json/json.h"
#include "platform/quantity_text.h"
#include "platform/spec_decode.h"

static int find_service(const char *name, struct lp_error *err)
{
    for (int id = 0; id < N_SERVICES; id++)
        if (strcmp(service_kinds[id].name, name) == 0)
            return id;
    return lp_error_set(err, LP_E_INVALID,
                        "--service: must be gateway, auth, ai-feedback or progress, is \"%.64s\"",
                        name);
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
        return trace->has[TRACE_ARRIVAL_RATE];
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

static int read_planned(const struct platform *p, int id, const struct cli_options *options,
                        struct simulate_service *s, struct lp_error *err)
{
    struct plan plan plan_auto;

    plan_make(&plan, p);
    const json_t *hpa = find_child(&plan, CHILD_HPA, id);
    if (!hpa)
        return lp_error_set(err, LP_E_INVALID,
                            "spec.services.%s.autoscaling.enabled: must be true to simulate it",
                            service_kinds[id].key);
    s->pod = (struct cluster_pod){ .concurrency = p->spec.services[id].concurrency,
                                   .queue_limit = p->spec.services[id].queue_limit,
                                   .ready_after_ms = options->ready_after_ms };
    int r = quantity_milli(p->spec.services[id].autoscaling.queue.target, &s->queue_target, err);
    if (r == 0)
        r = hpa_rules_read(hpa, &s->rules, err);
    if (r == 0)
        r = read_resources(find_child(&plan, CHILD_DEPLOYMENT, id), &s->pod, err);
    return r;
}

static int load_platform(const json_t *object, int id, const struct cli_options *options,
                         const struct plan_images *images, struct simulate_service *s,
                         struct lp_error *err)
{
    struct platform p = { .ns = lp_json_str(object, "metadata", "namespace", NULL),
                          .name = lp_json_str(object, "metadata", "name", NULL),
                          .uid = "",
                          .images = images };

    int r = spec_decode_strict(object, &p.spec, err);
    if (r == 0)
        r = read_planned(&p, id, options, s, err);
    snprintf(s->title, sizeof s->title, "%.64s/%.64s %s", p.ns, p.name, service_kinds[id].name);
    return r;
}

int simulate_load(const char *file, const struct cli_options *options,
                  const struct plan_images *images, const struct trace *trace,
                  struct simulate_service *ret_service, struct lp_error *err)
{
    json_auto_t *platforms = NULL;

    if (images->no_metrics_api)
        return lp_error_set(err, LP_E_INVALID,
                            "METRICS_API: must not be None: the operator itself then scales by the "
                            "queue depth, which is not simulated");
    int id = find_service(options->service, err);
    if (id < 0)
        return id;
    const char *const files[] = { file, NULL };
    int r = file_platforms(files, options->ns ? options->ns : "default", &platforms, err);
    if (r < 0)
        return r;
    if (json_array_size(platforms) != 1)
        return lp_error_set(err, LP_E_INVALID, "%.256s: must hold one LearningPlatform, holds %zu",
                            file, json_array_size(platforms));
    r = load_platform(json_array_get(platforms, 0), id, options, images, ret_service, err);
    if (r == 0)
        r = leave_out(trace, ret_service, err);
    return r < 0 ? lp_error_wrap(err, "%.256s", file) : 0;
}
