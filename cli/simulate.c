/* cli/simulate.c -- see the header: goes from event to event (a row, a sync, a pod that becomes
 * ready) and counts what was between them. Pure but for the files that are read. */
#include "cli/simulate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"
#include "cli/file.h"
#include "json/json.h"

#define FLAP_MS 600000

void simulate_result_done(struct simulate_result *result)
{
    free(result->changes);
    *result = (struct simulate_result){ 0 };
}

static void add_change(struct simulate_result *result, const struct simulate_change *change)
{
    const struct simulate_change *before =
        result->n_changes ? &result->changes[result->n_changes - 1] : NULL;
    bool up = change->to > change->from;

    if (before && up != (before->to > before->from) && change->at_ms - before->at_ms <= FLAP_MS)
        result->flaps++;
    *(up ? &result->ups : &result->downs) += 1;
    if (result->n_changes == result->room) {
        result->room = result->room ? 2 * result->room : 16;
        result->changes = lp_realloc(result->changes, result->room * sizeof *result->changes);
    }
    result->changes[result->n_changes++] = *change;
}

static void sync_once(const struct simulate_service *s, struct cluster *c,
                      const struct trace_row *row, struct hpa_state *state,
                      struct simulate_result *result)
{
    struct hpa_observed seen = cluster_observe(c, row);
    const struct hpa_condition *limited = &state->conditions[HPA_SCALING_LIMITED];
    struct hpa_decision d;

    hpa_decide(&s->rules, &seen, state, &d);
    result->syncs++;
    result->frozen += !state->conditions[HPA_SCALING_ACTIVE].status;
    if (d.replicas == seen.spec_replicas)
        return;
    struct simulate_change change = { .at_ms = c->now_ms,
                                      .from = seen.spec_replicas,
                                      .to = d.replicas,
                                      .proposal = d.proposal,
                                      .winner = d.winner,
                                      .value = d.winner < 0 ? -1 : d.values[d.winner],
                                      .limited = limited->status ? limited->reason : NULL };
    add_change(result, &change);
    cluster_scale(c, (size_t)d.replicas);
}

/* Counts the `ms` from now on, in which nothing but the backlog changes. */
static void account(const struct simulate_service *s, const struct cluster *c,
                    const struct trace_row *row, int64_t ms, struct simulate_result *result)
{
    int64_t queue = cluster_queue(c, row), target = s->queue_target, allowed;

    if (__builtin_mul_overflow(target, (int64_t)c->ready, &allowed))
        allowed = INT64_MAX;

    result->length_ms += ms;
    result->pod_ms += (int64_t)c->n * ms;
    result->max_pod_ms += s->rules.max * ms;
    if ((int32_t)c->n > result->most)
        result->most = (int32_t)c->n;
    if ((int32_t)c->n == s->rules.max)
        result->at_max_ms += ms;
    if (target == 0 || queue < 0 || queue <= allowed)
        return;
    result->over_target_ms += ms;
    if (queue - allowed > result->worst_over)
        result->worst_over = queue - allowed;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void simulate_run(const struct simulate_service *service, const struct trace *trace,
                  int64_t sync_ms, struct simulate_result *ret_result)
{
    const struct trace_row *row = trace->rows, *last = &trace->rows[trace->n - 1];
    lp_auto_free struct cluster *c = lp_alloc(sizeof *c);
    hpa_auto_state struct hpa_state state = { 0 };
    int64_t next_sync = row->at_ms;

    *ret_result = (struct simulate_result){ 0 };
    cluster_init(c, &service->pod, (size_t)service->rules.min, row->at_ms);
    while (c->now_ms < last->at_ms) {
        while (row[1].at_ms <= c->now_ms)
            row++;
        if (c->now_ms == next_sync) {
            sync_once(service, c, row, &state, ret_result);
            next_sync += sync_ms;
        }
        int64_t until = least(least(row[1].at_ms, next_sync), cluster_next_ready(c));
        /* A backlog that we make changes all the time: it is looked at ten times a second. */
        if (trace->has[TRACE_ARRIVAL_RATE])
            until = least(until, c->now_ms + 100);
        account(service, c, row, until - c->now_ms, ret_result);
        cluster_advance(c, row, until);
    }
    ret_result->turned_away = c->turned_away;
}

static void over_limit(json_t *failures, const char *what, int64_t limit, int64_t is, int64_t unit)
{
    lp_auto_free char *text = lp_sprintf("%s: must be at most %.3f, is %.3f", what,
                                         (double)limit / 1000, (double)is / (double)unit);
    json_array_append_new(failures, json_string(text));
}

json_t *simulate_check(const struct simulate_result *result, const struct cli_options *options)
{
    json_t *failures = json_array();
    int64_t hours = options->max_pod_hours, seconds = options->max_over_target;

    if (hours >= 0 && result->pod_ms > hours * 3600)
        over_limit(failures, "pod-hours", hours, result->pod_ms, 3600000);
    if (seconds >= 0 && result->over_target_ms > seconds)
        over_limit(failures, "seconds over the queue depth's target", seconds,
                   result->over_target_ms, 1000);
    return failures;
}

static int read_trace(const struct cli_options *options, struct trace *ret_trace,
                      struct lp_error *err)
{
    lp_auto_buf struct lp_buf text = LP_BUF_INIT(LP_LIMIT_TRACE_BYTES);

    int r = file_read(options->trace, &text, err);
    if (r < 0)
        return r;
    r = trace_parse(text.ptr, text.len, options->trace, options->service, ret_trace, err);
    if (r == 0 && options->max_over_target >= 0 && !ret_trace->has[TRACE_QUEUE_DEPTH] &&
        !ret_trace->has[TRACE_ARRIVAL_RATE])
        return lp_error_set(err, LP_E_INVALID,
                            "--max-seconds-over-target: needs a column queue_depth or arrival_rate "
                            "in %.256s",
                            options->trace);
    return r;
}

int simulate_command(const struct cli_options *options, const struct plan_images *images,
                     struct lp_buf *out, json_t **ret_failures, struct lp_error *err)
{
    trace_auto struct trace trace = { 0 };
    struct simulate_service service, other;
    simulate_auto_result struct simulate_result result = { 0 }, other_result = { 0 };
    bool both = options->compare != NULL;

    int r = read_trace(options, &trace, err);
    if (r == 0)
        r = simulate_load(options->files[0], options, images, &trace, &service, err);
    if (r == 0 && both)
        r = simulate_load(options->compare, options, images, &trace, &other, err);
    if (r != 0)
        return r;
    simulate_run(&service, &trace, options->sync_ms, &result);
    if (both)
        simulate_run(&other, &trace, options->sync_ms, &other_result);
    *ret_failures = simulate_check(&result, options);
    if (options->format == CLI_JSON) {
        json_auto_t *o =
            simulate_json(&service, &result, both ? &other : NULL, &other_result, *ret_failures);
        lp_json_write_unsorted(o, out);
        lp_buf_char(out, '\n');
    } else {
        simulate_text(&service, &result, both ? &other : NULL, &other_result, out);
    }
    if (out->overflowed)
        return lp_error_set(err, LP_E_TOO_LARGE, "the answer has over %zu bytes", out->max);
    return 0;
}
